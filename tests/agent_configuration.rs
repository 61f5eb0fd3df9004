//! The configuration file while the agent runs, the profile, and what `/status` says was left out.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;
use rig::{Page, Program, find, get, get_with, series, wait_until};

const LONG: Duration = Duration::from_secs(30);

fn start(arguments: &[&str]) -> (Program, String) {
    Program::serve(env!("CARGO_BIN_EXE_vitals-agent"), arguments)
}

fn metrics(address: &str) -> Page {
    series(&get(address, "/metrics").expect("an answer").text())
}

/// A configuration file, and the flag that names it.
struct File {
    folder: tempfile::TempDir,
    flag: String,
}

impl File {
    fn new(text: &str) -> File {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let flag = format!("--agent.config-file={}", folder.path().join("vitals.yml").display());
        let file = File { folder, flag };
        file.write(text);
        file
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("vitals.yml")
    }

    /// As a mounted ConfigMap changes: another file in the place of the old one.
    fn write(&self, text: &str) {
        let new = self.folder.path().join("new");
        fs::write(&new, text).expect("written");
        fs::rename(new, self.path()).expect("renamed");
    }
}

#[test]
fn a_changed_file_changes_collectors_and_drops_nothing() {
    let file = File::new("collector.disable-defaults: true\ncollector:\n  loadavg: true\n  meminfo: true\n");
    let (agent, address) = start(&[&file.flag]);
    let page = metrics(&address);
    assert!(page.contains_key("node_load1") && !page.contains_key("node_vmstat_pgfault"));
    assert_eq!(page["vitals_agent_config_last_reload_successful"], 1.0);
    let since = page["vitals_agent_config_last_reload_success_timestamp_seconds"];
    assert!(since > 1.6e9, "{since}");
    let collections = page["vitals_collections_total"];

    // Nobody is asked: the file is looked at every few seconds.
    file.write("collector.disable-defaults: true\ncollector:\n  vmstat: true\n  vmstat.fields: ^pgfault$\n");
    let page = wait_until("the new collectors", LONG, || {
        Some(metrics(&address)).filter(|page| page.contains_key("node_vmstat_pgfault"))
    });
    assert!(!page.contains_key("node_load1") && !page.contains_key("node_vmstat_pswpin"));
    assert!(page["vitals_collections_total"] > collections, "counters go on");

    file.write("collector.vmstat: true\ncollector.nonsense: true\n");
    agent.signal(Signal::SIGHUP);
    let page = wait_until("the refusal", LONG, || {
        Some(metrics(&address)).filter(|page| page["vitals_agent_config_last_reload_successful"] == 0.0)
    });
    assert!(page.contains_key("node_vmstat_pgfault") && !page.contains_key("node_load1"), "the settings stay");
    assert!(page["vitals_agent_config_reload_failures_total"] >= 1.0);
    let log = agent.output();
    let refusals: Vec<_> = log.lines().filter(|line| line.contains("refused")).collect();
    assert!(!refusals.is_empty() && refusals[0].contains("vitals.yml:2: collector.nonsense: no such flag"), "{log}");

    file.write("collector.disable-defaults: true\ncollector.loadavg: true\nweb.telemetry-path: /elsewhere\n");
    agent.signal(Signal::SIGHUP);
    wait_until("good settings again", LONG, || Some(metrics(&address)).filter(|page| page.contains_key("node_load1")));
    let log = agent.output();
    assert!(log.lines().any(|line| line.contains("web.telemetry-path") && line.contains("cannot change")), "{log}");
    assert!(agent.terminate().success());
}

#[test]
fn a_bad_file_at_start_is_one_line() {
    let file = File::new("collector:\n  netdev:\n    device-exclude: \"(\"\n");
    let mut agent = Program::start(env!("CARGO_BIN_EXE_vitals-agent"), [file.flag.as_str()]);
    assert!(!agent.wait(LONG).success());
    let output = agent.output();
    assert!(output.contains("vitals.yml:3: collector.netdev.device-exclude: invalid regular expression"), "{output}");
}

