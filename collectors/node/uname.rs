//! `uname(2)`: kernel release and version, machine and node name.
//! Kernel: any. Privileges: none. Cost: one system call.

use exposition::{Family, gauge};
use nix::sys::utsname::uname;

use crate::{Collector, Failure, Outcome, Scrape, Spec};

const INFO: Family = gauge("node_uname_info", "Labeled system information as provided by the uname system call.");

pub const SPEC: Spec = Spec {
    name: "uname",
    is_on_by_default: true,
    help: "kernel release and version, machine and node name, from uname(2)",
    families: &[INFO],
    flags: &[],
    build: |_, _| Ok(Box::new(Uname)),
};

struct Uname;

impl Collector for Uname {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let names = uname().map_err(|errno| Failure(format!("uname: {errno}")))?;
        let labels = [
            ("domainname", names.domainname()),
            ("machine", names.machine()),
            ("nodename", names.nodename()),
            ("release", names.release()),
            ("sysname", names.sysname()),
            ("version", names.version()),
        ];
        let labels = labels.map(|(label, name)| (label, name.to_string_lossy()));
        let labels = labels.each_ref().map(|(label, name)| (*label, name.as_ref()));
        scrape.page.sample(&INFO, &labels, 1.0);
        Ok(Outcome::Collected)
    }
}
