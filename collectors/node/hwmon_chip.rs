//! Chips of `/sys/class/hwmon` and what they are called. Part of the collector `hwmon`.
//!
//! `hwmon3` depends on the order in which drivers were loaded, so a chip is called after its device: bus and device, as
//! in `platform_coretemp_0`. Several chips may belong to one device; then each gets a suffix.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kernel::read_file_if_there;
use kernel::scan::to_text;
use kernel::sys::hwmon::cleaned;

pub struct Chip {
    pub folder: PathBuf,
    /// What tells it from all others.
    pub label: String,
    /// What its driver calls it; several chips may have the same.
    pub name: Option<String>,
}

/// The chips in a folder with entries of these names. Links that lead nowhere and files are none.
pub fn chips(folder: &Path, names: &[String], buffer: &mut Vec<u8>) -> Vec<Chip> {
    let paths = names.iter().map(|name| folder.join(name)).filter(|path| path.is_dir());
    let mut chips: Vec<Chip> = paths.filter_map(|path| Chip::new(path, buffer)).collect();
    let mut sharing: BTreeMap<String, usize> = BTreeMap::new();
    let mut sharing_name_too: BTreeMap<(String, Option<String>), usize> = BTreeMap::new();
    for chip in &chips {
        *sharing.entry(chip.label.clone()).or_default() += 1;
        *sharing_name_too.entry((chip.label.clone(), chip.name.clone())).or_default() += 1;
    }
    for chip in &mut chips {
        if sharing[&chip.label] == 1 {
            continue;
        }
        let is_named_apart = sharing_name_too[&(chip.label.clone(), chip.name.clone())] == 1;
        let suffix = match &chip.name {
            Some(name) if is_named_apart => name.clone(),
            _ => last_part(&chip.folder),
        };
        chip.label = format!("{}_{suffix}", chip.label);
    }
    chips
}

impl Chip {
    fn new(folder: PathBuf, buffer: &mut Vec<u8>) -> Option<Self> {
        let name = read_file_if_there(&folder.join("name"), buffer).ok().flatten();
        let name = name.map(|bytes| cleaned(&to_text(bytes))).filter(|name| !name.is_empty());
        let label = label_of_device(&folder).or_else(|| name.clone()).or_else(|| label_of_folder(&folder))?;
        Some(Chip { folder, label, name })
    }
}

fn label_of_device(chip: &Path) -> Option<String> {
    let device = chip.join("device").canonicalize().ok()?;
    let (bus, device) = (device.parent().map(last_part).unwrap_or_default(), last_part(&device));
    match (bus.is_empty(), device.is_empty()) {
        (_, true) => None,
        (true, false) => Some(device),
        (false, false) => Some(format!("{bus}_{device}")),
    }
}

fn label_of_folder(chip: &Path) -> Option<String> {
    let label = last_part(&chip.canonicalize().ok()?);
    (!label.is_empty()).then_some(label)
}

fn last_part(path: &Path) -> String {
    path.file_name().map(|name| cleaned(&name.to_string_lossy())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn chips_of_one_device_are_told_apart() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let class = dir.path().join("class");
        let add = |number: u32, device: Option<&str>, name: Option<&str>| {
            let chip = class.join(format!("hwmon{number}"));
            fs::create_dir_all(&chip).expect("a folder");
            if let Some(device) = device {
                fs::create_dir_all(dir.path().join(device)).expect("a device");
                symlink(dir.path().join(device), chip.join("device")).expect("linked");
            }
            name.into_iter().for_each(|name| fs::write(chip.join("name"), name).expect("written"));
        };
        add(0, Some("platform/coretemp.0"), Some("coretemp\n"));
        add(1, Some("platform/coretemp.1"), Some("coretemp\n"));
        add(2, Some("ieee80211/phy0"), Some("mt7996_phy0.0\n"));
        add(3, Some("ieee80211/phy0"), Some("mt7996_phy0.1\n"));
        add(4, Some("ieee80211/phy0"), Some("same\n"));
        add(5, Some("ieee80211/phy0"), Some("same\n"));
        add(6, Some("ieee80211/phy0"), None);
        add(7, None, Some("acpitz\n"));
        add(8, None, Some("!!\n"));
        symlink("nowhere", class.join("hwmon9")).expect("linked");
        fs::write(class.join("uevent"), "").expect("written");
        let names: Vec<String> = (0..10).map(|number| format!("hwmon{number}")).chain(["uevent".to_owned()]).collect();
        let labels: Vec<String> = chips(&class, &names, &mut Vec::new()).into_iter().map(|chip| chip.label).collect();
        let expected = [
            "platform_coretemp_0",
            "platform_coretemp_1",
            "ieee80211_phy0_mt7996_phy0_0",
            "ieee80211_phy0_mt7996_phy0_1",
            "ieee80211_phy0_hwmon4",
            "ieee80211_phy0_hwmon5",
            "ieee80211_phy0_hwmon6",
            "acpitz",
            "hwmon8",
        ];
        assert_eq!(labels, expected);
    }
}
