//! `memory.stat`, v2: what the memory of a group and all below it is used for. `kernel` since 5.18, `pgscan` and
//! `pgsteal` since 4.x, `workingset_refault_{anon,file}` since 5.9. The kernel first sums up per-CPU counters, which
//! makes this the dearest file of a group.

use super::flat_keyed::read_pairs;
use crate::scan::ParseError;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryStat {
    /// Anonymous memory.
    pub anon_bytes: Option<u64>,
    /// Page cache, shared memory included.
    pub file_bytes: Option<u64>,
    /// Kernel memory charged to the group.
    pub kernel_bytes: Option<u64>,
    /// Page cache that is mapped.
    pub file_mapped_bytes: Option<u64>,
    /// Page cache that is yet to be written.
    pub file_dirty_bytes: Option<u64>,
    /// Page cache that is being written.
    pub file_writeback_bytes: Option<u64>,
    /// Page cache that was not used lately.
    pub inactive_file_bytes: Option<u64>,
    /// Page cache that was.
    pub active_file_bytes: Option<u64>,
    /// Page faults, the major ones included.
    pub page_faults: Option<u64>,
    /// Page faults that had to wait for I/O.
    pub major_page_faults: Option<u64>,
    /// Pages that reclaim looked at.
    pub pages_scanned: Option<u64>,
    /// Pages that reclaim took.
    pub pages_stolen: Option<u64>,
    /// Pages of the cache that were read again soon after they were taken.
    pub file_refaults: Option<u64>,
    /// The same of anonymous pages.
    pub anon_refaults: Option<u64>,
}

impl MemoryStat {
    pub fn parse(bytes: &[u8], problems: &mut dyn FnMut(ParseError)) -> Self {
        let mut stat = MemoryStat::default();
        read_pairs(bytes, problems, |key, value| {
            let field = match key {
                b"anon" => &mut stat.anon_bytes,
                b"file" => &mut stat.file_bytes,
                b"kernel" => &mut stat.kernel_bytes,
                b"file_mapped" => &mut stat.file_mapped_bytes,
                b"file_dirty" => &mut stat.file_dirty_bytes,
                b"file_writeback" => &mut stat.file_writeback_bytes,
                b"inactive_file" => &mut stat.inactive_file_bytes,
                b"active_file" => &mut stat.active_file_bytes,
                b"pgfault" => &mut stat.page_faults,
                b"pgmajfault" => &mut stat.major_page_faults,
                b"pgscan" => &mut stat.pages_scanned,
                b"pgsteal" => &mut stat.pages_stolen,
                b"workingset_refault_file" => &mut stat.file_refaults,
                b"workingset_refault_anon" => &mut stat.anon_refaults,
                _ => return,
            };
            *field = Some(value);
        });
        stat
    }
}
