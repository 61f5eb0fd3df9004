//! The head: every series with its open chunk, the index that finds them, and the files of their closed chunks.
//!
//! Locks are always taken in this order: index, shards (ascending), chunk files, log. A commit needs no index; a query
//! holds the index while it reads the shards, so no series can appear between the two.

mod commit;
mod labels;
mod sweep;

use std::sync::atomic::{AtomicI64, Ordering};

use model::{AppendError, Labels, SeriesRef};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};

use crate::chunks::ChunkFiles;
use crate::index::Index;
use crate::pages::Pages;
use crate::series::Series;
use crate::series_ref::{SHARDS, Slot, join};
use crate::wal::Log;

pub use commit::{Limits, Scratch};

pub struct Head {
    pub index: RwLock<Index>,
    pub shards: [RwLock<Shard>; SHARDS],
    pub chunks: ChunkFiles,
    pub chunk_samples: u16,
    min_time_ms: AtomicI64,
    max_time_ms: AtomicI64,
}

/// The series of one part of the head, by their positions.
#[derive(Default)]
pub struct Shard {
    pub series: Pages<Series>,
}

/// The shards that a query needs, read-locked together: what they show is between two batches.
pub type ReadShards<'a> = [Option<RwLockReadGuard<'a, Shard>>; SHARDS];

impl Shard {
    pub fn get(&self, position: u32) -> Option<&Series> {
        self.series.get(position as usize)
    }

    pub fn get_mut(&mut self, position: u32) -> Option<&mut Series> {
        self.series.get_mut(position as usize)
    }
}

impl Head {
    pub fn new(index: Index, chunks: ChunkFiles, chunk_samples: u16) -> Self {
        Head {
            index: RwLock::new(index),
            shards: Default::default(),
            chunks,
            chunk_samples: chunk_samples.clamp(2, 10_000),
            min_time_ms: AtomicI64::new(i64::MAX),
            max_time_ms: AtomicI64::new(i64::MIN),
        }
    }

    /// The ref of the series with these labels; a new one waits in the log until it has a sample. `None`: it would be
    /// new, and there are `max_series` already.
    pub fn resolve(
        &self,
        labels: &Labels,
        max_series: usize,
        log: &Mutex<Log>,
    ) -> Result<Option<(SeriesRef, bool)>, AppendError> {
        let known = |index: &Index| index.lookup(labels.iter()).and_then(|slot| index.series_at(slot));
        if let Some(series) = known(&self.index.read()) {
            return Ok(Some((series, false)));
        }
        let mut index = self.index.write();
        if let Some(series) = known(&index) {
            return Ok(Some((series, false)));
        }
        if index.len() >= max_series {
            return Ok(None);
        }
        let unavailable = |reason: String| AppendError::Unavailable { reason };
        log.lock().relieve().map_err(|error| unavailable(format!("cannot write the log: {error}")))?;
        let generation = index.generation();
        let slot = index.choose_slot(labels).map_err(|refused| unavailable(refused.to_string()))?;
        index.insert(slot, generation, labels.iter()).map_err(|refused| unavailable(refused.to_string()))?;
        self.place(slot, Series { generation, ..Series::default() });
        let series = join(generation, slot);
        // Not before the shard was locked and let go: a commit holds its shards while it waits for the log. Nobody can
        // commit to the new series yet, for its ref is not out.
        log.lock().add_series(&index, series, index.list_at(slot));
        Ok(Some((series, true)))
    }

    pub fn place(&self, slot: Slot, series: Series) {
        self.shards[usize::from(slot.shard)].write().series.put(slot.position as usize, series);
    }

    /// Read-locks the shards whose bits are set.
    pub fn read_shards(&self, wanted: u16) -> ReadShards<'_> {
        std::array::from_fn(|shard| (wanted >> shard & 1 == 1).then(|| self.shards[shard].read()))
    }

    /// Milliseconds of the oldest and the newest sample.
    pub fn times(&self) -> Option<(i64, i64)> {
        let (min, max) = (self.min_time_ms.load(Ordering::Relaxed), self.max_time_ms.load(Ordering::Relaxed));
        (min <= max).then_some((min, max))
    }

    /// Open chunks, and the bytes of their buffers.
    pub fn open_chunks(&self) -> (usize, usize) {
        let (mut chunks, mut bytes) = (0, 0);
        for shard in &self.shards {
            for series in shard.read().series.iter() {
                chunks += usize::from(series.open.count() > 0);
                bytes += series.open.heap_bytes();
            }
        }
        (chunks, bytes)
    }

    /// After retention: there is nothing before a time any more.
    pub fn forget_before(&self, time_ms: i64) {
        let oldest_file_ms = self.chunks.set().first().map(|file| file.min_time_ms());
        let oldest_ms = oldest_file_ms.map_or(time_ms, |file_ms| file_ms.min(time_ms));
        self.min_time_ms.fetch_max(oldest_ms, Ordering::Relaxed);
    }

    /// Widens the range of times.
    pub fn saw(&self, min_time_ms: i64, max_time_ms: i64) {
        self.min_time_ms.fetch_min(min_time_ms, Ordering::Relaxed);
        self.max_time_ms.fetch_max(max_time_ms, Ordering::Relaxed);
    }
}
