//! Bonds of network devices: how many links each has, and how many of them are up.
//! Files: `/sys/class/net/bonding_masters`, and of each bond `bonding/slaves` and each slave's
//! `bonding_slave/mii_status`. Kernel: 2.6.39 and later, with the module `bonding`. Privileges: none.
//! Cost: a read for the list, one for each bond and one for each slave.

use std::path::Path;

use exposition::{Family, LabelText, gauge};
use kernel::sys::net_class::{is_link_up, names};
use kernel::{Host, KeptFile, scan};

use crate::{Collector, Failure, Outcome, Scrape, Spec};

const SLAVES: Family = gauge("node_bonding_slaves", "Number of configured slaves per bonding interface.");
const ACTIVE: Family = gauge("node_bonding_active", "Number of active slaves per bonding interface.");

pub const SPEC: Spec = Spec {
    name: "bonding",
    is_on_by_default: true,
    help: "links of bonded network devices, from /sys/class/net/bonding_masters",
    families: &[SLAVES, ACTIVE],
    flags: &[],
    build: |host, _| Ok(Box::new(Bonding::new(host))),
};

struct Bonding {
    host: Host,
    list: KeptFile,
    /// In the order of the list.
    bonds: Vec<Bond>,
}

struct Bond {
    name: Box<[u8]>,
    labels: LabelText,
    list: KeptFile,
    /// In the order of the list.
    slaves: Vec<Slave>,
    /// `None` when the list could not be read.
    counts: Option<Counts>,
}

struct Slave {
    name: Box<[u8]>,
    status: KeptFile,
}

/// Slaves of which the state is known. A slave that left in between, or that cannot be read, counts in neither: it must
/// not look like a link that is down.
#[derive(Clone, Copy, Default)]
struct Counts {
    slaves: usize,
    active: usize,
}

impl Bonding {
    fn new(host: &Host) -> Self {
        Bonding { host: host.clone(), list: host.sys_file("class/net/bonding_masters"), bonds: Vec::new() }
    }
}

impl Collector for Bonding {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let bytes = match self.list.read_single(scrape.buffer) {
            Ok(bytes) => bytes,
            Err(error) => return Outcome::of_error(error),
        };
        adopt(&mut self.bonds, bytes, |bond| &bond.name, |name| Bond::new(&self.host, name));
        for bond in &mut self.bonds {
            bond.counts = bond.count(&self.host, scrape).map_err(|error| scrape.item_failed(error)).ok();
        }
        for (family, value) in
            [(SLAVES, (|counts| counts.slaves) as fn(Counts) -> usize), (ACTIVE, |counts| counts.active)]
        {
            for bond in &self.bonds {
                if let Some(counts) = bond.counts {
                    scrape.page.labelled_sample(&family, &bond.labels, &[], value(counts) as f64);
                }
            }
        }
        Ok(Outcome::Collected)
    }
}

/// Makes `known` what is named in `bytes`, in that order and each once. What is known already stays as far as the order
/// is the same.
fn adopt<T>(known: &mut Vec<T>, bytes: &[u8], name_of: fn(&T) -> &[u8], make: impl Fn(&[u8]) -> T) {
    let mut seen = 0;
    for name in names(bytes) {
        if known[..seen].iter().any(|other| name_of(other) == name) {
            continue;
        }
        if known.get(seen).is_none_or(|other| name_of(other) != name) {
            known.truncate(seen);
            known.push(make(name));
        }
        seen += 1;
    }
    known.truncate(seen);
}

impl Bond {
    fn new(host: &Host, name: &[u8]) -> Self {
        let text = scan::to_text(name);
        Bond {
            name: name.into(),
            labels: LabelText::new([("master", &*text)]),
            list: host.sys_file(Path::new("class/net").join(&text).join("bonding/slaves")),
            slaves: Vec::new(),
            counts: None,
        }
    }

    fn count(&mut self, host: &Host, scrape: &mut Scrape<'_>) -> kernel::Result<Counts> {
        let bytes = self.list.read_single(scrape.buffer)?;
        adopt(&mut self.slaves, bytes, |slave| &slave.name, |name| Slave::new(host, &self.name, name));
        let mut counts = Counts::default();
        for slave in &mut self.slaves {
            match slave.status.read_single(scrape.buffer) {
                Ok(status) => {
                    counts.slaves += 1;
                    counts.active += usize::from(is_link_up(status));
                }
                Err(error) => scrape.problems.push(error.to_string()),
            }
        }
        Ok(counts)
    }
}

impl Slave {
    /// Linux 3.9 and later have `lower_<slave>` in the bond's folder, and earlier ones `slave_<slave>`.
    fn new(host: &Host, bond: &[u8], name: &[u8]) -> Self {
        let bond = Path::new("class/net").join(scan::to_text(bond));
        let status = |prefix| bond.join(format!("{prefix}_{}", scan::to_text(name))).join("bonding_slave/mii_status");
        let (lower, slave) = (status("lower"), status("slave"));
        let status = if host.roots.sys(&lower).exists() { lower } else { slave };
        Slave { name: name.into(), status: host.sys_file(status) }
    }
}
