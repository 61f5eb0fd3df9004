//! The agent as its users meet it: pages, errors, shutdown; its series beside a real node_exporter's.

use std::collections::BTreeSet;
use std::time::Duration;

use rig::{Page, Program, free_port, get, get_with, peer, series};

fn start(arguments: &[&str]) -> (Program, String) {
    Program::serve(env!("CARGO_BIN_EXE_vitals-agent"), arguments)
}

fn metrics(address: &str) -> Page {
    series(&get(address, "/metrics").expect("an answer").text())
}

#[test]
fn pages_answer_with_what_they_promise() {
    let (_agent, address) = start(&["--no-collector.containers"]);
    let landing = get(&address, "/").expect("an answer");
    assert_eq!(landing.status, 200);
    assert!(landing.text().contains("/metrics") && landing.text().contains("0.1.0"), "{}", landing.text());
    for path in ["/healthz", "/readyz"] {
        assert_eq!(get(&address, path).expect("an answer").status, 200, "{path}");
    }
    assert_eq!(get(&address, "/nowhere").expect("an answer").status, 404);

    let page = get(&address, "/metrics").expect("an answer");
    assert_eq!(page.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8; escaping=underscores"));
    let zipped = get_with(&address, "/metrics", "Accept-Encoding: gzip\r\n").expect("an answer");
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    assert_eq!(zipped.body[..2], [0x1f, 0x8b]);
    let open = get_with(&address, "/metrics", "Accept: application/openmetrics-text; version=1.0.0\r\n");
    let open = open.expect("an answer").text();
    assert!(open.ends_with("# EOF\n") && open.contains("# TYPE node_cpu_seconds counter\n"));

    let status = get(&address, "/status").expect("an answer").json();
    let collectors = status["collectors"].as_array().expect("a list of collectors");
    let meminfo = collectors.iter().find(|one| one["name"] == "meminfo").expect("meminfo is among them");
    assert_eq!(meminfo["status"], "collected");
    assert!(meminfo["series"].as_u64().expect("a number") > 20);
    let html = get_with(&address, "/status", "Accept: text/html\r\n").expect("an answer");
    assert!(html.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
}

#[test]
fn filters_answer_as_node_exporters_do() {
    let (_agent, address) = start(&["--no-collector.containers", "--no-collector.vmstat"]);
    let only = series(&get(&address, "/metrics?collect[]=loadavg&collect[]=filefd").expect("an answer").text());
    let names: BTreeSet<_> = only.keys().filter_map(|key| key.strip_prefix("node_")).collect();
    assert!(names.contains("load1") && names.contains("filefd_allocated"));
    assert!(!names.iter().any(|name| name.starts_with("memory")));
    let rest = series(&get(&address, "/metrics?exclude[]=loadavg").expect("an answer").text());
    assert!(!rest.contains_key("node_load1") && rest.contains_key("node_filefd_allocated"));

    for (query, text) in [
        ("collect[]=loadavg&exclude[]=cpu", "Combined collect and exclude queries are not allowed."),
        (
            "collect[]=nonsense",
            "Couldn't create filtered metrics handler: couldn't create collector: missing collector: nonsense",
        ),
        (
            "collect[]=vmstat",
            "Couldn't create filtered metrics handler: couldn't create collector: disabled collector: vmstat",
        ),
    ] {
        let answer = get(&address, &format!("/metrics?{query}")).expect("an answer");
        assert_eq!((answer.status, answer.text().trim()), (400, text));
    }
}

#[test]
fn a_taken_port_and_a_wrong_flag_give_one_clear_line() {
    let (_agent, address) = start(&["--collector.disable-defaults"]);
    let listen = format!("--web.listen-address={address}");
    for (arguments, word) in [
        (vec![listen.as_str()], "already in use"),
        (vec!["--collector.nonsense"], "collector.nonsense"),
        (vec!["--collector.cpu", "--collector.cpu"], "collector.cpu"),
    ] {
        let mut second = Program::start(env!("CARGO_BIN_EXE_vitals-agent"), arguments.clone());
        assert!(!second.wait(Duration::from_secs(20)).success(), "{arguments:?}");
        let output = second.output();
        let errors: Vec<_> = output.lines().filter(|line| line.contains(word)).collect();
        assert_eq!(errors.len(), 1, "{arguments:?}: {output}");
    }
}

#[test]
fn sigterm_ends_the_agent_cleanly_after_the_requests_in_flight() {
    let (agent, address) = start(&[]);
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let address = address.clone();
            std::thread::spawn(move || get(&address, "/metrics"))
        })
        .collect();
    assert!(agent.terminate().success());
    for client in clients {
        // A connection that came too late is refused; one that was taken gets its whole page.
        if let Ok(answer) = client.join().expect("the client thread ends") {
            assert_eq!(answer.status, 200);
            assert!(answer.text().contains("node_load1"));
        }
    }
}

