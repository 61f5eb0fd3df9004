//! `/sys/fs/bcachefs/<uuid>/**`: bcachefs file systems, their counters, errors and devices. New counters become series by
//! themselves.
//! Kernel: 6.7 to 6.17, later with a module of its own. Privileges: none. Cost: two listings and about 130 reads of single
//! values per file system, one more and seven reads per device.

use std::path::Path;

use exposition::{Family, Kind, LabelText, counter, gauge};
use kernel::scan::to_text;
use kernel::sys::bcachefs::{amount, btree_writes, compression, counter as counted, errors};
use kernel::{Attribute, Host};

use super::bcachefs_device::{self, Device};
use super::by_field::ByField;
use super::inventory::Inventory;
use super::named::Named;
use super::parsed::parsed;
use super::readings::reading;
use super::remembered::Remembered;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const INFO: Family = gauge("node_bcachefs_info", "Filesystem information.");
const BTREE_CACHE: Family = gauge("node_bcachefs_btree_cache_size_bytes", "Btree cache memory usage in bytes.");
const COMPRESSED: Family = gauge("node_bcachefs_compression_compressed_bytes", "Compressed size by algorithm.");
const UNCOMPRESSED: Family = gauge("node_bcachefs_compression_uncompressed_bytes", "Uncompressed size by algorithm.");
const ERRORS: Family = counter("node_bcachefs_errors_total", "Error count by error type.");
const BTREE_WRITES: Family = counter("node_bcachefs_btree_writes_total", "Number of btree writes by type.");
const BTREE_WRITE_SIZE: Family =
    gauge("node_bcachefs_btree_write_average_size_bytes", "Average btree write size by type.");
const COUNTER: Family =
    counter("node_bcachefs_<counter>_total", "Bcachefs counter <counter> since filesystem creation.");

pub const SPEC: Spec = Spec {
    name: "bcachefs",
    is_on_by_default: true,
    help: "bcachefs file systems, from /sys/fs/bcachefs",
    families: &[
        INFO,
        BTREE_CACHE,
        COMPRESSED,
        UNCOMPRESSED,
        ERRORS,
        BTREE_WRITES,
        BTREE_WRITE_SIZE,
        bcachefs_device::INFO,
        bcachefs_device::BUCKET_SIZE,
        bcachefs_device::BUCKETS,
        bcachefs_device::DURABILITY,
        bcachefs_device::IO_DONE,
        bcachefs_device::IO_ERRORS,
        COUNTER,
    ],
    flags: &[],
    build: |host, _| Ok(Box::new(Bcachefs::new(host))),
};

struct Bcachefs {
    host: Host,
    /// By UUID.
    filesystems: Inventory<Filesystem>,
    counters: ByField,
}

struct Filesystem {
    labels: LabelText,
    btree_cache: Attribute,
    compression: Table,
    errors: Table,
    btree_writes: Table,
    counters: Inventory<Attribute>,
    /// Folders that begin with `dev-`.
    devices: Inventory<Device>,
}

/// A file of rows, and the labels of each; a row whose name was there before has none.
pub struct Table {
    pub file: Attribute,
    pub labels: Remembered<Option<LabelText>>,
}

impl Bcachefs {
    fn new(host: &Host) -> Self {
        let family_of = |name: &str| {
            let help = format!("Bcachefs counter {name} since filesystem creation.");
            Named::new(Kind::Counter, format!("node_bcachefs_{name}_total"), help)
        };
        Bcachefs {
            host: host.clone(),
            filesystems: Inventory::new(host.roots.sys("fs/bcachefs")),
            counters: ByField::new(family_of),
        }
    }
}

impl Filesystem {
    fn new(uuid: &str, folder: &Path, host: &Host) -> Self {
        Filesystem {
            labels: LabelText::new([("uuid", uuid)]),
            btree_cache: host.attribute(folder.join("btree_cache_size")),
            compression: Table::new(host, folder, "compression_stats"),
            errors: Table::new(host, folder, "errors"),
            btree_writes: Table::new(host, folder, "btree_write_stats"),
            counters: Inventory::new(folder.join("counters")),
            devices: Inventory::new(folder.to_owned()),
        }
    }

