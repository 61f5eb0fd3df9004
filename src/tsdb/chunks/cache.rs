//! Blocks of chunk files that were read, kept up to a fixed number of bytes. What to throw out is decided by a clock
//! hand: a block that was used since the hand passed it last stays for another round.

use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::stats::CacheStats;

/// One page of the kernel's own cache; a chunk takes some 200 bytes.
pub const BLOCK_BYTES: usize = 4096;
/// Parts that are locked apart.
const PARTS: usize = 8;
/// What the cache spends on a block besides its bytes.
const OVERHEAD_BYTES: usize = 48;

pub struct BlockCache {
    parts: [Mutex<Part>; PARTS],
    blocks_per_part: usize,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// A block of a file. Only blocks that are full and will not change are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlockKey {
    pub file: u32,
    pub block: u32,
}

#[derive(Default)]
struct Part {
    by_key: HashMap<BlockKey, usize, RandomState>,
    entries: Vec<Entry>,
    hand: usize,
}

struct Entry {
    key: BlockKey,
    bytes: Box<[u8]>,
    was_used: bool,
}

impl BlockCache {
    pub fn new(cache_bytes: usize) -> Self {
        BlockCache {
            parts: Default::default(),
            blocks_per_part: cache_bytes / PARTS / (BLOCK_BYTES + OVERHEAD_BYTES),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// Hands a block to `use_bytes` if it is there.
    pub fn find<T>(&self, key: BlockKey, use_bytes: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let mut part = self.part(key).lock();
        let Some(&index) = part.by_key.get(&key) else {
            self.misses.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        self.hits.fetch_add(1, Ordering::Relaxed);
        let entry = &mut part.entries[index];
        entry.was_used = true;
        Some(use_bytes(&entry.bytes))
    }

    pub fn keep(&self, key: BlockKey, bytes: &[u8]) {
        if self.blocks_per_part == 0 {
            return;
        }
        let mut part = self.part(key).lock();
        let part = &mut *part;
        if part.by_key.contains_key(&key) {
            return;
        }
        if part.entries.len() < self.blocks_per_part {
            part.by_key.insert(key, part.entries.len());
            part.entries.push(Entry { key, bytes: bytes.into(), was_used: false });
            return;
        }
        while std::mem::take(&mut part.entries[part.hand].was_used) {
            part.hand = (part.hand + 1) % part.entries.len();
        }
        let victim = &mut part.entries[part.hand];
        part.by_key.remove(&victim.key);
        *victim = Entry { key, bytes: bytes.into(), was_used: false };
        part.by_key.insert(key, part.hand);
        part.hand = (part.hand + 1) % part.entries.len();
    }

    pub fn stats(&self) -> CacheStats {
        let blocks: usize = self.parts.iter().map(|part| part.lock().entries.len()).sum();
        CacheStats {
            bytes: blocks * (BLOCK_BYTES + OVERHEAD_BYTES),
            hits_total: self.hits.load(Ordering::Relaxed),
            misses_total: self.misses.load(Ordering::Relaxed),
        }
    }

    fn part(&self, key: BlockKey) -> &Mutex<Part> {
        &self.parts[(key.block ^ key.file) as usize % PARTS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_is_used_outlives_those_that_are_not() {
        let cache = BlockCache::new(PARTS * 10 * (BLOCK_BYTES + OVERHEAD_BYTES));
        let used = BlockKey { file: 1, block: 0 };
        cache.keep(used, &[7; BLOCK_BYTES]);
        for block in 1..1000 {
            cache.keep(BlockKey { file: 1, block }, &[0; BLOCK_BYTES]);
            assert_eq!(cache.find(used, |bytes| bytes[0]), Some(7), "after block {block}");
        }
        assert_eq!(cache.stats().bytes, PARTS * 10 * (BLOCK_BYTES + OVERHEAD_BYTES));
        assert_eq!(cache.find(BlockKey { file: 1, block: 1 }, |_| ()), None);
    }

    #[test]
    fn a_cache_of_no_bytes_keeps_nothing() {
        let cache = BlockCache::new(0);
        cache.keep(BlockKey { file: 1, block: 1 }, &[0; BLOCK_BYTES]);
        assert_eq!(cache.find(BlockKey { file: 1, block: 1 }, |_| ()), None);
    }
}
