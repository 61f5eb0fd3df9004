//! `/sys/fs/bcachefs/<uuid>/dev-<n>`: one device of a bcachefs. Part of the collector `bcachefs`.

use std::path::Path;

use exposition::{Family, LabelText, counter, gauge};
use kernel::scan::{number, to_text, trim};
use kernel::sys::bcachefs::{Operation, amount, io_done, io_errors};
use kernel::{Attribute, Host, read_file};

use super::bcachefs::Table;
use super::parsed::parsed;
use super::readings::reading;
use super::remembered::Remembered;
use crate::Scrape;

pub const INFO: Family = gauge("node_bcachefs_device_info", "Device information.");
pub const BUCKET_SIZE: Family = gauge("node_bcachefs_device_bucket_size_bytes", "Bucket size in bytes.");
pub const BUCKETS: Family = gauge("node_bcachefs_device_buckets", "Total number of buckets.");
pub const DURABILITY: Family = gauge("node_bcachefs_device_durability", "Device durability setting.");
pub const IO_DONE: Family =
    counter("node_bcachefs_device_io_done_bytes_total", "IO bytes by operation type and data type.");
pub const IO_ERRORS: Family = counter("node_bcachefs_device_io_errors_total", "IO errors by error type.");

pub struct Device {
    /// As bcachefs numbers it.
    name: String,
    label: String,
    labels: LabelText,
    state: Attribute,
    /// What `state` said last.
    state_text: Vec<u8>,
    info: LabelText,
    bucket_size: Attribute,
    buckets: Attribute,
    durability: Attribute,
    io_done: Attribute,
    read_labels: Remembered<Option<LabelText>>,
    write_labels: Remembered<Option<LabelText>>,
    io_errors: Table,
}

impl Device {
    pub fn new(name: &str, uuid: &str, folder: &Path, host: &Host, buffer: &mut Vec<u8>) -> Self {
        let label = read_file(&folder.join("label"), buffer).map(|bytes| to_text(trim(bytes))).unwrap_or_default();
        let attribute = |file: &str| host.attribute(folder.join(file));
        Device {
            name: name.to_owned(),
            labels: LabelText::new([("device", name), ("uuid", uuid)]),
            state: attribute("state"),
            state_text: Vec::new(),
            info: info(name, &label, "", uuid),
            label,
            bucket_size: attribute("bucket_size"),
            buckets: attribute("nbuckets"),
            durability: attribute("durability"),
            io_done: attribute("io_done"),
            read_labels: Remembered::default(),
            write_labels: Remembered::default(),
            io_errors: Table::new(host, folder, "io_errors"),
        }
    }

    pub fn collect(&mut self, uuid: &str, scrape: &mut Scrape<'_>) {
        let state = reading(self.state.text(scrape.buffer), scrape.problems).unwrap_or_default();
        if self.state_text != state {
            self.state_text = state.to_vec();
            self.info = info(&self.name, &self.label, &to_text(state), uuid);
        }
        scrape.page.labelled_sample(&INFO, &self.info, &[], 1.0);
        let numbers = [
            (&BUCKET_SIZE, self.bucket_size.parse(scrape.buffer, amount)),
            (&BUCKETS, self.buckets.parse(scrape.buffer, number)),
            (&DURABILITY, self.durability.parse(scrape.buffer, number)),
        ];
        for (family, value) in numbers {
            if let Some(value) = reading(value, scrape.problems) {
                scrape.page.labelled_sample(family, &self.labels, &[], value as f64);
            }
        }
        self.collect_io(uuid, scrape);
    }

    fn collect_io(&mut self, uuid: &str, scrape: &mut Scrape<'_>) {
        let name = &*self.name;
        if let Some(bytes) = reading(self.io_done.text(scrape.buffer), scrape.problems) {
            let (mut reads, mut writes) = (0, 0);
            for row in parsed(io_done(bytes), self.io_done.path(), scrape.problems) {
                let (operation, labels, place) = match row.operation {
                    Operation::Read => ("read", &mut self.read_labels, &mut reads),
                    Operation::Write => ("write", &mut self.write_labels, &mut writes),
                };
                let of_row = || {
                    let data = to_text(row.data);
                    LabelText::new([("data_type", &*data), ("device", name), ("operation", operation), ("uuid", uuid)])
                };
                let labels = labels.at_unless_twice(*place, row.data, |is_twice| (!is_twice).then(of_row));
                *place += 1;
                if let Some(labels) = labels {
                    scrape.page.labelled_sample(&IO_DONE, labels, &[], row.bytes as f64);
                }
            }
        }
        let Table { file, labels } = &mut self.io_errors;
        if let Some(bytes) = reading(file.text(scrape.buffer), scrape.problems) {
            for (place, row) in parsed(io_errors(bytes), file.path(), scrape.problems).enumerate() {
                let of_row = || LabelText::new([("device", name), ("type", &*to_text(row.kind)), ("uuid", uuid)]);
                if let Some(labels) = labels.at_unless_twice(place, row.kind, |is_twice| (!is_twice).then(of_row)) {
                    scrape.page.labelled_sample(&IO_ERRORS, labels, &[], row.count as f64);
                }
            }
        }
    }
}

fn info(name: &str, label: &str, state: &str, uuid: &str) -> LabelText {
    LabelText::new([("device", name), ("label", label), ("state", state), ("uuid", uuid)])
}
