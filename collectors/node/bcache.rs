//! `/sys/fs/bcache/<uuid>/**`: caches of fast disks before slow ones.
//! Kernel: 3.10 and later. Privileges: none. Cost: a listing per cache set, one read per series; the two of
//! `priority_stats` make the kernel sort all buckets and are off by default.

use std::path::Path;

use exposition::{Family, LabelText, Page, counter, gauge};
use kernel::scan::ParseError;
use kernel::sys::bcache::{PriorityStats, WritebackRate, amount};
use kernel::{Attribute, Host};

use super::inventory::Inventory;
use super::readings::{self, Column, Readings, reading};
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, Spec};

/// Of a cache set.
const OF_SET: [Column; 10] = [
    Column::new(
        gauge("node_bcache_average_key_size_sectors", "Average data per key in the btree (sectors)."),
        "average_key_size",
        whole,
    ),
    Column::new(
        gauge("node_bcache_btree_cache_size_bytes", "Amount of memory currently used by the btree cache."),
        "btree_cache_size",
        whole,
    ),
    Column::new(
        gauge("node_bcache_cache_available_percent", "Percentage of the cache without dirty data."),
        "cache_available_percent",
        whole,
    ),
    Column::new(gauge("node_bcache_congested", "Congestion."), "congested", whole),
    Column::new(
        gauge("node_bcache_root_usage_percent", "Percentage of the root btree node in use."),
        "root_usage_percent",
        whole,
    ),
    Column::new(gauge("node_bcache_tree_depth", "Depth of the btree."), "tree_depth", whole),
    Column::new(
        gauge("node_bcache_active_journal_entries", "Number of journal entries that are newer than the index."),
        "internal/active_journal_entries",
        whole,
    ),
    Column::new(gauge("node_bcache_btree_nodes", "Total nodes in the btree."), "internal/btree_nodes", whole),
    Column::new(
        gauge("node_bcache_btree_read_average_duration_seconds", "Average btree read duration."),
        "internal/btree_read_average_duration_us",
        // Microseconds by name; node_exporter takes them for nanoseconds.
        |bytes| amount(bytes).map(|duration| Some(duration as f64 * 1e-9)),
    ),
    Column::new(
        counter(
            "node_bcache_cache_read_races_total",
            "Number of reads from the cache that had to be repeated because the bucket was reused meanwhile.",
        ),
        "internal/cache_read_races",
        whole,
    ),
];

const OF_BACKING: [Column; 8] = [
    Column::new(
        gauge("node_bcache_dirty_data_bytes", "Amount of dirty data for this backing device in the cache."),
        "dirty_data",
        whole,
    ),
    Column::new(
        counter(
            "node_bcache_bypassed_bytes_total",
            "Amount of IO (both reads and writes) that has bypassed the cache.",
        ),
        "stats_total/bypassed",
        whole,
    ),
    Column::new(
        counter("node_bcache_cache_hits_total", "Hits counted per individual IO as bcache sees them."),
        "stats_total/cache_hits",
        whole,
    ),
    Column::new(
        counter("node_bcache_cache_misses_total", "Misses counted per individual IO as bcache sees them."),
        "stats_total/cache_misses",
        whole,
    ),
    Column::new(
        counter("node_bcache_cache_bypass_hits_total", "Hits for IO intended to skip the cache."),
        "stats_total/cache_bypass_hits",
        whole,
    ),
    Column::new(
        counter("node_bcache_cache_bypass_misses_total", "Misses for IO intended to skip the cache."),
        "stats_total/cache_bypass_misses",
        whole,
    ),
    Column::new(
        counter(
            "node_bcache_cache_miss_collisions_total",
            "Number of insertions after a miss that found the data there already.",
        ),
        "stats_total/cache_miss_collisions",
        whole,
    ),
    Column::new(
        counter("node_bcache_cache_readaheads_total", "Count of times readahead occurred."),
        "stats_total/cache_readaheads",
        // Newer kernels have none; node_exporter shows a zero as none.
        |bytes| whole(bytes).map(|count| count.filter(|count| *count > 0.0)),
    ),
];

/// A family and what it shows.
type Part<T> = (Family, fn(&T) -> Option<f64>);

