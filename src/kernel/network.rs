//! Whose network we see. `/proc/net`, netlink and the ioctls of sockets all speak of the network namespace of the
//! process that asks; for an agent in a pod without the host's network that is the pod's.
//!
//! The first process of the machine is in the host's: `<procfs>/1/ns/net` is compared with our own (since Linux 3.8;
//! another user's process shows it only to `CAP_SYS_PTRACE`). Where it is kept from us, the inode of a file below
//! `<procfs>/1/net` tells as well, since each namespace has files of its own there and anybody may look.
//! Cost: two to four system calls, once.

use std::fs::{metadata, read_link};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::statfs::{PROC_SUPER_MAGIC, statfs};

use crate::{Error, Result, Roots};

#[derive(Debug)]
pub enum Network {
    /// The host's, or that of a machine made of files.
    Host,
    /// Not the host's: only files below `<procfs>/1/net` tell of that one.
    Other,
    /// Could not be found out; taken for the host's.
    Unknown(Error),
}

impl Network {
    pub fn of(roots: &Roots) -> Network {
        let own = Path::new(Roots::PROCFS).join("self");
        match is_same(&roots.proc("1"), &own) {
            Ok(true) => Network::Host,
            Ok(false) => Network::Other,
            // A machine made of files has no namespaces.
            Err(_) if !is_procfs(&roots.procfs) => Network::Host,
            Err(error) => Network::Unknown(error),
        }
    }
}

/// Whether two processes, by their folders of procfs, share their network.
fn is_same(one: &Path, other: &Path) -> Result<bool> {
    match namespace_of(one) {
        Ok(namespace) => Ok(namespace == namespace_of(other)?),
        Err(_) if is_procfs(one) => Ok(inode_of_devices(one)? == inode_of_devices(other)?),
        Err(error) => Err(error),
    }
}

/// As the kernel writes it: `net:[4026531833]`.
fn namespace_of(process: &Path) -> Result<PathBuf> {
    let path = process.join("ns/net");
    read_link(&path).map_err(|source| Error::io(path, source))
}

fn inode_of_devices(process: &Path) -> Result<u64> {
    let path = process.join("net/dev");
    metadata(&path).map(|file| file.ino()).map_err(|source| Error::io(path, source))
}

fn is_procfs(path: &Path) -> bool {
    statfs(path).is_ok_and(|filesystem| filesystem.filesystem_type() == PROC_SUPER_MAGIC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn machine(namespace: Option<&Path>) -> (tempfile::TempDir, Roots) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let process = folder.path().join("1/ns");
        fs::create_dir_all(&process).expect("a folder");
        if let Some(namespace) = namespace {
            symlink(namespace, process.join("net")).expect("a link");
        }
        let roots = Roots { procfs: folder.path().to_owned(), ..Roots::default() };
        (folder, roots)
    }

    #[test]
    fn a_process_shares_its_network_with_itself() {
        let own = Path::new(Roots::PROCFS).join("self");
        assert!(is_same(&own, &own).expect("our own namespace"));
        assert_eq!(inode_of_devices(&own).ok(), inode_of_devices(&own).ok());
    }

    #[test]
    fn the_first_process_in_another_namespace_makes_ours_another() {
        let own = namespace_of(&Path::new(Roots::PROCFS).join("self")).expect("our own namespace");
        let (_folder, roots) = machine(Some(&own));
        assert!(matches!(Network::of(&roots), Network::Host));
        let (_folder, roots) = machine(Some(Path::new("net:[1]")));
        assert!(matches!(Network::of(&roots), Network::Other));
    }

    #[test]
    fn a_machine_made_of_files_has_no_namespaces() {
        let (_folder, roots) = machine(None);
        assert!(matches!(Network::of(&roots), Network::Host));
    }

    #[test]
    fn what_cannot_be_found_out_is_said() {
        // A folder of procfs in which there is no first process.
        let roots = Roots { procfs: Path::new(Roots::PROCFS).join("self"), ..Roots::default() };
        let Network::Unknown(error) = Network::of(&roots) else { panic!("there is no such process") };
        assert!(error.to_string().contains("1/ns/net: "), "{error}");
    }
}
