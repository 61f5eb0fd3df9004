//! `/proc/net/softnet_stat`: how each CPU's queue of received packets fares.
//! Kernel: any; columns by age. Privileges: none. Cost: two reads of about 100 bytes per CPU.

use exposition::{Family, counter, gauge};
use kernel::proc::softnet_stat::{Softnet, cpus};
use kernel::{Host, KeptFile};

use super::parsed::parsed;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const PROCESSED: Family = counter("node_softnet_processed_total", "Number of processed packets");
const DROPPED: Family = counter("node_softnet_dropped_total", "Number of dropped packets");
const TIMES_SQUEEZED: Family =
    counter("node_softnet_times_squeezed_total", "Number of times processing packets ran out of quota");
const CPU_COLLISION: Family =
    counter("node_softnet_cpu_collision_total", "Number of collisions while obtaining the device lock to transmit");
const RECEIVED_RPS: Family =
    counter("node_softnet_received_rps_total", "Number of times the CPU was woken to take packets of another CPU");
const FLOW_LIMIT_COUNT: Family =
    counter("node_softnet_flow_limit_count_total", "Number of times the flow limit was reached");
const BACKLOG_LEN: Family = gauge("node_softnet_backlog_len", "Number of packets in the backlog");

type Column = (Family, fn(&Softnet) -> u64);

/// A column that an older kernel does not have is 0, as node_exporter has it.
const COLUMNS: [Column; 7] = [
    (PROCESSED, |cpu| cpu.processed),
    (DROPPED, |cpu| cpu.dropped),
    (TIMES_SQUEEZED, |cpu| cpu.times_squeezed),
    (CPU_COLLISION, |cpu| cpu.cpu_collision),
    (RECEIVED_RPS, |cpu| cpu.received_rps.unwrap_or(0)),
    (FLOW_LIMIT_COUNT, |cpu| cpu.flow_limit_count.unwrap_or(0)),
    (BACKLOG_LEN, |cpu| cpu.backlog_len.unwrap_or(0)),
];

pub const SPEC: Spec = Spec {
    name: "softnet",
    is_on_by_default: true,
    help: "queues of received packets by CPU, from /proc/net/softnet_stat",
    families: &[PROCESSED, DROPPED, TIMES_SQUEEZED, CPU_COLLISION, RECEIVED_RPS, FLOW_LIMIT_COUNT, BACKLOG_LEN],
    flags: &[],
    build: |host, _| Ok(Box::new(SoftnetQueues::new(host))),
};

struct SoftnetQueues {
    file: KeptFile,
    cpus: Vec<Softnet>,
}

impl SoftnetQueues {
    fn new(host: &Host) -> Self {
        SoftnetQueues { file: host.net_file("softnet_stat"), cpus: Vec::new() }
    }
}

impl Collector for SoftnetQueues {
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
                scrape.page.sample(family, &[("cpu", digits.format(cpu.cpu))], column(cpu) as f64);
            }
        }
        Ok(Outcome::Collected)
    }
}
