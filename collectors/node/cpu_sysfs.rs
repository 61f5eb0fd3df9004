//! The part of `cpu` below `/sys/devices/system/cpu`: which CPUs are online and isolated, and how often cores and
//! packages were throttled for heat.
//!
//! What does not change while the set of CPUs stays the same (topology, online, isolated) is read when it changes. Only
//! the throttle counts are read on each scrape: one short read per core and package, on machines that have them.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use exposition::{Family, LabelText, counter, gauge};
use kernel::sys::cpu_list;
use kernel::{Error, Host, KeptFile, Optional, read_file, scan};

use crate::Scrape;

pub const CORE_THROTTLES: Family =
    counter("node_cpu_core_throttles_total", "Number of times this CPU core has been throttled.");
pub const PACKAGE_THROTTLES: Family =
    counter("node_cpu_package_throttles_total", "Number of times this CPU package has been throttled.");
pub const ISOLATED: Family =
    gauge("node_cpu_isolated", "Whether each core is isolated, information from /sys/devices/system/cpu/isolated.");
pub const ONLINE: Family = gauge("node_cpu_online", "CPUs that are online and being scheduled.");

pub struct CpuSysfs {
    host: Host,
    isolated: Vec<RangeInclusive<u32>>,
    /// Empty where CPUs cannot be taken offline.
    online: Vec<(u32, bool)>,
    core_throttles: Vec<Throttle>,
    package_throttles: Vec<Throttle>,
}

struct Throttle {
    /// Package, and core where it is one.
    place: (u64, Option<u64>),
    labels: LabelText,
    count: KeptFile,
}

/// What stays the same while the set of CPUs does.
impl CpuSysfs {
    pub fn new(host: &Host) -> Self {
        CpuSysfs {
            host: host.clone(),
            isolated: Vec::new(),
            online: Vec::new(),
            core_throttles: Vec::new(),
            package_throttles: Vec::new(),
        }
    }

    pub fn look_again(&mut self, buffer: &mut Vec<u8>, problems: &mut Vec<String>) {
        let folder = self.host.roots.sys("devices/system/cpu");
        self.isolated = read_isolated(&folder, buffer).unwrap_or_else(|error| {
            problems.push(error.to_string());
            Vec::new()
        });
        let cpus = cpu_folders(&folder);
        self.online.clear();
        self.core_throttles.clear();
        self.package_throttles.clear();
        for (cpu, path) in &cpus {
            self.online.extend(read_online(path, buffer).map(|is_online| (*cpu, is_online)));
            self.find_throttles(path, buffer);
        }
        // A first CPU that cannot be taken offline stands for a machine where none can, as node_exporter has it.
        if cpus.first().map(|(cpu, _)| cpu) != self.online.first().map(|(cpu, _)| cpu) {
            self.online.clear();
        }
    }

    /// The CPUs of a core share one count, and those of a package another: the first that can be read is.
    fn find_throttles(&mut self, cpu: &Path, buffer: &mut Vec<u8>) {
        let Some(package) = read_number(&cpu.join("topology/physical_package_id"), buffer) else { return };
        let Some(core) = read_number(&cpu.join("topology/core_id"), buffer) else { return };
        let throttles = [
            (&mut self.core_throttles, Some(core), "thermal_throttle/core_throttle_count"),
            (&mut self.package_throttles, None, "thermal_throttle/package_throttle_count"),
        ];
        for (known, core, file) in throttles {
            let place = (package, core);
            let path = cpu.join(file);
            if known.iter().all(|throttle| throttle.place != place) && read_number(&path, buffer).is_some() {
                known.push(Throttle::new(place, KeptFile::new(path, &self.host.files)));
            }
        }
    }
}

/// What is written on each scrape.
impl CpuSysfs {
    pub fn collect(&mut self, scrape: &mut Scrape<'_>) {
        for range in &self.isolated {
            for cpu in range.clone() {
                scrape.page.sample(&ISOLATED, &[("cpu", itoa::Buffer::new().format(cpu))], 1.0);
            }
        }
        for (family, throttles) in
            [(&CORE_THROTTLES, &mut self.core_throttles), (&PACKAGE_THROTTLES, &mut self.package_throttles)]
        {
            for throttle in throttles {
                throttle.collect(family, scrape);
            }
        }
        for (cpu, is_online) in &self.online {
            let value = if *is_online { 1.0 } else { 0.0 };
            scrape.page.sample(&ONLINE, &[("cpu", itoa::Buffer::new().format(*cpu))], value);
        }
    }
}

impl Throttle {
    fn new(place: (u64, Option<u64>), count: KeptFile) -> Self {
        let (package, core) = place;
        let mut labels = LabelText::default();
        if let Some(core) = core {
            labels.push("core", &core.to_string());
        }
        labels.push("package", &package.to_string());
        Throttle { place, labels, count }
    }

    fn collect(&mut self, family: &Family, scrape: &mut Scrape<'_>) {
        match self.count.parse_single(scrape.buffer, scan::number).optional() {
            Ok(Some(count)) => scrape.page.labelled_sample(family, &self.labels, &[], count as f64),
            // The CPU has gone offline; its line in /proc/stat goes too, and then we look again.
            Ok(None) => {}
            Err(error) => scrape.item_failed(error),
        }
    }
}

fn read_isolated(folder: &Path, buffer: &mut Vec<u8>) -> kernel::Result<Vec<RangeInclusive<u32>>> {
    let path = folder.join("isolated");
    match read_file(&path, buffer).optional()? {
        Some(bytes) => cpu_list::ranges(bytes).map_err(|problem| Error::parse(&path, problem)),
        None => Ok(Vec::new()),
    }
}

/// `cpu0`, `cpu1` and so on by number; offline ones too.
fn cpu_folders(folder: &Path) -> Vec<(u32, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let number_of = |name: &str| name.strip_prefix("cpu")?.parse().ok();
    let mut cpus: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((number_of(entry.file_name().to_str()?)?, entry.path()))
        })
        .collect();
    cpus.sort();
    cpus
}

/// `None` for a CPU that cannot be taken offline.
fn read_online(cpu: &Path, buffer: &mut Vec<u8>) -> Option<bool> {
    let bytes = read_file(&cpu.join("online"), buffer).ok()?;
    Some(scan::trim(bytes) == b"1")
}

/// `None` where the file is missing, and for -1, with which the kernel says that it does not know.
fn read_number(path: &Path, buffer: &mut Vec<u8>) -> Option<u64> {
    scan::number(read_file(path, buffer).ok()?).ok()
}
