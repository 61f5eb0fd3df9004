//! `/sys/devices/system/cpu/vulnerabilities/*`: weaknesses of the CPU that the kernel knows of, and what is done about
//! each.
//! Kernel: 4.15 and later. Privileges: none. Cost: one listing and some 20 short reads.

use exposition::{Family, gauge};
use kernel::sys::vulnerability::{State, Vulnerability};
use kernel::{Attribute, Host};

use super::inventory::Inventory;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const INFO: Family = gauge(
    "node_cpu_vulnerabilities_info",
    "State of each weakness of the CPU that the kernel knows of, and what is done about it.",
);

pub const SPEC: Spec = Spec {
    name: "cpu_vulnerabilities",
    is_on_by_default: false,
    help: "weaknesses of the CPU and what is done about them",
    families: &[INFO],
    flags: &[],
    build: |host, _| Ok(Box::new(CpuVulnerabilities::new(host))),
};

struct CpuVulnerabilities {
    host: Host,
    files: Inventory<Attribute>,
}

impl CpuVulnerabilities {
    fn new(host: &Host) -> Self {
        let folder = host.roots.sys("devices/system/cpu/vulnerabilities");
        CpuVulnerabilities { host: host.clone(), files: Inventory::new(folder) }
    }
}

impl Collector for CpuVulnerabilities {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let host = &self.host;
        match self.files.refresh(scrape.buffer, |_, path, _| Some(host.attribute(path))) {
            Ok(()) => {}
            // An empty list, and a success, to node_exporter.
            Err(error) if error.is_absent() => return Ok(Outcome::Collected),
            Err(error) => return Err(error.into()),
        }
        for (name, file) in self.files.iter_mut() {
            match file.text(scrape.buffer) {
                Ok(Some(text)) => {
                    let found = Vulnerability::parse(text);
                    let mitigation = String::from_utf8_lossy(found.mitigation);
                    let labels = [("codename", name), ("mitigation", &*mitigation), ("state", word(found.state))];
                    scrape.page.sample(&INFO, &labels, 1.0);
                }
                Ok(None) => {}
                Err(error) => scrape.item_failed(error),
            }
        }
        Ok(Outcome::Collected)
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::NotAffected => "not affected",
        State::Vulnerable => "vulnerable",
        State::Mitigated => "mitigation",
        State::Unknown => "unknown",
    }
}
