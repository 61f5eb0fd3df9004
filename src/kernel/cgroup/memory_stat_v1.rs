//! `memory.stat`, v1: each counter of the group alone and, as `total_*`, with all groups below it. The kernel sums up
//! per-CPU counters for it, which makes this the dearest file of a group.

use super::flat_keyed::read_pairs;
use crate::scan::ParseError;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryStatV1 {
    /// The group alone.
    pub local: Counters,
    /// The group and all below it.
    pub total: Counters,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Page cache, shared memory included.
    pub cache_bytes: Option<u64>,
    /// Anonymous memory.
    pub rss_bytes: Option<u64>,
    /// Page cache that is mapped.
    pub mapped_file_bytes: Option<u64>,
    /// Memory that was swapped out.
    pub swap_bytes: Option<u64>,
    /// Page cache that was not used lately.
    pub inactive_file_bytes: Option<u64>,
    /// Page cache that was.
    pub active_file_bytes: Option<u64>,
    /// Page faults, the major ones included.
    pub page_faults: Option<u64>,
    /// Page faults that had to wait for I/O.
    pub major_page_faults: Option<u64>,
}

impl MemoryStatV1 {
    pub fn parse(bytes: &[u8], problems: &mut dyn FnMut(ParseError)) -> Self {
        let mut stat = MemoryStatV1::default();
        read_pairs(bytes, problems, |key, value| {
            let (counters, name) = match key.strip_prefix(b"total_") {
                Some(name) => (&mut stat.total, name),
                None => (&mut stat.local, key),
            };
            let field = match name {
                b"cache" => &mut counters.cache_bytes,
                b"rss" => &mut counters.rss_bytes,
                b"mapped_file" => &mut counters.mapped_file_bytes,
                b"swap" => &mut counters.swap_bytes,
                b"inactive_file" => &mut counters.inactive_file_bytes,
                b"active_file" => &mut counters.active_file_bytes,
                b"pgfault" => &mut counters.page_faults,
                b"pgmajfault" => &mut counters.major_page_faults,
                _ => return,
            };
            *field = Some(value);
        });
        stat
    }

    /// A counter with all groups below; where the kernel does not tell it, the group's own.
    pub fn hierarchical(&self, field: impl Fn(&Counters) -> Option<u64>) -> Option<u64> {
        field(&self.total).or_else(|| field(&self.local))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_and_total_counters_are_kept_apart() {
        let text = b"cache 5\nrss 1\npgfault 999\ntotal_cache 9\ntotal_pgfault 1000\nhierarchical_memory_limit 1\n";
        let stat = MemoryStatV1::parse(text, &mut |problem| panic!("{problem}"));
        assert_eq!((stat.local.page_faults, stat.total.page_faults), (Some(999), Some(1000)));
        assert_eq!(stat.hierarchical(|counters| counters.cache_bytes), Some(9));
        assert_eq!(stat.hierarchical(|counters| counters.rss_bytes), Some(1));
        assert_eq!(stat.hierarchical(|counters| counters.swap_bytes), None);
    }
}
