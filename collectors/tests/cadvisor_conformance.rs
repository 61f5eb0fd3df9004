//! Whole recorded nodes against the series that cAdvisor and the kubelet show of them. Where ours differ on purpose the
//! exception stands here as data, with its reason; an exception that is not needed is a failure too.

mod machine;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use machine::{Machine, conformance, row};
use rig::{Page, series};

/// Families of groups that bring nothing yet.
const NOT_BUILT: &[&str] = &[
    "container_cpu_schedstat_",
    "container_hugetlb_",
    "container_memory_migrate",
    "container_memory_numa_pages",
    "container_network_advance_tcp_",
    "container_network_tcp",
    "container_network_udp",
    "container_ulimits_soft",
];

struct Exception {
    family: &'static str,
    /// Texts that a series' labels contain.
    labels: &'static [&'static str],
    ours: Ours,
    #[allow(dead_code, reason = "for whoever reads the table")]
    why: &'static str,
}

enum Ours {
    Absent,
    /// The value of each series, by a text that its labels contain.
    Values(&'static [(&'static str, f64)]),
}

const V1: &[Exception] = &[
    absent("container_memory_events_", &[], "no such file on v1: absent, not 0"),
    absent("container_memory_file_", &[], "not told as one figure on v1: absent, not 0"),
    absent("container_memory_pgs", &[], "no such counter on v1: absent, not 0"),
    absent("container_memory_workingset_refault_", &[], "no such counter on v1: absent, not 0"),
    absent("container_pressure_", &[], "no pressure on v1: 0 would read as none"),
    Exception {
        family: "container_memory_failures_total",
        labels: &["hierarchy"],
        ours: Ours::Values(&[
            ("\"pgfault\",id=\"/docker\"", 6_433_099.0),
            ("\"pgmajfault\",id=\"/docker\"", 215.0),
            ("\"pgfault\",id=\"/docker/27fccc10a350", 1_000_999.0),
            ("\"pgmajfault\",id=\"/docker/27fccc10a350", 5.0),
        ]),
        why: "the hierarchy's faults are total_pgfault and total_pgmajfault",
    },
];

const V2: &[Exception] = &[
    absent("container_memory_failcnt", &["id=\"/\""], "the root has no memory.events"),
    absent("container_memory_events_", &["id=\"/\""], "the root has no memory.events"),
    absent("container_memory_max_usage_bytes", &["id=\"/\""], "the root has no memory.peak"),
    absent("container_spec_cpu_", &["id=\"/\""], "the root has neither cpu.max nor cpu.weight"),
    absent("container_spec_memory_reservation_limit_bytes", &["id=\"/\""], "the root has no memory.min"),
    absent("container_threads_max", &["id=\"/\""], "the root has no pids.max"),
    Exception {
        family: "container_memory_failcnt",
        labels: &[],
        ours: Ours::Values(&[("cri-containerd-2efe31a14cbc", 17.0), ("c5e60.slice\"", 17.0)]),
        why: "the limit is met as often as memory.events says in max",
    },
    Exception {
        family: "container_memory_kernel_usage",
        labels: &[],
        ours: Ours::Values(&[
            ("id=\"/\"", 734_003_200.0),
            ("id=\"/kubepods.slice\"", 402_653_184.0),
            ("kubepods-burstable.slice\"", 201_326_592.0),
            ("c5e60.slice\"", 20_971_520.0),
            ("cri-containerd-3f8fa92fa09f", 118_784.0),
            ("cri-containerd-2efe31a14cbc", 14_680_064.0),
            ("cri-containerd-4ec059bbc41b", 6_291_456.0),
        ]),
        why: "memory.stat tells the kernel's memory",
    },
    Exception {
        family: "container_spec_cpu_shares",
        labels: &[],
        ours: Ours::Values(&[
            ("id=\"/kubepods.slice\"", 758.0),
            ("kubepods-burstable.slice\"", 127.0),
            ("c5e60.slice\"", 127.0),
            ("cri-containerd-2efe31a14cbc", 127.0),
            ("cri-containerd-4ec059bbc41b", 14.0),
        ]),
        why: "today's runtimes map shares to weights by a quadratic in log2",
    },
];

