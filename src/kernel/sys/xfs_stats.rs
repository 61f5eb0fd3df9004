//! `/sys/fs/xfs/<device>/stats/stats` (4.4, `fs/xfs/xfs_stats.c`): counters of one file system, a line per group: its
//! name, then its counters by place. The kernel shows the file in one piece.
//!
//! ```text
//! extent_alloc 92447 97589 92448 93751
//! abt 0 0 0 0
//! ```

use crate::scan::{Fields, ParseError, lines, parse_u64};

/// Counters that have a meaning outside of the kernel. All wrap at 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    ExtentsAllocated,
    BlocksAllocated,
    ExtentsFreed,
    BlocksFreed,
    AllocationLookups,
    AllocationCompares,
    AllocationInsertions,
    AllocationDeletions,
    MapReads,
    MapWrites,
    MapUnmaps,
    MapInsertions,
    MapDeletions,
    MapLookups,
    MapCompares,
    MapTreeLookups,
    MapTreeCompares,
    MapTreeInsertions,
    MapTreeDeletions,
    NameLookups,
    NamesCreated,
    NamesRemoved,
    DirectoryReads,
    InodeAttempts,
    InodesFound,
    InodesRecycled,
    InodesMissed,
    InodesDuplicate,
    InodesReclaimed,
    InodeAttributeChanges,
    WriteCalls,
    ReadCalls,
    VnodesActive,
    VnodesAllocated,
    VnodesGot,
    VnodesHeld,
    VnodesReleased,
    VnodesReclaimed,
    VnodesRemoved,
}

impl Counter {
    pub const COUNT: usize = Counter::VnodesRemoved as usize + 1;
}

/// Groups and their counters in the order of the line; a line may have more.
const GROUPS: [(&[u8], &[Counter]); 8] = {
    use Counter as C;
    [
        (b"extent_alloc", &[C::ExtentsAllocated, C::BlocksAllocated, C::ExtentsFreed, C::BlocksFreed]),
        (b"abt", &[C::AllocationLookups, C::AllocationCompares, C::AllocationInsertions, C::AllocationDeletions]),
        (
            b"blk_map",
            &[
                C::MapReads,
                C::MapWrites,
                C::MapUnmaps,
                C::MapInsertions,
                C::MapDeletions,
                C::MapLookups,
                C::MapCompares,
            ],
        ),
        (b"bmbt", &[C::MapTreeLookups, C::MapTreeCompares, C::MapTreeInsertions, C::MapTreeDeletions]),
        (b"dir", &[C::NameLookups, C::NamesCreated, C::NamesRemoved, C::DirectoryReads]),
        (
            b"ig",
            &[
                C::InodeAttempts,
                C::InodesFound,
                C::InodesRecycled,
                C::InodesMissed,
                C::InodesDuplicate,
                C::InodesReclaimed,
                C::InodeAttributeChanges,
            ],
        ),
        (b"rw", &[C::WriteCalls, C::ReadCalls]),
        (
            b"vnodes",
            &[
                C::VnodesActive,
                C::VnodesAllocated,
                C::VnodesGot,
                C::VnodesHeld,
                C::VnodesReleased,
                C::VnodesReclaimed,
                C::VnodesRemoved,
            ],
        ),
    ]
};

/// The counters of the groups that we know. A group with too few, or with one that is no number, is an error of its own.
pub fn counters(bytes: &[u8]) -> impl Iterator<Item = Result<(Counter, u64), ParseError>> {
    lines(bytes).flat_map(|(number, line)| {
        let mut fields = Fields::new(number, line);
        let name = fields.next();
        let counters = GROUPS.iter().find(|(known, _)| Some(*known) == name).map_or(&[][..], |(_, counters)| *counters);
        let are_readable = fields.clone().filter(|text| parse_u64(text).is_some()).count() >= counters.len();
        let expected = || format!("at least {} numbers", counters.len());
        let odd = (!are_readable).then(|| Err(ParseError::new(number, expected(), line)));
        let readable = if are_readable { counters } else { &[] };
        let values = readable.iter().zip(fields.filter_map(parse_u64)).map(|(counter, value)| Ok((*counter, value)));
        odd.into_iter().chain(values)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counters_are_found_by_group_and_place() {
        let text = b"extent_alloc 1 2 3 4\nvnodes 1 2 3 4 5 6 7 8\nrw 28 7 99\ntrans 4 40 0\nunheard of\n";
        let found: Vec<_> = counters(text).collect::<Result<_, _>>().expect("valid");
        assert_eq!(found.len(), 4 + 7 + 2);
        assert!(found.contains(&(Counter::BlocksFreed, 4)) && found.contains(&(Counter::VnodesRemoved, 7)));
        assert!(found.contains(&(Counter::WriteCalls, 28)) && found.contains(&(Counter::ReadCalls, 7)));
        assert_eq!(counters(b"").count(), 0);
    }

    #[test]
    fn an_odd_group_costs_itself_only() {
        let found: Vec<_> = counters(b"rw 1\ndir 1 2 x 4\nabt 1 2 3 18446744073709551615\n").collect();
        let error = found[0].as_ref().expect_err("too few").to_string();
        assert_eq!(error, r#"line 1: expected at least 2 numbers, found "rw 1""#);
        assert!(found[1].is_err());
        assert_eq!(found[5], Ok((Counter::AllocationDeletions, u64::MAX)));
    }

    #[test]
    fn each_counter_has_its_place() {
        let places: Vec<_> =
            GROUPS.iter().flat_map(|(_, counters)| *counters).map(|counter| *counter as usize).collect();
        assert_eq!(places, (0..Counter::COUNT).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in "((rw|dir|abt|ig)[ 0-9x]{0,30}\n){0,5}", garbage in any::<Vec<u8>>()) {
            let _ = counters(bytes.as_bytes()).count();
            let _ = counters(&garbage).count();
        }
    }
}
