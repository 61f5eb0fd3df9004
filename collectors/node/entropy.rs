//! `/proc/sys/kernel/random/{entropy_avail,poolsize}`: how much randomness the kernel has gathered.
//! Kernel: any; the pool has 256 bits and is always full since 5.18. Privileges: none. Cost: two short reads.

use exposition::{Family, gauge};
use kernel::{Host, KeptFile, scan};

use super::several::Several;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const AVAILABLE: Family = gauge("node_entropy_available_bits", "Bits of available entropy.");
const POOL_SIZE: Family = gauge("node_entropy_pool_size_bits", "Bits of entropy pool.");

pub const SPEC: Spec = Spec {
    name: "entropy",
    is_on_by_default: true,
    help: "randomness that the kernel has gathered",
    families: &[AVAILABLE, POOL_SIZE],
    flags: &[],
    build: |host, _| Ok(Box::new(Entropy::new(host))),
};

struct Entropy {
    files: [(Family, KeptFile); 2],
}

impl Entropy {
    fn new(host: &Host) -> Self {
        let file = |name| host.proc_file(format!("sys/kernel/random/{name}"));
        Entropy { files: [(AVAILABLE, file("entropy_avail")), (POOL_SIZE, file("poolsize"))] }
    }
}

impl Collector for Entropy {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let mut files = Several::default();
        for (family, file) in &mut self.files {
            let bits = file.parse_single(scrape.buffer, scan::number);
            files.note(bits.map(|bits| scrape.page.sample(family, &[], bits as f64)));
        }
        files.outcome(scrape.problems, |error| Outcome::absent(error.to_string()))
    }
}
