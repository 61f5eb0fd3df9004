//! `/proc/diskstats`: requests, bytes and times of block devices; what udev and sysfs know about each.
//! Kernel: 2.6 and later; discards since 4.18, flushes since 5.5. Privileges: none.
//! Cost: two reads. What is known about a device is looked up when it appears, and again when it is older than
//! `LOOK_AGAIN`, by turns where there are many: udev may learn a file system or a name later, and tells nobody of it.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use exposition::{Family, Page, counter, gauge};
use kernel::proc::diskstats::{Counter, Disk, disks};
use kernel::{Host, KeptFile};

use super::device_filter::DeviceFilter;
use super::disk_identity::{self, DiskIdentity};
use super::parsed::parsed;
use super::turn::Turn;
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, SettingsError, Spec};

const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// Sectors of this file, whatever the device has.
const SECTOR_BYTES: f64 = 512.0;
const SECONDS_PER_MILLISECOND: f64 = 0.001;

/// A family, the counter that it shows and what to multiply that with.
type Column = (Family, Counter, f64);

const COLUMNS: &[Column] = &[
    (
        counter("node_disk_reads_completed_total", "The total number of reads completed successfully."),
        Counter::Reads,
        1.0,
    ),
    (counter("node_disk_reads_merged_total", "The total number of reads merged."), Counter::ReadsMerged, 1.0),
    (
        counter("node_disk_read_bytes_total", "The total number of bytes read successfully."),
        Counter::SectorsRead,
        SECTOR_BYTES,
    ),
    (
        counter("node_disk_read_time_seconds_total", "The total number of seconds spent by all reads."),
        Counter::ReadMilliseconds,
        SECONDS_PER_MILLISECOND,
    ),
    (
        counter("node_disk_writes_completed_total", "The total number of writes completed successfully."),
        Counter::Writes,
        1.0,
    ),
    (counter("node_disk_writes_merged_total", "The number of writes merged."), Counter::WritesMerged, 1.0),
    (
        counter("node_disk_written_bytes_total", "The total number of bytes written successfully."),
        Counter::SectorsWritten,
        SECTOR_BYTES,
    ),
    (
        counter("node_disk_write_time_seconds_total", "This is the total number of seconds spent by all writes."),
        Counter::WriteMilliseconds,
        SECONDS_PER_MILLISECOND,
    ),
    (gauge("node_disk_io_now", "The number of I/Os currently in progress."), Counter::InFlight, 1.0),
    (
        counter("node_disk_io_time_seconds_total", "Total seconds spent doing I/Os."),
        Counter::BusyMilliseconds,
        SECONDS_PER_MILLISECOND,
    ),
    (
        counter("node_disk_io_time_weighted_seconds_total", "The weighted # of seconds spent doing I/Os."),
        Counter::WeightedMilliseconds,
        SECONDS_PER_MILLISECOND,
    ),
    (
        counter("node_disk_discards_completed_total", "The total number of discards completed successfully."),
        Counter::Discards,
        1.0,
    ),
    (counter("node_disk_discards_merged_total", "The total number of discards merged."), Counter::DiscardsMerged, 1.0),
    (
        counter("node_disk_discarded_sectors_total", "The total number of sectors discarded successfully."),
        Counter::SectorsDiscarded,
        1.0,
    ),
    (
        counter("node_disk_discard_time_seconds_total", "This is the total number of seconds spent by all discards."),
        Counter::DiscardMilliseconds,
        SECONDS_PER_MILLISECOND,
    ),
    (
        counter("node_disk_flush_requests_total", "The total number of flush requests completed successfully"),
        Counter::Flushes,
        1.0,
    ),
    (
        counter(
            "node_disk_flush_requests_time_seconds_total",
            "This is the total number of seconds spent by all flush requests.",
        ),
        Counter::FlushMilliseconds,
        SECONDS_PER_MILLISECOND,
    ),
];

const INCLUDE: Flag = Flag {
    name: "collector.diskstats.device-include",
    kind: FlagKind::Text { default: "" },
    help: "regular expression of the devices to include; not together with device-exclude",
    aliases: &[],
};
const EXCLUDE: Flag = Flag {
    name: "collector.diskstats.device-exclude",
    kind: FlagKind::Text { default: r"^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$" },
    help: "regular expression of the devices to exclude; not together with device-include",
    aliases: &["collector.diskstats.ignored-devices"],
};

