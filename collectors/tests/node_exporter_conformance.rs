//! The fake machine of node_exporter's own end-to-end test, read with our collectors and compared with what
//! node_exporter 1.12 says of it: every series of the families that our collectors have, with the same value, and no
//! series more.

mod machine;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use collectors::{Outcome, Spec, TABLE};
use kernel::Roots;
use machine::{Machine, conformance};
use rig::{series, skip};

/// Switched off in that test: most since they do not come from files, or not from files of the fake machine.
const NOT_IN_THE_TEST: &[&str] = &[
    // One in a line.
    "drm",
    "ethtool",
    "filesystem",
    "network_route",
    "logind",
    "nvmesubsystem",
    "perf",
    "selinux",
    "swap",
    "systemd",
    "tcpstat",
    "timex",
    "uname",
];

const FLAGS: &[(&str, &str)] = &[
    ("collector.arp.device-exclude", "nope"),
    ("collector.arp.netlink", "false"),
    ("collector.bcache.priorityStats", "true"),
    ("collector.cpu.info", "true"),
    ("collector.cpu.info.bugs-include", "^(cpu_meltdown|spectre_.*|mds)$"),
    ("collector.cpu.info.flags-include", "^(aes|avx.?|constant_tsc)$"),
    ("collector.hwmon.chip-include", "(applesmc|asus_nb_wmi|coretemp|hwmon4|ieee80211|nct6779)"),
    ("collector.stat.softirq", "true"),
    ("collector.netclass.ignore-invalid-speed", "true"),
    ("collector.netclass.ignored-devices", "(dmz|int)"),
    ("collector.netdev.device-include", "lo"),
    ("collector.qdisc.device-include", "(wlan0|eth0)"),
    ("collector.qdisc.fixtures", "collector/fixtures/qdisc/"),
    ("collector.sysctl.include", "fs.file-nr"),
    ("collector.sysctl.include", "fs.file-nr:total,current,max"),
    ("collector.sysctl.include", "kernel.threads-max"),
    ("collector.sysctl.include-info", "kernel.seccomp.actions_avail"),
    ("collector.wifi.fixtures", "collector/fixtures/wifi"),
    ("collector.textfile.directory", "collector/fixtures/textfile/two_metric_files/"),
];

/// Families of which the expected page has only HELP and TYPE, because their values change from run to run.
const VOLATILE: &[&str] = &[
    "node_network_receive_bytes_total",
    "node_network_receive_packets_total",
    "node_network_transmit_bytes_total",
    "node_network_transmit_packets_total",
    "node_textfile_mtime_seconds",
    "node_time_seconds",
    "node_time_zone_offset_seconds",
];

/// Series that we have and node_exporter has not, and why.
const ADDITIONS: &[(&str, &str)] = &[("node_zoneinfo_<field>", "every field that the kernel has")];

