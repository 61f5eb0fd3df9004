//! Where the controllers are: on v1 each in a hierarchy of its own or with others, on v2 all in one, on hybrid machines
//! decided controller by controller (`/sys/fs/cgroup/memory` is v1, `/sys/fs/cgroup/unified` v2).
//!
//! Looks below `/sys/fs/cgroup` first, which is where everybody mounts them; `/proc/1/mountinfo` knows the rest. Read
//! once at start: hierarchies do not move while containers run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::proc::mountinfo::{mounts, unescape};
use crate::scan::to_text;
use crate::{Error, Result, Roots, read_file};

/// The controllers that have something to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controller {
    Memory,
    Cpu,
    /// v1 only; on v2 it is part of `cpu.stat`.
    Cpuacct,
    /// `blkio` on v1, `io` on v2.
    Io,
    Pids,
    Cpuset,
    Hugetlb,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V1,
    V2,
}

#[derive(Clone, Debug, Default)]
pub struct Hierarchies {
    v1: [Option<PathBuf>; CONTROLLERS.len()],
    /// Mount point of v2.
    unified: Option<PathBuf>,
    /// What `cgroup.controllers` of the v2 root lists.
    unified_has: [bool; CONTROLLERS.len()],
}

/// In the order in which a v1 hierarchy is chosen for walking.
const CONTROLLERS: [(Controller, &str, &str); 7] = [
    (Controller::Memory, "memory", "memory"),
    (Controller::Cpu, "cpu", "cpu"),
    (Controller::Cpuacct, "cpuacct", ""),
    (Controller::Io, "blkio", "io"),
    (Controller::Pids, "pids", "pids"),
    (Controller::Cpuset, "cpuset", "cpuset"),
    (Controller::Hugetlb, "hugetlb", "hugetlb"),
];

impl Hierarchies {
    /// An error that `is_absent` when the machine has no cgroups.
    pub fn detect(roots: &Roots) -> Result<Hierarchies> {
        let root = roots.sys("fs/cgroup");
        let mut found = Hierarchies::default();
        if is_unified(&root) {
            found.set_unified(root);
            return Ok(found);
        }
        found.look_below(&root);
        found.look_into_mountinfo(roots);
        if found.is_empty() {
            let missing = io::Error::from_raw_os_error(nix::libc::ENOENT);
            return Err(fs::read_dir(&root).err().map_or(Error::io(&root, missing), |error| Error::io(&root, error)));
        }
        Ok(found)
    }

    /// Version and mount point of a controller.
    pub fn of(&self, controller: Controller) -> Option<(Version, &Path)> {
        let index = index_of(controller);
        if let Some(root) = &self.v1[index] {
            return Some((Version::V1, root));
        }
        let is_hybrid = self.v1.iter().any(Option::is_some);
        // A pure v2 machine has `cpu.stat` even where no controller is on.
        let has = self.unified_has[index] || !is_hybrid;
        self.unified.as_deref().filter(|_| has).map(|root| (Version::V2, root))
    }

    /// Mount point of v2, on hybrid machines too: pressure and processes are there without any controller.
    pub fn unified(&self) -> Option<&Path> {
        self.unified.as_deref()
    }

    /// The hierarchy whose directories are the list of cgroups.
    pub fn walked(&self) -> Option<&Path> {
        self.v1.iter().flatten().next().or(self.unified.as_ref()).map(PathBuf::as_path)
    }

    fn is_empty(&self) -> bool {
        self.walked().is_none()
    }

    fn look_below(&mut self, root: &Path) {
        let Ok(entries) = fs::read_dir(root) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            if is_unified(&path) {
                self.set_unified(path);
                continue;
            }
            if let Some(name) = entry.file_name().to_str() {
                name.split(',').for_each(|controller| self.set_v1(controller, &path));
            }
        }
    }

    /// Lines of the form `32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu`.
    fn look_into_mountinfo(&mut self, roots: &Roots) {
        let mut buffer = Vec::new();
        let Ok(bytes) = read_file(&roots.proc("1/mountinfo"), &mut buffer) else { return };
        for mount in mounts(bytes).flatten() {
            let path = roots.locate(unescape(mount.mount_point));
            match mount.filesystem {
                b"cgroup2" if self.unified.is_none() && is_unified(&path) => self.set_unified(path),
                b"cgroup" => {
                    let options = to_text(mount.super_options);
                    options.split(',').for_each(|option| self.set_v1(option, &path));
                }
                _ => {}
            }
        }
    }

    fn set_v1(&mut self, name: &str, path: &Path) {
        let known = CONTROLLERS.iter().position(|(_, v1_name, _)| *v1_name == name);
        if let Some(index) = known.filter(|index| self.v1[*index].is_none())
            && path.is_dir()
        {
            self.v1[index] = Some(path.to_owned());
        }
    }

    fn set_unified(&mut self, root: PathBuf) {
        let mut buffer = Vec::new();
        let listed = read_file(&root.join("cgroup.controllers"), &mut buffer).map(to_text).unwrap_or_default();
        for (index, (_, _, v2_name)) in CONTROLLERS.iter().enumerate() {
            self.unified_has[index] = listed.split_whitespace().any(|name| name == *v2_name);
        }
        self.unified = Some(root);
    }
}

