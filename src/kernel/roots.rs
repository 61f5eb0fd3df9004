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

    pub fn udev(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.udev_data.join(relative)
    }

    /// A host path as the host itself sees it: without the prefix of `--path.rootfs`. `None` when it lies outside.
    pub fn strip_rootfs<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        if self.rootfs == Path::new("/") {
            return Some(path);
        }
        let below = path.strip_prefix(&self.rootfs).ok()?;
        Some(if below.as_os_str().is_empty() { Path::new("/") } else { below })
    }
}
