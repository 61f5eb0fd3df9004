//! `/proc/softirqs`: how often each kind of deferred work ran on each CPU. Kinds that the kernel adds appear by
//! themselves.
//! Kernel: 2.6.31 and later. Privileges: none. Cost: one read of ten lines, each as long as there are CPUs.

use exposition::{Family, counter};
use kernel::proc::softirqs::softirqs;
use kernel::{KeptFile, scan};

use super::parsed::parsed;
use super::remembered::Remembered;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const FUNCTIONS: Family = counter("node_softirqs_functions_total", "Softirq counts per CPU.");

pub const SPEC: Spec = Spec {
    name: "softirqs",
    is_on_by_default: false,
    help: "deferred work by kind and CPU, from /proc/softirqs",
    families: &[FUNCTIONS],
    flags: &[],
    build: |host, _| Ok(Box::new(Softirqs { file: host.proc_file("softirqs"), kinds: Remembered::default() })),
};

struct Softirqs {
    file: KeptFile,
    /// `None` for a name that was there before.
    kinds: Remembered<Option<String>>,
}

impl Collector for Softirqs {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let bytes = match self.file.read(scrape.buffer) {
            Ok(bytes) => bytes,
            Err(error) => return Outcome::of_error(error),
        };
        for (place, softirq) in parsed(softirqs(bytes), self.file.path(), scrape.problems).enumerate() {
            let kind = self
                .kinds
                .at_unless_twice(place, softirq.name, |is_twice| (!is_twice).then(|| scan::to_text(softirq.name)));
            let Some(kind) = kind else { continue };
            for (cpu, count) in softirq.counts().enumerate() {
                let mut digits = itoa::Buffer::new();
                scrape.page.sample(&FUNCTIONS, &[("cpu", digits.format(cpu)), ("type", kind)], count as f64);
            }
        }
        Ok(Outcome::Collected)
    }
}