/// From `writeback_rate_debug`.
const OF_WRITEBACK: [Part<WritebackRate>; 5] = [
    (
        gauge(
            "node_bcache_dirty_target_bytes",
            "Current dirty data target threshold for this backing device in bytes.",
        ),
        |rate| rate.target.map(|bytes| bytes as f64),
    ),
    (gauge("node_bcache_writeback_rate", "Current writeback rate for this backing device in bytes."), |rate| {
        rate.rate.map(|bytes| bytes as f64)
    }),
    (
        gauge(
            "node_bcache_writeback_rate_proportional_term",
            "Current result of proportional controller, part of writeback rate",
        ),
        |rate| rate.proportional.map(|bytes| bytes as f64),
    ),
    (
        gauge(
            "node_bcache_writeback_rate_integral_term",
            "Current result of integral controller, part of writeback rate",
        ),
        |rate| rate.integral.map(|bytes| bytes as f64),
    ),
    (gauge("node_bcache_writeback_change", "Last writeback rate change step for this backing device."), |rate| {
        rate.change.map(|bytes| bytes as f64)
    }),
];

const OF_CACHE: [Column; 3] = [
    Column::new(
        gauge("node_bcache_io_errors", "Number of errors that have occurred, decayed by io_error_halflife."),
        "io_errors",
        whole,
    ),
    Column::new(
        counter("node_bcache_metadata_written_bytes_total", "Sum of all non data writes."),
        "metadata_written",
        whole,
    ),
    Column::new(
        counter("node_bcache_written_bytes_total", "Sum of all data that has been written to the cache."),
        "written",
        whole,
    ),
];

/// From `priority_stats`.
const OF_PRIORITY: [Part<PriorityStats>; 2] = [
    (
        gauge(
            "node_bcache_priority_stats_unused_percent",
            "The percentage of the cache that doesn't contain any data.",
        ),
        |stats| stats.unused.map(|percent| percent as f64),
    ),
    (gauge("node_bcache_priority_stats_metadata_percent", "Bcache's metadata overhead."), |stats| {
        stats.metadata.map(|percent| percent as f64)
    }),
];

const PRIORITY_STATS: Flag = Flag {
    name: "collector.bcache.priorityStats",
    kind: FlagKind::Switch { default: false },
    help: "expose priority stats, which are expensive to read",
    aliases: &[],
};

pub const SPEC: Spec = Spec {
    name: "bcache",
    is_on_by_default: true,
    help: "caches of fast disks before slow ones, from /sys/fs/bcache",
    families: &FAMILIES,
    flags: &[PRIORITY_STATS],
    build: |host, settings| Ok(Box::new(Bcache::new(host, settings))),
};

const FAMILIES: [Family; 28] = {
    const WRITEBACK_AND_PRIORITY: [Family; 7] = [
        OF_WRITEBACK[0].0,
        OF_WRITEBACK[1].0,
        OF_WRITEBACK[2].0,
        OF_WRITEBACK[3].0,
        OF_WRITEBACK[4].0,
        OF_PRIORITY[0].0,
        OF_PRIORITY[1].0,
    ];
    const AND_SET: [Family; 17] = readings::families(&WRITEBACK_AND_PRIORITY, &OF_SET);
    const AND_BACKING: [Family; 25] = readings::families(&AND_SET, &OF_BACKING);
    readings::families(&AND_BACKING, &OF_CACHE)
};

struct Bcache {
    host: Host,
    shows_priority: bool,
    /// By UUID.
    sets: Inventory<CacheSet>,
}

struct CacheSet {
    labels: LabelText,
    readings: Readings,
    /// Links to the disks, by name.
    disks: Inventory<Disk>,
}

enum Disk {
    Backing(Box<BackingDevice>),
    Cache(Box<CacheDevice>),
}

struct BackingDevice {
    labels: LabelText,
    readings: Readings,
    writeback: Attribute,
    rate: WritebackRate,
}

struct CacheDevice {
    labels: LabelText,
    readings: Readings,
    /// `None` where they are not wanted.
    priority: Option<Attribute>,
    stats: PriorityStats,
}

fn whole(bytes: &[u8]) -> Result<Option<f64>, ParseError> {
    amount(bytes).map(|amount| Some(amount as f64))
}

impl Bcache {
    fn new(host: &Host, settings: &Settings) -> Self {
        Bcache {
            host: host.clone(),
            shows_priority: settings.is_on(PRIORITY_STATS.name),
            sets: Inventory::new(host.roots.sys("fs/bcache")),
        }
    }

