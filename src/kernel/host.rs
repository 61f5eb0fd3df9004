//! The machine that is read: its roots, and the budget of files that may stay open.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::proc::auxv;
use crate::{Attribute, FileBudget, KeptFile, Network, Roots, limits, read_file};

/// Cheap to clone; every collector gets one.
#[derive(Clone, Debug, Default)]
pub struct Host {
    pub roots: Arc<Roots>,
    pub files: FileBudget,
    /// Found out when it is asked for first.
    network: Arc<OnceLock<Network>>,
}

impl Host {
    pub fn new(roots: Roots, max_kept_files: usize) -> Self {
        Host { roots: Arc::new(roots), files: FileBudget::new(max_kept_files), network: Arc::default() }
    }

    /// A file below `/proc` that is read on every scrape.
    pub fn proc_file(&self, relative: impl AsRef<Path>) -> KeptFile {
        KeptFile::new(self.roots.proc(relative), &self.files)
    }

    /// A file below `/sys` that is read on every scrape.
    pub fn sys_file(&self, relative: impl AsRef<Path>) -> KeptFile {
        KeptFile::new(self.roots.sys(relative), &self.files)
    }

    /// Bytes of a page of memory on this machine.
    pub fn page_bytes(&self) -> u64 {
        let mut buffer = Vec::new();
        let auxv = read_file(&self.roots.proc("self/auxv"), &mut buffer);
        auxv.ok().and_then(auxv::page_bytes).unwrap_or_else(limits::page_bytes)
    }

    /// An attribute of a device, by its full path.
    pub fn attribute(&self, path: impl Into<PathBuf>) -> Attribute {
        Attribute::new(path.into(), &self.files)
    }

    /// A file of the host's `/proc/net` that is read on every scrape: `host.net_file("dev")`. Outside the host's network
    /// namespace it is that of the first process, whose namespace never dies and so may be kept open.
    pub fn net_file(&self, relative: impl AsRef<Path>) -> KeptFile {
        let folder = if self.is_in_host_network() { "net" } else { "1/net" };
        self.proc_file(Path::new(folder).join(relative))
    }

    pub fn network(&self) -> &Network {
        self.network.get_or_init(|| Network::of(&self.roots))
    }

    /// Whether what a socket tells (netlink, ioctl) is the host's; false where it would be that of the agent's pod.
    pub fn is_in_host_network(&self) -> bool {
        !matches!(self.network(), Network::Other)
    }
}
