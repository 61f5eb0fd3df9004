//! The devices in one folder of sysfs, and what a collector keeps of each: labels, open files, what does not change.
//!
//! A device that stays is kept; one that came is made, one that went is dropped. What is older than `LOOK_AGAIN` is made
//! anew, so that a device that was exchanged for another of the same name does not keep the old one's description; of
//! many devices only a part in one listing, so that no scrape pays for all.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kernel::{Folder, scan};

use super::turn::Turn;

/// When what is kept of a device is old.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Inventory<T> {
    folder: Folder,
    /// By name.
    devices: Vec<Device<T>>,
    /// When all names were looked at last, those of no devices too.
    looked: Option<Instant>,
    turn: Turn,
    look_again: Duration,
}

#[derive(Debug)]
struct Device<T> {
    name: Box<str>,
    made: Instant,
    kept: T,
}

impl<T> Inventory<T> {
    pub fn new(folder: PathBuf) -> Self {
        let folder = Folder::new(folder);
        Inventory { folder, devices: Vec::new(), looked: None, turn: Turn::default(), look_again: LOOK_AGAIN }
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
        self.renew(buffer, &mut make);
        if has_changed || self.looked.is_none_or(|looked| looked.elapsed() >= self.look_again) {
            self.looked = Some(Instant::now());
            self.merge(buffer, &mut make);
        }
        Ok(())
    }

    /// Makes old devices anew whose turn it is.
    fn renew(&mut self, buffer: &mut Vec<u8>, make: &mut impl FnMut(&str, &Path, &mut Vec<u8>) -> Option<T>) {
        let now = Instant::now();
        // From the last to the first: one that turns out to be none leaves the places before it as they are.
        for place in self.turn.next_places(self.devices.len()).rev() {
            if now.duration_since(self.devices[place].made) < self.look_again {
                continue;
            }
            // Its files are closed first, so that those of its successor may stay open.
            let name = self.devices.remove(place).name;
            if let Some(kept) = make(&name, &self.folder.path().join(&*name), buffer) {
                self.devices.insert(place, Device { name, made: now, kept });
            }
        }
    }

    /// Drops what is not listed any more, and makes what is listed and not known.
    fn merge(&mut self, buffer: &mut Vec<u8>, make: &mut impl FnMut(&str, &Path, &mut Vec<u8>) -> Option<T>) {
        let mut names: Vec<Box<str>> = self.folder.names().map(|name| scan::to_text(name).into()).collect();
        names.sort();
        let mut known = std::mem::take(&mut self.devices).into_iter().peekable();
        for name in names {
            while known.next_if(|device| device.name < name).is_some() {}
            if let Some(device) = known.next_if(|device| device.name == name) {
                self.devices.push(device);
            } else if let Some(kept) = make(&name, &self.folder.path().join(&*name), buffer) {
                self.devices.push(Device { name, made: Instant::now(), kept });
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    /// Devices by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> + Clone {
        self.devices.iter().map(|device| (&*device.name, &device.kept))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut T)> {
        self.devices.iter_mut().map(|device| (&*device.name, &mut device.kept))
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

    #[test]
    fn old_devices_are_made_anew_by_turns() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for number in 0..100 {
            fs::write(dir.path().join(format!("eth{number}")), "").expect("written");
        }
        let mut inventory = Inventory::new(dir.path().to_owned());
        let mut made = 0;
        let mut refresh = |inventory: &mut Inventory<usize>| {
            let before = made;
            let make = |_: &str, _: &Path, _: &mut Vec<u8>| {
                made += 1;
                Some(made)
            };
            inventory.refresh(&mut Vec::new(), make).expect("listed");
            made - before
        };
        assert_eq!(refresh(&mut inventory), 100);
        assert_eq!(refresh(&mut inventory), 0);
        inventory.look_again = Duration::ZERO;
        let parts: Vec<usize> = (0..13).map(|_| refresh(&mut inventory)).collect();
        assert!(parts.iter().all(|part| *part <= 8), "a part in each listing: {parts:?}");
        assert!(inventory.iter().all(|(_, number)| *number > 100), "and all after some");
        assert_eq!(inventory.iter().count(), 100);
    }
}
