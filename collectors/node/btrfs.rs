//! `/sys/fs/btrfs/<uuid>/**` and, where their mounts may be opened, `ioctl(2)` on them: btrfs file systems, what they are
//! filled with, their devices and the errors of these.
//! Kernel: 3.14 and later; commit times since 6.0. Privileges: none for sysfs; mount points that are closed to the agent
//! lack the errors of devices. Cost: per file system six listings and about a dozen reads, an open and two calls per
//! device; one read of mountinfo.

use std::path::Path;

use exposition::{Family, LabelText, Page, counter, gauge};
use kernel::scan::{to_text, trim};
use kernel::sys::btrfs_commit_stats::CommitStats;
use kernel::{Attribute, Host, read_file};

use super::btrfs_mounts::{BtrfsDevice, BtrfsMounts, ERRORS, read_devices};
use super::inventory::Inventory;
use super::readings::reading;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const INFO: Family = gauge("node_btrfs_info", "Filesystem information");
const GLOBAL_RESERVE: Family = gauge("node_btrfs_global_rsv_size_bytes", "Size of global reserve.");
const COMMITS: Family = counter("node_btrfs_commits_total", "The total number of commits that have occurred.");
const LAST_COMMIT: Family = gauge("node_btrfs_last_commit_seconds", "Duration of the most recent commit, in seconds.");
const MAX_COMMIT: Family = gauge("node_btrfs_max_commit_seconds", "Duration of the slowest commit, in seconds.");
const COMMIT_TIME: Family =
    counter("node_btrfs_commit_seconds_total", "Sum of the duration of all commits, in seconds.");
const RESERVED: Family = gauge("node_btrfs_reserved_bytes", "Amount of space reserved for a data type");
const USED: Family = gauge("node_btrfs_used_bytes", "Amount of used space by a layout/data type");
const SIZE: Family = gauge("node_btrfs_size_bytes", "Amount of space allocated for a layout/data type");
const RATIO: Family = gauge("node_btrfs_allocation_ratio", "Data allocation ratio for a layout/data type");
const DEVICE_SIZE: Family = gauge("node_btrfs_device_size_bytes", "Size of a device that is part of the filesystem.");
const DEVICE_UNUSED: Family =
    gauge("node_btrfs_device_unused_bytes", "Unused bytes on a device that is part of the filesystem.");
const DEVICE_ERRORS: Family = counter("node_btrfs_device_errors_total", "Errors reported for the device");

pub const SPEC: Spec = Spec {
    name: "btrfs",
    is_on_by_default: true,
    help: "btrfs file systems, from /sys/fs/btrfs and from their mounts",
    families: &[
        INFO,
        GLOBAL_RESERVE,
        COMMITS,
        LAST_COMMIT,
        MAX_COMMIT,
        COMMIT_TIME,
        RESERVED,
        USED,
        SIZE,
        RATIO,
        DEVICE_SIZE,
        DEVICE_UNUSED,
        DEVICE_ERRORS,
    ],
    flags: &[],
    build: |host, _| Ok(Box::new(Btrfs::new(host))),
};

const SECTOR_BYTES: f64 = 512.0;
const MILLISECONDS_PER_SECOND: f64 = 1000.0;

struct Btrfs {
    host: Host,
    /// By UUID.
    filesystems: Inventory<Filesystem>,
    mounts: BtrfsMounts,
}

struct Filesystem {
    /// As the mount calls it.
    id: [u8; 16],
    /// As sysfs calls it.
    uuid: String,
    labels: LabelText,
    info: LabelText,
    global_reserve: Attribute,
    reserve_bytes: Option<u64>,
    commit_stats: Attribute,
    commits: Option<CommitStats>,
    groups: [BlockGroups; 3],
    /// By what sysfs knows.
    disks: Inventory<Disk>,
    /// By what a mount says; counts instead of `disks` where it says anything.
    devices: Vec<BtrfsDevice>,
    has_answered: bool,
}