/// Series whose values are fixed while the machine runs. `node_filesystem_readonly` is not among them: node_exporter
/// since 1.10 says 0 of most read-only mounts.
fn is_constant(key: &str) -> bool {
    let names = [
        "node_uname_info",
        "node_os_info",
        "node_os_version",
        "node_boot_time_seconds",
        "node_memory_MemTotal_bytes",
        "node_memory_SwapTotal_bytes",
        "node_filefd_maximum",
        "node_disk_info",
        "node_filesystem_size_bytes",
        "node_filesystem_device_error",
        "node_time_clocksource",
        "node_timex_tick_seconds",
        "node_timex_status",
        "node_timex_sync_status",
        "node_time_zone",
        "node_filesystem_files{",
        "node_textfile_scrape_error",
    ];
    names.iter().any(|name| key.starts_with(name))
}

fn assert_same_node_series(ours: &Page, theirs: &Page) {
    let of_node = |page: &Page| -> BTreeSet<String> {
        let own = ["node_exporter_build_info", "node_scrape_collector_status"];
        page.keys()
            .filter(|key| key.starts_with("node_") && !own.iter().any(|name| key.starts_with(name)))
            .cloned()
            .collect()
    };
    let (our_keys, their_keys) = (of_node(ours), of_node(theirs));
    let missing: Vec<_> = their_keys.difference(&our_keys).collect();
    assert!(missing.is_empty(), "node_exporter has, we have not: {missing:#?}");
    let extra: Vec<_> = our_keys.difference(&their_keys).filter(|key| !is_documented_addition(key)).collect();
    assert!(extra.is_empty(), "we have, node_exporter has not: {extra:#?}");
    for key in their_keys.iter().filter(|key| is_constant(key)) {
        assert_eq!(ours[key], theirs[key], "{key}");
    }
}

/// What we export beyond node_exporter 1.11: the meminfo keys that it lost in 1.9.
fn is_documented_addition(key: &str) -> bool {
    ["Balloon", "FileHugePages", "FilePmdMapped", "Hugetlb", "KReclaimable", "SecPageTables"]
        .iter()
        .any(|field| key == format!("node_memory_{field}_bytes"))
}

#[test]
fn this_machines_series_are_those_of_node_exporter_beside_us() {
    let Some(peer) = peer("prometheus-node-exporter") else {
        rig::skip("our series beside node_exporter's", "the peer is not there (tests/setup fetches it)");
        return;
    };
    let mut flags: Vec<String> = on_by_default().iter().map(|name| format!("--collector.{name}")).collect();
    // The Debian package of node_exporter has other defaults than node_exporter for these two.
    let textfiles = tempfile::tempdir().expect("a temporary folder");
    flags.push(format!("--collector.textfile.directory={}", textfiles.path().display()));
    flags.push("--collector.filesystem.mount-points-exclude=^/(dev|proc|sys|var/lib/docker/.+)($|/)".to_owned());
    let mut arguments = vec!["--collector.disable-defaults"];
    arguments.extend(flags.iter().map(String::as_str));
    let (_agent, ours) = start(&arguments);
    let theirs = format!("127.0.0.1:{}", free_port());
    let listen = format!("--web.listen-address={theirs}");
    let mut exporter = Program::start(&peer.path, arguments.iter().copied().chain([listen.as_str()]));
    exporter.wait_ready(&theirs, "/");
    assert_same_node_series(&without_rotational(metrics(&ours)), &without_rotational(metrics(&theirs)));
}

/// Our collectors that are on by default and that node_exporter has too.
fn on_by_default() -> Vec<String> {
    let (_agent, address) = start(&["--no-collector.containers"]);
    let status = get(&address, "/status").expect("an answer").json();
    let collectors = status["collectors"].as_array().expect("a list of collectors").iter();
    // New in node_exporter 1.12.
    let is_newer = |name: &serde_json::Value| name == "dmmultipath";
    let on = collectors.filter(|one| one["status"] != "disabled" && !is_newer(&one["name"]));
    let names: Vec<_> = on.map(|one| one["name"].as_str().expect("a name").to_owned()).collect();
    assert!(names.len() > 20, "only {names:?}");
    names
}

/// Node_exporter 1.11 says that no disk turns where the kernel lacks one of the thirty files that it reads beside
/// `rotational`; 1.12 reads that file alone, as we do.
fn without_rotational(page: Page) -> Page {
    let strip = |key: String| key.replace("rotational=\"0\"", "").replace("rotational=\"1\"", "");
    page.into_iter().map(|(key, value)| (strip(key), value)).collect()
}
