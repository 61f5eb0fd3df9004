//! `/sys/devices/system/cpu/cpu<n>/cpufreq`: how fast each CPU runs, between which limits, and who governs that.
//! Kernel: 2.6 and later; `cpuinfo_avg_freq` since 6.15. Privileges: root for `cpuinfo_cur_freq`, none for the rest.
//! Cost: up to six reads per online CPU; some drivers make each wait for 10 to 50 ms, so a scrape may end before the
//! last CPU is read.

use std::ops::RangeInclusive;
use std::path::Path;
use std::time::{Duration, Instant};

use exposition::{Family, LabelText, Page, gauge};
use kernel::sys::cpu_list;
use kernel::{Attribute, Error, Host, KeptFile, Optional, scan};

use super::inventory::Inventory;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const CURRENT: Family = gauge("node_cpu_frequency_hertz", "Current CPU thread frequency in hertz.");
const AVERAGE: Family = gauge("node_cpu_frequency_avg_hertz", "Average CPU thread frequency in hertz.");
const MIN: Family = gauge("node_cpu_frequency_min_hertz", "Minimum CPU thread frequency in hertz.");
const MAX: Family = gauge("node_cpu_frequency_max_hertz", "Maximum CPU thread frequency in hertz.");
const SCALING: Family = gauge("node_cpu_scaling_frequency_hertz", "Current scaled CPU thread frequency in hertz.");
const SCALING_MIN: Family =
    gauge("node_cpu_scaling_frequency_min_hertz", "Minimum scaled CPU thread frequency in hertz.");
const SCALING_MAX: Family =
    gauge("node_cpu_scaling_frequency_max_hertz", "Maximum scaled CPU thread frequency in hertz.");
const GOVERNOR: Family = gauge("node_cpu_scaling_governor", "Current enabled CPU frequency governor.");

pub const SPEC: Spec = Spec {
    name: "cpufreq",
    is_on_by_default: true,
    help: "frequency of each CPU, its limits and its governor",
    families: &[CURRENT, AVERAGE, MIN, MAX, SCALING, SCALING_MIN, SCALING_MAX, GOVERNOR],
    flags: &[],
    build: |host, _| Ok(Box::new(Cpufreq::new(host))),
};

/// A family, its file, and whether the file says the same for as long as the CPU is there.
const FREQUENCIES: [(Family, &str, bool); 7] = [
    (CURRENT, "cpuinfo_cur_freq", false),
    (AVERAGE, "cpuinfo_avg_freq", false),
    (MIN, "cpuinfo_min_freq", true),
    (MAX, "cpuinfo_max_freq", true),
    (SCALING, "scaling_cur_freq", false),
    (SCALING_MIN, "scaling_min_freq", false),
    (SCALING_MAX, "scaling_max_freq", false),
];

/// Files are in kilohertz.
const HERTZ: f64 = 1000.0;

/// What a driver says that does not know.
const UNKNOWN: &[u8] = b"<unknown>";

/// Before the scrape's deadline, so that what was read can still be written.
const MARGIN: Duration = Duration::from_millis(100);

struct Cpufreq {
    host: Host,
    cpus: Inventory<Cpu>,
    offline: Offline,
}

/// The CPUs that are switched off: their files are there and say nothing true.
struct Offline {
    file: KeptFile,
    /// What the ranges were made from.
    text: Vec<u8>,
    ranges: Vec<RangeInclusive<u32>>,
}

struct Cpu {
    number: u32,
    labels: LabelText,
    frequencies: [Frequency; FREQUENCIES.len()],
    governor: Attribute,
    /// Those that there are: labels and name.
    governors: Vec<(LabelText, Box<[u8]>)>,
    /// Place of the present one, past the end where it is none of them; `None` while that cannot be read.
    present_governor: Option<usize>,
    is_read: bool,
}

struct Frequency {
    /// `None` where this process may not read it.
    file: Option<Attribute>,
    kilohertz: Option<u64>,
}

impl Cpufreq {
    fn new(host: &Host) -> Self {
        let folder = host.roots.sys("devices/system/cpu");
        let offline =
            Offline { file: host.sys_file("devices/system/cpu/offline"), text: Vec::new(), ranges: Vec::new() };
        Cpufreq { host: host.clone(), cpus: Inventory::new(folder), offline }
    }

    fn write(&self, page: &mut Page) {
        let read = || self.cpus.iter().map(|(_, cpu)| cpu).filter(|cpu| cpu.is_read);
        for (place, (family, ..)) in FREQUENCIES.iter().enumerate() {
            for cpu in read() {
                if let Some(kilohertz) = cpu.frequencies[place].kilohertz {
                    page.labelled_sample(family, &cpu.labels, &[], kilohertz as f64 * HERTZ);
                }
            }
        }
        for cpu in read() {
            let Some(present) = cpu.present_governor else { continue };
            for (place, (labels, _)) in cpu.governors.iter().enumerate() {
                page.labelled_sample(&GOVERNOR, labels, &[], f64::from(u8::from(place == present)));
            }
        }
    }
}

impl Collector for Cpufreq {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let host = &self.host;
        if let Err(error) = self.cpus.refresh(scrape.buffer, |name, path, buffer| Cpu::new(name, path, host, buffer)) {
            return Outcome::of_error(error);
        }
        if self.cpus.is_empty() {
            return Ok(Outcome::absent(format!("no CPU in {} has cpufreq", self.cpus.folder().display())));
        }
        if let Err(error) = self.offline.update(scrape.buffer) {
            scrape.item_failed(error);
        }
        let latest = scrape.deadline.checked_sub(MARGIN).unwrap_or(scrape.deadline);
        let mut late = 0;
        for (_, cpu) in self.cpus.iter_mut() {
            let is_late = Instant::now() >= latest;
            cpu.is_read = !is_late && !self.offline.has(cpu.number);
            late += usize::from(is_late);
            if cpu.is_read {
                cpu.read(scrape);
            }
        }
        if late > 0 {
            scrape.item_failed(format_args!("the driver is slow: {late} CPUs could not be read before the deadline"));
        }
        self.write(scrape.page);
        Ok(Outcome::Collected)
    }
}

