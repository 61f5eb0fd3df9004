//! Where the kernel's files are. Nothing else may spell `/proc`, `/sys` or `/run`; so a test can point every reader at
//! a whole fake machine, and a container at the host's mounts.

use std::path::{Path, PathBuf};

/// The four roots, as the `--path.*` flags give them.
#[derive(Clone, Debug)]
pub struct Roots {
    /// `--path.procfs`, default `/proc`.
    pub procfs: PathBuf,
    /// `--path.sysfs`, default `/sys`.
    pub sysfs: PathBuf,
    /// `--path.rootfs`, default `/`: prefix of every other path of the host.
    pub rootfs: PathBuf,
    /// `--path.udev.data`, default `/run/udev/data`.
    pub udev_data: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Roots { procfs: "/proc".into(), sysfs: "/sys".into(), rootfs: "/".into(), udev_data: "/run/udev/data".into() }
    }
}

impl Roots {
    /// Where things are on a machine that is not inside another's mounts.
    pub const PROCFS: &str = "/proc";
    pub const SYSFS: &str = "/sys";
    pub const ROOTFS: &str = "/";
    pub const UDEV_DATA: &str = "/run/udev/data";

    pub fn proc(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.procfs.join(relative)
    }

    pub fn sys(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.sysfs.join(relative)
    }

    /// A path of the host: `roots.host_path("/etc/os-release")`; a leading slash is allowed.
    pub fn host_path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.rootfs.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// A file of the run-time state directory of the host (`/run`): sockets and state of container runtimes.
    pub fn run(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.rootfs.join("run").join(relative)
    }

    /// Where a path that the host itself spells in full is found from here: below the root that it belongs to.
    /// `/var/run` is a link to `/run` on every host, and an absolute one: followed from within a container it would
    /// lead to the container's own.
    pub fn locate(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        let below = |root: &str| path.strip_prefix(root).ok();
        if let Some(relative) = below("/proc") {
            return self.proc(relative);
        }
        if let Some(relative) = below("/sys") {
            return self.sys(relative);
        }
        match below("/run").or_else(|| below("/var/run")) {
            Some(relative) => self.run(relative),
            None => self.host_path(path),
        }
    }

    pub fn udev(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.udev_data.join(relative)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_path_is_found_below_its_own_root() {
        let roots = Roots { sysfs: "/host/sys".into(), rootfs: "/host/root".into(), ..Roots::default() };
        for (path, place) in [
            ("/sys/fs/cgroup", "/host/sys/fs/cgroup"),
            ("/proc/1/mountinfo", "/proc/1/mountinfo"),
            ("/var/run/docker.sock", "/host/root/run/docker.sock"),
            ("/run/x.sock", "/host/root/run/x.sock"),
            ("/runtime/x.sock", "/host/root/runtime/x.sock"),
            ("/cgroup/all", "/host/root/cgroup/all"),
        ] {
            assert_eq!(roots.locate(path), PathBuf::from(place), "{path}");
        }
    }
}
