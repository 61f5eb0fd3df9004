//! Our collectors beside the real node_exporter: on every fake machine (where all values must be equal) and on the
//! machine that the tests run on (where the keys must be). Skipped where that program is not to be had.

mod machine;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use collectors::{Outcome, TABLE};
use machine::{FLAGS, Machine, NOT_FROM_FILES, NOT_FROM_FILES_FAMILIES, hosts};
use rig::{Program, free_port, get, peer, series, skip};

/// Fields of `/proc/meminfo` that node_exporter 1.9 and later passes over; earlier ones had them, and so have we.
const LOST_FIELDS: &[&str] =
    &["Balloon", "FileHugePages", "FilePmdMapped", "Hugetlb", "KReclaimable", "SecPageTables", "Unaccepted"];

/// Families whose series come and go while one looks.
const MOMENTARY: &[&str] = &["node_processes_state{", "node_processes_threads_state{"];

/// Collectors of node_exporter that look at the real machine whatever roots it is given.
const IGNORES_THE_ROOTS: &[&str] = &["selinux"];
/// Collectors that node_exporter 1.11 does not have.
const NEWER_COLLECTORS: &[&str] = &[
    // One in a line.
    "dmmultipath",
    "nvmesubsystem",
];
/// Families that node_exporter 1.11 does not have, and since when it has.
const NEWER: &[(&str, &str)] = &[
    ("node_cpu_frequency_avg_hertz", "1.12"),
    ("node_edac_channel_correctable_errors_total", "1.12"),
    ("node_edac_channel_uncorrectable_errors_total", "1.12"),
    ("node_ksmd_general_profit_bytes", "1.12"),
    ("node_mountstats_nfs_mountpoint_info", "1.12"),
];

/// Families of which we have every field that the kernel has, and node_exporter those that it knows.
const BY_THEMSELVES: &[&str] = &["node_softirqs_functions_total", "node_xfrm_", "node_zoneinfo_"];

/// Families that an x86 program reads wrongly on a machine of another architecture: it takes `/proc/cpuinfo` for that of
/// an x86 and pages for as large as its own.
const OF_THE_ARCHITECTURE: &[&str] = &[
    "node_cpu_flag_info",
    "node_cpu_frequency_hertz",
    "node_cpu_info",
    "node_sockstat_FRAG6_mem_bytes",
    "node_sockstat_TCP_mem_bytes",
    "node_sockstat_UDP_mem_bytes",
];

/// Families that do not change while a machine runs; `_info` series have the value 1.
const CONSTANTS: &[&str] = &[
    "node_boot_time_seconds",
    "node_filefd_maximum",
    "node_memory_CommitLimit_bytes",
    "node_memory_MemTotal_bytes",
    "node_memory_VmallocTotal_bytes",
    "node_netstat_Ip_Forwarding",
    "node_nf_conntrack_entries_limit",
    "node_os_version",
    "node_timex_tick_seconds",
];

/// Values by series, and the type of each family.
#[derive(Default)]
struct Answer {
    series: BTreeMap<String, f64>,
    types: BTreeMap<String, String>,
}

#[test]
fn fake_machines_read_the_same() {
    // Machines with answers of container runtimes are there for their containers, and lack most other files.
    for (name, folder) in hosts().into_iter().filter(|(_, folder)| !folder.join("runtime").exists()) {
        let machine = Machine::below(&folder).with(FLAGS);
        let roots = [
            format!("--path.procfs={}", machine.host.roots.procfs.display()),
            format!("--path.sysfs={}", machine.host.roots.sysfs.display()),
            format!("--path.rootfs={}", machine.host.roots.rootfs.display()),
            format!("--path.udev.data={}", machine.host.roots.udev_data.display()),
            "--no-collector.arp.netlink".to_owned(),
            format!("--collector.qdisc.fixtures={}", machine.settings.text("collector.qdisc.fixtures")),
            format!("--collector.wifi.fixtures={}", machine.settings.text("collector.wifi.fixtures")),
            "--no-collector.netdev.netlink".to_owned(),
        ];
        // Without this link it does not start when mountstats is on.
        let has_self = machine.host.roots.procfs.join("self").is_symlink();
        let wanted = |collector: &str| {
            (collector != "mountstats" || has_self)
                && NOT_FROM_FILES.iter().all(|(other, _)| *other != collector)
                && !IGNORES_THE_ROOTS.contains(&collector)
        };
        let Some(mut theirs) = node_exporter(&roots, wanted) else { return };
        // Where it finds no process it says so much, and fails.
        theirs.series.retain(|key, threads| key != "node_processes_threads" || *threads > 0.0);
        let mut ours = vitals(&machine, wanted);
        if name.starts_with("arm64") {
            theirs.series.retain(|key, _| !OF_THE_ARCHITECTURE.contains(&family_of(key)));
            ours.series.retain(|key, _| !OF_THE_ARCHITECTURE.contains(&family_of(key)));
        }
        let differences = differences(&theirs, &ours, |_| true);
        assert!(differences.is_empty(), "{name}:\n{}", differences.join("\n"));
        assert!(theirs.series.len() > 100, "{name}: node_exporter has only {} series", theirs.series.len());
        println!("{name}: {} series are equal", theirs.series.len());
    }
}

