//! The devices in one folder of sysfs, and what a collector keeps of each: labels, open files, what does not change.
//!
//! A device that stays is kept; one that came is made, one that went is dropped. Every `LOOK_AGAIN` all are made anew,
//! so that a device that was exchanged for another of the same name does not keep the old one's description.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kernel::{Folder, scan};

/// How old what is kept of a device can get.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Inventory<T> {
    folder: Folder,
    /// By name.
    devices: Vec<(Box<str>, T)>,
    looked: Option<Instant>,
}

impl<T> Inventory<T> {
    pub fn new(folder: PathBuf) -> Self {
        Inventory { folder: Folder::new(folder), devices: Vec::new(), looked: None }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Lists the folder. `make` is given the name and the path of each entry that is new, and says `None` to what is
    /// no device or not wanted. Names that are no UTF-8 reach it with U+FFFD in them.
    pub fn refresh(
        &mut self,
        buffer: &mut Vec<u8>,
        mut make: impl FnMut(&str, &Path, &mut Vec<u8>) -> Option<T>,
    ) -> kernel::Result<()> {
        let has_changed = match self.folder.list(buffer) {
            Ok(has_changed) => has_changed,
            Err(error) => {
                self.devices.clear();
                self.looked = None;
                return Err(error);
            }
        };
        let is_old = self.looked.is_none_or(|looked| looked.elapsed() >= LOOK_AGAIN);
        if !has_changed && !is_old {
            return Ok(());
        }
        if is_old {
            self.devices.clear();
            self.looked = Some(Instant::now());
        }
        let mut names: Vec<Box<str>> = self.folder.names().map(|name| scan::to_text(name).into()).collect();
        names.sort();
        let mut known = std::mem::take(&mut self.devices).into_iter().peekable();
        for name in names {
            while known.next_if(|(other, _)| *other < name).is_some() {}
            if let Some(device) = known.next_if(|(other, _)| *other == name) {
                self.devices.push(device);
            } else if let Some(device) = make(&name, &self.folder.path().join(&*name), buffer) {
                self.devices.push((name, device));
            }
        }
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    /// Devices by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> + Clone {
        self.devices.iter().map(|(name, device)| (&**name, device))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut T)> {
        self.devices.iter_mut().map(|(name, device)| (&**name, device))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn devices_that_stay_are_kept_and_only_new_ones_are_made() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let add = |name: &str| fs::write(dir.path().join(name), "").expect("written");
        ["b", "d", "uevent"].into_iter().for_each(add);
        let mut inventory = Inventory::new(dir.path().to_owned());
        let mut made = Vec::new();
        let mut refresh = |inventory: &mut Inventory<usize>| {
            let mut count = 0;
            let make = |name: &str, path: &Path, _: &mut Vec<u8>| {
                assert!(path.ends_with(name));
                count += 1;
                made.push(name.to_owned());
                (name != "uevent").then_some(made.len())
            };
            inventory.refresh(&mut Vec::new(), make).expect("listed");
            count
        };
        assert_eq!(refresh(&mut inventory), 3);
        assert_eq!(refresh(&mut inventory), 0);
        ["a", "c"].into_iter().for_each(add);
        fs::remove_file(dir.path().join("b")).expect("removed");
        assert_eq!(refresh(&mut inventory), 3, "what is no device is asked for again, and a and c are new");
        assert_eq!(inventory.iter().collect::<Vec<_>>(), [("a", &4), ("c", &5), ("d", &2)]);
    }

    #[test]
    fn a_folder_that_went_takes_its_devices_along() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("hwmon");
        fs::create_dir(&path).expect("a folder");
        fs::write(path.join("hwmon0"), "").expect("written");
        let mut inventory = Inventory::new(path.clone());
        inventory.refresh(&mut Vec::new(), |_, _, _| Some(())).expect("listed");
        assert!(!inventory.is_empty());
        fs::remove_dir_all(&path).expect("removed");
        assert!(inventory.refresh(&mut Vec::new(), |_, _, _| Some(())).expect_err("gone").is_absent());
        assert!(inventory.is_empty());
    }
}
