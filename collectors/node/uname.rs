//! `uname(2)`: kernel release and version, machine and node name.
//! Kernel: any. Privileges: none. Cost: one system call.
//!
//! An agent in a pod without the host's network sees the pod's name for the node's. Its `NODE_NAME`, which a DaemonSet
//! sets from `spec.nodeName`, is the right one then.

use exposition::{Family, gauge};
use kernel::Host;
use nix::sys::utsname::uname;

use crate::{Collector, Failure, Outcome, Scrape, Spec};

const INFO: Family = gauge("node_uname_info", "Labeled system information as provided by the uname system call.");

pub const SPEC: Spec = Spec {
    name: "uname",
    is_on_by_default: true,
    help: "kernel release and version, machine and node name, from uname(2)",
    families: &[INFO],
    flags: &[],
    build: |host, _| Ok(Box::new(Uname::new(host))),
};

struct Uname {
    /// In place of the name that the kernel gives.
    node_name: Option<String>,
}

impl Uname {
    fn new(host: &Host) -> Self {
        let told = std::env::var("NODE_NAME").ok();
        Uname { node_name: told.filter(|name| !host.is_in_host_network() && !name.is_empty()) }
    }
}

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
        let labels = labels.each_ref().map(|(label, name)| match &self.node_name {
            Some(told) if *label == "nodename" => (*label, told.as_str()),
            _ => (*label, name.as_ref()),
        });
        scrape.page.sample(&INFO, &labels, 1.0);
        Ok(Outcome::Collected)
    }
}
