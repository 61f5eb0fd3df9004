//! `/proc/mdstat` and `/sys/block/md*/md`: arrays of software RAID, their disks and their state.
//! Kernel: any with software RAID. Privileges: none. Cost: one read of some 200 bytes per array, one listing of
//! `/sys/block`, up to three short reads per array.
//!
//! An array of an unknown kind, or in an unknown state, costs only itself.

use exposition::{Family, LabelText, Page, gauge};
use kernel::proc::mdstat::{Array, State, arrays};
use kernel::{Attribute, Host, KeptFile, scan};

use super::inventory::Inventory;
use super::parsed::parsed;
use super::remembered::Remembered;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const BLOCKS: Family = gauge("node_md_blocks", "Total number of blocks on device.");
const BLOCKS_SYNCED: Family = gauge("node_md_blocks_synced", "Number of blocks synced on device.");
const DEGRADED: Family = gauge("node_md_degraded", "Number of degraded disks on device.");
const DISKS: Family = gauge("node_md_disks", "Number of active/failed/spare disks of device.");
const DISKS_REQUIRED: Family = gauge("node_md_disks_required", "Total number of disks of device.");
const RAID_DISKS: Family = gauge("node_md_raid_disks", "Number of raid disks on device.");
const STATE: Family = gauge("node_md_state", "Indicates the state of md-device.");

const STATES: [(&str, State); 5] = [
    ("active", State::Active),
    ("check", State::Checking),
    ("inactive", State::Inactive),
    ("recovering", State::Recovering),
    ("resync", State::Resyncing),
];

/// Levels whose arrays can lack a disk.
const REDUNDANT_LEVELS: [&[u8]; 5] = [b"raid1", b"raid4", b"raid5", b"raid6", b"raid10"];

pub const SPEC: Spec = Spec {
    name: "mdadm",
    is_on_by_default: true,
    help: "arrays of software RAID, from /proc/mdstat and /sys/block/md*",
    families: &[BLOCKS, BLOCKS_SYNCED, DEGRADED, DISKS, DISKS_REQUIRED, RAID_DISKS, STATE],
    flags: &[],
    build: |host, _| Ok(Box::new(Mdadm::new(host))),
};

struct Mdadm {
    host: Host,
    mdstat: KeptFile,
    /// `None` for a name that was there before.
    arrays: Remembered<Option<LabelText>>,
    devices: Inventory<Device>,
}

/// An array as sysfs has it.
struct Device {
    level: Attribute,
    raid_disks: Attribute,
    degraded: Attribute,
}

impl Mdadm {
    fn new(host: &Host) -> Self {
        Mdadm {
            host: host.clone(),
            mdstat: host.proc_file("mdstat"),
            arrays: Remembered::default(),
            devices: Inventory::new(host.roots.sys("block")),
        }
    }

    fn collect_devices(&mut self, scrape: &mut Scrape<'_>) {
        let host = &self.host;
        match self.devices.refresh(scrape.buffer, |name, _, _| Device::new(host, name)) {
            Ok(()) => {}
            Err(error) if error.is_absent() => return,
            Err(error) => return scrape.item_failed(error),
        }
        for (name, device) in self.devices.iter_mut() {
            if let Err(error) = device.collect(name, scrape) {
                scrape.item_failed(error);
            }
        }
    }
}

impl Collector for Mdadm {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let bytes = match self.mdstat.read(scrape.buffer) {
            Ok(bytes) => bytes,
            Err(error) => return Outcome::of_error(error),
        };
        for (place, array) in parsed(arrays(bytes), self.mdstat.path(), scrape.problems).enumerate() {
            let labels = self.arrays.at_unless_twice(place, array.name, |is_twice| {
                (!is_twice).then(|| LabelText::new([("device", scan::to_text(array.name).as_str())]))
            });
            if let Some(labels) = labels {
                write_array(&array, labels, scrape.page);
            }
        }
        self.collect_devices(scrape);
        Ok(Outcome::Collected)
    }
}

fn write_array(array: &Array<'_>, device: &LabelText, page: &mut Page) {
    page.labelled_sample(&BLOCKS, device, &[], array.blocks as f64);
    page.labelled_sample(&BLOCKS_SYNCED, device, &[], array.synced_blocks as f64);
    let disks = [("active", array.active_disks), ("failed", array.failed_disks), ("spare", array.spare_disks)];
    for (state, count) in disks {
        page.labelled_sample(&DISKS, device, &[("state", state)], count as f64);
    }
    page.labelled_sample(&DISKS_REQUIRED, device, &[], array.required_disks as f64);
    for (word, state) in STATES {
        let value = if array.state == state { 1.0 } else { 0.0 };
        page.labelled_sample(&STATE, device, &[("state", word)], value);
    }
}

impl Device {
    fn new(host: &Host, name: &str) -> Option<Self> {
        let folder = host.roots.sys("block").join(name).join("md");
        let attribute = |file: &str| host.attribute(folder.join(file));
        let is_array = name.starts_with("md") && folder.is_dir();
        is_array.then(|| Device {
            level: attribute("level"),
            raid_disks: attribute("raid_disks"),
            degraded: attribute("degraded"),
        })
    }

    fn collect(&mut self, name: &str, scrape: &mut Scrape<'_>) -> kernel::Result<()> {
        let Some(level) = self.level.text(scrape.buffer)? else { return Ok(()) };
        let is_redundant = REDUNDANT_LEVELS.contains(&level);
        // `3 (2)` while the number is being changed.
        let first = |bytes| scan::Fields::new(1, bytes).number("the disks");
        let Some(disks) = self.raid_disks.parse(scrape.buffer, first)? else { return Ok(()) };
        scrape.page.sample(&RAID_DISKS, &[("device", name)], disks as f64);
        let degraded = if is_redundant { self.degraded.number(scrape.buffer)? } else { Some(0) };
        if let Some(degraded) = degraded {
            scrape.page.sample(&DEGRADED, &[("device", name)], degraded as f64);
        }
        Ok(())
    }
}
