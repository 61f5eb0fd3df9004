//! `/proc/net/udp` and `/proc/net/udp6`: memory that waiting UDP datagrams take.
//! Kernel: any; udp6 where IPv6 is. Privileges: none. Cost: two reads, 128 bytes per socket.

use exposition::{Family, gauge};
use kernel::proc::net_udp::{Queues, sockets};
use kernel::{Host, KeptFile};

use super::parsed::parsed;
use super::several::Several;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const QUEUES: Family = gauge("node_udp_queues", "Number of allocated memory in the kernel for UDP datagrams in bytes.");

pub const SPEC: Spec = Spec {
    name: "udp_queues",
    is_on_by_default: true,
    help: "memory of waiting UDP datagrams, from /proc/net/udp{,6}",
    families: &[QUEUES],
    flags: &[],
    build: |host, _| Ok(Box::new(UdpQueues::new(host))),
};

struct UdpQueues {
    /// With the value of the label `ip`.
    tables: [(&'static str, KeptFile); 2],
}

impl UdpQueues {
    fn new(host: &Host) -> Self {
        UdpQueues { tables: [("v4", host.net_file("udp")), ("v6", host.net_file("udp6"))] }
    }
}

impl Collector for UdpQueues {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let mut files = Several::default();
        for (ip, file) in &mut self.tables {
            files.note(write(ip, file, scrape));
        }
        files.outcome(scrape.problems, |error| Outcome::absent(error.to_string()))
    }
}

fn write(ip: &str, file: &mut KeptFile, scrape: &mut Scrape<'_>) -> kernel::Result<()> {
    let bytes = file.read(scrape.buffer)?;
    let mut sum = Queues::default();
    for socket in parsed(sockets(bytes), file.path(), scrape.problems) {
        sum.transmit_bytes = sum.transmit_bytes.saturating_add(socket.transmit_bytes);
        sum.receive_bytes = sum.receive_bytes.saturating_add(socket.receive_bytes);
    }
    scrape.page.sample(&QUEUES, &[("ip", ip), ("queue", "rx")], sum.receive_bytes as f64);
    scrape.page.sample(&QUEUES, &[("ip", ip), ("queue", "tx")], sum.transmit_bytes as f64);
    Ok(())
}
