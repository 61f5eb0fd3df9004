//! `/proc/swaps`: each place for swapping, how large and how full it is.
//! Kernel: any. Privileges: none. Cost: one read of about 100 bytes.

use exposition::{Family, gauge};
use kernel::KeptFile;
use kernel::proc::swaps::swaps;

use super::parsed::parsed;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const PRIORITY: Family = gauge("node_swap_priority", "Swap device priority.");
const SIZE: Family = gauge("node_swap_size_bytes", "Swap device size in bytes.");
const USED: Family = gauge("node_swap_used_bytes", "Swap device used in bytes.");

pub const SPEC: Spec = Spec {
    name: "swap",
    is_on_by_default: false,
    help: "places for swapping, from /proc/swaps",
    families: &[PRIORITY, SIZE, USED],
    flags: &[],
    build: |host, _| Ok(Box::new(Swap { file: host.proc_file("swaps") })),
};

struct Swap {
    file: KeptFile,
}

impl Collector for Swap {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let bytes = match self.file.read_single(scrape.buffer) {
            Ok(bytes) => bytes,
            Err(error) => return Outcome::of_error(error),
        };
        for swap in parsed(swaps(bytes), self.file.path(), scrape.problems) {
            let (device, kind) = (String::from_utf8_lossy(swap.name), String::from_utf8_lossy(swap.kind));
            let labels = [("device", &*device), ("swap_type", &*kind)];
            scrape.page.sample(&PRIORITY, &labels, swap.priority as f64);
            scrape.page.sample(&SIZE, &labels, swap.size_kib as f64 * 1024.0);
            scrape.page.sample(&USED, &labels, swap.used_kib as f64 * 1024.0);
        }
        Ok(Outcome::Collected)
    }
}
