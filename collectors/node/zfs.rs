//! `/proc/spl/kstat/zfs/**`: statistics of ZFS as a whole, of its pools and of their data sets. Whatever numbers a
//! version of ZFS has become series by themselves.
//! Kernel: OpenZFS on Linux, any version. Privileges: none. Cost: two reads of 1 to 10 KB for each of a dozen files, for
//! each pool's two and for each data set's one; a listing of the folder and of each pool.

use std::path::Path;

use exposition::{Family, LabelText, untyped};
use kernel::proc::kstat;
use kernel::{Host, KeptFile};

use super::by_field::ByField;
use super::inventory::Inventory;
use super::named::Named;
use super::parsed::parsed;
use super::true_types::{Types, is_zfs_gauge};
use super::zfs_pool::{self, Pool};
use crate::{Collector, Failure, Outcome, Scrape, Spec};

// Most are counters, some are gauges; without `--true-types` they are untyped because node_exporter has them so.
const STATISTIC: Family = untyped("node_zfs_<file>_<field>", "kstat.zfs.misc.<file>.<field>");

pub const SPEC: Spec = Spec {
    name: "zfs",
    is_on_by_default: true,
    help: "statistics of ZFS, its pools and data sets, from /proc/spl/kstat/zfs",
    families: &[STATISTIC, zfs_pool::IO, zfs_pool::DATASET, zfs_pool::STATE],
    flags: &[],
    build: |host, settings| Ok(Box::new(Zfs::new(host, Types::of(settings)))),
};

/// Files of the module as a whole and what their families begin with.
const FILES: [(&str, &str); 11] = [
    ("abdstats", "node_zfs_abd_"),
    ("arcstats", "node_zfs_arc_"),
    ("dbufstats", "node_zfs_dbuf_"),
    ("dmu_tx", "node_zfs_dmu_tx_"),
    ("dnodestats", "node_zfs_dnode_"),
    ("fm", "node_zfs_fm_"),
    ("vdev_cache_stats", "node_zfs_vdev_cache_"),
    ("vdev_mirror_stats", "node_zfs_vdev_mirror_"),
    ("xuio_stats", "node_zfs_xuio_"),
    ("zfetchstats", "node_zfs_zfetch_"),
    ("zil", "node_zfs_zil_"),
];

struct Zfs {
    host: Host,
    types: Types,
    /// Of the folder with all statistics, by name.
    entries: Inventory<Entry>,
    pools: zfs_pool::Columns,
    no_labels: LabelText,
}

enum Entry {
    Statistics { file: KeptFile, fields: ByField },
    Pool(Box<Pool>),
}

impl Zfs {
    fn new(host: &Host, types: Types) -> Self {
        Zfs {
            host: host.clone(),
            types,
            entries: Inventory::new(host.roots.proc("spl/kstat/zfs")),
            pools: zfs_pool::Columns::new(types),
            no_labels: LabelText::default(),
        }
    }
}

impl Entry {
    fn new(name: &str, path: &Path, host: &Host, types: Types) -> Option<Self> {
        if let Some((file_name, prefix)) = FILES.into_iter().find(|(file, _)| *file == name) {
            let family_of = move |field: &str| {
                let kind = types.of_field(|| is_zfs_gauge(file_name, field));
                Named::new(kind, format!("{prefix}{field}"), format!("kstat.zfs.misc.{file_name}.{field}"))
            };
            let file = KeptFile::new(path.to_owned(), &host.files);
            return Some(Entry::Statistics { file, fields: ByField::new(family_of) });
        }
        path.is_dir().then(|| Entry::Pool(Box::new(Pool::new(name, path, host))))
    }
}

impl Collector for Zfs {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let (host, types) = (&self.host, self.types);
        if let Err(error) = self.entries.refresh(scrape.buffer, |name, path, _| Entry::new(name, path, host, types)) {
            return Outcome::of_error(error);
        }
        for (_, entry) in self.entries.iter_mut() {
            match entry {
                Entry::Statistics { file, fields } => {
                    let bytes = match file.read(scrape.buffer) {
                        Ok(bytes) => bytes,
                        Err(error) => {
                            if !error.is_absent() {
                                scrape.item_failed(error);
                            }
                            continue;
                        }
                    };
                    for entry in parsed(kstat::entries(bytes), file.path(), scrape.problems) {
                        if let Some(number) = entry.value.number() {
                            fields.add(0, entry.name, number);
                        }
                    }
                    fields.write(scrape.page, std::iter::once(Some(&self.no_labels)));
                }
                Entry::Pool(pool) => pool.read(&mut self.pools, scrape),
            }
        }
        let pools = self.entries.iter().filter_map(|(_, entry)| match entry {
            Entry::Pool(pool) => Some(&**pool),
            Entry::Statistics { .. } => None,
        });
        self.pools.write(pools, scrape.page);
        Ok(Outcome::Collected)
    }
}