pub const SPEC: Spec = Spec {
    name: "diskstats",
    is_on_by_default: true,
    help: "requests, bytes and times of block devices, from /proc/diskstats",
    families: &FAMILIES,
    flags: &[INCLUDE, EXCLUDE],
    build: |host, settings| Ok(Box::new(Diskstats::new(host, settings)?)),
};

const FAMILIES: [Family; COLUMNS.len() + disk_identity::FAMILIES.len()] = {
    let mut all = [COLUMNS[0].0; COLUMNS.len() + disk_identity::FAMILIES.len()];
    let mut place = 0;
    while place < all.len() {
        all[place] =
            if place < COLUMNS.len() { COLUMNS[place].0 } else { disk_identity::FAMILIES[place - COLUMNS.len()] };
        place += 1;
    }
    all
};

struct Diskstats {
    file: KeptFile,
    host: Host,
    filter: DeviceFilter,
    /// In the order of the file, which stays the same while no device comes or goes.
    known: Vec<Known>,
    /// Of those in `known`.
    names: HashSet<Box<[u8]>>,
    turn: Turn,
}

/// A device and, while it is read, its counters.
struct Known {
    name: Box<[u8]>,
    is_first: bool,
    major: u64,
    minor: u64,
    made: Instant,
    /// `None` for a device that the filter leaves out, and for a second one of the same name.
    identity: Option<DiskIdentity>,
    values: [Option<f64>; COLUMNS.len()],
}

impl Diskstats {
    fn new(host: &Host, settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Diskstats {
            file: host.proc_file("diskstats"),
            host: host.clone(),
            filter: DeviceFilter::from_flags(settings, INCLUDE.name, EXCLUDE.name)?,
            known: Vec::new(),
            names: HashSet::new(),
            turn: Turn::default(),
        })
    }

    fn write(&self, page: &mut Page) {
        let disks = || self.known.iter().filter_map(|known| Some((known.identity.as_ref()?, &known.values)));
        for (column, (family, ..)) in COLUMNS.iter().enumerate() {
            for (identity, values) in disks() {
                if let Some(value) = values[column] {
                    page.labelled_sample(family, &identity.device, &[], value);
                }
            }
        }
        disk_identity::write(disks().map(|(identity, _)| identity), page);
    }
}

impl Collector for Diskstats {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let bytes = match self.file.read(scrape.buffer) {
            Ok(bytes) => bytes,
            Err(error) => return Outcome::of_error(error),
        };
        let mut seen = 0;
        let turn = self.turn.next_places(self.known.len());
        for disk in parsed(disks(bytes), self.file.path(), scrape.problems) {
            let is_known = self.known.get(seen).is_some_and(|known| known.is(&disk));
            if !is_known {
                forget_from(seen, &mut self.known, &mut self.names);
                let is_first = self.names.insert(disk.name.into());
                self.known.push(Known::new(&disk, is_first, &self.host, &self.filter));
            } else if turn.contains(&seen) && self.known[seen].made.elapsed() >= LOOK_AGAIN {
                self.known[seen] = Known::new(&disk, self.known[seen].is_first, &self.host, &self.filter);
            }
            self.known[seen].read(&disk);
            seen += 1;
        }
        forget_from(seen, &mut self.known, &mut self.names);
        self.write(scrape.page);
        Ok(Outcome::Collected)
    }
}

/// Forgets the devices from a place on.
fn forget_from(place: usize, known: &mut Vec<Known>, names: &mut HashSet<Box<[u8]>>) {
    for known in known.drain(place..).filter(|known| known.is_first) {
        names.remove(&known.name);
    }
}

impl Known {
    fn new(disk: &Disk<'_>, is_first: bool, host: &Host, filter: &DeviceFilter) -> Self {
        let name = kernel::scan::to_text(disk.name);
        let is_wanted = is_first && filter.is_wanted(&name);
        let identity = is_wanted.then(|| DiskIdentity::look_up(host, &name, disk.major, disk.minor));
        let (major, minor) = (disk.major, disk.minor);
        Known {
            name: disk.name.into(),
            is_first,
            major,
            minor,
            made: Instant::now(),
            identity,
            values: [None; COLUMNS.len()],
        }
    }

    fn is(&self, disk: &Disk<'_>) -> bool {
        *self.name == *disk.name && self.major == disk.major && self.minor == disk.minor
    }

    fn read(&mut self, disk: &Disk<'_>) {
        for (value, (_, counter, factor)) in self.values.iter_mut().zip(COLUMNS) {
            *value = disk.counter(*counter).map(|count| count as f64 * factor);
        }
    }
}
