//! `/sys/fs/xfs/<device>/stats/stats`: counters of mounted XFS file systems.
//! Kernel: 4.4 and later. Privileges: none. Cost: one listing, one read of about 700 bytes per file system.

use std::path::Path;

use exposition::{Family, LabelText, counter};
use kernel::sys::xfs_stats::{Counter, counters};
use kernel::{Host, KeptFile};

use super::inventory::Inventory;
use super::parsed::parsed;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const COLUMNS: [(Family, Counter); Counter::COUNT] = [
    (
        counter("node_xfs_extent_allocation_extents_allocated_total", "Number of extents allocated for a filesystem."),
        Counter::ExtentsAllocated,
    ),
    (
        counter("node_xfs_extent_allocation_blocks_allocated_total", "Number of blocks allocated for a filesystem."),
        Counter::BlocksAllocated,
    ),
    (
        counter("node_xfs_extent_allocation_extents_freed_total", "Number of extents freed for a filesystem."),
        Counter::ExtentsFreed,
    ),
    (
        counter("node_xfs_extent_allocation_blocks_freed_total", "Number of blocks freed for a filesystem."),
        Counter::BlocksFreed,
    ),
    (
        counter("node_xfs_allocation_btree_lookups_total", "Number of allocation B-tree lookups for a filesystem."),
        Counter::AllocationLookups,
    ),
    (
        counter("node_xfs_allocation_btree_compares_total", "Number of allocation B-tree compares for a filesystem."),
        Counter::AllocationCompares,
    ),
    (
        counter(
            "node_xfs_allocation_btree_records_inserted_total",
            "Number of allocation B-tree records inserted for a filesystem.",
        ),
        Counter::AllocationInsertions,
    ),
    (
        counter(
            "node_xfs_allocation_btree_records_deleted_total",
            "Number of allocation B-tree records deleted for a filesystem.",
        ),
        Counter::AllocationDeletions,
    ),
    (
        counter("node_xfs_block_mapping_reads_total", "Number of block map for read operations for a filesystem."),
        Counter::MapReads,
    ),
    (
        counter("node_xfs_block_mapping_writes_total", "Number of block map for write operations for a filesystem."),
        Counter::MapWrites,
    ),
    (
        counter("node_xfs_block_mapping_unmaps_total", "Number of block unmaps (deletes) for a filesystem."),
        Counter::MapUnmaps,
    ),
    (
        counter(
            "node_xfs_block_mapping_extent_list_insertions_total",
            "Number of extent list insertions for a filesystem.",
        ),
        Counter::MapInsertions,
    ),
    (
        counter(
            "node_xfs_block_mapping_extent_list_deletions_total",
            "Number of extent list deletions for a filesystem.",
        ),
        Counter::MapDeletions,
    ),
    (
        counter("node_xfs_block_mapping_extent_list_lookups_total", "Number of extent list lookups for a filesystem."),
        Counter::MapLookups,
    ),
    (
        counter(
            "node_xfs_block_mapping_extent_list_compares_total",
            "Number of extent list compares for a filesystem.",
        ),
        Counter::MapCompares,
    ),
    (
        counter("node_xfs_block_map_btree_lookups_total", "Number of block map B-tree lookups for a filesystem."),
        Counter::MapTreeLookups,
    ),
    (
        counter("node_xfs_block_map_btree_compares_total", "Number of block map B-tree compares for a filesystem."),
        Counter::MapTreeCompares,
    ),
    (
        counter(
            "node_xfs_block_map_btree_records_inserted_total",
            "Number of block map B-tree records inserted for a filesystem.",
        ),
        Counter::MapTreeInsertions,
    ),
    (
        counter(
            "node_xfs_block_map_btree_records_deleted_total",
            "Number of block map B-tree records deleted for a filesystem.",
        ),
        Counter::MapTreeDeletions,
    ),
    (
        counter(
            "node_xfs_directory_operation_lookup_total",
            "Number of lookups of file names that the kernel had not at hand.",
        ),
        Counter::NameLookups,
    ),
    (
        counter(
            "node_xfs_directory_operation_create_total",
            "Number of times a new directory entry was created for a filesystem.",
        ),
        Counter::NamesCreated,
    ),
    (
        counter(
            "node_xfs_directory_operation_remove_total",
            "Number of times a directory entry was removed from a filesystem.",
        ),
        Counter::NamesRemoved,
    ),
    (
        counter(
            "node_xfs_directory_operation_getdents_total",
            "Number of times the directory getdents operation was performed for a filesystem.",
        ),
        Counter::DirectoryReads,
    ),
    (
        counter("node_xfs_inode_operation_attempts_total", "Number of times an inode was looked for in the cache."),
        Counter::InodeAttempts,
    ),
    (
        counter("node_xfs_inode_operation_found_total", "Number of times an inode was found in the cache."),
        Counter::InodesFound,
    ),
    (
        counter(
            "node_xfs_inode_operation_recycled_total",
            "Number of times an inode was found in the cache, but could not be used as it was being recycled.",
        ),
        Counter::InodesRecycled,
    ),
    (
        counter("node_xfs_inode_operation_missed_total", "Number of times an inode was not found in the cache."),
        Counter::InodesMissed,
    ),
    (
        counter(
            "node_xfs_inode_operation_duplicates_total",
            "Number of times a missing inode was found to be in the cache after all, added by another process.",
        ),
        Counter::InodesDuplicate,
    ),
    (
        counter(
            "node_xfs_inode_operation_reclaims_total",
            "Number of times an inode was dropped from the cache to free memory.",
        ),
        Counter::InodesReclaimed,
    ),
    (
        counter(
            "node_xfs_inode_operation_attribute_changes_total",
            "Number of times the attributes of an inode were changed.",
        ),
        Counter::InodeAttributeChanges,
    ),
    (
        counter("node_xfs_write_calls_total", "Number of write(2) system calls made to files in a filesystem."),
        Counter::WriteCalls,
    ),
    (
        counter("node_xfs_read_calls_total", "Number of read(2) system calls made to files in a filesystem."),
        Counter::ReadCalls,
    ),
    (
        counter("node_xfs_vnode_active_total", "Number of vnodes not on free lists for a filesystem."),
        Counter::VnodesActive,
    ),
    (
        counter("node_xfs_vnode_allocate_total", "Number of times vn_alloc called for a filesystem."),
        Counter::VnodesAllocated,
    ),
    (counter("node_xfs_vnode_get_total", "Number of times vn_get called for a filesystem."), Counter::VnodesGot),
    (counter("node_xfs_vnode_hold_total", "Number of times vn_hold called for a filesystem."), Counter::VnodesHeld),
    (
        counter("node_xfs_vnode_release_total", "Number of times vn_rele called for a filesystem."),
        Counter::VnodesReleased,
    ),
    (
        counter("node_xfs_vnode_reclaim_total", "Number of times vn_reclaim called for a filesystem."),
        Counter::VnodesReclaimed,
    ),
    (
        counter("node_xfs_vnode_remove_total", "Number of times vn_remove called for a filesystem."),
        Counter::VnodesRemoved,
    ),
];

