//! `/proc/spl/kstat/zfs/<pool>/{state,io,objset-*}`: one pool and its data sets. Part of the collector `zfs`. `io` is
//! gone since OpenZFS 2.1, `state` came with 0.7.

use std::collections::HashSet;
use std::path::Path;

use exposition::{Family, LabelText, Page, gauge, untyped};
use kernel::proc::kstat::{self, Value};
use kernel::scan::to_text;
use kernel::{Attribute, FileBudget, Host, KeptFile};

use super::by_field::ByField;
use super::inventory::Inventory;
use super::named::Named;
use super::parsed::parsed;
use super::true_types::{Types, is_zfs_gauge};
use crate::Scrape;

pub const IO: Family = untyped("node_zfs_zpool_<field>", "kstat.zfs.misc.io.<field>");
pub const DATASET: Family = untyped("node_zfs_zpool_dataset_<field>", "kstat.zfs.misc.objset.<field>");
pub const STATE: Family = gauge("node_zfs_zpool_state", "kstat.zfs.misc.state");

const STATES: [&str; 7] = ["online", "degraded", "faulted", "offline", "removed", "unavail", "suspended"];

/// A pool may have thousands of data sets; others want to keep files open too.
const FILES_FOR_OTHERS: usize = 1024;

pub struct Pool {
    name: String,
    labels: LabelText,
    state: Attribute,
    /// Labels and whether the pool is in that state; `None` while the file cannot be read.
    states: [(LabelText, Option<bool>); STATES.len()],
    io: Attribute,
    datasets: Inventory<Dataset>,
    /// Of the data sets' files.
    budget: FileBudget,
}

struct Dataset {
    file: KeptFile,
    /// As the file has it now; empty while it tells none.
    name: Vec<u8>,
    labels: LabelText,
    /// A data set before it has the same name: they may overlap for a moment while one is renamed.
    is_repeated: bool,
}

/// What all pools together have to say, by family.
pub struct Columns {
    io: ByField,
    datasets: ByField,
    /// How many were read in this scrape.
    pools_read: usize,
    datasets_read: usize,
}

impl Pool {
    pub fn new(name: &str, folder: &Path, host: &Host) -> Self {
        Pool {
            name: name.to_owned(),
            labels: LabelText::new([("zpool", name)]),
            state: host.attribute(folder.join("state")),
            states: STATES.map(|state| (LabelText::new([("state", state), ("zpool", name)]), None)),
            io: host.attribute(folder.join("io")),
            datasets: Inventory::new(folder.to_owned()),
            budget: host.files.leaving(FILES_FOR_OTHERS),
        }
    }

    pub fn read(&mut self, columns: &mut Columns, scrape: &mut Scrape<'_>) {
        self.read_state(scrape);
        match self.io.text(scrape.buffer) {
            Ok(Some(bytes)) => {
                for (name, value) in parsed(kstat::io(bytes), self.io.path(), scrape.problems) {
                    columns.io.add(columns.pools_read, name, value as f64);
                }
            }
            Ok(None) => {}
            Err(error) => scrape.item_failed(error),
        }
        columns.pools_read += 1;
        self.read_datasets(columns, scrape);
    }

    fn read_state(&mut self, scrape: &mut Scrape<'_>) {
        let word = match self.state.text(scrape.buffer) {
            Ok(word) => word,
            Err(error) => {
                scrape.item_failed(error);
                None
            }
        };
        for ((_, is_current), state) in self.states.iter_mut().zip(STATES) {
            *is_current = word.map(|word| word.eq_ignore_ascii_case(state.as_bytes()));
        }
    }

    fn read_datasets(&mut self, columns: &mut Columns, scrape: &mut Scrape<'_>) {
        let budget = &self.budget;
        let listed = self.datasets.refresh(scrape.buffer, |name, path, _| {
            name.starts_with("objset-").then(|| Dataset::new(KeptFile::new(path.to_owned(), budget)))
        });
        if let Err(error) = listed
            && !error.is_absent()
        {
            scrape.item_failed(error);
        }
        let mut has_new_names = false;
        for (_, dataset) in self.datasets.iter_mut() {
            has_new_names |= dataset.read(&self.name, columns, scrape);
            columns.datasets_read += 1;
        }
        if has_new_names {
            let mut seen = HashSet::new();
            for (_, dataset) in self.datasets.iter_mut() {
                dataset.is_repeated = !seen.insert(&dataset.name);
            }
        }
    }
}

impl Dataset {
    fn new(file: KeptFile) -> Self {
        Dataset { file, name: Vec::new(), labels: LabelText::default(), is_repeated: false }
    }

    /// Whether the name is another than before.
    fn read(&mut self, pool: &str, columns: &mut Columns, scrape: &mut Scrape<'_>) -> bool {
        let bytes = match self.file.read(scrape.buffer) {
            Ok(bytes) => bytes,
            Err(error) => {
                // One that went is not in the next listing.
                if !error.is_absent() {
                    scrape.item_failed(error);
                }
                return false;
            }
        };
        let mut name: &[u8] = b"";
        for entry in parsed(kstat::entries(bytes), self.file.path(), scrape.problems) {
            match entry.value {
                Value::Text(text) if entry.name == b"dataset_name" => name = text,
                Value::Unsigned(value) => columns.datasets.add(columns.datasets_read, entry.name, value as f64),
                Value::Text(_) | Value::Signed(_) => {}
            }
        }
        let is_new = self.name != name;
        if is_new {
            self.name = name.to_vec();
            self.labels = LabelText::new([("dataset", &*to_text(name)), ("zpool", pool)]);
        }
        is_new
    }

    fn labels(&self) -> Option<&LabelText> {
        (!self.name.is_empty() && !self.is_repeated).then_some(&self.labels)
    }
}

impl Columns {
    pub fn new(types: Types) -> Self {
        let family_of = |prefix: &'static str, file: &'static str| {
            move |field: &str| {
                let kind = types.of_field(|| is_zfs_gauge(file, field));
                Named::new(kind, format!("{prefix}{field}"), format!("kstat.zfs.misc.{file}.{field}"))
            }
        };
        Columns {
            io: ByField::new(family_of("node_zfs_zpool_", "io")),
            datasets: ByField::new(family_of("node_zfs_zpool_dataset_", "objset")),
            pools_read: 0,
            datasets_read: 0,
        }
    }

    /// Writes what was read of `pools`, which are in the order in which they were read.
    pub fn write<'a>(&mut self, pools: impl Iterator<Item = &'a Pool> + Clone, page: &mut Page) {
        for (labels, is_current) in pools.clone().flat_map(|pool| &pool.states) {
            if let Some(is_current) = is_current {
                page.labelled_sample(&STATE, labels, &[], f64::from(u8::from(*is_current)));
            }
        }
        self.io.write(page, pools.clone().map(|pool| Some(&pool.labels)));
        self.datasets.write(page, pools.flat_map(|pool| pool.datasets.iter().map(|(_, dataset)| dataset.labels())));
        (self.pools_read, self.datasets_read) = (0, 0);
    }
}
