//! Group `diskIO`. v2: `io.stat`. v1: the tables of `blkio`, of which the I/O scheduler decides which there are; the first
//! set that holds anything is read (BFQ, CFQ, then throttling, each with all cgroups below where that is told). Cost: one
//! read on v2, two or more on v1.
//!
//! Times, queues and merges are only known to CFQ (before 5.0). Figures of the host's file systems, which cAdvisor adds
//! here, are not a container's and are left out.

use exposition::{Family, Page, counter, gauge};
use kernel::cgroup::blkio::{Entry, Operation, read_table};
use kernel::cgroup::io_stat::read_devices;
use kernel::cgroup::{Controller, DeviceNumber, Version};

use super::cgroup::{Cgroup, Place};
use super::column;
use super::devices::Devices;
use super::file::{CgroupFile, Reader};

const USAGE: Family =
    counter("container_blkio_device_usage_total", "Bytes moved to and from a block device, by operation.");

/// A family with one sample for each device.
struct DeviceColumn {
    family: Family,
    value: fn(&DeviceUse) -> Option<f64>,
}

const COLUMNS: [DeviceColumn; 13] = [
    of_device(counter("container_fs_reads_bytes_total", "Bytes read."), |used| used.bytes(Operation::Read)),
    of_device(counter("container_fs_reads_total", "Reads completed."), |used| used.count(Operation::Read)),
    of_device(counter("container_fs_reads_merged_total", "Reads merged with others."), |used| {
        used.merged(Operation::Read)
    }),
    of_device(counter("container_fs_read_seconds_total", "Seconds spent reading."), |used| {
        used.seconds(Operation::Read)
    }),
    of_device(counter("container_fs_writes_bytes_total", "Bytes written."), |used| used.bytes(Operation::Write)),
    of_device(counter("container_fs_writes_total", "Writes completed."), |used| used.count(Operation::Write)),
    of_device(counter("container_fs_writes_merged_total", "Writes merged with others."), |used| {
        used.merged(Operation::Write)
    }),
    of_device(counter("container_fs_write_seconds_total", "Seconds spent writing."), |used| {
        used.seconds(Operation::Write)
    }),
    of_device(gauge("container_fs_io_current", "Requests in the queue."), |used| used.queued()),
    of_device(counter("container_fs_io_cost_usage_seconds_total", "Device time used, by the iocost model."), |used| {
        used.cost_seconds[0]
    }),
    of_device(counter("container_fs_io_cost_wait_seconds_total", "Time waited for iocost."), |used| {
        used.cost_seconds[1]
    }),
    of_device(counter("container_fs_io_cost_indebt_seconds_total", "Time spent in debt to iocost."), |used| {
        used.cost_seconds[2]
    }),
    of_device(counter("container_fs_io_cost_indelay_seconds_total", "Time held back by iocost."), |used| {
        used.cost_seconds[3]
    }),
];

const OF_DEVICES: [Family; 13] = {
    let mut families = [USAGE; 13];
    let mut index = 0;
    while index < 13 {
        families[index] = COLUMNS[index].family;
        index += 1;
    }
    families
};
pub const FAMILIES: &[Family] = &column::joined::<14>(&[&[USAGE], &OF_DEVICES]);

const OPERATIONS: [Operation; 6] =
    [Operation::Async, Operation::Discard, Operation::Read, Operation::Sync, Operation::Total, Operation::Write];

pub struct BlockIo {
    source: Source,
    devices: Vec<DeviceUse>,
}

/// What one device did for the cgroup.
struct DeviceUse {
    device: DeviceNumber,
    /// One row for each table, by operation.
    tables: [[Option<u64>; OPERATIONS.len()]; TABLES],
    /// Use, wait, debt, delay.
    cost_seconds: [Option<f64>; 4],
}

/// Bytes, requests, and those that only CFQ has: merged requests, nanoseconds, requests in the queue.
const TABLES: usize = 5;
const BYTES: usize = 0;
const REQUESTS: usize = 1;
const MERGED: usize = 2;
const NANOSECONDS: usize = 3;
const QUEUED: usize = 4;

enum Source {
    V1 {
        sets: Vec<Tables>,
        /// The set that held something; it stays.
        chosen: Option<usize>,
        /// While none did: the set to look into next. The first time all are looked into, then one on each scrape.
        next: Option<usize>,
    },
    V2(CgroupFile),
}

/// The files of one set and what each is about.
type Tables = Vec<(usize, CgroupFile)>;

const SETS_V1: [&[(usize, &str)]; 4] = [
    &[(BYTES, "blkio.bfq.io_service_bytes_recursive"), (REQUESTS, "blkio.bfq.io_serviced_recursive")],
    &[
        (BYTES, "blkio.io_service_bytes_recursive"),
        (REQUESTS, "blkio.io_serviced_recursive"),
        (MERGED, "blkio.io_merged_recursive"),
        (NANOSECONDS, "blkio.io_service_time_recursive"),
        (QUEUED, "blkio.io_queued_recursive"),
    ],
    &[(BYTES, "blkio.throttle.io_service_bytes_recursive"), (REQUESTS, "blkio.throttle.io_serviced_recursive")],
    &[(BYTES, "blkio.throttle.io_service_bytes"), (REQUESTS, "blkio.throttle.io_serviced")],
];

impl BlockIo {
    pub fn open(place: &Place<'_>) -> Option<BlockIo> {
        let (version, directory) = place.directory(Controller::Io)?;
        let source = match version {
            Version::V2 => Source::V2(place.file(&directory, "io.stat")),
            Version::V1 => {
                let set = |files: &[(usize, &str)]| {
                    files.iter().map(|(table, name)| (*table, place.file(&directory, name))).collect()
                };
                Source::V1 { sets: SETS_V1.into_iter().map(set).collect(), chosen: None, next: None }
            }
        };
        Some(BlockIo { source, devices: Vec::new() })
    }