#[test]
fn sighup_without_a_file_is_survived() {
    let (mut agent, address) = start(&["--collector.disable-defaults"]);
    agent.signal(Signal::SIGHUP);
    wait_until("a word about it", LONG, || agent.output().contains("SIGHUP").then_some(()));
    assert!(agent.is_running() && metrics(&address).len() > 10);
    assert!(!metrics(&address).contains_key("vitals_agent_config_last_reload_successful"));
}

#[test]
fn the_profile_keeps_containers_apart() {
    let (_agent, address) = start(&["--profile=kubernetes"]);
    let node = metrics(&address);
    assert!(node.contains_key("node_load1") && !node.keys().any(|key| key.starts_with("container_")));
    assert!(!node.keys().any(|key| key.contains("collector=\"containers\"")));
    let asked = series(&get(&address, "/metrics?collect[]=containers").expect("an answer").text());
    assert!(!asked.contains_key("node_load1"), "a filter gives what it names");

    let containers = series(&get(&address, "/metrics/cadvisor").expect("an answer").text());
    let others: Vec<_> =
        containers.keys().filter(|key| !key.starts_with("container_") && !key.starts_with("machine_")).collect();
    assert!(others.is_empty(), "{others:?}");

    let (_plain, address) = start(&[]);
    let together = metrics(&address);
    assert!(together.contains_key("node_load1"));
    assert_eq!(
        find(&together, "node_scrape_collector_success", &["containers"]),
        Some(f64::from(u8::from(!containers.is_empty())))
    );
    let (_without, address) = start(&["--collector.disable-defaults"]);
    assert_eq!(get(&address, "/metrics/cadvisor").expect("an answer").status, 404);
}

#[test]
fn status_names_what_was_left_out() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = "MemTotal:  1000 kB\nMemFree:  10 kB\nMemTotal:  2000 kB\nDirty:  lots kB\n";
    fs::write(folder.path().join("meminfo"), text).expect("written");
    let vmstat: String = (0..20).map(|number| format!("pgfault_{number} 1\n")).collect();
    fs::write(folder.path().join("vmstat"), vmstat).expect("written");
    let procfs = format!("--path.procfs={}", folder.path().display());
    let on = ["--collector.disable-defaults", "--collector.meminfo", "--collector.vmstat", &procfs];
    let (_agent, address) =
        start(&[&on[..], &["--collector.vmstat.fields=.*", "--collector.series-limit=15"]].concat());
    let page = get(&address, "/metrics").expect("an answer").text();
    assert_eq!(page.matches("\nnode_memory_MemTotal_bytes ").count(), 1, "{page}");
    assert_eq!(series(&page)["node_memory_MemTotal_bytes"], 1000.0 * 1024.0, "the first counts");
    assert_eq!(series(&page)["vitals_series_dropped_total{collector=\"vmstat\"}"], 5.0);

    let status = get(&address, "/status").expect("an answer").json();
    let of = |name: &str| {
        let collectors = status["collectors"].as_array().expect("a list").iter();
        collectors.clone().find(|one| one["name"] == name).expect("it is among them").clone()
    };
    let problems = of("meminfo")["problems"].to_string();
    assert!(
        problems.contains("meminfo:4: ") && problems.contains("node_memory_MemTotal_bytes is there twice"),
        "{problems}"
    );
    assert_eq!(of("meminfo")["problem_count"], 2);
    assert_eq!(of("vmstat")["dropped"].as_array().map(Vec::len), Some(5));
    assert_eq!(of("vmstat")["dropped"][0]["series"], 1);
    let html = get_with(&address, "/status", "Accept: text/html\r\n").expect("an answer").text();
    assert!(html.contains("node_vmstat_pgfault_19 dropped") && html.contains("is there twice"), "{html}");
}
