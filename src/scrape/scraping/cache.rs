//! What the lines of a target meant the last time: the raw bytes of a series (name and labels as sent) lead to the
//! storage's series, so that a known line costs one hash and one comparison.
//!
//! The bytes themselves are not kept, only 96 bits of two hashes whose seeds are random in each process: two series of
//! one target are taken for one another about once in 10^16 pages of a million series. An entry costs 24 bytes, and
//! about 7 more in the index. Lines mostly come in the same order each time, so the entry after the last one is tried
//! before the index.
//!
//! The cache also knows which series are live: those whose newest sample is a value that staleness is tracked for. What
//! is live and not on the next page has ended.

use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;

use foldhash::quality::RandomState;
use hashbrown::{HashSet, HashTable};
use model::SeriesRef;

/// The seeds of all caches of this process.
static SEEDS: LazyLock<[RandomState; 2]> = LazyLock::new(Default::default);

/// Entries that were not on the last page are evicted when they are more than this and a quarter of the others.
const UNSEEN_ALLOWANCE: usize = 64;

/// The cache of one target.
#[derive(Debug, Default)]
pub(crate) struct ScrapeCache {
    /// In the order in which they were seen first.
    entries: Vec<Entry>,
    /// Positions in `entries` by the first hash.
    index: HashTable<u32>,
    /// Where the next line is expected.
    predicted: usize,
    /// The number of the page that is being read.
    page: u32,
    /// How many entries are live.
    live: usize,
    /// Entries of this page that staleness is tracked for: those that were live before it, and others.
    tracked_live: usize,
    tracked_new: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u64,
    series: SeriesRef,
    more_hash: u32,
    mark: Mark,
}

/// Hashes of the raw bytes of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    hash: u64,
    more_hash: u32,
}

/// The page on which an entry was seen last (30 bits), whether staleness was tracked for it there, whether it is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark(u32);

/// What a known line means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Series(SeriesRef),
    /// The series was already on this page.
    Repeated(SeriesRef),
    /// Relabelling drops it.
    Dropped,
}

/// Stands for a series that relabelling drops.
const DROPPED: SeriesRef = SeriesRef::MAX;

const LIVE: u32 = 1;
const TRACKED: u32 = 2;
const PAGE_SHIFT: u32 = 2;
const LAST_PAGE: u32 = u32::MAX >> PAGE_SHIFT;

impl ScrapeCache {
    /// Starts a page.
    pub fn begin_page(&mut self) {
        self.page = if self.page == LAST_PAGE { 1 } else { self.page + 1 };
        self.predicted = 0;
        self.tracked_live = 0;
        self.tracked_new = 0;
    }

    /// Expects the first line again, without starting a page.
    pub fn rewind(&mut self) {
        self.predicted = 0;
    }

    #[inline]
    pub fn key(raw: &[u8]) -> Key {
        let [hash, more_hash] = &*SEEDS;
        Key { hash: hash_of(hash, raw), more_hash: hash_of(more_hash, raw) as u32 }
    }

    /// The position of a series that is known.
    #[inline]
    pub fn find(&mut self, key: Key) -> Option<usize> {
        let position = match self.entries.get(self.predicted) {
            Some(entry) if entry.is(key) => self.predicted,
            _ => self.look_up(key)?,
        };
        self.predicted = position + 1;
        Some(position)
    }

    #[inline(never)]
    fn look_up(&self, key: Key) -> Option<usize> {
        let is_it = |position: &u32| self.entries[*position as usize].is(key);
        self.index.find(key.hash, is_it).map(|position| *position as usize)
    }

    /// Adds a series that is not known; `None` for one that relabelling drops. Returns its position.
    pub fn insert(&mut self, key: Key, series: Option<SeriesRef>) -> usize {
        let position = self.entries.len();
        let Key { hash, more_hash } = key;
        self.entries.push(Entry { hash, more_hash, series: series.unwrap_or(DROPPED), mark: Mark(0) });
        let entries = &self.entries;
        self.index.insert_unique(hash, position as u32, |position| entries[*position as usize].hash);
        position
    }

    /// Notes that an entry is on this page, and says what it means.
    #[inline]
    pub fn see(&mut self, position: usize, is_tracked: bool) -> Known {
        let page = self.page;
        let entry = &mut self.entries[position];
        let mark = entry.mark;
        let is_repeated = mark.page() == page;
        let tracks_anew = is_tracked && !(is_repeated && mark.is_tracked());
        entry.mark = mark.on(page, is_tracked || (is_repeated && mark.is_tracked()));
        if entry.series == DROPPED {
            return Known::Dropped;
        }
        if tracks_anew {
            if mark.is_live() { self.tracked_live += 1 } else { self.tracked_new += 1 }
        }
        if is_repeated { Known::Repeated(entry.series) } else { Known::Series(entry.series) }
    }

