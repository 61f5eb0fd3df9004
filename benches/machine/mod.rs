//! A large machine made of files: many network devices, disks and CPUs, with every file of `/proc` and `/sys` that the
//! default collectors of either program read of them. Numbers are drawn from one fixed sequence, so the machine is the
//! same each time.

mod cpus;
mod disks;
mod links;
mod numbers;
mod whole;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use numbers::Numbers;

/// How much of each there is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub interfaces: usize,
    pub disks: usize,
    pub cpus: usize,
}

/// A folder that becomes a machine.
pub struct Machine {
    folder: PathBuf,
    numbers: Numbers,
}

impl Machine {
    /// Writes the files below `folder`: `proc`, `sys`, `etc`, `run/udev/data`.
    pub fn write(folder: &Path, size: Size) -> io::Result<()> {
        let mut machine = Machine { folder: folder.to_owned(), numbers: Numbers::default() };
        machine.write_whole()?;
        machine.write_cpus(size.cpus)?;
        machine.write_disks(size.disks)?;
        machine.write_links(size.interfaces)
    }

    /// The flags that point either program at it.
    pub fn flags(folder: &Path) -> Vec<String> {
        let at = |flag: &str, relative: &str| format!("--path.{flag}={}", folder.join(relative).display());
        vec![at("procfs", "proc"), at("sysfs", "sys"), at("rootfs", ""), at("udev.data", "run/udev/data")]
    }

    fn file(&self, path: &str, content: impl AsRef<[u8]>) -> io::Result<()> {
        let path = self.folder.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, content)
    }

    /// `count` numbers below `limit`, separated by blanks.
    fn row(&mut self, count: usize, limit: u64) -> String {
        let numbers: Vec<String> = (0..count).map(|_| self.numbers.below(limit).to_string()).collect();
        numbers.join(" ")
    }
}
