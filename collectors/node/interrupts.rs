//! `/proc/interrupts`: how often each interrupt occurred on each CPU.
//! Kernel: any. Privileges: none. Cost: one read per page, and one series per interrupt and CPU: off by default.
//!
//! The label `cpu` is the column, counted from 0, as node_exporter has it: past a CPU that is offline it is not the
//! CPU's number.

use exposition::{Family, counter};
use kernel::proc::interrupts::{Interrupt, interrupts};
use kernel::{Host, KeptFile};

use super::device_filter::DeviceFilter;
use super::parsed::parsed;
use super::remembered::Remembered;
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, SettingsError, Spec};

const TOTAL: Family = counter("node_interrupts_total", "Interrupt details.");

const INCLUDE: Flag = Flag {
    name: "collector.interrupts.name-include",
    kind: FlagKind::Text { default: "" },
    help: "regular expression of the interrupts to include, each as name;info;devices",
    aliases: &[],
};
const EXCLUDE: Flag = Flag {
    name: "collector.interrupts.name-exclude",
    kind: FlagKind::Text { default: "" },
    help: "regular expression of the interrupts to exclude, each as name;info;devices",
    aliases: &[],
};
const INCLUDE_ZEROS: Flag = Flag {
    name: "collector.interrupts.include-zeros",
    kind: FlagKind::Switch { default: true },
    help: "include interrupts that have never occurred on a CPU",
    aliases: &[],
};

pub const SPEC: Spec = Spec {
    name: "interrupts",
    is_on_by_default: false,
    help: "interrupts by CPU, from /proc/interrupts",
    families: &[TOTAL],
    flags: &[INCLUDE, EXCLUDE, INCLUDE_ZEROS],
    build: |host, settings| Ok(Box::new(Interrupts::new(host, settings)?)),
};

struct Interrupts {
    file: KeptFile,
    filter: DeviceFilter,
    includes_zeros: bool,
    lines: Remembered<Known>,
}

/// What is known about a line, as long as its text stays the same.
struct Known {
    tail: Box<[u8]>,
    /// `None` for one that is not wanted, and for a name that was there before.
    labels: Option<Labels>,
}

struct Labels {
    name: String,
    info: String,
    devices: String,
}

impl Interrupts {
    fn new(host: &Host, settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Interrupts {
            file: host.proc_file("interrupts"),
            filter: DeviceFilter::from_both_flags(settings, INCLUDE.name, EXCLUDE.name)?,
            includes_zeros: settings.is_on(INCLUDE_ZEROS.name),
            lines: Remembered::default(),
        })
    }
}

impl Collector for Interrupts {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let bytes = match self.file.read(scrape.buffer) {
            Ok(bytes) => bytes,
            Err(error) => return Outcome::of_error(error),
        };
        for (place, interrupt) in parsed(interrupts(bytes), self.file.path(), scrape.problems).enumerate() {
            let filter = &self.filter;
            let known =
                self.lines.at_unless_twice(place, interrupt.name, |is_twice| Known::new(&interrupt, filter, is_twice));
            if *known.tail != *interrupt.tail {
                *known = Known::new(&interrupt, filter, false);
            }
            let Some(Labels { name, info, devices }) = &known.labels else { continue };
            for (cpu, count) in interrupt.counts.enumerate() {
                if count > 0 || self.includes_zeros {
                    let mut digits = itoa::Buffer::new();
                    let labels = [("cpu", digits.format(cpu)), ("devices", devices), ("info", info), ("type", name)];
                    scrape.page.sample(&TOTAL, &labels, count as f64);
                }
            }
        }
        Ok(Outcome::Collected)
    }
}

impl Known {
    fn new(interrupt: &Interrupt<'_>, filter: &DeviceFilter, is_twice: bool) -> Self {
        let (info, devices) = interrupt.info_and_devices();
        let name = String::from_utf8_lossy(interrupt.name).into_owned();
        let labels = Labels { name, info: single_spaced(info), devices: single_spaced(devices) };
        let is_wanted = filter.is_wanted(&format!("{};{};{}", labels.name, labels.info, labels.devices));
        Known { tail: interrupt.tail.into(), labels: (is_wanted && !is_twice).then_some(labels) }
    }
}

fn single_spaced(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}
