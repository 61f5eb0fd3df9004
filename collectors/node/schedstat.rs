//! `/proc/schedstat`: how long tasks ran and waited on each CPU.
//! Kernel: 2.6.30 and later, built with `CONFIG_SCHEDSTATS`. Privileges: none. Cost: a read per page, which is about
//! 8 CPUs with their domains.

use exposition::{Family, counter};
use kernel::proc::schedstat::{CpuSchedule, cpus};
use kernel::{Host, KeptFile};

use super::parsed::parsed;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const RUNNING: Family =
    counter("node_schedstat_running_seconds_total", "Number of seconds CPU spent running a process.");
const WAITING: Family =
    counter("node_schedstat_waiting_seconds_total", "Number of seconds spent by processes waiting for this CPU.");
const TIMESLICES: Family = counter("node_schedstat_timeslices_total", "Number of timeslices executed by CPU.");

const NSEC_PER_SECOND: f64 = 1e9;

type Column = (Family, fn(&CpuSchedule) -> f64);

const COLUMNS: [Column; 3] = [
    (RUNNING, |cpu| cpu.running_nsec as f64 / NSEC_PER_SECOND),
    (WAITING, |cpu| cpu.waiting_nsec as f64 / NSEC_PER_SECOND),
    (TIMESLICES, |cpu| cpu.timeslices as f64),
];

pub const SPEC: Spec = Spec {
    name: "schedstat",
    is_on_by_default: true,
    help: "time that tasks ran and waited by CPU, from /proc/schedstat",
    families: &[RUNNING, WAITING, TIMESLICES],
    flags: &[],
    build: |host, _| Ok(Box::new(Schedstat::new(host))),
};

struct Schedstat {
    file: KeptFile,
    cpus: Vec<CpuSchedule>,
}

impl Schedstat {
    fn new(host: &Host) -> Self {
        Schedstat { file: host.proc_file("schedstat"), cpus: Vec::new() }
    }
}

impl Collector for Schedstat {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let bytes = match self.file.read(scrape.buffer) {
            Ok(bytes) => bytes,
            Err(error) => return Outcome::of_error(error),
        };
        self.cpus.clear();
        self.cpus.extend(parsed(cpus(bytes), self.file.path(), scrape.problems));
        for (family, column) in &COLUMNS {
            for cpu in &self.cpus {
                let mut digits = itoa::Buffer::new();
                scrape.page.sample(family, &[("cpu", digits.format(cpu.cpu))], column(cpu));
            }
        }
        Ok(Outcome::Collected)
    }
}