/// What is of one kind: data, metadata or the system's own.
struct BlockGroups {
    labels: LabelText,
    kind: &'static str,
    reserved: Attribute,
    reserved_bytes: Option<u64>,
    layouts: Inventory<Layout>,
}

struct Layout {
    labels: LabelText,
    used: Attribute,
    used_bytes: Option<u64>,
    total: Attribute,
    total_bytes: Option<u64>,
    /// Bytes of the devices that a byte of data takes.
    ratio: f64,
}

struct Disk {
    labels: LabelText,
    sectors: Attribute,
    size: Option<u64>,
}

impl Btrfs {
    fn new(host: &Host) -> Self {
        Btrfs {
            host: host.clone(),
            filesystems: Inventory::new(host.roots.sys("fs/btrfs")),
            mounts: BtrfsMounts::new(host),
        }
    }

    fn ask_mounts(&mut self, scrape: &mut Scrape<'_>) {
        let filesystems = &mut self.filesystems;
        let asked = self.mounts.ask(scrape, |mounted, info, room| {
            let Some((_, filesystem)) = filesystems.iter_mut().find(|(_, filesystem)| filesystem.id == info.id) else {
                return false;
            };
            if !filesystem.has_answered {
                let Filesystem { uuid, devices, .. } = filesystem;
                filesystem.has_answered = read_devices(mounted, info, room, uuid, devices).is_ok();
            }
            filesystem.has_answered
        });
        if let Err(error) = asked
            && !error.is_absent()
        {
            scrape.item_failed(error);
        }
    }

    fn write(&self, page: &mut Page) {
        let filesystems = || self.filesystems.iter().map(|(_, filesystem)| filesystem);
        for filesystem in filesystems() {
            page.labelled_sample(&INFO, &filesystem.info, &[], 1.0);
        }
        for filesystem in filesystems() {
            write_if_known(
                page,
                &GLOBAL_RESERVE,
                &filesystem.labels,
                filesystem.reserve_bytes.map(|bytes| bytes as f64),
            );
        }
        type Time = (Family, fn(&CommitStats) -> f64);
        const COMMIT_COLUMNS: [Time; 4] = [
            (COMMITS, |stats| stats.commits as f64),
            (LAST_COMMIT, |stats| stats.last_milliseconds as f64 / MILLISECONDS_PER_SECOND),
            (MAX_COMMIT, |stats| stats.max_milliseconds as f64 / MILLISECONDS_PER_SECOND),
            (COMMIT_TIME, |stats| stats.total_milliseconds as f64 / MILLISECONDS_PER_SECOND),
        ];
        for (family, value) in &COMMIT_COLUMNS {
            for filesystem in filesystems() {
                write_if_known(page, family, &filesystem.labels, filesystem.commits.as_ref().map(value));
            }
        }
        for group in filesystems().flat_map(|filesystem| &filesystem.groups) {
            write_if_known(page, &RESERVED, &group.labels, group.reserved_bytes.map(|bytes| bytes as f64));
        }
        let layouts = || {
            let groups = filesystems().flat_map(|filesystem| &filesystem.groups);
            groups.flat_map(|group| group.layouts.iter().map(|(_, layout)| layout))
        };
        for layout in layouts() {
            write_if_known(page, &USED, &layout.labels, layout.used_bytes.map(|bytes| bytes as f64));
        }
        for layout in layouts() {
            write_if_known(page, &SIZE, &layout.labels, layout.total_bytes.map(|bytes| bytes as f64));
        }
        for layout in layouts() {
            page.labelled_sample(&RATIO, &layout.labels, &[], layout.ratio);
        }
        self.write_devices(page);
    }

