//! The aggregator as its users meet it: start, refusals, reload, targets that misbehave.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use rig::{Program, free_port, get, post, wait_until};
use serde_json::Value;

struct Aggregator {
    program: Program,
    address: String,
    config: PathBuf,
    _folder: tempfile::TempDir,
}

impl Aggregator {
    fn start(config: &str, extra: &[&str]) -> Aggregator {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("prometheus.yml");
        fs::write(&path, config).expect("written");
        let address = format!("127.0.0.1:{}", free_port());
        let mut arguments = vec![
            format!("--config.file={}", path.display()),
            format!("--storage.tsdb.path={}", folder.path().join("data").display()),
            format!("--web.listen-address={address}"),
        ];
        arguments.extend(extra.iter().map(|flag| (*flag).to_owned()));
        let mut program = Program::start(env!("CARGO_BIN_EXE_vitals-aggregator"), arguments);
        program.wait_ready(&address, "/-/ready");
        Aggregator { program, address, config: path, _folder: folder }
    }

    fn query(&self, text: &str) -> Value {
        let escaped: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = post(&self.address, "/api/v1/query", &format!("query={escaped}")).expect("an answer").json();
        assert_eq!(answer["status"], "success", "{text}: {answer}");
        answer["data"]["result"].clone()
    }

    fn number(&self, text: &str) -> Option<f64> {
        self.query(text)[0]["value"][1].as_str()?.parse().ok()
    }

    /// The target of a job.
    fn target(&self, job: &str) -> Option<Value> {
        let targets = get(&self.address, "/api/v1/targets").expect("an answer").json();
        targets["data"]["activeTargets"].as_array()?.iter().find(|one| one["labels"]["job"] == job).cloned()
    }
}

fn refused(config: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("prometheus.yml");
    fs::write(&path, config).expect("written");
    let mut program = Program::start(
        env!("CARGO_BIN_EXE_vitals-aggregator"),
        [
            format!("--config.file={}", path.display()),
            format!("--storage.tsdb.path={}", folder.path().join("data").display()),
            format!("--web.listen-address=127.0.0.1:{}", free_port()),
        ],
    );
    assert!(!program.wait(Duration::from_secs(20)).success(), "{config} was taken");
    program.output()
}

/// Answers every connection with what `answer` does with it.
fn target(answer: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let address = listener.local_addr().expect("bound").to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || {
                let mut request = [0; 4096];
                let mut stream = stream;
                let _ = stream.read(&mut request);
                answer(stream);
            });
        }
    });
    address
}

fn page(body: &'static str) -> impl Fn(TcpStream) + Send + Sync + Clone + 'static {
    move |mut stream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close\r\n";
        let _ = write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
    }
}

fn job(name: &str, address: &str, extra: &str) -> String {
    format!("  - job_name: {name}\n    static_configs: [{{targets: ['{address}']}}]\n{extra}")
}

const GLOBAL: &str = "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n";

#[test]
fn bad_configuration_is_refused_with_file_line_and_key() {
    for (config, line, word) in [
        ("global:\n  scrape_interval: 5x\n", "prometheus.yml:2", "scrape_interval"),
        ("scrape_configs:\n  - job_name: a\n    nonsense: 1\n", "prometheus.yml:3", "nonsense"),
        ("scrape_configs:\n  - job_name: a\n  - job_name: a\n", "prometheus.yml:3", "job_name"),
        (
            "scrape_configs:\n  - job_name: a\n    relabel_configs:\n      - {target_label: b, regex: '('}\n",
            "prometheus.yml:4",
            "regex",
        ),
        ("rule_files: [a.yml]\n", "prometheus.yml:1", "rule_files"),
    ] {
        let output = refused(config);
        let told = output.lines().any(|text| text.contains(line) && text.contains(word));
        assert!(told, "{config} should be refused with {line} and {word}; it printed:\n{output}");
    }
}

