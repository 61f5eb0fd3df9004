//! Which series there are: label pairs held once, for each pair the series that have it, and for each label set its
//! series. Everything is a number of 32 bits, so a series costs some 16 bytes here and 6 for each label.

mod find;
mod lists;
mod pairs;
mod postings;

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use model::{Labels, SeriesRef};
use roaring::RoaringBitmap;

use crate::pages::Pages;
use crate::series_ref::{SHARDS, Slot, join};
use lists::{List, Lists};
use pairs::Pairs;

/// How many places a log may leave free at once; more means that the number is damaged.
const MAX_GAP: u32 = 1 << 22;

pub struct Index {
    pub pairs: Pairs,
    lists: Lists,
    /// By shard, then by position.
    entries: [Pages<Entry>; SHARDS],
    /// By shard: free places below `ends`.
    free: [Vec<u32>; SHARDS],
    /// By shard: all places from here on are free.
    ends: [u32; SHARDS],
    by_labels: HashTable<u32>,
    all: RoaringBitmap,
    /// Higher than that of any series that was ever removed; see `series_ref`.
    generation: u32,
    hasher: RandomState,
    scratch: Vec<u32>,
}

/// A series. A free place has generation 0, which no series has.
#[derive(Clone, Copy, Default)]
struct Entry {
    list: List,
    /// Half of the hash of the labels, so that the table can grow without reading them.
    hash: u32,
    generation: u32,
}

/// Why a series could not be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("a series has {0} labels, more than {max}", max = Lists::MAX_COUNT)]
    TooManyLabels(usize),
    #[error("a shard of the head is full")]
    ShardFull,
    /// Only damaged files ask for this.
    #[error("place {0} is far behind the last one in use")]
    FarPlace(u32),
}

impl Index {
    pub fn new() -> Self {
        Index {
            pairs: Pairs::default(),
            lists: Lists::default(),
            entries: Default::default(),
            free: Default::default(),
            ends: [0; SHARDS],
            by_labels: HashTable::new(),
            all: RoaringBitmap::new(),
            generation: 1,
            hasher: RandomState::default(),
            scratch: Vec::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.by_labels.len()
    }

    /// The postings numbers of all series.
    pub fn all(&self) -> &RoaringBitmap {
        &self.all
    }

    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Makes sure that series which are added from now on have a higher generation than this one.
    pub fn outlive(&mut self, generation: u32) {
        self.generation = self.generation.max(generation.saturating_add(1));
    }

    /// All series of a shard lie below this position.
    pub fn end(&self, shard: usize) -> usize {
        self.ends[shard] as usize
    }

    /// The ref of the series at a place, if there is one.
    pub fn series_at(&self, slot: Slot) -> Option<SeriesRef> {
        let entry = self.entries[usize::from(slot.shard)].get(slot.position as usize)?;
        (entry.generation != 0).then(|| join(entry.generation, slot))
    }

    /// Pair numbers of the series at a place, in order of their names; none when there is no series.
    pub fn list_at(&self, slot: Slot) -> &[u32] {
        let entry = self.entries[usize::from(slot.shard)].get(slot.position as usize);
        entry.map_or(&[], |entry| self.lists.get(entry.list))
    }

    pub fn labels_at(&self, slot: Slot) -> Labels {
        Labels::from_sorted(self.texts(self.list_at(slot)))
    }

    pub fn texts<'a>(&'a self, list: &'a [u32]) -> impl Iterator<Item = (&'a str, &'a str)> + Clone {
        list.iter().map(|&number| (self.pairs.name_of(number), &*self.pairs.pair(number).value))
    }