pub const SPEC: Spec = Spec {
    name: "xfs",
    is_on_by_default: true,
    help: "counters of mounted XFS file systems, from /sys/fs/xfs",
    families: &FAMILIES,
    flags: &[],
    build: |host, _| Ok(Box::new(Xfs::new(host))),
};

const FAMILIES: [Family; COLUMNS.len()] = {
    let mut all = [COLUMNS[0].0; COLUMNS.len()];
    let mut place = 0;
    while place < all.len() {
        all[place] = COLUMNS[place].0;
        place += 1;
    }
    all
};

struct Xfs {
    host: Host,
    /// By device.
    filesystems: Inventory<Filesystem>,
}

struct Filesystem {
    labels: LabelText,
    stats: KeptFile,
    /// By `Counter`; the first counts when a file has one twice.
    values: [Option<u64>; Counter::COUNT],
}

impl Xfs {
    fn new(host: &Host) -> Self {
        Xfs { host: host.clone(), filesystems: Inventory::new(host.roots.sys("fs/xfs")) }
    }
}

impl Filesystem {
    /// `None` for the folders beside those of the devices.
    fn new(name: &str, folder: &Path, host: &Host) -> Option<Self> {
        let path = folder.join("stats/stats");
        path.exists().then(|| Filesystem {
            labels: LabelText::new([("device", name)]),
            stats: KeptFile::new(path, &host.files),
            values: [None; Counter::COUNT],
        })
    }

    fn read(&mut self, scrape: &mut Scrape<'_>) {
        self.values = [None; Counter::COUNT];
        match self.stats.read_single(scrape.buffer) {
            Ok(bytes) => {
                for (counter, value) in parsed(counters(bytes), self.stats.path(), scrape.problems) {
                    self.values[counter as usize].get_or_insert(value);
                }
            }
            // Unmounted since the folder was listed.
            Err(error) if error.is_absent() => {}
            Err(error) => scrape.item_failed(error),
        }
    }
}

impl Collector for Xfs {
    /// A machine without XFS counts as a success, as with node_exporter.
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let host = &self.host;
        match self.filesystems.refresh(scrape.buffer, |name, path, _| Filesystem::new(name, path, host)) {
            Ok(()) => {}
            Err(error) if error.is_absent() => return Ok(Outcome::empty(error.to_string())),
            Err(error) => return Err(error.into()),
        }
        if self.filesystems.is_empty() {
            return Ok(Outcome::empty("no XFS is mounted"));
        }
        for (_, filesystem) in self.filesystems.iter_mut() {
            filesystem.read(scrape);
        }
        for (family, counter) in &COLUMNS {
            for (_, filesystem) in self.filesystems.iter() {
                if let Some(value) = filesystem.values[*counter as usize] {
                    scrape.page.labelled_sample(family, &filesystem.labels, &[], value as f64);
                }
            }
        }
        Ok(Outcome::Collected)
    }
}
