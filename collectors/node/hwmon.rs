//! `/sys/class/hwmon`: temperatures, fans, voltages, power and energy as hardware monitoring chips measure them.
//! Kernel: 2.6.14 and later. Privileges: none, but some energy counters are root's. Cost: one listing, and one read for
//! each attribute that is a number; drivers ask the chip then, by a bus that may be slow (I2C, IPMI: milliseconds).
//!
//! Which attributes a chip has is worked out when chips come or go, and every `LOOK_AGAIN`. All chips at once, since
//! what one is called depends on the others.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use exposition::{Family, Kind, LabelText, gauge};
use kernel::scan::to_text;
use kernel::sys::hwmon::{cleaned, number, sensor_file, text};
use kernel::sys::text::to_utf8;
use kernel::{Attribute, Folder, Host};

use super::device_filter::DeviceFilter;
use super::hwmon_chip::{Chip, chips};
use super::hwmon_sensor::{Shown, Unit, shown};
use super::readings::reading;
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, SettingsError, Spec};

const LOOK_AGAIN: Duration = Duration::from_secs(60);

const CHIP_NAMES: Family = gauge("node_hwmon_chip_names", "Annotation metric for human-readable chip names");
const SENSOR_LABEL: Family = gauge("node_hwmon_sensor_label", "Label for given chip and sensor");
/// Stands for the families that are named after attributes.
const SENSOR: Family =
    gauge("node_hwmon_<type>_<element>_<unit>", "An attribute of a sensor, in the base unit of its type.");

const fn pattern(name: &'static str, help: &'static str) -> Flag {
    Flag { name, kind: FlagKind::Text { default: "" }, help, aliases: &[] }
}

const CHIP_INCLUDE: Flag = pattern("collector.hwmon.chip-include", "regular expression of the chips to include");
const CHIP_EXCLUDE: Flag = pattern("collector.hwmon.chip-exclude", "regular expression of the chips to exclude");
const SENSOR_INCLUDE: Flag =
    pattern("collector.hwmon.sensor-include", "regular expression of the sensors, as chip;sensor, to include");
const SENSOR_EXCLUDE: Flag =
    pattern("collector.hwmon.sensor-exclude", "regular expression of the sensors, as chip;sensor, to exclude");

pub const SPEC: Spec = Spec {
    name: "hwmon",
    is_on_by_default: true,
    help: "temperatures, fans, voltages and power, from /sys/class/hwmon",
    families: &[CHIP_NAMES, SENSOR_LABEL, SENSOR],
    flags: &[CHIP_INCLUDE, CHIP_EXCLUDE, SENSOR_INCLUDE, SENSOR_EXCLUDE],
    build: |host, settings| Ok(Box::new(Hwmon::new(host, settings)?)),
};

struct Hwmon {
    host: Host,
    chip_filter: DeviceFilter,
    sensor_filter: DeviceFilter,
    folder: Folder,
    looked: Option<Instant>,
    has_chips: bool,
    chip_names: Vec<LabelText>,
    sensor_labels: Vec<LabelText>,
    /// By family, chip and sensor; none of them twice.
    series: Vec<Series>,
}

struct Series {
    family: String,
    kind: Kind,
    help: String,
    chip: Arc<str>,
    sensor: String,
    unit: Unit,
    attribute: Attribute,
}

/// Attributes of one sensor by property.
type Properties = BTreeMap<String, PathBuf>;