#[test]
fn a_missing_file_a_taken_port_and_an_unwritable_folder_give_one_clear_line() {
    let running = Aggregator::start(GLOBAL.trim_end_matches("scrape_configs:\n"), &[]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let free = format!("--web.listen-address=127.0.0.1:{}", free_port());
    let data = format!("--storage.tsdb.path={}", folder.path().join("data").display());
    let file = folder.path().join("file");
    fs::write(&file, "").expect("written");
    for (arguments, word) in [
        (
            vec!["--config.file=/nowhere/prometheus.yml".to_owned(), data.clone(), free.clone()],
            "/nowhere/prometheus.yml",
        ),
        (vec![data.clone(), format!("--web.listen-address={}", running.address)], "already in use"),
        (vec![format!("--storage.tsdb.path={}/below", file.display()), free.clone()], "below"),
        (vec![data.clone(), free.clone(), "--query.timeout=x".to_owned()], "query.timeout"),
        (vec![data, free, "--nonsense".to_owned()], "nonsense"),
    ] {
        let mut program = Program::start(env!("CARGO_BIN_EXE_vitals-aggregator"), &arguments);
        assert!(!program.wait(Duration::from_secs(20)).success(), "{arguments:?}");
        let output = program.output();
        let last = output.lines().last().unwrap_or_default();
        assert!(last.contains(word), "{arguments:?} should end with a line on {word}; it printed:\n{output}");
    }
}

#[test]
fn a_reload_takes_a_good_configuration_and_keeps_the_old_one_before_a_bad() {
    let good = target(page("a 1\n"));
    let config = format!("{GLOBAL}{}", job("first", &good, ""));
    let aggregator = Aggregator::start(&config, &["--web.enable-lifecycle"]);
    wait_until("the first job", Duration::from_secs(20), || aggregator.target("first"));

    fs::write(&aggregator.config, "nonsense: 1\n").expect("written");
    let refused = post(&aggregator.address, "/-/reload", "").expect("an answer");
    assert_eq!(refused.status, 500, "{}", refused.text());
    assert!(refused.text().contains("prometheus.yml:1"), "{}", refused.text());
    assert!(aggregator.target("first").is_some(), "the old configuration is kept");

    fs::write(&aggregator.config, format!("{GLOBAL}{}", job("second", &good, ""))).expect("written");
    aggregator.program.signal(Signal::SIGHUP);
    wait_until("the second job", Duration::from_secs(20), || aggregator.target("second"));
    wait_until("the first job's end", Duration::from_secs(20), || aggregator.target("first").is_none().then_some(()));
    wait_until("a staleness marker", Duration::from_secs(20), || {
        aggregator.query("a{job=\"first\"}").as_array()?.is_empty().then_some(())
    });
}

#[test]
fn reload_and_quit_over_http_are_forbidden_without_lifecycle() {
    let aggregator = Aggregator::start(GLOBAL.trim_end_matches("scrape_configs:\n"), &[]);
    for path in ["/-/reload", "/-/quit"] {
        let answer = post(&aggregator.address, path, "").expect("an answer");
        assert_eq!((answer.status, answer.text().trim()), (403, "Lifecycle API is not enabled."));
    }
}

#[test]
fn targets_that_misbehave_cost_only_themselves() {
    let endless = |mut stream: TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
        while stream.write_all(b"a_very_long_metric_name_that_never_ends 1\n").is_ok() {}
    };
    let silent = |stream: TcpStream| {
        thread::sleep(Duration::from_secs(600));
        drop(stream);
    };
    let lying = |mut stream: TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\na 1\n");
    };
    let limit = "    body_size_limit: 1MB\n";
    let config = [
        GLOBAL.to_owned(),
        job("good", &target(page("a{b=\"c\"} 1\n")), ""),
        job("malformed", &target(page("a 1\nb 2\nc{d=\"e\" 3\n")), ""),
        job("endless", &target(endless), limit),
        job("silent", &target(silent), ""),
        job("lying", &target(lying), ""),
        job("absent", &format!("127.0.0.1:{}", free_port()), ""),
        job("limited", &target(page("a 1\nb 2\n")), "    sample_limit: 1\n"),
    ]
    .concat();
    let aggregator = Aggregator::start(&config, &[]);
    let error_of = |job: &str| {
        wait_until(job, Duration::from_secs(30), || {
            let target = aggregator.target(job)?;
            (target["health"] == "down").then(|| target["lastError"].as_str().unwrap_or_default().to_owned())
        })
    };
    for (job, word) in [
        ("malformed", "line 3"),
        ("endless", "body"),
        ("silent", "no complete answer within"),
        ("lying", ""),
        ("absent", "refused"),
        ("limited", "sample limit exceeded"),
    ] {
        let error = error_of(job);
        assert!(!error.is_empty() && error.contains(word), "{job}: {error}");
        assert_eq!(aggregator.number(&format!("up{{job=\"{job}\"}}")), Some(0.0), "{job}");
    }
    assert_eq!(aggregator.number("up{job=\"good\"}"), Some(1.0));
    assert_eq!(aggregator.number("a{b=\"c\"}"), Some(1.0));
    assert_eq!(
        aggregator.query("a{job=\"malformed\"}").as_array().map(Vec::len),
        Some(0),
        "nothing of a bad page is kept"
    );
}

