//! `/sys/devices/system/cpu/cpu<n>/cpufreq/*`: how fast each CPU runs, may run, and who decides it.
//! Kernel: 2.6.12 and later. Privileges: none; `cpuinfo_cur_freq` needs root. Cost: nine short reads per CPU, some of
//! which take the kernel up to 20 ms, or for ever where firmware does not answer.
//!
//! So the files are read on threads of their own (`cpufreq_reader`): a scrape waits `MAX_WAIT` at most and tells of CPUs
//! that have not answered what was read last, which on a slow machine was for the scrape before, until it is `MAX_AGE`
//! old. A CPU that never answers loses its series after that, and no other CPU does.
//!
//! `node_cpu_frequency_hertz` is also a family of `cpu`, with other labels, where `--collector.cpu.info` finds
//! frequencies in `/proc/cpuinfo`: then it is left to that one.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use exposition::{Family, gauge};
use kernel::proc::cpuinfo;
use kernel::sys::cpu_list;
use kernel::{Folder, Host, KeptFile, scan};

use super::cpu_info::FREQUENCY;
use super::cpufreq_reader::{CpufreqReader, Reading};
use crate::{Collector, Failure, Outcome, Scrape, Settings, Spec};

/// How long a scrape waits for CPUs.
const MAX_WAIT: Duration = Duration::from_millis(100);
/// How old a reading may be that is still told.
const MAX_AGE: Duration = Duration::from_secs(60);

const FREQUENCY_AVG: Family = gauge("node_cpu_frequency_avg_hertz", "Average CPU thread frequency in hertz.");
const FREQUENCY_MIN: Family = gauge("node_cpu_frequency_min_hertz", "Minimum CPU thread frequency in hertz.");
const FREQUENCY_MAX: Family = gauge("node_cpu_frequency_max_hertz", "Maximum CPU thread frequency in hertz.");
const SCALING: Family = gauge("node_cpu_scaling_frequency_hertz", "Current scaled CPU thread frequency in hertz.");
const SCALING_MIN: Family =
    gauge("node_cpu_scaling_frequency_min_hertz", "Minimum scaled CPU thread frequency in hertz.");
const SCALING_MAX: Family =
    gauge("node_cpu_scaling_frequency_max_hertz", "Maximum scaled CPU thread frequency in hertz.");
const GOVERNOR: Family = gauge("node_cpu_scaling_governor", "Current enabled CPU frequency governor.");

/// In the order of `FREQUENCY_FILES`.
const FAMILIES: [Family; 7] =
    [FREQUENCY, FREQUENCY_AVG, SCALING, FREQUENCY_MIN, FREQUENCY_MAX, SCALING_MIN, SCALING_MAX];

const HERTZ_PER_KHZ: f64 = 1000.0;

pub const SPEC: Spec = Spec {
    name: "cpufreq",
    is_on_by_default: true,
    help: "how fast each CPU runs and may run, from /sys/devices/system/cpu/cpu*/cpufreq",
    // FREQUENCY is listed with `cpu`.
    families: &[FREQUENCY_AVG, SCALING, FREQUENCY_MIN, FREQUENCY_MAX, SCALING_MIN, SCALING_MAX, GOVERNOR],
    flags: &[],
    build: |host, settings| Ok(Box::new(Cpufreq::new(host, settings))),
};

struct Cpufreq {
    host: Host,
    folder: Folder,
    offline: OfflineCpus,
    /// CPUs that have a folder `cpufreq`, by their number as text.
    cpus: Vec<(String, u32)>,
    reader: Option<CpufreqReader>,
    /// Whether `cpu` exports `/proc/cpuinfo`.
    has_cpu_info: bool,
    /// Whether node_cpu_frequency_hertz is ours.
    owns_frequency: Option<bool>,
}

/// `/sys/devices/system/cpu/offline`.
struct OfflineCpus {
    file: KeptFile,
    text: Vec<u8>,
    ranges: Vec<RangeInclusive<u32>>,
}