impl Hwmon {
    fn new(host: &Host, settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Hwmon {
            host: host.clone(),
            chip_filter: DeviceFilter::from_both_flags(settings, CHIP_INCLUDE.name, CHIP_EXCLUDE.name)?,
            sensor_filter: DeviceFilter::from_both_flags(settings, SENSOR_INCLUDE.name, SENSOR_EXCLUDE.name)?,
            folder: Folder::new(host.roots.sys("class/hwmon")),
            looked: None,
            has_chips: false,
            chip_names: Vec::new(),
            sensor_labels: Vec::new(),
            series: Vec::new(),
        })
    }

    fn look(&mut self, scrape: &mut Scrape<'_>) {
        self.looked = Some(Instant::now());
        self.chip_names.clear();
        self.sensor_labels.clear();
        self.series.clear();
        let mut names: Vec<String> = self.folder.names().map(to_text).collect();
        names.sort();
        let chips = chips(self.folder.path(), &names, scrape.buffer);
        self.has_chips = !chips.is_empty();
        for chip in &chips {
            if self.chip_filter.is_wanted(&chip.label) {
                self.look_at(chip, scrape);
            }
        }
        self.series.sort_by(|one, other| one.key().cmp(&other.key()));
        self.series.dedup_by(|later, first| {
            let is_twice = later.key() == first.key();
            if is_twice {
                let (path, first) = (later.attribute.path().display(), first.attribute.path().display());
                scrape.problems.push(format!("{path}: the same series as {first}"));
            }
            is_twice
        });
    }

    fn look_at(&mut self, chip: &Chip, scrape: &mut Scrape<'_>) {
        let label: Arc<str> = chip.label.as_str().into();
        if let Some(name) = &chip.name {
            self.chip_names.push(LabelText::new([("chip", &*label), ("chip_name", name)]));
        }
        let mut sensors: BTreeMap<(String, String), Properties> = BTreeMap::new();
        // Older drivers have the attributes in the device's folder.
        for folder in [chip.folder.clone(), chip.folder.join("device")] {
            add_sensors(&folder, &mut sensors);
        }
        for ((sensor, kind), properties) in sensors {
            if self.sensor_filter.is_wanted(&format!("{label};{sensor}")) {
                self.add_series(&label, sensor, &kind, &properties, scrape);
            }
        }
    }

    fn add_series(
        &mut self,
        chip: &Arc<str>,
        sensor: String,
        kind: &str,
        properties: &Properties,
        scrape: &mut Scrape<'_>,
    ) {
        let label = properties.get("label").and_then(|path| {
            let result = self.host.attribute(path).parse(scrape.buffer, |bytes| Ok(to_utf8(text(bytes))));
            reading(result, scrape.problems)
        });
        if let Some(label) = &label {
            let labels = LabelText::new([("chip", &**chip), ("label", label), ("sensor", &sensor)]);
            self.sensor_labels.push(labels);
        }
        let has_plain = properties.contains_key("");
        for (property, path) in properties {
            let Some(Shown { family, kind: family_kind, help, unit }) = shown(kind, property, has_plain) else {
                continue;
            };
            let sensor = match (&label, kind, &**property) {
                // Graphics cards name their clocks, and only those are known by name.
                (Some(label), "freq", "input") => cleaned(label),
                (None, "freq", "input") => continue,
                _ => sensor.clone(),
            };
            let mut attribute = self.host.attribute(path.clone());
            // What is text now will be text later.
            let is_text = unit != Unit::IsOne
                && matches!(attribute.parse(scrape.buffer, |bytes| Ok(number(bytes))), Ok(Some(None)));
            if !is_text {
                let chip = chip.clone();
                self.series.push(Series { family, kind: family_kind, help, chip, sensor, unit, attribute });
            }
        }
    }
}

/// Adds the attributes in a folder; what is already known of the same name gives way.
fn add_sensors(folder: &Path, sensors: &mut BTreeMap<(String, String), Properties>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let files = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_dir()));
    let mut names: Vec<String> = files.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    for name in names {
        if let Some(file) = sensor_file(&name) {
            let sensor = (format!("{}{}", file.kind, file.number), file.kind.to_owned());
            sensors.entry(sensor).or_default().insert(file.property.to_owned(), folder.join(&name));
        }
    }
}

impl Series {
    fn key(&self) -> (&str, &str, &str) {
        (&self.family, &self.chip, &self.sensor)
    }
}

impl Collector for Hwmon {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        match self.folder.list(scrape.buffer) {
            Ok(has_changed) => {
                if has_changed || self.looked.is_none_or(|looked| looked.elapsed() >= LOOK_AGAIN) {
                    self.look(scrape);
                }
            }
            Err(error) => {
                self.looked = None;
                self.series.clear();
                return Outcome::of_error(error);
            }
        }
        if !self.has_chips {
            return Ok(Outcome::empty(format!("no chip in {}", self.folder.path().display())));
        }
        for labels in &self.chip_names {
            scrape.page.labelled_sample(&CHIP_NAMES, labels, &[], 1.0);
        }
        for labels in &self.sensor_labels {
            scrape.page.labelled_sample(&SENSOR_LABEL, labels, &[], 1.0);
        }
        for series in &mut self.series {
            let result = series.attribute.parse(scrape.buffer, |bytes| Ok(series.unit.value(bytes)));
            if let Some(value) = reading(result, scrape.problems).flatten() {
                let labels = [("chip", &*series.chip), ("sensor", &*series.sensor)];
                scrape.page.named_sample(&series.family, series.kind, &series.help, &labels, value);
            }
        }
        Ok(Outcome::Collected)
    }
}