    fn write_devices(&self, page: &mut Page) {
        let filesystems = |has_answered: bool| {
            let all = self.filesystems.iter().map(|(_, filesystem)| filesystem);
            all.filter(move |filesystem| filesystem.has_answered == has_answered)
        };
        let devices = || filesystems(true).flat_map(|filesystem| &filesystem.devices);
        for (_, disk) in filesystems(false).flat_map(|filesystem| filesystem.disks.iter()) {
            write_if_known(page, &DEVICE_SIZE, &disk.labels, disk.size.map(|sectors| sectors as f64 * SECTOR_BYTES));
        }
        for device in devices() {
            page.labelled_sample(&DEVICE_SIZE, &device.labels, &[], device.total_bytes as f64);
        }
        for device in devices() {
            page.labelled_sample(&DEVICE_UNUSED, &device.labels, &[], device.unused_bytes as f64);
        }
        for device in devices() {
            let Some(errors) = &device.errors else { continue };
            for (labels, (_, count)) in device.error_labels.iter().zip(&ERRORS) {
                page.labelled_sample(&DEVICE_ERRORS, labels, &[], count(errors) as f64);
            }
        }
    }
}

fn write_if_known(page: &mut Page, family: &Family, labels: &LabelText, value: Option<f64>) {
    if let Some(value) = value {
        page.labelled_sample(family, labels, &[], value);
    }
}

/// How many bytes of the devices one byte of data takes.
fn allocation_ratio(mode: &str, devices: usize) -> f64 {
    let devices = devices as f64;
    match mode {
        "single" | "raid0" => 1.0,
        "dup" | "raid1" | "raid10" => 2.0,
        "raid1c3" => 3.0,
        "raid1c4" => 4.0,
        "raid5" => devices / (devices - 1.0),
        "raid6" => devices / (devices - 2.0),
        _ => 0.0,
    }
}

impl Filesystem {
    /// `None` for the folders beside those of file systems.
    fn new(name: &str, folder: &Path, host: &Host, buffer: &mut Vec<u8>) -> Option<Self> {
        if !name.contains('-') || !folder.is_dir() {
            return None;
        }
        let mut text = |file: &str| read_file(&folder.join(file), buffer).map(|bytes| to_text(trim(bytes)));
        // Where the UUID was changed after the file system was made, the folder still has the first one.
        let uuid = text("metadata_uuid").ok().filter(|uuid| id_of(uuid) != [0; 16]).unwrap_or_else(|| name.to_owned());
        let label = text("label").unwrap_or_default();
        Some(Filesystem {
            id: id_of(name),
            labels: LabelText::new([("uuid", &*uuid)]),
            info: LabelText::new([("label", &*label), ("uuid", &*uuid)]),
            global_reserve: host.attribute(folder.join("allocation/global_rsv_size")),
            reserve_bytes: None,
            commit_stats: host.attribute(folder.join("commit_stats")),
            commits: None,
            groups: ["data", "metadata", "system"].map(|kind| BlockGroups::new(kind, &uuid, folder, host)),
            disks: Inventory::new(folder.join("devices")),
            devices: Vec::new(),
            has_answered: false,
            uuid,
        })
    }

    fn read(&mut self, host: &Host, scrape: &mut Scrape<'_>) {
        self.has_answered = false;
        self.reserve_bytes = reading(self.global_reserve.number(scrape.buffer), scrape.problems);
        let commits = self.commit_stats.parse(scrape.buffer, CommitStats::parse);
        // A kernel without the file has zeros, as with node_exporter.
        self.commits = commits.map(Option::unwrap_or_default).map_err(|error| scrape.item_failed(error)).ok();
        let uuid = &self.uuid;
        let listed = self.disks.refresh(scrape.buffer, |name, folder, _| {
            let labels = LabelText::new([("device", name), ("uuid", uuid)]);
            Some(Disk { labels, sectors: host.attribute(folder.join("size")), size: None })
        });
        note(listed, scrape);
        for (_, disk) in self.disks.iter_mut() {
            disk.size = reading(disk.sectors.number(scrape.buffer), scrape.problems);
        }
        let disks = self.disks.iter().count();
        for group in &mut self.groups {
            group.read(&self.uuid, disks, host, scrape);
        }
    }
}