#[test]
fn a_target_past_the_limit_of_series_is_seen_to_be_down() {
    let many: String = (0..50).map(|number| format!("a{{n=\"{number}\"}} 1\n")).collect();
    let body: &'static str = Box::leak(many.into());
    let config = format!("{GLOBAL}{}{}", job("first", &target(page(body)), ""), job("second", &target(page(body)), ""));
    let aggregator = Aggregator::start(&config, &["--storage.max-series=60"]);
    wait_until("one target up and one down", Duration::from_secs(20), || {
        let ups = (aggregator.number("count(up == 1)")?, aggregator.number("count(up == 0)")?);
        (ups == (1.0, 1.0)).then_some(())
    });
}

#[test]
fn odd_samples_are_counted_and_named_and_the_rest_is_kept() {
    let far_ahead = "ahead 1 99999999999999\n";
    let body: &'static str =
        Box::leak(format!("same{{a=\"1\"}} 1\nsame{{a=\"2\"}} 2\nplain 3\n{far_ahead}old 1 1000\n").into());
    let relabel = "    metric_relabel_configs: [{regex: a, action: labeldrop}]\n";
    let config = format!("{GLOBAL}{}", job("odd", &target(page(body)), relabel));
    let aggregator = Aggregator::start(&config, &[]);
    wait_until("the plain series", Duration::from_secs(20), || aggregator.number("plain"));
    assert_eq!(aggregator.number("up{job=\"odd\"}"), Some(1.0));
    let log = wait_until("the log", Duration::from_secs(20), || {
        let output = aggregator.program.output();
        ["same", "ahead", "old"].iter().all(|name| output.contains(name)).then_some(output)
    });
    let told = log.lines().filter(|line| line.contains("ahead")).count();
    assert_eq!(told, 1, "told once:\n{log}");
}

#[test]
fn files_of_targets_are_read_again_when_they_change() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let list = folder.path().join("targets.json");
    let good = target(page("a 1\n"));
    let write = |labels: &str| write_targets(&list, &good, labels);
    write("one");
    let sd = format!(
        "  - job_name: files\n    file_sd_configs: [{{files: ['{}'], refresh_interval: 1s}}]\n",
        list.display()
    );
    let aggregator = Aggregator::start(&format!("{GLOBAL}{sd}"), &[]);
    wait_until("the first list", Duration::from_secs(30), || aggregator.number("a{zone=\"one\"}"));
    write("two");
    wait_until("the second list", Duration::from_secs(30), || aggregator.number("a{zone=\"two\"}"));
    fs::write(&list, "not json").expect("written");
    thread::sleep(Duration::from_secs(3));
    assert_eq!(aggregator.number("up{zone=\"two\"}"), Some(1.0), "a broken list keeps the former targets");
}

fn write_targets(list: &Path, address: &str, zone: &str) {
    let text = format!(r#"[{{"targets": ["{address}"], "labels": {{"zone": "{zone}"}}}}]"#);
    let fresh = list.with_extension("new");
    fs::write(&fresh, text).expect("written");
    fs::rename(fresh, list).expect("renamed");
}
