//! A class of devices in sysfs: a folder in which each device has a folder, with labels that describe it and a column of
//! numbers. Most collectors of hardware are this, and differ only in what they read.

use std::path::{Path, PathBuf};

use exposition::{Family, LabelText};
use kernel::Host;

use super::attribute_labels::AttributeLabels;
use super::inventory::Inventory;
use super::readings::{self, Column, Readings};
use crate::{Collector, Failure, Outcome, Scrape};

pub struct DeviceClass {
    host: Host,
    devices: Inventory<Device>,
    columns: &'static [Column],
    /// The family that shows the description, with the value 1.
    info: Option<Family>,
    describe: Box<Describe>,
    shows_missing_as_zero: bool,
    /// Whether a machine without the class is a success to node_exporter.
    succeeds_without: bool,
}

/// Name and folder of what may be a device; `None` for what is none or not wanted.
pub type Describe = dyn FnMut(&Host, &str, &Path, &mut Vec<u8>) -> Option<Description> + Send;

pub struct Description {
    /// Labels of the device's numbers.
    pub labels: LabelText,
    /// Labels of its info series.
    pub info: AttributeLabels,
}

struct Device {
    description: Description,
    readings: Readings,
}

impl DeviceClass {
    /// The folder of the class is below `/sys`.
    pub fn new(
        host: &Host,
        folder: impl AsRef<Path>,
        columns: &'static [Column],
        describe: impl FnMut(&Host, &str, &Path, &mut Vec<u8>) -> Option<Description> + Send + 'static,
    ) -> Self {
        let folder: PathBuf = host.roots.sys(folder);
        let (host, devices) = (host.clone(), Inventory::new(folder));
        DeviceClass {
            host,
            devices,
            columns,
            info: None,
            describe: Box::new(describe),
            shows_missing_as_zero: false,
            succeeds_without: false,
        }
    }

    pub fn with_info(self, family: Family) -> Self {
        DeviceClass { info: Some(family), ..self }
    }

    pub fn succeeding_without(self) -> Self {
        DeviceClass { succeeds_without: true, ..self }
    }

    pub fn showing_missing_as_zero(self) -> Self {
        DeviceClass { shows_missing_as_zero: true, ..self }
    }
}

impl Collector for DeviceClass {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let (host, columns, describe) = (&self.host, self.columns, &mut self.describe);
        let refreshed = self.devices.refresh(scrape.buffer, |name, path, buffer| {
            // A link may lead nowhere.
            let description = if path.is_dir() { describe(host, name, path, buffer)? } else { return None };
            Some(Device { description, readings: Readings::new(host, path, columns) })
        });
        if let Err(error) = refreshed {
            return match self.succeeds_without && error.is_absent() {
                true => Ok(Outcome::empty(error.to_string())),
                false => Outcome::of_error(error),
            };
        }
        if self.devices.is_empty() {
            return Ok(Outcome::empty(format!("no device in {}", self.devices.folder().display())));
        }
        for (_, device) in self.devices.iter_mut() {
            device.description.info.read(scrape);
            device.readings.read(columns, scrape);
            if self.shows_missing_as_zero {
                device.readings.show_missing_as_zero();
            }
        }
        if let Some(family) = &self.info {
            for (_, device) in self.devices.iter() {
                scrape.page.labelled_sample(family, device.description.info.labels(), &[], 1.0);
            }
        }
        let devices = self.devices.iter().map(|(_, device)| (&device.description.labels, &device.readings));
        readings::write(columns, devices, scrape.page);
        Ok(Outcome::Collected)
    }
}