    /// The series of an entry, unless relabelling drops it.
    pub fn series(&self, position: usize) -> Option<SeriesRef> {
        Some(self.entries[position].series).filter(|series| *series != DROPPED)
    }

    /// The storage does not know the old ref any more.
    pub fn replace(&mut self, position: usize, series: SeriesRef) {
        self.entries[position].series = series;
    }

    /// Appends the series that were live and are not on this page.
    pub fn collect_ended(&self, ended: &mut Vec<SeriesRef>) {
        if self.tracked_live == self.live {
            return;
        }
        let page = self.page;
        let is_ended = |entry: &&Entry| entry.mark.is_live() && !entry.is_tracked_on(page);
        ended.extend(self.entries.iter().filter(is_ended).map(|entry| entry.series));
        // The target may spell a series otherwise than before; then it has not ended.
        let tracked = self.entries.iter().filter(|entry| entry.is_tracked_on(page));
        let current: HashSet<SeriesRef, RandomState> = tracked.map(|entry| entry.series).collect();
        ended.retain(|series| !current.contains(series));
    }

    /// The page is in the storage: what staleness is tracked for on it is live, and nothing else.
    pub fn commit_page(&mut self) {
        if self.tracked_live == self.live && self.tracked_new == 0 {
            return;
        }
        let page = self.page;
        let mut unseen = 0;
        for entry in &mut self.entries {
            let is_live = entry.is_tracked_on(page) && entry.series != DROPPED;
            entry.mark = entry.mark.live(is_live);
            unseen += usize::from(entry.mark.page() != page);
        }
        self.live = self.tracked_live + self.tracked_new;
        let seen = self.entries.len() - unseen;
        if unseen > UNSEEN_ALLOWANCE + seen / 4 {
            self.entries.retain(|entry| entry.mark.page() == page);
            self.build_index();
        }
        self.release_spare_room();
    }

    /// Appends all live series.
    pub fn collect_live(&self, live: &mut Vec<SeriesRef>) {
        let entries = self.entries.iter().filter(|entry| entry.mark.is_live());
        live.extend(entries.map(|entry| entry.series));
    }

    /// All series have got their staleness markers.
    pub fn end_all(&mut self) {
        if self.live == 0 {
            return;
        }
        for entry in &mut self.entries {
            entry.mark = entry.mark.live(false);
        }
        self.live = 0;
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn heap_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.index.allocation_size()
    }

    fn build_index(&mut self) {
        let entries = &self.entries;
        let hash = |position: &u32| entries[*position as usize].hash;
        self.index.clear();
        self.index.shrink_to(entries.len(), hash);
        for (position, entry) in entries.iter().enumerate() {
            self.index.insert_unique(entry.hash, position as u32, hash);
        }
    }

    /// Vectors grow by doubling, which would be half of the cache's memory.
    fn release_spare_room(&mut self) {
        let spare = self.entries.capacity() - self.entries.len();
        if spare > UNSEEN_ALLOWANCE + self.entries.len() / 8 {
            self.entries.shrink_to(self.entries.len() + self.entries.len() / 16);
        }
    }
}

#[inline]
fn hash_of(seed: &RandomState, raw: &[u8]) -> u64 {
    let mut hasher = seed.build_hasher();
    hasher.write(raw);
    hasher.finish()
}

impl Entry {
    #[inline]
    fn is(&self, key: Key) -> bool {
        self.hash == key.hash && self.more_hash == key.more_hash
    }

    fn is_tracked_on(&self, page: u32) -> bool {
        self.mark.page() == page && self.mark.is_tracked()
    }
}

impl Mark {
    fn page(self) -> u32 {
        self.0 >> PAGE_SHIFT
    }

    fn is_tracked(self) -> bool {
        self.0 & TRACKED != 0
    }

    fn is_live(self) -> bool {
        self.0 & LIVE != 0
    }

    /// Seen on a page; liveness stays.
    fn on(self, page: u32, is_tracked: bool) -> Mark {
        Mark((page << PAGE_SHIFT) | if is_tracked { TRACKED } else { 0 } | (self.0 & LIVE))
    }

    fn live(self, is_live: bool) -> Mark {
        Mark((self.0 & !LIVE) | u32::from(is_live))
    }
}
