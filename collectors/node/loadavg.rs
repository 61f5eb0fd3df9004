//! `/proc/loadavg`: run-queue averages over 1, 5 and 15 minutes.
//! Kernel: any. Privileges: none. Cost: one read of about 30 bytes.

use exposition::{Family, gauge};
use kernel::proc::loadavg::LoadAverage;
use kernel::{Host, KeptFile};

use crate::{Collector, Failure, Outcome, Scrape, Spec};

const LOAD1: Family = gauge("node_load1", "1m load average.");
const LOAD5: Family = gauge("node_load5", "5m load average.");
const LOAD15: Family = gauge("node_load15", "15m load average.");

pub const SPEC: Spec = Spec {
    name: "loadavg",
    is_on_by_default: true,
    help: "run-queue averages over 1, 5 and 15 minutes",
    families: &[LOAD1, LOAD5, LOAD15],
    flags: &[],
    build: |host, _| Ok(Box::new(Loadavg::new(host))),
};

struct Loadavg {
    file: KeptFile,
}

impl Loadavg {
    fn new(host: &Host) -> Self {
        Loadavg { file: host.proc_file("loadavg") }
    }
}

impl Collector for Loadavg {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let load = match self.file.parse_single(scrape.buffer, LoadAverage::parse) {
            Ok(load) => load,
            Err(error) => return Outcome::of_error(error),
        };
        scrape.page.sample(&LOAD1, &[], load.one);
        scrape.page.sample(&LOAD5, &[], load.five);
        scrape.page.sample(&LOAD15, &[], load.fifteen);
        Ok(Outcome::Collected)
    }
}
