//! `/sys/block/dm-*/{dm,size,slaves}` and `/sys/block/<path>/device/state`: disks that are reached by several paths.
//! Kernel: 2.6.29 and later. Privileges: none. Cost: a listing of the block devices; for each multipath device a listing
//! and two reads, for each of its paths one.

use std::path::Path;

use exposition::{Family, LabelText, Page, gauge};
use kernel::scan::{to_text, trim};
use kernel::{Attribute, Host, Optional, read_file};

use super::inventory::Inventory;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const INFO: Family = gauge("node_dmmultipath_device_info", "Non-numeric information about a DM-multipath device.");
const ACTIVE: Family = gauge(
    "node_dmmultipath_device_active",
    "Whether the multipath device-mapper device is active (1) or suspended (0).",
);
const SIZE: Family = gauge("node_dmmultipath_device_size_bytes", "Size of the multipath device in bytes.");
const PATHS: Family = gauge("node_dmmultipath_device_paths", "Number of paths for a multipath device.");
const PATHS_ACTIVE: Family = gauge(
    "node_dmmultipath_device_paths_active",
    "Number of paths in active state (SCSI running or NVMe live) for a multipath device.",
);
const PATHS_FAILED: Family =
    gauge("node_dmmultipath_device_paths_failed", "Number of paths not in active state for a multipath device.");
const PATH_STATE: Family =
    gauge("node_dmmultipath_path_state", "State of the device behind a path, as the kernel words it.");

pub const SPEC: Spec = Spec {
    name: "dmmultipath",
    is_on_by_default: true,
    help: "disks that are reached by several paths, from /sys/block/dm-*",
    families: &[INFO, ACTIVE, SIZE, PATHS, PATHS_ACTIVE, PATHS_FAILED, PATH_STATE],
    flags: &[],
    build: |host, _| Ok(Box::new(DmMultipath::new(host))),
};

/// A family and what it shows of a device.
type Column = (Family, fn(&Device) -> Option<f64>);

const COLUMNS: [Column; 5] = [
    (ACTIVE, |device| device.is_active.map(|is_active| f64::from(u8::from(is_active)))),
    (SIZE, |device| device.size_bytes),
    (PATHS, |device| Some(device.count(|_| true))),
    (PATHS_ACTIVE, |device| Some(device.count(|path| path.is_active() == Some(true)))),
    (PATHS_FAILED, |device| Some(device.count(|path| path.is_active() == Some(false)))),
];

const SECTOR_BYTES: f64 = 512.0;

/// What a healthy path says: SCSI devices the one, NVMe controllers the other.
const ACTIVE_STATES: [&[u8]; 2] = [b"running", b"live"];

struct DmMultipath {
    host: Host,
    /// Multipath devices by their name in sysfs.
    devices: Inventory<Device>,
}

struct Device {
    /// As the device mapper calls it.
    name: String,
    info: LabelText,
    labels: LabelText,
    suspended: Attribute,
    sectors: Attribute,
    paths: Inventory<PathDevice>,
    is_active: Option<bool>,
    size_bytes: Option<f64>,
}

struct PathDevice {
    state: Attribute,
    /// What it said last; empty while it cannot be read.
    text: Vec<u8>,
    labels: LabelText,
}

impl DmMultipath {
    fn new(host: &Host) -> Self {
        DmMultipath { host: host.clone(), devices: Inventory::new(host.roots.sys("block")) }
    }

    fn write(&self, page: &mut Page) {
        let devices = || self.devices.iter().map(|(_, device)| device);
        for device in devices() {
            page.labelled_sample(&INFO, &device.info, &[], 1.0);
        }
        for (family, value) in &COLUMNS {
            for device in devices() {
                if let Some(value) = value(device) {
                    page.labelled_sample(family, &device.labels, &[], value);
                }
            }
        }
        for (_, path) in devices().flat_map(|device| device.paths.iter()) {
            if path.is_active().is_some() {
                page.labelled_sample(&PATH_STATE, &path.labels, &[], 1.0);
            }
        }
    }
}

