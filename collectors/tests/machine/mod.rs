//! A machine made of files, and what one collector says of it.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use collectors::{Collector, Failure, Outcome, Scrape, Settings, Spec, TABLE};
use exposition::{Dialect, Page, assemble};
use kernel::{Host, Roots};

/// Collectors whose answer comes from system calls or the wire, and so is never a fake machine's.
pub const NOT_FROM_FILES: &[(&str, &str)] = &[
    // One in a line.
    ("ethtool", "ioctl"),
    ("filesystem", "statvfs(3)"),
    ("network_route", "netlink"),
    ("tcpstat", "netlink"),
    ("logind", "D-Bus"),
    ("perf", "perf_event_open(2)"),
    ("systemd", "D-Bus"),
    ("timex", "adjtimex(2)"),
    ("uname", "uname(2)"),
];

/// Families of other collectors that are the same: the clock, times of files, and what the file systems that hold the
/// fake machines have to spare.
pub const NOT_FROM_FILES_FAMILIES: &[&str] = &[
    "container_creation_time_seconds",
    "container_fs_inodes_free",
    "container_fs_inodes_total",
    "container_fs_limit_bytes",
    "container_fs_usage_age_seconds",
    "container_fs_usage_bytes",
    "container_last_seen",
    "container_start_time_seconds",
    "node_time_seconds",
    "node_time_zone_offset_seconds",
];

/// Everything on that can be switched on, so that it is seen.
pub const FLAGS: &[(&str, &str)] = &[
    ("collector.bcache.priorityStats", "true"),
    ("collector.cpu.info", "true"),
    ("collector.cpu.info.flags-include", "^(aes|avx.*|constant_tsc)$"),
    ("collector.cpu.info.bugs-include", "^(spectre_.*|mds)$"),
    // The Debian package of node_exporter has other defaults for these two.
    (
        "collector.filesystem.mount-points-exclude",
        "^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)",
    ),
    ("collector.systemd.enable-restarts-metrics", "true"),
    ("collector.systemd.enable-start-time-metrics", "true"),
    ("collector.systemd.enable-task-metrics", "true"),
    // Here, too.
    ("collector.systemd.unit-exclude", r".+\.(automount|device|mount|scope|slice)"),
    ("collector.textfile.directory", "tests"),
    ("collector.pcidevice.idsfile", "../fixtures/hosts/server/usr/share/misc/pci.ids"),
    ("collector.pcidevice.names", "true"),
    ("collector.stat.softirq", "true"),
    ("collector.sysctl.include", "fs.file-nr:total,current,max"),
    ("collector.sysctl.include", "kernel.threads-max"),
    ("collector.sysctl.include-info", "kernel.seccomp.actions_avail"),
];

pub struct Machine {
    pub host: Host,
    pub settings: Settings,
}

/// One collection.
pub struct Collected {
    pub outcome: Result<Outcome, Failure>,
    pub problems: Vec<String>,
    /// The exposition in text 0.0.4.
    pub text: String,
}

impl Machine {
    pub fn new(roots: Roots) -> Self {
        Machine { host: Host::new(roots, 2048), settings: Settings::defaults(TABLE) }
    }

    /// A folder with `proc`, `sys`, `etc` and so on in it, and in `runtime` what container runtimes answer.
    pub fn below(folder: &Path) -> Self {
        let machine = Machine::new(Roots {
            procfs: folder.join("proc"),
            sysfs: folder.join("sys"),
            rootfs: folder.to_owned(),
            udev_data: folder.join("run/udev/data"),
        });
        // Netlink would tell of the real machine.
        let netlink = |what: &str| folder.join("netlink").join(what).display().to_string();
        let (qdisc, wifi) = (netlink("qdisc"), netlink("wifi"));
        let answers = folder.join("runtime").display().to_string();
        machine.with(&[
            ("containers.runtime-answers", &answers),
            ("whitelisted_container_labels", "app"),
            ("collector.processes.top", "2"),
            // Netlink would tell of the devices of the real machine.
            ("collector.qdisc.fixtures", &qdisc),
            ("collector.wifi.fixtures", &wifi),
            ("collector.arp.netlink", "false"),
            ("collector.netdev.netlink", "false"),
        ])
    }

    /// The machine that the tests run on.
    pub fn here() -> Self {
        Machine::new(Roots::default())
    }

    /// A flag that is there several times has all these values.
    pub fn with(mut self, flags: &[(&str, &str)]) -> Self {
        for (flag, _) in flags {
            let values = flags.iter().filter(|(other, _)| other == flag).map(|(_, value)| (*value).to_owned());
            self.settings.set(flag, values.collect());
        }
        self
    }

    pub fn build(&self, spec: &Spec) -> Box<dyn Collector> {
        (spec.build)(&self.host, &self.settings).unwrap_or_else(|error| panic!("{}: {error}", spec.name))
    }

    pub fn collect(&self, spec: &Spec) -> Collected {
        collect(&mut *self.build(spec))
    }
}

pub fn collect(collector: &mut dyn Collector) -> Collected {
    let (mut page, mut buffer, mut problems) = (Page::new(), Vec::new(), Vec::new());
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut scrape = Scrape { page: &mut page, buffer: &mut buffer, deadline, problems: &mut problems };
    let outcome = collector.collect(&mut scrape);
    let mut text = Vec::new();
    let report = assemble([&page], Dialect::Text, &mut text);
    assert!(report.dropped.is_empty(), "{:?}", report.dropped);
    Collected { outcome, problems, text: String::from_utf8(text).expect("an exposition is UTF-8") }
}

/// The collectors that a fake machine can answer for.
pub fn rows_from_files() -> impl Iterator<Item = &'static Spec> {
    TABLE.iter().filter(|spec| NOT_FROM_FILES.iter().all(|(other, _)| *other != spec.name))
}

pub fn row(name: &str) -> &'static Spec {
    TABLE.iter().find(|spec| spec.name == name).unwrap_or_else(|| panic!("no collector {name}"))
}

pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The fake machines below `fixtures/hosts`, by name.
pub fn hosts() -> Vec<(String, PathBuf)> {
    let folder = workspace().join("fixtures/hosts");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut hosts: Vec<_> = entries
        .map(|entry| entry.expect("a folder entry"))
        .map(|entry| (entry.file_name().into_string().expect("a plain name"), entry.path()))
        .collect();
    hosts.sort();
    assert!(hosts.len() >= 4, "only {} fake machines in {}", hosts.len(), folder.display());
    hosts
}

/// Data of other projects' tests, which are not part of this one; `None` where they are not.
pub fn conformance(part: &str) -> Option<PathBuf> {
    let root = match std::env::var_os("VITALS_CONFORMANCE") {
        Some(folder) => PathBuf::from(folder),
        None => workspace().join("../shared/conformance"),
    };
    let folder = root.join(part);
    folder.is_dir().then_some(folder)
}
