//! Counters of the real kernel: they stay open, count on, and take their part of the files that may stay open.

mod machine;

use std::collections::BTreeMap;

use collectors::Outcome;
use machine::{Machine, collect, row};
use rig::{series, skip};

const SOFTWARE_ONLY: &[(&str, &str)] = &[
    ("collector.perf.disable-hardware-profilers", "true"),
    ("collector.perf.disable-cache-profilers", "true"),
    ("collector.perf.cpus", "0"),
];

fn counts(text: &str) -> BTreeMap<String, f64> {
    series(text)
}

#[test]
fn counters_stay_open_and_count_on() {
    let machine = Machine::here().with(SOFTWARE_ONLY);
    let mut collector = machine.build(row("perf"));
    let first = collect(&mut *collector);
    if first.outcome != Ok(Outcome::Collected) {
        return skip("counters of the kernel", &format!("{:?}", first.outcome));
    }
    let names: Vec<String> = counts(&first.text).into_keys().collect();
    assert_eq!(
        names,
        [
            r#"node_perf_context_switches_total{cpu="0"}"#,
            r#"node_perf_cpu_migrations_total{cpu="0"}"#,
            r#"node_perf_major_faults_total{cpu="0"}"#,
            r#"node_perf_minor_faults_total{cpu="0"}"#,
            r#"node_perf_page_faults_total{cpu="0"}"#,
        ]
    );
    let kept = machine.host.files.kept();
    let mut before = counts(&first.text);
    for _ in 0..20 {
        let now = counts(&collect(&mut *collector).text);
        assert!(before.iter().all(|(key, count)| now[key] >= *count), "{before:?} then {now:?}");
        before = now;
    }
    assert_eq!((machine.host.files.kept(), kept), (6, 6), "five counters and the list of CPUs");
    drop(collector);
    assert_eq!(machine.host.files.kept(), 0);
}

#[test]
fn a_tracepoint_that_is_not_there_costs_only_itself() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let id = folder.path().join("sys/kernel/tracing/events/odd/numberless");
    std::fs::create_dir_all(&id).expect("a folder");
    std::fs::write(id.join("id"), "many\n").expect("written");
    let online = folder.path().join("sys/devices/system/cpu");
    std::fs::create_dir_all(&online).expect("a folder");
    std::fs::write(online.join("online"), "0\n").expect("written");
    let mut machine = Machine::below(folder.path()).with(SOFTWARE_ONLY);
    let wanted = ["nothing:here", "odd:numberless"].map(str::to_owned);
    machine.settings.set("collector.perf.tracepoint", wanted.to_vec());
    let collected = machine.collect(row("perf"));
    let Ok(outcome) = &collected.outcome else {
        return skip("counters of the kernel", &format!("{:?}", collected.outcome));
    };
    assert_eq!(*outcome, Outcome::Collected);
    assert_eq!(collected.problems.len(), 2, "{:?}", collected.problems);
    assert_eq!(collected.problems[0], "no tracepoint nothing:here in tracefs, or it is not mounted");
    assert!(collected.problems[1].ends_with(r#"numberless/id:1: expected a number, found "many""#));
}
