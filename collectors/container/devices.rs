//! Names of block devices by number: the link `/sys/dev/block/<major>:<minor>`, or where that is not there the files
//! `/sys/block/*/dev`. Every kind of device has a name here: disks, partitions, device mapper, loop, RAM, network.
//! Cost: a link for each device once a minute.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kernel::Roots;
use kernel::cgroup::DeviceNumber;

/// Numbers are given to other devices when disks come and go.
const NAMES_AGE: Duration = Duration::from_secs(60);
/// More devices than this are looked up anew each time.
const MAX_DEVICES: usize = 4096;

pub struct Devices {
    sysfs: PathBuf,
    known: HashMap<DeviceNumber, Device>,
    read: Instant,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// `/dev/sda`; "" when the device is gone.
    pub path: String,
    pub major: String,
    pub minor: String,
}

impl Devices {
    pub fn new(roots: &Roots) -> Devices {
        Devices { sysfs: roots.sysfs.clone(), known: HashMap::new(), read: Instant::now() }
    }

    /// To be called before each scrape's look-ups.
    pub fn forget_old(&mut self) {
        if self.read.elapsed() > NAMES_AGE || self.known.len() > MAX_DEVICES {
            self.known.clear();
            self.read = Instant::now();
        }
    }

    pub fn of(&mut self, number: DeviceNumber) -> &Device {
        let sysfs = &self.sysfs;
        self.known.entry(number).or_insert_with(|| Device {
            path: name(sysfs, number).map(|name| format!("/dev/{name}")).unwrap_or_default(),
            major: number.major.to_string(),
            minor: number.minor.to_string(),
        })
    }
}

fn name(sysfs: &Path, number: DeviceNumber) -> Option<String> {
    let by_link = fs::read_link(sysfs.join("dev/block").join(number.to_string())).ok();
    let name = match by_link.as_deref().and_then(Path::file_name) {
        Some(name) => name.to_str()?.to_owned(),
        None => by_listing(sysfs, number)?,
    };
    // The kernel writes "!" where a name has a slash: cciss!c0d0.
    Some(name.replace('!', "/"))
}

fn by_listing(sysfs: &Path, number: DeviceNumber) -> Option<String> {
    let wanted = number.to_string();
    let is_it =
        |entry: &fs::DirEntry| fs::read_to_string(entry.path().join("dev")).is_ok_and(|text| text.trim() == wanted);
    let entry = fs::read_dir(sysfs.join("block")).ok()?.flatten().find(is_it)?;
    entry.file_name().into_string().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_come_first_and_listings_help_out() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir_all(dir.path().join("dev/block")).expect("made");
        symlink("../../devices/pci/nvme0n1/nvme0n1p1", dir.path().join("dev/block/259:1")).expect("linked");
        fs::create_dir_all(dir.path().join("block/cciss!c0d0")).expect("made");
        fs::write(dir.path().join("block/cciss!c0d0/dev"), "104:0\n").expect("written");
        let mut devices = Devices::new(&Roots { sysfs: dir.path().to_owned(), ..Roots::default() });
        let mut path = |major, minor| devices.of(DeviceNumber { major, minor }).path.clone();
        assert_eq!(path(259, 1), "/dev/nvme0n1p1");
        assert_eq!(path(104, 0), "/dev/cciss/c0d0");
        assert_eq!(path(8, 0), "");
    }
}