#[test]
fn the_fake_machine_of_node_exporter_reads_the_same() {
    let Some(data) = conformance("node_exporter") else {
        return skip("node_exporter's fake machine", "no conformance data; VITALS_CONFORMANCE names their folder");
    };
    let copy = tempfile::tempdir().expect("a temporary folder");
    copy_tree(&data.join("collector"), &copy.path().join("collector"));
    for folder in fs::read_to_string(data.join("empty-dirs.txt")).expect("a list of folders").lines() {
        fs::create_dir_all(copy.path().join(folder)).expect("an empty folder");
    }
    // The expected page has paths relative to this folder in it.
    std::env::set_current_dir(copy.path()).expect("the copy");

    let machine = Machine::new(Roots {
        procfs: "collector/fixtures/proc".into(),
        sysfs: "collector/fixtures/sys".into(),
        rootfs: "collector/fixtures".into(),
        udev_data: "collector/fixtures/udev/data".into(),
    })
    .with(FLAGS);
    let expected = fs::read_to_string(data.join("expected.prom")).expect("the expected page");
    let mut checked = 0;
    let mut differences = Vec::new();
    for spec in TABLE.iter().filter(|spec| is_in_the_test(spec)) {
        let collected = machine.collect(spec);
        assert_eq!(collected.outcome, Ok(Outcome::Collected), "{}", spec.name);
        assert_eq!(collected.problems, Vec::<String>::new(), "{}", spec.name);
        let ours = Families::of(&collected.text);
        let is_from_files = |family: &str| spec.name == "textfile" && family.starts_with("testmetric");
        let theirs = Families::of(&expected).only(|family| is_family_of(spec, family) || is_from_files(family));
        checked += theirs.series.len();
        differences.extend(theirs.differences(&ours).into_iter().map(|line| format!("{}: {line}", spec.name)));
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    assert!(checked > 300, "only {checked} series were compared");
    println!("{checked} series are equal");
}

fn is_in_the_test(spec: &Spec) -> bool {
    spec.families.iter().any(|family| family.name.starts_with("node_")) && !NOT_IN_THE_TEST.contains(&spec.name)
}

/// Series by key and types by family.
struct Families {
    series: BTreeMap<String, f64>,
    types: BTreeMap<String, String>,
}

impl Families {
    fn of(text: &str) -> Self {
        let declared = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        let types = declared.map(|(family, kind)| (family.to_owned(), kind.to_owned())).collect();
        Families { series: series(text), types }.only(|family| !VOLATILE.contains(&family))
    }

    fn only(self, is_wanted: impl Fn(&str) -> bool) -> Self {
        Families {
            series: self.series.into_iter().filter(|(key, _)| is_wanted(family_of(key))).collect(),
            types: self.types.into_iter().filter(|(family, _)| is_wanted(family)).collect(),
        }
    }

    /// `self` is what is expected.
    fn differences(&self, ours: &Families) -> Vec<String> {
        let keys: BTreeSet<&String> = self.series.keys().chain(ours.series.keys()).collect();
        let mut lines: Vec<String> = keys
            .into_iter()
            .filter_map(|key| match (self.series.get(key), ours.series.get(key)) {
                (Some(expected), Some(found)) if expected == found => None,
                (Some(_), Some(_)) if is_of_this_machine(key) => None,
                (Some(expected), Some(found)) => Some(format!("{key} should be {expected}, is {found}")),
                (Some(expected), None) => Some(format!("{key} {expected} is missing")),
                (None, _) if ADDITIONS.iter().any(|(family, _)| matches_pattern(family, family_of(key))) => None,
                (None, _) => Some(format!("{key} is not expected")),
            })
            .collect();
        for (family, kind) in &ours.types {
            if self.types.get(family).is_some_and(|expected| expected != kind) {
                lines.push(format!("{family} is a {kind}, should be a {}", self.types[family]));
            }
        }
        lines
    }
}

/// The loopback device is asked by netlink: its counters are those of the machine that runs the test.
fn is_of_this_machine(key: &str) -> bool {
    key.starts_with("node_network_") && key.ends_with("{device=\"lo\"}")
}

fn family_of(key: &str) -> &str {
    key.split('{').next().unwrap_or(key)
}

/// Whether one of the collector's families has this name; `<Field>` in a family's name stands for anything.
fn is_family_of(spec: &Spec, name: &str) -> bool {
    // Two collectors have it, with other labels; here it is that of the file `cpuinfo`.
    if name == "node_cpu_frequency_hertz" {
        return spec.name == "cpu";
    }
    // Families of other collectors that look like one of these.
    let is_of_another =
        TABLE.iter().any(|other| other.name != spec.name && other.families.iter().any(|family| family.name == name))
            || (name.starts_with("node_memory_numa_") && spec.name == "meminfo");
    !is_of_another && spec.families.iter().any(|family| matches_pattern(family.name, name))
}

fn matches_pattern(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once('<') else { return pattern == name };
    let after = after.rsplit_once('>').map_or("", |(_, after)| after);
    name.starts_with(before) && name.ends_with(after)
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a readable folder") {
        let entry = entry.expect("a folder entry");
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().expect("a file type");
        if kind.is_symlink() {
            symlink(fs::read_link(&source).expect("a link"), &target).expect("a link");
        } else if kind.is_dir() {
            copy_tree(&source, &target);
        } else if let Some(link) = link_in_text(&source) {
            symlink(link, &target).expect("a link");
        } else if let Some(link) = flattened_link(&source) {
            symlink(link, &target).expect("a link");
        } else {
            fs::write(&target, fs::read(&source).expect("a readable file")).expect("a file");
        }
    }
}

/// Copies that were made without symbolic links have a file with the link's text in the place of each.
fn link_in_text(file: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(file).ok().filter(|text| text.starts_with("../") && !text.contains('\n'))?;
    Some(text.into())
}

/// Where a link led that became a file with its path as text, because the data were kept where there are no links.
fn flattened_link(file: &Path) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let is_own_process = file.ends_with("proc/self");
    (text.starts_with("../") && !text.contains('\n') || is_own_process).then_some(text)
}