impl Cpufreq {
    fn new(host: &Host, settings: &Settings) -> Self {
        let has_text = |flag: &str| !settings.text(flag).is_empty();
        let has_cpu_info = settings.is_on("collector.cpu.info")
            || has_text("collector.cpu.info.flags-include")
            || has_text("collector.cpu.info.bugs-include");
        let file = host.sys_file("devices/system/cpu/offline");
        Cpufreq {
            host: host.clone(),
            folder: Folder::new(host.roots.sys("devices/system/cpu")),
            offline: OfflineCpus { file, text: Vec::new(), ranges: Vec::new() },
            cpus: Vec::new(),
            reader: None,
            has_cpu_info: has_cpu_info && settings.has_collector("cpu"),
            owns_frequency: None,
        }
    }

    /// Lists CPUs anew when some came or went.
    fn look(&mut self, buffer: &mut Vec<u8>) -> kernel::Result<()> {
        if !self.folder.list(buffer)? && self.reader.is_some() {
            return Ok(());
        }
        let number_of = |name: &[u8]| u32::try_from(scan::parse_u64(name.strip_prefix(b"cpu")?)?).ok();
        let mut numbers: Vec<u32> = self.folder.names().filter_map(number_of).collect();
        numbers.sort_unstable();
        let folder_of = |number: &u32| self.folder.path().join(format!("cpu{number}/cpufreq"));
        numbers.retain(|number| folder_of(number).is_dir());
        let folders: Vec<PathBuf> = numbers.iter().map(folder_of).collect();
        self.reader = Some(CpufreqReader::new(&self.host, folders.iter().map(PathBuf::as_path)));
        self.cpus = numbers.into_iter().map(|number| (number.to_string(), number)).collect();
        Ok(())
    }

    fn owns_frequency(&mut self, buffer: &mut Vec<u8>) -> bool {
        let (host, has_cpu_info) = (&self.host, self.has_cpu_info);
        *self.owns_frequency.get_or_insert_with(|| {
            let tells = |bytes| cpuinfo::cpus(bytes).flatten().any(|cpu| cpu.mhz.is_some());
            !has_cpu_info || !kernel::read_file(&host.roots.proc("cpuinfo"), buffer).is_ok_and(tells)
        })
    }
}

impl Collector for Cpufreq {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        if let Err(error) = self.offline.read(scrape.buffer) {
            return Outcome::of_error(error);
        }
        if let Err(error) = self.look(scrape.buffer) {
            return Outcome::of_error(error);
        }
        let owns_frequency = self.owns_frequency(scrape.buffer);
        let now = Instant::now();
        let (cpus, offline, page) = (&self.cpus, &self.offline, &mut *scrape.page);
        let Some(reader) = &self.reader else { return Ok(Outcome::Collected) };
        if cpus.is_empty() {
            return Ok(Outcome::Collected);
        }
        reader.read(scrape.deadline.min(now + MAX_WAIT), scrape.problems, |place, reading| {
            let is_fresh = reading.read.is_some_and(|read| now.saturating_duration_since(read) <= MAX_AGE);
            let (name, number) = &cpus[place];
            if is_fresh && !offline.has(*number) {
                write(page, name, reading, owns_frequency);
            }
        });
        Ok(Outcome::Collected)
    }
}

fn write(page: &mut exposition::Page, cpu: &str, reading: &Reading, owns_frequency: bool) {
    let families = FAMILIES.iter().zip(reading.frequencies).skip(usize::from(!owns_frequency));
    for (family, frequency) in families {
        if let Some(frequency) = frequency {
            page.sample(family, &[("cpu", cpu)], frequency as f64 * HERTZ_PER_KHZ);
        }
    }
    if reading.governor.is_empty() {
        return;
    }
    for governor in reading.governors.split(u8::is_ascii_whitespace).filter(|governor| !governor.is_empty()) {
        let value = if *governor == *reading.governor { 1.0 } else { 0.0 };
        page.sample(&GOVERNOR, &[("cpu", cpu), ("governor", &String::from_utf8_lossy(governor))], value);
    }
}

impl OfflineCpus {
    fn read(&mut self, buffer: &mut Vec<u8>) -> kernel::Result<()> {
        let text = self.file.read_single(buffer)?;
        if *text != *self.text {
            self.ranges = cpu_list::ranges(text).map_err(|problem| kernel::Error::parse(self.file.path(), problem))?;
            self.text = text.to_owned();
        }
        Ok(())
    }

    fn has(&self, cpu: u32) -> bool {
        self.ranges.iter().any(|range| range.contains(&cpu))
    }
}