impl Device {
    /// `None` for devices of other kinds: logical volumes, encrypted ones.
    fn new(sysfs_name: &str, folder: &Path, host: &Host, buffer: &mut Vec<u8>) -> kernel::Result<Option<Self>> {
        if !sysfs_name.starts_with("dm-") {
            return Ok(None);
        }
        let mut text = |file: &str| read_file(&folder.join(file), buffer).map(|bytes| to_text(trim(bytes))).optional();
        let Some(uuid) = text("dm/uuid")?.filter(|uuid| uuid.starts_with("mpath-")) else { return Ok(None) };
        let Some(name) = text("dm/name")? else { return Ok(None) };
        Ok(Some(Device {
            info: LabelText::new([("device", &*name), ("sysfs_name", sysfs_name), ("uuid", &uuid)]),
            labels: LabelText::new([("device", &*name), ("sysfs_name", sysfs_name)]),
            name,
            suspended: host.attribute(folder.join("dm/suspended")),
            sectors: host.attribute(folder.join("size")),
            paths: Inventory::new(folder.join("slaves")),
            is_active: None,
            size_bytes: None,
        }))
    }

    fn read(&mut self, host: &Host, scrape: &mut Scrape<'_>) {
        let mut number = |attribute: &mut Attribute| {
            let number = attribute.number(scrape.buffer);
            number.unwrap_or_else(|error| {
                scrape.problems.push(error.to_string());
                None
            })
        };
        self.is_active = number(&mut self.suspended).map(|suspended| suspended != 1);
        self.size_bytes = number(&mut self.sectors).map(|sectors| sectors as f64 * SECTOR_BYTES);
        let listed = self.paths.refresh(scrape.buffer, |name, _, _| {
            let state = host.attribute(host.roots.sys(format!("block/{name}/device/state")));
            Some(PathDevice { state, text: Vec::new(), labels: LabelText::default() })
        });
        if let Err(error) = listed.optional() {
            scrape.item_failed(error);
        }
        for (name, path) in self.paths.iter_mut() {
            path.read(&self.name, name, scrape);
        }
    }

    fn count(&self, is_counted: impl Fn(&PathDevice) -> bool) -> f64 {
        self.paths.iter().filter(|(_, path)| is_counted(path)).count() as f64
    }
}

impl PathDevice {
    fn read(&mut self, device: &str, name: &str, scrape: &mut Scrape<'_>) {
        let state = match self.state.text(scrape.buffer) {
            Ok(state) => state.unwrap_or_default(),
            Err(error) => {
                scrape.problems.push(error.to_string());
                b""
            }
        };
        if self.text != state {
            self.text = state.to_vec();
            self.labels = LabelText::new([("device", device), ("path", name), ("state", &to_text(state))]);
        }
    }

    /// `None` where the kernel does not tell its state: neither good nor bad.
    fn is_active(&self) -> Option<bool> {
        (!self.text.is_empty()).then(|| ACTIVE_STATES.contains(&&*self.text))
    }
}

impl Collector for DmMultipath {
    /// A machine without such devices counts as a success, as with node_exporter.
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let (host, problems) = (&self.host, &mut *scrape.problems);
        let refreshed = self.devices.refresh(scrape.buffer, |name, path, buffer| {
            Device::new(name, path, host, buffer).unwrap_or_else(|error| {
                problems.push(error.to_string());
                None
            })
        });
        if let Err(error) = refreshed {
            return Outcome::of_error(error);
        }
        if self.devices.is_empty() {
            return Ok(Outcome::empty("no multipath device"));
        }
        for (_, device) in self.devices.iter_mut() {
            device.read(host, scrape);
        }
        self.write(scrape.page);
        Ok(Outcome::Collected)
    }
}