const fn absent(family: &'static str, labels: &'static [&'static str], why: &'static str) -> Exception {
    Exception { family, labels, ours: Ours::Absent, why }
}

#[test]
fn v1_docker_with_standalone_labels() {
    compare("v1_docker_cgroupfs", "standalone", V1);
}

#[test]
fn v2_kubernetes_with_standalone_labels() {
    compare("v2_kubepods_systemd_containerd", "standalone", V2);
}

#[test]
fn v2_kubernetes_with_kubelet_labels() {
    compare("v2_kubepods_systemd_containerd", "kubelet", V2);
}

fn compare(node: &str, style: &str, exceptions: &[Exception]) {
    let Some(folder) = conformance("cadvisor/nodes").map(|nodes| nodes.join(node)) else {
        println!("skipped: no recorded nodes");
        return;
    };
    let theirs = fs::read_to_string(folder.join(format!("expected_{style}.prom"))).expect("recorded");
    let theirs = without_empty_labels(&series(&theirs));
    let (ours, text) = collect(&folder, style);
    assert!(!text.contains("do-not-export"));

    let is_compared = |key: &str| !NOT_BUILT.iter().any(|family| key.starts_with(family));
    let families: BTreeSet<&str> = theirs.keys().filter(|key| is_compared(key)).map(|key| family(key)).collect();
    let mut needed = vec![false; exceptions.len()];
    let mut differences = Vec::new();
    for (key, expected) in theirs.iter().filter(|(key, _)| is_compared(key)) {
        let applies = |exception: &Exception| {
            key.starts_with(exception.family) && exception.labels.iter().all(|text| key.contains(text))
        };
        let found = exceptions.iter().position(|exception| applies(exception) && exception.covers(key));
        let expected = match found {
            None => Some(*expected),
            Some(index) => {
                needed[index] = true;
                exceptions[index].value(key)
            }
        };
        let found = ours.get(key).copied();
        if found != expected {
            differences.push(format!("{key}\n  expected {expected:?}, found {found:?}"));
        }
    }
    for key in ours.keys().filter(|key| families.contains(family(key)) && !theirs.contains_key(*key)) {
        differences.push(format!("{key}\n  is ours alone"));
    }
    for (exception, _) in exceptions.iter().zip(&needed).filter(|(_, is_needed)| !**is_needed) {
        differences.push(format!("the exception for {} {:?} is not needed", exception.family, exception.labels));
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    assert!(families.len() > 40, "only {} families compared", families.len());
}

impl Exception {
    fn covers(&self, key: &str) -> bool {
        match self.ours {
            Ours::Absent => true,
            Ours::Values(values) => values.iter().any(|(text, _)| key.contains(text)),
        }
    }

    fn value(&self, key: &str) -> Option<f64> {
        let Ours::Values(values) = self.ours else { return None };
        values.iter().find(|(text, _)| key.contains(text)).map(|(_, value)| *value)
    }
}

fn collect(folder: &Path, style: &str) -> (Page, String) {
    let machine = Machine::below(folder).with(&[("containers.labels", style), ("whitelisted_container_labels", "")]);
    let collected = machine.collect(row("containers"));
    assert_eq!(collected.problems, Vec::<String>::new());
    assert_eq!(collected.outcome, Ok(collectors::Outcome::Collected));
    (without_empty_labels(&series(&collected.text)), collected.text)
}

/// An empty label is no label.
fn without_empty_labels(page: &Page) -> Page {
    let strip = |key: &String| {
        let Some((name, labels)) = key.split_once('{') else { return key.clone() };
        let labels: Vec<&str> =
            labels.trim_end_matches('}').split("\",").map(|label| label.trim_end_matches('"')).collect();
        let labels: Vec<String> =
            labels.iter().filter(|label| !label.ends_with('=')).map(|label| format!("{label}\"")).collect();
        format!("{name}{{{}}}", labels.join(","))
    };
    page.iter().map(|(key, value)| (strip(key), *value)).collect::<BTreeMap<_, _>>()
}

fn family(key: &str) -> &str {
    key.split('{').next().unwrap_or(key)
}
