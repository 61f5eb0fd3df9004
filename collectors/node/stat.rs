//! `/proc/stat`: interrupts, context switches, forks, boot time and the tasks that run or are blocked.
//! Kernel: any. Privileges: none. Cost: one read, which grows with the number of interrupt lines (about 10 bytes each).

use exposition::{Family, counter, gauge};
use kernel::proc::stat::{SOFT_INTERRUPTS, SoftInterrupts, Total, totals};
use kernel::{Host, KeptFile};

use super::parsed::parsed;
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, Spec};

const INTERRUPTS: Family = counter("node_intr_total", "Total number of interrupts serviced.");
const CONTEXT_SWITCHES: Family = counter("node_context_switches_total", "Total number of context switches.");
const FORKS: Family = counter("node_forks_total", "Total number of forks.");
const BOOT_TIME: Family = gauge("node_boot_time_seconds", "Node boot time, in unixtime.");
const PROCS_RUNNING: Family = gauge("node_procs_running", "Number of processes in runnable state.");
const PROCS_BLOCKED: Family = gauge("node_procs_blocked", "Number of processes blocked waiting for I/O to complete.");
const SOFTIRQS: Family = counter("node_softirqs_total", "Number of softirq calls.");

const SOFTIRQ: Flag = Flag {
    name: "collector.stat.softirq",
    kind: FlagKind::Switch { default: false },
    help: "export soft interrupts by kind",
    aliases: &[],
};

pub const SPEC: Spec = Spec {
    name: "stat",
    is_on_by_default: true,
    help: "interrupts, context switches, forks and boot time, from /proc/stat",
    families: &[INTERRUPTS, CONTEXT_SWITCHES, FORKS, BOOT_TIME, PROCS_RUNNING, PROCS_BLOCKED, SOFTIRQS],
    flags: &[SOFTIRQ],
    build: |host, settings| Ok(Box::new(Stat::new(host, settings))),
};

struct Stat {
    file: KeptFile,
    wants_softirqs: bool,
}

impl Stat {
    fn new(host: &Host, settings: &Settings) -> Self {
        Stat { file: host.proc_file("stat"), wants_softirqs: settings.is_on(SOFTIRQ.name) }
    }
}

impl Collector for Stat {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let bytes = match self.file.read_single(scrape.buffer) {
            Ok(bytes) => bytes,
            Err(error) => return Outcome::of_error(error),
        };
        let page = &mut *scrape.page;
        for total in parsed(totals(bytes), self.file.path(), scrape.problems) {
            match total {
                Total::Interrupts(count) => page.sample(&INTERRUPTS, &[], count as f64),
                Total::ContextSwitches(count) => page.sample(&CONTEXT_SWITCHES, &[], count as f64),
                Total::BootTime(seconds) => page.sample(&BOOT_TIME, &[], seconds as f64),
                Total::Forks(count) => page.sample(&FORKS, &[], count as f64),
                Total::ProcsRunning(count) => page.sample(&PROCS_RUNNING, &[], count as f64),
                Total::ProcsBlocked(count) => page.sample(&PROCS_BLOCKED, &[], count as f64),
                Total::SoftInterrupts(counts) if self.wants_softirqs => write_softirqs(page, counts),
                Total::SoftInterrupts(_) => {}
            }
        }
        Ok(Outcome::Collected)
    }
}

fn write_softirqs(page: &mut exposition::Page, counts: SoftInterrupts) {
    for (vector, count) in SOFT_INTERRUPTS.iter().zip(counts) {
        page.sample(&SOFTIRQS, &[("vector", vector)], count as f64);
    }
}