impl Offline {
    fn update(&mut self, buffer: &mut Vec<u8>) -> kernel::Result<()> {
        let text = self.file.read_single(buffer).optional()?.unwrap_or_default();
        if *text != *self.text {
            self.text.clear();
            self.text.extend_from_slice(text);
            self.ranges.clear();
            self.ranges = cpu_list::ranges(&self.text).map_err(|problem| Error::parse(self.file.path(), problem))?;
        }
        Ok(())
    }

    fn has(&self, cpu: u32) -> bool {
        self.ranges.iter().any(|range| range.contains(&cpu))
    }
}

impl Cpu {
    /// `None` for what is no CPU, or one without cpufreq.
    fn new(name: &str, path: &Path, host: &Host, buffer: &mut Vec<u8>) -> Option<Self> {
        let digits = name.strip_prefix("cpu")?;
        let number = digits.parse().ok()?;
        let folder = path.join("cpufreq");
        if !folder.is_dir() {
            return None;
        }
        let governors = host.attribute(folder.join("scaling_available_governors")).text(buffer).ok().flatten();
        let names = governors.unwrap_or_default().split(|byte| *byte == b' ').filter(|name| !name.is_empty());
        let labels = |name: &[u8]| LabelText::new([("cpu", digits), ("governor", &*scan::to_text(name))]);
        Some(Cpu {
            number,
            labels: LabelText::new([("cpu", digits)]),
            governors: names.map(|name| (labels(name), name.into())).collect(),
            frequencies: FREQUENCIES
                .map(|(_, file, _)| Frequency { file: Some(host.attribute(folder.join(file))), kilohertz: None }),
            governor: host.attribute(folder.join("scaling_governor")),
            present_governor: None,
            is_read: false,
        })
    }

    fn read(&mut self, scrape: &mut Scrape<'_>) {
        for (frequency, (.., is_constant)) in self.frequencies.iter_mut().zip(&FREQUENCIES) {
            if frequency.kilohertz.is_none() || !is_constant {
                frequency.read(scrape);
            }
        }
        self.present_governor = match self.governor.text(scrape.buffer) {
            Ok(present) => present.filter(|name| !name.is_empty()).map(|present| {
                let place = self.governors.iter().position(|(_, name)| **name == *present);
                place.unwrap_or(self.governors.len())
            }),
            Err(error) => {
                scrape.item_failed(error);
                None
            }
        };
    }
}

impl Frequency {
    fn read(&mut self, scrape: &mut Scrape<'_>) {
        self.kilohertz = None;
        let Some(file) = &mut self.file else { return };
        let known = file.parse(scrape.buffer, |bytes| {
            if scan::trim(bytes) == UNKNOWN { Ok(None) } else { scan::number(bytes).map(Some) }
        });
        match known {
            Ok(kilohertz) => self.kilohertz = kilohertz.flatten(),
            Err(error) if error.is_denied() => self.file = None,
            Err(error) => scrape.item_failed(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;
    use exposition::{Dialect, assemble};
    use kernel::Roots;
    use std::fs;

    fn collect(collector: &mut dyn Collector, wait: Duration) -> (String, Vec<String>) {
        let (mut page, mut problems) = (Page::new(), Vec::new());
        let deadline = Instant::now() + wait;
        let mut scrape = Scrape { page: &mut page, buffer: &mut Vec::new(), deadline, problems: &mut problems };
        assert!(matches!(collector.collect(&mut scrape), Ok(Outcome::Collected)));
        let mut text = Vec::new();
        assemble([&page], Dialect::Text, &mut text);
        (String::from_utf8(text).expect("UTF-8"), problems)
    }

    #[test]
    fn what_a_driver_does_not_know_is_absent_and_what_is_odd_costs_itself() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for cpu in 0..3 {
            let cpufreq = folder.path().join(format!("devices/system/cpu/cpu{cpu}/cpufreq"));
            fs::create_dir_all(&cpufreq).expect("a folder");
            fs::write(cpufreq.join("scaling_cur_freq"), "<unknown>\n").expect("written");
            fs::write(cpufreq.join("scaling_max_freq"), if cpu == 1 { "fast\n" } else { "2000\n" }).expect("written");
            fs::write(cpufreq.join("scaling_governor"), "user\n").expect("written");
        }
        fs::write(folder.path().join("devices/system/cpu/offline"), "2-3\n").expect("written");
        let host = Host::new(Roots { sysfs: folder.path().to_owned(), ..Roots::default() }, 100);
        let mut collector = (SPEC.build)(&host, &Settings::default()).expect("no settings");
        let (text, problems) = collect(&mut *collector, Duration::from_secs(10));
        let samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(samples, ["node_cpu_scaling_frequency_max_hertz{cpu=\"0\"} 2000000"]);
        assert!(problems.len() == 1 && problems[0].contains("cpu1/cpufreq/scaling_max_freq:1: "), "{problems:?}");

        let (text, problems) = collect(&mut *collector, Duration::ZERO);
        assert!(text.is_empty() && problems[0].starts_with("the driver is slow: 3 CPUs"), "{problems:?}");
    }
}
