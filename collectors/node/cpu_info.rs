//! The part of `cpu` that `--collector.cpu.info` switches on: `/proc/cpuinfo`.
//! Cost: a read per page, and on some machines a question to each CPU for its frequency; off by default.

use exposition::{Family, Page, gauge};
use kernel::proc::cpuinfo::{CpuInfo, cpus};
use kernel::{Host, KeptFile};
use regex::Regex;

use super::parsed::parsed;
use crate::Scrape;

pub const INFO: Family = gauge("node_cpu_info", "CPU information from /proc/cpuinfo.");
pub const FLAG: Family = gauge("node_cpu_flag_info", "Flags of the first CPU in /proc/cpuinfo.");
pub const BUG: Family = gauge("node_cpu_bug_info", "Bugs of the first CPU in /proc/cpuinfo.");
pub const FREQUENCY: Family = gauge("node_cpu_frequency_hertz", "Current CPU thread frequency in hertz.");

const HERTZ_PER_MHZ: f64 = 1e6;

pub struct CpuInfoFile {
    file: KeptFile,
    /// Which flags to export; `None` exports none.
    flags: Option<Regex>,
    /// Which bugs to export; `None` exports none.
    bugs: Option<Regex>,
    /// Only beside the collector `cpufreq`, as node_exporter has it.
    wants_frequency: bool,
}

impl CpuInfoFile {
    pub fn new(host: &Host, flags: Option<Regex>, bugs: Option<Regex>, wants_frequency: bool) -> Self {
        CpuInfoFile { file: host.proc_file("cpuinfo"), flags, bugs, wants_frequency }
    }

    pub fn collect(&mut self, scrape: &mut Scrape<'_>) -> kernel::Result<()> {
        let bytes = self.file.read(scrape.buffer)?;
        let page = &mut *scrape.page;
        for (place, cpu) in parsed(cpus(bytes), self.file.path(), scrape.problems).enumerate() {
            write_cpu(page, &cpu, self.wants_frequency);
            if place == 0 {
                write_words(page, &FLAG, "flag", cpu.flags, self.flags.as_ref());
                write_words(page, &BUG, "bug", cpu.bugs, self.bugs.as_ref());
            }
        }
        Ok(())
    }
}

fn write_cpu(page: &mut Page, info: &CpuInfo<'_>, wants_frequency: bool) {
    let text = String::from_utf8_lossy;
    let mut digits = itoa::Buffer::new();
    let cpu = digits.format(info.processor);
    let (core, package) = (text(info.core_id), text(info.physical_id));
    let labels = [
        ("cachesize", &*text(info.cache_size)),
        ("core", &*core),
        ("cpu", cpu),
        ("family", &*text(info.family)),
        ("microcode", &*text(info.microcode)),
        ("model", &*text(info.model)),
        ("model_name", &*text(info.model_name)),
        ("package", &*package),
        ("stepping", &*text(info.stepping)),
        ("vendor", &*text(info.vendor)),
    ];
    page.sample(&INFO, &labels, 1.0);
    if let Some(mhz) = info.mhz.filter(|_| wants_frequency) {
        page.sample(&FREQUENCY, &[("core", &core), ("cpu", cpu), ("package", &package)], mhz * HERTZ_PER_MHZ);
    }
}

fn write_words(page: &mut Page, family: &Family, label: &str, words: &[u8], wanted: Option<&Regex>) {
    let Some(wanted) = wanted else { return };
    let words = String::from_utf8_lossy(words);
    for word in words.split_ascii_whitespace().filter(|word| wanted.is_match(word)) {
        page.sample(family, &[(label, word)], 1.0);
    }
}