    fn collect(&mut self, uuid: &str, host: &Host, scrape: &mut Scrape<'_>) {
        scrape.page.labelled_sample(&INFO, &self.labels, &[], 1.0);
        if let Some(bytes) = reading(self.btree_cache.parse(scrape.buffer, amount), scrape.problems) {
            scrape.page.labelled_sample(&BTREE_CACHE, &self.labels, &[], bytes as f64);
        }
        self.collect_tables(uuid, scrape);
        let listed = self.devices.refresh(scrape.buffer, |name, path, buffer| {
            let name = name.strip_prefix("dev-")?;
            path.is_dir().then(|| Device::new(name, uuid, path, host, buffer))
        });
        note(listed, scrape);
        for (_, device) in self.devices.iter_mut() {
            device.collect(uuid, scrape);
        }
    }

    fn collect_tables(&mut self, uuid: &str, scrape: &mut Scrape<'_>) {
        let Table { file, labels } = &mut self.compression;
        if let Some(bytes) = reading(file.text(scrape.buffer), scrape.problems) {
            for (place, row) in parsed(compression(bytes), file.path(), scrape.problems).enumerate() {
                let of_row = || LabelText::new([("algorithm", &*to_text(row.algorithm)), ("uuid", uuid)]);
                if let Some(labels) = labels.at_unless_twice(place, row.algorithm, |is_twice| (!is_twice).then(of_row))
                {
                    scrape.page.labelled_sample(&COMPRESSED, labels, &[], row.compressed_bytes as f64);
                    scrape.page.labelled_sample(&UNCOMPRESSED, labels, &[], row.uncompressed_bytes as f64);
                }
            }
        }
        let Table { file, labels } = &mut self.errors;
        if let Some(bytes) = reading(file.text(scrape.buffer), scrape.problems) {
            for (place, row) in parsed(errors(bytes), file.path(), scrape.problems).enumerate() {
                let of_row = || LabelText::new([("error_type", &*to_text(row.kind)), ("uuid", uuid)]);
                if let Some(labels) = labels.at_unless_twice(place, row.kind, |is_twice| (!is_twice).then(of_row)) {
                    scrape.page.labelled_sample(&ERRORS, labels, &[], row.count as f64);
                }
            }
        }
        let Table { file, labels } = &mut self.btree_writes;
        if let Some(bytes) = reading(file.text(scrape.buffer), scrape.problems) {
            for (place, row) in parsed(btree_writes(bytes), file.path(), scrape.problems).enumerate() {
                let of_row = || LabelText::new([("type", &*to_text(row.kind)), ("uuid", uuid)]);
                if let Some(labels) = labels.at_unless_twice(place, row.kind, |is_twice| (!is_twice).then(of_row)) {
                    scrape.page.labelled_sample(&BTREE_WRITES, labels, &[], row.writes as f64);
                    scrape.page.labelled_sample(&BTREE_WRITE_SIZE, labels, &[], row.average_bytes as f64);
                }
            }
        }
    }

    fn read_counters(&mut self, place: usize, columns: &mut ByField, host: &Host, scrape: &mut Scrape<'_>) {
        let listed = self.counters.refresh(scrape.buffer, |_, path, _| (!path.is_dir()).then(|| host.attribute(path)));
        note(listed, scrape);
        for (name, file) in self.counters.iter_mut() {
            if let Some(count) = reading(file.parse(scrape.buffer, counted), scrape.problems) {
                columns.add(place, name.as_bytes(), count as f64);
            }
        }
    }
}

impl Table {
    pub fn new(host: &Host, folder: &Path, name: &str) -> Self {
        Table { file: host.attribute(folder.join(name)), labels: Remembered::default() }
    }
}

/// A folder that is not there has nothing in it.
fn note(listed: kernel::Result<()>, scrape: &mut Scrape<'_>) {
    if let Err(error) = listed
        && !error.is_absent()
    {
        scrape.item_failed(error);
    }
}

impl Collector for Bcachefs {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let host = &self.host;
        let refreshed = self
            .filesystems
            .refresh(scrape.buffer, |uuid, folder, _| folder.is_dir().then(|| Filesystem::new(uuid, folder, host)));
        if let Err(error) = refreshed {
            return Outcome::of_error(error);
        }
        if self.filesystems.is_empty() {
            return Ok(Outcome::absent("no bcachefs is mounted"));
        }
        for (place, (uuid, filesystem)) in self.filesystems.iter_mut().enumerate() {
            filesystem.collect(uuid, host, scrape);
            filesystem.read_counters(place, &mut self.counters, host, scrape);
        }
        self.counters.write(scrape.page, self.filesystems.iter().map(|(_, filesystem)| Some(&filesystem.labels)));
        Ok(Outcome::Collected)
    }
}
