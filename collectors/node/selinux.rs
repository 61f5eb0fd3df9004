//! selinuxfs (`/sys/fs/selinux`) and `/etc/selinux/config`: whether SELinux is enabled, and whether it enforces its
//! policy, now and by configuration. A kernel without a loaded policy (its processes are labelled `kernel`) counts as
//! not enabled.
//! Kernel: 2.6 and later. Privileges: none. Cost: at most three small reads.

use std::path::PathBuf;

use exposition::{Family, gauge};
use kernel::selinux::{Mode, configured_mode, is_without_policy};
use kernel::{Host, KeptFile, Optional, read_file_if_there, scan};

use crate::{Collector, Failure, Outcome, Scrape, Spec};

const ENABLED: Family = gauge("node_selinux_enabled", "SELinux is enabled, 1 is true, 0 is false");
const CONFIG_MODE: Family = gauge("node_selinux_config_mode", "Configured SELinux enforcement mode");
const CURRENT_MODE: Family = gauge("node_selinux_current_mode", "Current SELinux enforcement mode");

pub const SPEC: Spec = Spec {
    name: "selinux",
    is_on_by_default: true,
    help: "whether SELinux is enabled and enforces its policy, from selinuxfs and /etc/selinux/config",
    families: &[ENABLED, CONFIG_MODE, CURRENT_MODE],
    flags: &[],
    build: |host, _| Ok(Box::new(Selinux::new(host))),
};

/// Of a mode that is disabled, or that cannot be told.
const NO_MODE: f64 = -1.0;

struct Selinux {
    enforce: KeptFile,
    /// Below `/proc/<pid>`, so it is not kept open.
    own_label: PathBuf,
    config: PathBuf,
}

impl Selinux {
    fn new(host: &Host) -> Self {
        Selinux {
            enforce: host.sys_file("fs/selinux/enforce"),
            own_label: host.roots.proc("self/attr/current"),
            config: host.roots.host_path("/etc/selinux/config"),
        }
    }
}

impl Collector for Selinux {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let current = match self.enforce.parse_single(scrape.buffer, scan::number).optional() {
            Ok(None) => {
                scrape.page.sample(&ENABLED, &[], 0.0);
                return Ok(Outcome::Collected);
            }
            Ok(Some(mode)) => mode as f64,
            Err(error) => {
                scrape.item_failed(error);
                NO_MODE
            }
        };
        // A label that cannot be read says nothing against it.
        let label = read_file_if_there(&self.own_label, scrape.buffer).ok().flatten();
        if label.is_some_and(is_without_policy) {
            scrape.page.sample(&ENABLED, &[], 0.0);
            return Ok(Outcome::Collected);
        }
        let configured = match read_file_if_there(&self.config, scrape.buffer) {
            Ok(config) => match configured_mode(config.unwrap_or_default()) {
                Mode::Enforcing => 1.0,
                Mode::Permissive => 0.0,
                Mode::Disabled => NO_MODE,
            },
            Err(error) => {
                scrape.item_failed(error);
                NO_MODE
            }
        };
        scrape.page.sample(&ENABLED, &[], 1.0);
        scrape.page.sample(&CONFIG_MODE, &[], configured);
        scrape.page.sample(&CURRENT_MODE, &[], current);
        Ok(Outcome::Collected)
    }
}
