//! What maintenance does to series: closing the open chunks of those that went silent, and removing those whose samples
//! are all gone, with their labels and postings.

use std::io;

use parking_lot::{Mutex, RwLockUpgradableReadGuard};
use roaring::RoaringBitmap;

use super::Head;
use crate::series::Series;
use crate::series_ref::{SHARDS, Slot, join};
use crate::wal::Log;

/// Chunks closed under one lock.
const CLOSED_AT_ONCE: usize = 4096;

impl Head {
    /// Closes open chunks whose last sample is before a time, so that their buffers are given back.
    pub fn close_idle(&self, before_ms: i64) -> io::Result<()> {
        for (shard_number, shard) in self.shards.iter().enumerate() {
            let mut from = 0;
            loop {
                let shard = shard.upgradable_read();
                let is_idle = |series: &Series| series.open.count() > 0 && series.open.last_timestamp_ms() < before_ms;
                let all = shard.series.iter().enumerate().skip(from);
                let idle: Vec<(usize, &Series)> =
                    all.filter(|(_, series)| is_idle(series)).take(CLOSED_AT_ONCE).collect();
                let Some(&(last, _)) = idle.last() else { break };
                from = last + 1;
                let chunks = idle.iter().map(|&(position, series)| {
                    let slot = Slot { shard: shard_number as u8, position: position as u32 };
                    (join(series.generation, slot), series.closed, &series.open)
                });
                let mut positions = Vec::with_capacity(idle.len());
                self.chunks.append(chunks, &mut positions)?;
                let idle: Vec<usize> = idle.into_iter().map(|(position, _)| position).collect();
                let mut shard = RwLockUpgradableReadGuard::upgrade(shard);
                for (position, closed) in idle.into_iter().zip(positions) {
                    if let Some(series) = shard.series.get_mut(position) {
                        series.closed = closed;
                        series.open.clear();
                    }
                }
            }
        }
        Ok(())
    }

    /// Removes series whose last sample is before a time or whose chunks were all dropped, and those that had no sample
    /// for two rounds. Returns how many.
    pub fn remove_dead(&self, before_ms: i64, log: &Mutex<Log>) -> usize {
        let oldest_file = self.chunks.set().first().map_or(u32::MAX, |file| file.number);
        let is_dead = |series: &Series| {
            let has_no_data = series.open.count() == 0 && series.closed.file() < oldest_file;
            let is_expired = series.has_samples() && (series.open.last_timestamp_ms() < before_ms || has_no_data);
            series.generation != 0 && (is_expired || (!series.has_samples() && series.was_empty))
        };
        if !self.shards.iter().any(|shard| shard.read().series.iter().any(is_dead)) {
            self.mark_empty();
            return 0;
        }
        let mut index = self.index.write();
        let mut dead = RoaringBitmap::new();
        for (shard_number, shard) in self.shards.iter().enumerate() {
            let mut shard = shard.write();
            for (position, series) in shard.series.iter_mut().enumerate() {
                if is_dead(series) {
                    *series = Series::default();
                    dead.insert(Slot { shard: shard_number as u8, position: position as u32 }.posting());
                }
            }
        }
        for shard in &self.shards {
            shard.write().series.shrink(|series| series.generation == 0);
        }
        // The index will give the numbers of pairs to others.
        log.lock().finish_series();
        index.remove(&dead);
        drop(index);
        self.mark_empty();
        dead.len() as usize
    }

    /// So that a series which never gets a sample goes, but not between its first mention and its first batch.
    fn mark_empty(&self) {
        for shard in &self.shards[..SHARDS] {
            let is_new_and_empty =
                |series: &Series| series.generation != 0 && !series.has_samples() && !series.was_empty;
            if !shard.read().series.iter().any(is_new_and_empty) {
                continue;
            }
            for series in shard.write().series.iter_mut().filter(|series| is_new_and_empty(series)) {
                series.was_empty = true;
            }
        }
    }
}