    /// The series with exactly these labels, which are sorted by name.
    pub fn lookup<'a>(&self, labels: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Option<Slot> {
        let hash = self.hash_of(labels.clone());
        let is_it = |number: &u32| self.has_labels(Slot::from_posting(*number), labels.clone());
        self.by_labels.find(spread(hash), is_it).map(|number| Slot::from_posting(*number))
    }

    /// Whether the series at a place has exactly these labels, which are sorted by name.
    pub fn has_labels<'a>(&self, slot: Slot, mut labels: impl Iterator<Item = (&'a str, &'a str)>) -> bool {
        let has_next = |pair: (&str, &str)| labels.next() == Some(pair);
        self.texts(self.list_at(slot)).all(has_next) && labels.next().is_none()
    }

    /// A free place for a new series. Series of one target go to one shard: their scrape then locks no other.
    pub fn choose_slot(&self, labels: &Labels) -> Result<Slot, Refused> {
        let target = labels.get("instance").unwrap_or("");
        let shard = match target {
            "" => self.hash_of(labels.iter()) as usize % SHARDS,
            target => self.hasher.hash_one(target) as usize % SHARDS,
        };
        let position = self.free[shard].last().copied().unwrap_or(self.ends[shard]);
        if position == Slot::MAX_POSITION {
            return Err(Refused::ShardFull);
        }
        Ok(Slot { shard: shard as u8, position })
    }

    /// Adds a series that is not there yet, at a place that is free.
    pub fn insert<'a>(
        &mut self,
        slot: Slot,
        generation: u32,
        labels: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    ) -> Result<(), Refused> {
        let count = labels.clone().count();
        if count > Lists::MAX_COUNT {
            return Err(Refused::TooManyLabels(count));
        }
        if slot.position > self.ends[usize::from(slot.shard)].saturating_add(MAX_GAP) {
            return Err(Refused::FarPlace(slot.position));
        }
        let hash = self.hash_of(labels.clone());
        let mut list = std::mem::take(&mut self.scratch);
        list.clear();
        list.extend(labels.map(|(name, value)| self.pairs.intern(name, value)));
        let number = slot.posting();
        for &pair in &list {
            self.pairs.add_series(pair, number);
        }
        self.all.insert(number);
        let entry = Entry { list: self.lists.add(&list), hash, generation };
        self.occupy(slot, entry);
        self.scratch = list;
        let Index { by_labels, entries, .. } = self;
        by_labels.insert_unique(spread(hash), number, |number| spread_hash_at(entries, *number));
        Ok(())
    }

    fn occupy(&mut self, slot: Slot, entry: Entry) {
        let shard = usize::from(slot.shard);
        self.free[shard].pop_if(|position| *position == slot.position);
        self.ends[shard] = self.ends[shard].max(slot.position + 1);
        self.entries[shard].put(slot.position as usize, entry);
    }

    /// After a replay, which fills places in any order: finds those that remained free.
    pub fn collect_free(&mut self) {
        for (shard, free) in self.free.iter_mut().enumerate() {
            let below_end = self.entries[shard].iter().enumerate().take(self.ends[shard] as usize);
            let is_free = |(_, entry): &(usize, &Entry)| entry.generation == 0;
            *free = below_end.filter(is_free).map(|(position, _)| position as u32).collect();
        }
    }

    /// Removes series by their postings numbers; their places are free for series of a higher generation.
    pub fn remove(&mut self, dead: &RoaringBitmap) {
        let mut touched = RoaringBitmap::new();
        for number in dead {
            let slot = Slot::from_posting(number);
            let entry = self.entries[usize::from(slot.shard)].get_mut(slot.position as usize);
            let Some(entry) = entry.map(std::mem::take).filter(|entry| entry.generation != 0) else { continue };
            touched.extend(self.lists.get(entry.list));
            self.lists.remove(entry.list);
            if let Ok(found) = self.by_labels.find_entry(spread(entry.hash), |other| *other == number) {
                found.remove();
            }
            self.free[usize::from(slot.shard)].push(slot.position);
            self.outlive(entry.generation);
        }
        for pair in &touched {
            self.pairs.remove_series(pair, dead);
        }
        self.all -= dead;
        self.shrink();
    }

    /// Gives memory back when much of it lies idle.
    fn shrink(&mut self) {
        if self.by_labels.capacity() > 1024 && self.by_labels.len() < self.by_labels.capacity() / 3 {
            let Index { by_labels, entries, .. } = self;
            by_labels.shrink_to(by_labels.len() * 5 / 4, |number| spread_hash_at(entries, *number));
            self.pairs.shrink();
        }
        if self.lists.is_half_empty() {
            let old = std::mem::take(&mut self.lists);
            for entry in self.entries.iter_mut().flat_map(Pages::iter_mut).filter(|entry| entry.generation != 0) {
                entry.list = self.lists.add(old.get(entry.list));
            }
        }
    }

    fn hash_of<'a>(&self, labels: impl Iterator<Item = (&'a str, &'a str)>) -> u32 {
        let mut hasher = self.hasher.build_hasher();
        for (name, value) in labels {
            hasher.write(name.as_bytes());
            hasher.write(value.as_bytes());
            // Where a text ends is part of the hash.
            hasher.write_u64((name.len() as u64) << 32 | value.len() as u64);
        }
        let hash = hasher.finish();
        (hash ^ hash >> 32) as u32
    }
}

fn spread_hash_at(entries: &[Pages<Entry>; SHARDS], number: u32) -> u64 {
    let slot = Slot::from_posting(number);
    entries[usize::from(slot.shard)].get(slot.position as usize).map_or(0, |entry| spread(entry.hash))
}

/// The table wants 64 bits, of which it uses the highest and the lowest.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