    fn write(&self, page: &mut Page) {
        readings::write(&OF_SET, self.sets.iter().map(|(_, set)| (&set.labels, &set.readings)), page);
        let disks = || self.sets.iter().flat_map(|(_, set)| set.disks.iter().map(|(_, disk)| disk));
        let backing = || {
            disks().filter_map(|disk| match disk {
                Disk::Backing(device) => Some(device),
                Disk::Cache(_) => None,
            })
        };
        let caches = || {
            disks().filter_map(|disk| match disk {
                Disk::Cache(device) => Some(device),
                Disk::Backing(_) => None,
            })
        };
        readings::write(&OF_BACKING, backing().map(|device| (&device.labels, &device.readings)), page);
        for (family, value) in &OF_WRITEBACK {
            for device in backing() {
                if let Some(value) = value(&device.rate) {
                    page.labelled_sample(family, &device.labels, &[], value);
                }
            }
        }
        readings::write(&OF_CACHE, caches().map(|device| (&device.labels, &device.readings)), page);
        for (family, percent) in &OF_PRIORITY {
            for device in caches() {
                if let Some(percent) = percent(&device.stats) {
                    page.labelled_sample(family, &device.labels, &[], percent);
                }
            }
        }
    }
}

impl CacheSet {
    fn read(&mut self, uuid: &str, host: &Host, shows_priority: bool, scrape: &mut Scrape<'_>) {
        self.readings.read(&OF_SET, scrape);
        let listed = self.disks.refresh(scrape.buffer, |name, folder, _| {
            if is_numbered(name, "bdev") {
                let labels = LabelText::new([("backing_device", name), ("uuid", uuid)]);
                Some(Disk::Backing(Box::new(BackingDevice::new(labels, folder, host))))
            } else if is_numbered(name, "cache") {
                let labels = LabelText::new([("cache_device", name), ("uuid", uuid)]);
                Some(Disk::Cache(Box::new(CacheDevice::new(labels, folder, host, shows_priority))))
            } else {
                None
            }
        });
        if let Err(error) = listed
            && !error.is_absent()
        {
            scrape.item_failed(error);
        }
        for (_, disk) in self.disks.iter_mut() {
            match disk {
                Disk::Backing(device) => device.read(scrape),
                Disk::Cache(device) => device.read(scrape),
            }
        }
    }
}

/// `bdev0`, but not `bdev` or `bdev_x`.
fn is_numbered(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

impl BackingDevice {
    fn new(labels: LabelText, folder: &Path, host: &Host) -> Self {
        BackingDevice {
            labels,
            readings: Readings::new(host, folder, &OF_BACKING),
            writeback: host.attribute(folder.join("writeback_rate_debug")),
            rate: WritebackRate::default(),
        }
    }

    fn read(&mut self, scrape: &mut Scrape<'_>) {
        self.readings.read(&OF_BACKING, scrape);
        let rate = self.writeback.parse(scrape.buffer, WritebackRate::parse);
        self.rate = reading(rate, scrape.problems).unwrap_or_default();
    }
}

impl CacheDevice {
    fn new(labels: LabelText, folder: &Path, host: &Host, shows_priority: bool) -> Self {
        CacheDevice {
            labels,
            readings: Readings::new(host, folder, &OF_CACHE),
            priority: shows_priority.then(|| host.attribute(folder.join("priority_stats"))),
            stats: PriorityStats::default(),
        }
    }

    fn read(&mut self, scrape: &mut Scrape<'_>) {
        self.readings.read(&OF_CACHE, scrape);
        if let Some(priority) = &mut self.priority {
            let stats = priority.parse(scrape.buffer, PriorityStats::parse);
            self.stats = reading(stats, scrape.problems).unwrap_or_default();
        }
    }
}

impl Collector for Bcache {
    /// A machine without bcache counts as a success, as with node_exporter.
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let host = &self.host;
        let refreshed = self.sets.refresh(scrape.buffer, |uuid, folder, _| {
            (uuid.contains('-') && folder.is_dir()).then(|| CacheSet {
                labels: LabelText::new([("uuid", uuid)]),
                readings: Readings::new(host, folder, &OF_SET),
                disks: Inventory::new(folder.to_owned()),
            })
        });
        match refreshed {
            Ok(()) => {}
            Err(error) if error.is_absent() => return Ok(Outcome::empty(error.to_string())),
            Err(error) => return Err(error.into()),
        }
        if self.sets.is_empty() {
            return Ok(Outcome::empty("no set of bcache is registered"));
        }
        for (uuid, set) in self.sets.iter_mut() {
            set.read(uuid, host, self.shows_priority, scrape);
        }
        self.write(scrape.page);
        Ok(Outcome::Collected)
    }
}
