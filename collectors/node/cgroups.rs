//! `/proc/cgroups`: how many control groups each controller has.
//! Kernel: 2.6.24 and later. Privileges: none. Cost: one read of about 200 bytes.

use exposition::{Family, gauge};
use kernel::KeptFile;
use kernel::proc::cgroups::controllers;

use super::parsed::parsed;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const CGROUPS: Family = gauge("node_cgroups_cgroups", "Current cgroup number of the subsystem.");
const ENABLED: Family = gauge("node_cgroups_enabled", "Whether the subsystem is switched on.");

pub const SPEC: Spec = Spec {
    name: "cgroups",
    is_on_by_default: false,
    help: "number of control groups by controller, from /proc/cgroups",
    families: &[CGROUPS, ENABLED],
    flags: &[],
    build: |host, _| Ok(Box::new(Cgroups { file: host.proc_file("cgroups") })),
};

struct Cgroups {
    file: KeptFile,
}

impl Collector for Cgroups {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let bytes = match self.file.read_single(scrape.buffer) {
            Ok(bytes) => bytes,
            Err(error) => return Outcome::of_error(error),
        };
        for controller in parsed(controllers(bytes), self.file.path(), scrape.problems) {
            let name = String::from_utf8_lossy(controller.name);
            let labels = [("subsys_name", &*name)];
            scrape.page.sample(&CGROUPS, &labels, controller.cgroups as f64);
            scrape.page.sample(&ENABLED, &labels, controller.enabled as f64);
        }
        Ok(Outcome::Collected)
    }
}
