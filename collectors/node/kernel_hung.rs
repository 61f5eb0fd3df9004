//! `/proc/sys/kernel/hung_task_detect_count`: tasks that slept uninterruptibly for longer than the kernel thinks right.
//! Kernel: 6.13 and later with hung task detection. Privileges: none. Cost: one short read.

use exposition::{Family, counter};
use kernel::{KeptFile, scan};

use crate::{Collector, Failure, Outcome, Scrape, Spec};

const TASKS: Family = counter(
    "node_kernel_hung_tasks_total",
    "Total number of tasks that have been detected as hung since the system booted.",
);

pub const SPEC: Spec = Spec {
    name: "kernel_hung",
    is_on_by_default: true,
    help: "tasks that hung, as the kernel has found",
    families: &[TASKS],
    flags: &[],
    build: |host, _| Ok(Box::new(KernelHung { file: host.proc_file("sys/kernel/hung_task_detect_count") })),
};

struct KernelHung {
    file: KeptFile,
}

impl Collector for KernelHung {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        match self.file.parse_single(scrape.buffer, scan::number) {
            Ok(tasks) => scrape.page.sample(&TASKS, &[], tasks as f64),
            Err(error) => return Outcome::of_error(error),
        }
        Ok(Outcome::Collected)
    }
}