/// Every v2 group has these files; the root has the first.
fn is_unified(path: &Path) -> bool {
    path.join("cgroup.controllers").exists()
}

fn index_of(controller: Controller) -> usize {
    CONTROLLERS.iter().position(|(known, _, _)| *known == controller).expect("every controller is in the table")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Roots) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().expect("below the folder")).expect("made");
            fs::write(path, text).expect("written");
        }
        let roots = Roots {
            procfs: dir.path().join("proc"),
            sysfs: dir.path().join("sys"),
            rootfs: dir.path().to_owned(),
            udev_data: dir.path().join("udev"),
        };
        (dir, roots)
    }

    fn place(found: &Hierarchies, controller: Controller) -> Option<(Version, String)> {
        let (version, path) = found.of(controller)?;
        Some((version, path.file_name().expect("a name").to_string_lossy().into_owned()))
    }

    #[test]
    fn one_hierarchy_has_every_controller_on_v2() {
        let (_dir, roots) = machine(&[("sys/fs/cgroup/cgroup.controllers", "cpu io memory\n")]);
        let found = Hierarchies::detect(&roots).expect("v2");
        assert_eq!(place(&found, Controller::Memory), Some((Version::V2, "cgroup".to_owned())));
        assert_eq!(place(&found, Controller::Cpuacct), Some((Version::V2, "cgroup".to_owned())));
        assert_eq!(found.walked(), Some(roots.sys("fs/cgroup").as_path()));
    }

    #[test]
    fn a_hybrid_machine_is_decided_controller_by_controller() {
        let (_dir, roots) = machine(&[
            ("sys/fs/cgroup/cpu,cpuacct/cpu.stat", ""),
            ("sys/fs/cgroup/memory/memory.stat", ""),
            ("sys/fs/cgroup/systemd/tasks", ""),
            ("sys/fs/cgroup/unified/cgroup.controllers", "io pids\n"),
        ]);
        let found = Hierarchies::detect(&roots).expect("hybrid");
        assert_eq!(place(&found, Controller::Cpu), Some((Version::V1, "cpu,cpuacct".to_owned())));
        assert_eq!(place(&found, Controller::Cpuacct), Some((Version::V1, "cpu,cpuacct".to_owned())));
        assert_eq!(place(&found, Controller::Io), Some((Version::V2, "unified".to_owned())));
        assert_eq!(place(&found, Controller::Hugetlb), None);
        assert_eq!(found.walked(), Some(roots.sys("fs/cgroup/memory").as_path()));
        assert_eq!(found.unified(), Some(roots.sys("fs/cgroup/unified").as_path()));
    }

    #[test]
    fn mountinfo_knows_unusual_places() {
        let (_dir, roots) = machine(&[
            ("proc/1/mountinfo", "32 31 0:29 / /cgroup/all rw,relatime - cgroup cgroup rw,cpu,memory\n"),
            ("cgroup/all/tasks", ""),
        ]);
        let found = Hierarchies::detect(&roots).expect("v1");
        assert_eq!(place(&found, Controller::Cpu), Some((Version::V1, "all".to_owned())));
    }

    #[test]
    fn a_machine_without_cgroups_is_absent() {
        let (_dir, roots) = machine(&[("sys/x", "")]);
        assert!(Hierarchies::detect(&roots).expect_err("nothing there").is_absent());
        let (_dir, roots) = machine(&[("sys/fs/cgroup/x", "")]);
        assert!(Hierarchies::detect(&roots).expect_err("nothing there").is_absent());
    }
}
