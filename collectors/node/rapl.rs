//! `/sys/class/powercap`: energy that packages, cores and memory have used (running average power limit, RAPL).
//! Kernel: 3.13 and later, Intel; AMD since 5.8. Privileges: the counters are root's since 5.10. Cost: one listing,
//! one read per zone.
//!
//! Zones that share a name are numbered in the order of their folders, so all are looked at anew when one came or went,
//! and every `LOOK_AGAIN`.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use exposition::{Family, Kind, LabelText, counter};
use kernel::scan::to_text;
use kernel::sys::{integer, text};
use kernel::{Attribute, Folder, Host, read_file};

use super::readings::reading;
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, SettingsError, Spec};

const LOOK_AGAIN: Duration = Duration::from_secs(60);
const MICROJOULES_PER_JOULE: f64 = 1_000_000.0;

/// Stands for the families that are named after zones.
const ZONE: Family = counter("node_rapl_<zone>_joules_total", "Current RAPL value of a zone in joules");
const JOULES: Family = counter("node_rapl_joules_total", "Current RAPL value in joules");

const ZONE_LABEL: Flag = Flag {
    name: "collector.rapl.enable-zone-label",
    kind: FlagKind::Switch { default: false },
    help: "one family with the zone as a label, instead of a family for each zone",
    aliases: &[],
};

pub const SPEC: Spec = Spec {
    name: "rapl",
    is_on_by_default: true,
    help: "energy used by packages, cores and memory, from /sys/class/powercap",
    families: &[ZONE, JOULES],
    flags: &[ZONE_LABEL],
    build: |host, settings| Ok(Box::new(Rapl::new(host, settings)?)),
};

struct Rapl {
    host: Host,
    has_zone_label: bool,
    folder: Folder,
    looked: Option<Instant>,
    /// By name.
    zones: Vec<Zone>,
}

struct Zone {
    family: String,
    help: String,
    index: String,
    path: String,
    /// Labels in the family that all zones share.
    labels: LabelText,
    energy: Attribute,
}

impl Rapl {
    fn new(host: &Host, settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Rapl {
            host: host.clone(),
            has_zone_label: settings.is_on(ZONE_LABEL.name),
            folder: Folder::new(host.roots.sys("class/powercap")),
            looked: None,
            zones: Vec::new(),
        })
    }

    fn look(&mut self, buffer: &mut Vec<u8>) {
        self.looked = Some(Instant::now());
        self.zones.clear();
        let mut names: Vec<String> = self.folder.names().map(to_text).collect();
        names.sort();
        // The index that a zone without one gets, by name.
        let mut next: BTreeMap<String, u64> = BTreeMap::new();
        for name in names {
            let path = self.folder.path().join(&name);
            let Ok(bytes) = read_file(&path.join("name"), buffer) else { continue };
            let (name, index) = name_and_index(&text::to_utf8(text::shown(bytes)), &next);
            self.zones.push(Zone::new(&self.host, &path, &name, index));
            next.insert(name, index + 1);
        }
        self.zones.sort_by(|one, other| one.family.cmp(&other.family));
    }
}

impl Zone {
    fn new(host: &Host, folder: &Path, name: &str, index: u64) -> Self {
        let plain = name.replace(|c: char| !c.is_ascii_alphanumeric() && c != '_', "_");
        let (index, path) = (index.to_string(), without_dots(folder).display().to_string());
        Zone {
            family: format!("node_rapl_{plain}_joules_total"),
            help: format!("Current RAPL {name} value in joules"),
            labels: LabelText::new([("index", &*index), ("path", &path), ("rapl_zone", name)]),
            index,
            path,
            energy: host.attribute(folder.join("energy_uj")),
        }
    }
}

impl Collector for Rapl {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        match self.folder.list(scrape.buffer) {
            Ok(has_changed) => {
                if has_changed || self.looked.is_none_or(|looked| looked.elapsed() >= LOOK_AGAIN) {
                    self.look(scrape.buffer);
                }
            }
            Err(error) => {
                self.looked = None;
                self.zones.clear();
                return Outcome::of_error(error);
            }
        }
        if self.zones.is_empty() {
            return Ok(Outcome::empty(format!("no zone in {}", self.folder.path().display())));
        }
        let mut denied = None;
        for zone in &mut self.zones {
            let result = match zone.energy.parse(scrape.buffer, integer::unsigned) {
                Err(error) if error.is_denied() => {
                    denied = denied.or(Some(error));
                    continue;
                }
                result => result,
            };
            let Some(microjoules) = reading(result, scrape.problems) else { continue };
            let joules = microjoules as f64 / MICROJOULES_PER_JOULE;
            if self.has_zone_label {
                scrape.page.labelled_sample(&JOULES, &zone.labels, &[], joules);
            } else {
                let labels = [("index", &*zone.index), ("path", &*zone.path)];
                scrape.page.named_sample(&zone.family, Kind::Counter, &zone.help, &labels, joules);
            }
        }
        match denied {
            Some(error) => Ok(Outcome::absent(format!("the counters are root's: {error}"))),
            None => Ok(Outcome::Collected),
        }
    }
}

/// `package-1` is the second zone `package`; a name without an index gets the next that is free.
fn name_and_index(name: &str, next: &BTreeMap<String, u64>) -> (String, u64) {
    if let Some((plain, index)) = name.split_once('-')
        && let Some(index) = kernel::scan::parse_u64(index.as_bytes()).filter(|index| *index < u64::MAX)
    {
        return (plain.to_owned(), index);
    }
    (name.to_owned(), next.get(name).copied().unwrap_or(0))
}

/// The path as the root was given, less `.` and what `..` takes back.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_in_the_name_or_counted() {
        let next = BTreeMap::from([("dram".to_owned(), 2)]);
        for (name, expected) in [
            ("package-1", ("package", 1)),
            ("dram", ("dram", 2)),
            ("core", ("core", 0)),
            ("un-core-x", ("un-core-x", 0)),
        ] {
            let (plain, index) = name_and_index(name, &next);
            assert_eq!((&*plain, index), expected, "{name}");
        }
    }

    #[test]
    fn paths_are_shown_as_the_root_was_given() {
        let shown = |path| without_dots(Path::new(path)).display().to_string();
        assert_eq!(shown("./host/../sys/class/powercap/x"), "sys/class/powercap/x");
        assert_eq!(shown("/host/sys//class/./powercap"), "/host/sys/class/powercap");
        assert_eq!(shown("../sys"), "../sys");
    }
}