/// The bytes of a UUID; zeros for what is none.
fn id_of(uuid: &str) -> [u8; 16] {
    let mut id = [0; 16];
    if uuid.len() != "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx".len() {
        return id;
    }
    let mut digits = uuid.chars().filter_map(|digit| digit.to_digit(16));
    for byte in &mut id {
        let (Some(high), Some(low)) = (digits.next(), digits.next()) else { return [0; 16] };
        *byte = (high * 16 + low) as u8;
    }
    id
}

/// A folder that is not there has nothing in it.
fn note(listed: kernel::Result<()>, scrape: &mut Scrape<'_>) {
    if let Err(error) = listed
        && !error.is_absent()
    {
        scrape.item_failed(error);
    }
}

impl BlockGroups {
    fn new(kind: &'static str, uuid: &str, folder: &Path, host: &Host) -> Self {
        let folder = folder.join("allocation").join(kind);
        BlockGroups {
            labels: LabelText::new([("block_group_type", kind), ("uuid", uuid)]),
            kind,
            reserved: host.attribute(folder.join("bytes_reserved")),
            reserved_bytes: None,
            layouts: Inventory::new(folder),
        }
    }

    fn read(&mut self, uuid: &str, disks: usize, host: &Host, scrape: &mut Scrape<'_>) {
        self.reserved_bytes = reading(self.reserved.number(scrape.buffer), scrape.problems);
        let kind = self.kind;
        let listed = self.layouts.refresh(scrape.buffer, |mode, folder, _| {
            folder.is_dir().then(|| Layout {
                labels: LabelText::new([("block_group_type", kind), ("mode", mode), ("uuid", uuid)]),
                used: host.attribute(folder.join("used_bytes")),
                used_bytes: None,
                total: host.attribute(folder.join("total_bytes")),
                total_bytes: None,
                ratio: 0.0,
            })
        });
        note(listed, scrape);
        for (mode, layout) in self.layouts.iter_mut() {
            layout.ratio = allocation_ratio(mode, disks);
            layout.used_bytes = reading(layout.used.number(scrape.buffer), scrape.problems);
            layout.total_bytes = reading(layout.total.number(scrape.buffer), scrape.problems);
        }
    }
}

impl Collector for Btrfs {
    /// A machine without btrfs counts as a success, as with node_exporter.
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let host = &self.host;
        match self.filesystems.refresh(scrape.buffer, |name, path, buffer| Filesystem::new(name, path, host, buffer)) {
            Ok(()) => {}
            Err(error) if error.is_absent() => return Ok(Outcome::empty(error.to_string())),
            Err(error) => return Err(error.into()),
        }
        if self.filesystems.is_empty() {
            return Ok(Outcome::empty("no btrfs is mounted"));
        }
        for (_, filesystem) in self.filesystems.iter_mut() {
            filesystem.read(host, scrape);
        }
        self.ask_mounts(scrape);
        self.write(scrape.page);
        Ok(Outcome::Collected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_known_by_its_digits() {
        let id = [0x0a, 0xbb, 0x23, 0xa9, 0x57, 0x9b, 0x43, 0xe6, 0xad, 0x30, 0x22, 0x7e, 0xf4, 0x7f, 0xcb, 0x9d];
        assert_eq!(id_of("0abb23a9-579b-43e6-ad30-227ef47fcb9d"), id);
        assert_eq!(id_of("not-an-id"), [0; 16]);
    }

    #[test]
    fn what_data_takes_depends_on_the_layout() {
        let ratios = ["single", "raid1", "raid5", "raid6", "unheard-of"].map(|mode| allocation_ratio(mode, 4));
        assert_eq!(ratios, [1.0, 2.0, 4.0 / 3.0, 2.0, 0.0]);
    }
}