    pub fn read(&mut self, reader: &mut Reader<'_>) {
        let devices = &mut self.devices;
        devices.clear();
        match &mut self.source {
            Source::V2(file) => {
                file.read(reader, |bytes, problems| {
                    read_devices(bytes, problems, |io| {
                        let used = entry(devices, io.device);
                        used.set(BYTES, Operation::Read, io.read_bytes);
                        used.set(BYTES, Operation::Write, io.written_bytes);
                        used.set(REQUESTS, Operation::Read, io.reads);
                        used.set(REQUESTS, Operation::Write, io.writes);
                        let cost = [io.cost_usage_usec, io.cost_wait_usec, io.cost_indebt_usec, io.cost_indelay_usec];
                        used.cost_seconds = cost.map(|usec| usec.map(|usec| usec as f64 / 1e6));
                    });
                });
            }
            Source::V1 { sets, chosen, next } => {
                let only = chosen.or(*next);
                for (index, set) in sets.iter_mut().enumerate() {
                    if only.is_none_or(|only| only == index) && devices.is_empty() {
                        read_set(set, devices, reader);
                        if !devices.is_empty() {
                            *chosen = Some(index);
                        }
                    }
                }
                *next = Some(next.map_or(0, |next| (next + 1) % sets.len()));
            }
        }
    }
}

impl BlockIo {
    /// Of all devices together; `None` where there was no I/O.
    pub fn all_bytes(&self, operation: Operation) -> Option<f64> {
        self.devices.iter().filter_map(|used| used.bytes(operation)).reduce(|sum, bytes| sum + bytes)
    }

    /// The same of requests.
    pub fn all_requests(&self, operation: Operation) -> Option<f64> {
        self.devices.iter().filter_map(|used| used.count(operation)).reduce(|sum, count| sum + count)
    }
}

/// Reads a set of tables, as long as the first one holds anything.
fn read_set(set: &mut Tables, devices: &mut Vec<DeviceUse>, reader: &mut Reader<'_>) {
    for (table, file) in set {
        file.read(reader, |bytes, problems| {
            read_table(bytes, problems, |Entry { device, operation, value }| {
                if let Some(operation) = operation {
                    entry(devices, device).set(*table, operation, Some(value));
                }
            });
        });
        if devices.is_empty() {
            file.close();
            return;
        }
    }
}

impl DeviceUse {
    fn set(&mut self, table: usize, operation: Operation, value: Option<u64>) {
        if let Some(place) = OPERATIONS.iter().position(|known| *known == operation) {
            self.tables[table][place] = value;
        }
    }

    fn get(&self, table: usize, operation: Operation) -> Option<f64> {
        let place = OPERATIONS.iter().position(|known| *known == operation)?;
        self.tables[table][place].map(|value| value as f64)
    }

    fn bytes(&self, operation: Operation) -> Option<f64> {
        self.get(BYTES, operation)
    }

    fn count(&self, operation: Operation) -> Option<f64> {
        self.get(REQUESTS, operation)
    }

    fn merged(&self, operation: Operation) -> Option<f64> {
        self.get(MERGED, operation)
    }

    fn seconds(&self, operation: Operation) -> Option<f64> {
        self.get(NANOSECONDS, operation).map(|nsec| nsec / 1e9)
    }

    fn queued(&self) -> Option<f64> {
        self.get(QUEUED, Operation::Total)
    }
}

/// A cgroup has few devices: looking through the list is the fastest way.
fn entry(devices: &mut Vec<DeviceUse>, device: DeviceNumber) -> &mut DeviceUse {
    let place = devices.iter().position(|used| used.device == device).unwrap_or_else(|| {
        devices.push(DeviceUse { device, tables: [[None; OPERATIONS.len()]; TABLES], cost_seconds: [None; 4] });
        devices.len() - 1
    });
    &mut devices[place]
}

pub fn write(page: &mut Page, cgroups: &[Cgroup], names: &mut Devices) {
    for_each_device(cgroups, |cgroup, used| {
        let device = names.of(used.device);
        for operation in OPERATIONS {
            let Some(bytes) = used.bytes(operation) else { continue };
            let labels = [
                ("device", device.path.as_str()),
                ("major", device.major.as_str()),
                ("minor", device.minor.as_str()),
                ("operation", operation.as_str()),
            ];
            // A device that is gone has no name, and an empty label is none.
            let labels = if device.path.is_empty() { &labels[1..] } else { &labels };
            page.labelled_sample(&USAGE, &cgroup.labels, labels, bytes);
        }
    });
    for column in &COLUMNS {
        for_each_device(cgroups, |cgroup, used| {
            let Some(value) = (column.value)(used) else { return };
            let device = names.of(used.device);
            // Without a name only the number tells two such devices apart.
            let gone = [("major", device.major.as_str()), ("minor", device.minor.as_str())];
            let named = [("device", device.path.as_str())];
            let labels: &[(&str, &str)] = if device.path.is_empty() { &gone } else { &named };
            page.labelled_sample(&column.family, &cgroup.labels, labels, value);
        });
    }
}

fn for_each_device(cgroups: &[Cgroup], mut take: impl FnMut(&Cgroup, &DeviceUse)) {
    for cgroup in cgroups {
        for used in cgroup.block_io.iter().flat_map(|block_io| &block_io.devices) {
            take(cgroup, used);
        }
    }
}

const fn of_device(family: Family, value: fn(&DeviceUse) -> Option<f64>) -> DeviceColumn {
    DeviceColumn { family, value }
}
