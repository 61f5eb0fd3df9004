//! `/proc/buddyinfo`: free blocks of memory by size, which tells how fragmented it is.
//! Kernel: 2.6 and later. Privileges: none. Cost: one read of 80 bytes per zone.

use exposition::{Family, gauge};
use kernel::KeptFile;
use kernel::proc::buddyinfo::zones;

use super::parsed::parsed;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const BLOCKS: Family = gauge("node_buddyinfo_blocks", "Count of free blocks according to size.");

pub const SPEC: Spec = Spec {
    name: "buddyinfo",
    is_on_by_default: false,
    help: "free blocks of memory by size, from /proc/buddyinfo",
    families: &[BLOCKS],
    flags: &[],
    build: |host, _| Ok(Box::new(Buddyinfo { file: host.proc_file("buddyinfo") })),
};

struct Buddyinfo {
    file: KeptFile,
}

impl Collector for Buddyinfo {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let bytes = match self.file.read_single(scrape.buffer) {
            Ok(bytes) => bytes,
            Err(error) => return Outcome::of_error(error),
        };
        for blocks in parsed(zones(bytes), self.file.path(), scrape.problems) {
            let (node, zone) = (String::from_utf8_lossy(blocks.node), String::from_utf8_lossy(blocks.zone));
            for (order, count) in blocks.counts().enumerate() {
                let mut digits = itoa::Buffer::new();
                let labels = [("node", &*node), ("size", digits.format(order)), ("zone", &*zone)];
                scrape.page.sample(&BLOCKS, &labels, count as f64);
            }
        }
        Ok(Outcome::Collected)
    }
}