#[test]
fn this_machine_has_the_same_series() {
    // Connections come and go between the two; `network_namespace.rs` compares them where nobody else is.
    let is_steady = |collector: &str| collector != "tcpstat";
    let Some(mut theirs) = node_exporter(&[], is_steady) else { return };
    let mut ours = vitals(&Machine::here().with(FLAGS), is_steady);
    let is_of_a_moment = |key: &str| MOMENTARY.iter().any(|family| key.starts_with(family));
    [&mut theirs, &mut ours].into_iter().for_each(|answer| answer.series.retain(|key, _| !is_of_a_moment(key)));
    let differences = differences(&theirs, &ours, is_constant);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    println!("this machine: {} series are in both", theirs.series.len());
}

/// What node_exporter says with only our collectors on. `None`, and a line, where there is no such program.
fn node_exporter(roots: &[String], wanted: impl Fn(&str) -> bool) -> Option<Answer> {
    let Some(peer) = peer("prometheus-node-exporter") else {
        skip("our collectors beside node_exporter", "no such program; tests/peers gets it");
        return None;
    };
    let address = format!("127.0.0.1:{}", free_port());
    let mut arguments = vec![format!("--web.listen-address={address}"), "--collector.disable-defaults".to_owned()];
    arguments.extend_from_slice(roots);
    arguments.extend(rows(&wanted).map(|name| format!("--collector.{name}")));
    for (flag, value) in FLAGS {
        arguments.push(if *value == "true" { format!("--{flag}") } else { format!("--{flag}={value}") });
    }
    let environment: Vec<(&str, &str)> =
        peer.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut program = Program::start_with(Path::new(&peer.path), &arguments, &environment);
    program.wait_ready(&address, "/");
    let answer = get(&address, "/metrics").expect("an answer");
    let mut theirs = Answer::default();
    theirs.add(&String::from_utf8(answer.body).expect("UTF-8"));
    Some(theirs)
}

fn vitals(machine: &Machine, wanted: impl Fn(&str) -> bool) -> Answer {
    let mut ours = Answer::default();
    for name in rows(&wanted) {
        let collected = machine.collect(machine::row(name));
        let is_answer = matches!(collected.outcome, Ok(Outcome::Collected | Outcome::Absent(_) | Outcome::Empty(_)));
        assert!(is_answer && collected.problems.is_empty(), "{name}: {:?} {:?}", collected.outcome, collected.problems);
        ours.add(&collected.text);
    }
    ours
}

impl Answer {
    fn add(&mut self, text: &str) {
        let compared = series(text).into_iter().filter(|(key, _)| is_compared(key));
        self.series.extend(compared.map(|(key, value)| (without_rotational(key), value)));
        let declared = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        self.types.extend(declared.map(|(family, kind)| (family.to_owned(), kind.to_owned())));
    }
}

/// Our collectors that node_exporter has too.
fn rows(wanted: &impl Fn(&str) -> bool) -> impl Iterator<Item = &'static str> {
    let is_of_the_machine = |families: &[exposition::Family]| families.iter().any(|f| f.name.starts_with("node_"));
    let rows = TABLE.iter().filter(move |spec| is_of_the_machine(spec.families) && wanted(spec.name));
    let rows = rows.filter(|spec| !NEWER_COLLECTORS.contains(&spec.name));
    rows.map(|spec| spec.name).collect::<Vec<_>>().into_iter()
}

fn family_of(key: &str) -> &str {
    key.split('{').next().unwrap_or(key)
}

fn is_constant(key: &str) -> bool {
    let family = family_of(key);
    family.ends_with("_info") || CONSTANTS.contains(&family)
}

fn is_compared(key: &str) -> bool {
    let family = family_of(key);
    let is_about_itself = family.starts_with("node_scrape_") || family.starts_with("node_exporter_");
    family.starts_with("node_") && !is_about_itself && !NOT_FROM_FILES_FAMILIES.contains(&family)
}

fn is_newer(key: &str) -> bool {
    let family = family_of(key);
    NEWER.iter().any(|(newer, _)| *newer == family) || BY_THEMSELVES.iter().any(|start| family.starts_with(start))
}

/// Node_exporter 1.11 says that no disk turns where a kernel lacks one of the thirty files that it reads beside
/// `rotational`; 1.12 reads that file alone, as we do.
fn without_rotational(key: String) -> String {
    ["0", "1"].iter().fold(key, |key, turns| key.replace(&format!(",rotational=\"{turns}\""), ""))
}

/// Keys and types must be the same, and the values of series that `has_same_value`.
fn differences(theirs: &Answer, ours: &Answer, has_same_value: impl Fn(&str) -> bool) -> Vec<String> {
    let is_lost = |key: &str| LOST_FIELDS.iter().any(|field| key == format!("node_memory_{field}_bytes"));
    let keys: BTreeSet<&String> = theirs.series.keys().chain(ours.series.keys()).collect();
    let in_value = |key: &String| match (theirs.series.get(key), ours.series.get(key)) {
        (Some(theirs), Some(ours)) if theirs == ours || !has_same_value(key) => None,
        (Some(theirs), Some(ours)) => Some(format!("{key} is {ours}, node_exporter has {theirs}")),
        (Some(_), None) => Some(format!("{key} is missing")),
        (None, _) if is_lost(key) || is_newer(key) => None,
        (None, _) => Some(format!("{key} is not in node_exporter")),
    };
    let in_type = |(family, kind): (&String, &String)| {
        let other = theirs.types.get(family).filter(|other| *other != kind)?;
        Some(format!("{family} is a {kind}, in node_exporter a {other}"))
    };
    keys.into_iter().filter_map(in_value).chain(ours.types.iter().filter_map(in_type)).collect()
}
