//! Committing a batch: check every sample, write the batch to the log, then show it. Until the log has it, readers are
//! not held up; the shards of the batch are closed to them only while the samples are put in.

use std::io;

use hashbrown::HashMap;
use model::{Batch, BatchReport, Rejected, SeriesRef};
use parking_lot::{Mutex, RwLockUpgradableReadGuard};

use super::{Head, Shard};
use crate::chunks::ChunkPosition;
use crate::series::{Fit, Series};
use crate::series_ref::{SHARDS, Slot, join, split};
use crate::wal::{Log, samples};
use crate::xor::OpenChunk;

/// Times outside of this are refused.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub oldest_ms: i64,
    pub newest_ms: i64,
}

/// Memory that a commit needs, kept for the next one.
#[derive(Default)]
pub struct Scratch {
    /// Positions in the batch of the samples that will be appended.
    accepted: Vec<u32>,
    /// Series whose open chunk is to be closed first.
    full: Vec<Slot>,
    closed: Vec<ChunkPosition>,
    payload: Vec<u8>,
}

type Shards<'a> = [Option<RwLockUpgradableReadGuard<'a, Shard>>; SHARDS];

impl Head {
    /// `log` is `None` during a replay.
    pub fn commit(
        &self,
        batch: &Batch,
        limits: Limits,
        log: Option<&Mutex<Log>>,
        scratch: &mut Scratch,
    ) -> io::Result<BatchReport> {
        refuse_crowds(batch)?;
        let shards = self.lock(batch);
        let mut report = BatchReport::default();
        let must_close = check(&shards, batch, limits, self.chunk_samples, scratch, &mut report);
        self.write_full_chunks(&shards, must_close, scratch)?;
        let logged = match log {
            Some(log) if !scratch.accepted.is_empty() => {
                scratch.payload.clear();
                samples::encode(&mut scratch.payload, batch, &scratch.accepted);
                log.lock().append(Some(&scratch.payload))
            }
            _ => Ok(()),
        };
        if scratch.accepted.is_empty() && scratch.full.is_empty() {
            return Ok(report);
        }
        // Ascending, as `lock` did it and as queries do.
        let mut shards = shards.map(|shard| shard.map(RwLockUpgradableReadGuard::upgrade));
        for (slot, position) in scratch.full.iter().zip(&scratch.closed) {
            let shard = shards[usize::from(slot.shard)].as_mut();
            if let Some(series) = shard.and_then(|shard| shard.get_mut(slot.position)) {
                series.closed = *position;
                series.open.clear();
            }
        }
        logged?;
        let (mut min_time_ms, mut max_time_ms) = (i64::MAX, i64::MIN);
        for &position in &scratch.accepted {
            let sample = batch.samples[position as usize];
            let (_, slot) = split(batch.refs[position as usize]);
            let shard = shards[usize::from(slot.shard)].as_mut();
            let Some(series) = shard.and_then(|shard| shard.get_mut(slot.position)) else { continue };
            let value_bits = sample.value.to_bits();
            // A batch may hold a series twice, so the check of before is not enough.
            match series.fit(sample.timestamp_ms, value_bits) {
                Fit::Next => {
                    series.open.append(sample.timestamp_ms, value_bits);
                    min_time_ms = min_time_ms.min(sample.timestamp_ms);
                    max_time_ms = max_time_ms.max(sample.timestamp_ms);
                    report.accepted += 1;
                }
                Fit::Same => report.accepted += 1,
                Fit::Refused(reason) => report.rejected.push((position as usize, reason)),
            }
        }
        drop(shards);
        self.saw(min_time_ms, max_time_ms);
        Ok(report)
    }

    /// The shards of a batch, ascending. Others may read them, but not commit to them.
    fn lock(&self, batch: &Batch) -> Shards<'_> {
        let wanted = batch.refs.iter().fold(0u16, |wanted, &series| wanted | 1 << split(series).1.shard);
        std::array::from_fn(|shard| (wanted >> shard & 1 == 1).then(|| self.shards[shard].upgradable_read()))
    }

    /// Hands the full chunks to a chunk file. When that fails they simply grow on, unless they must not.
    fn write_full_chunks(&self, shards: &Shards<'_>, must_close: bool, scratch: &mut Scratch) -> io::Result<()> {
        scratch.closed.clear();
        if scratch.full.is_empty() {
            return Ok(());
        }
        scratch.full.sort_unstable();
        scratch.full.dedup();
        let chunks = scratch.full.iter().filter_map(|&slot| {
            let series = series_at(shards, slot)?;
            Some((join(series.generation, slot), series.closed, &series.open))
        });
        let written = self.chunks.append(chunks, &mut scratch.closed);
        if written.is_err() {
            scratch.full.clear();
        }
        if must_close { written } else { Ok(()) }
    }
}

/// Fills `scratch.accepted` and `scratch.full`, and the report with what is refused. Returns whether a chunk has no
/// room for this batch.
fn check(
    shards: &Shards<'_>,
    batch: &Batch,
    limits: Limits,
    chunk_samples: u16,
    scratch: &mut Scratch,
    report: &mut BatchReport,
) -> bool {
    scratch.accepted.clear();
    scratch.full.clear();
    let mut must_close = false;
    // Reading the ends of the chunks here lets the processor wait for many of them at once; when the samples are put in,
    // they are at hand.
    let mut tails = 0;
    let most_samples = usize::from(OpenChunk::MAX_SAMPLES).saturating_sub(batch.len());
    for (position, (&series, sample)) in batch.refs.iter().zip(&batch.samples).enumerate() {
        let (generation, slot) = split(series);
        let Some(series) = series_at(shards, slot).filter(|series| series.generation == generation && generation != 0)
        else {
            report.unknown.push(position);
            continue;
        };
        let reason = if sample.timestamp_ms < limits.oldest_ms {
            Rejected::TooOld
        } else if sample.timestamp_ms > limits.newest_ms {
            Rejected::TooFarAhead
        } else {
            match series.fit(sample.timestamp_ms, sample.value.to_bits()) {
                Fit::Next => {
                    scratch.accepted.push(position as u32);
                    tails ^= series.open.tail();
                    let is_crowded = usize::from(series.open.count()) > most_samples;
                    if is_crowded || series.is_full(chunk_samples, slot.position) {
                        scratch.full.push(slot);
                        must_close |= is_crowded;
                    }
                    continue;
                }
                Fit::Same => {
                    report.accepted += 1;
                    continue;
                }
                Fit::Refused(reason) => reason,
            }
        };
        report.rejected.push((position, reason));
    }
    std::hint::black_box(tails);
    must_close
}

fn series_at<'a>(shards: &'a Shards<'_>, slot: Slot) -> Option<&'a Series> {
    shards[usize::from(slot.shard)].as_ref()?.get(slot.position)
}

/// A chunk cannot hold more than 65,535 samples; only a batch that is larger can bring more of one series.
fn refuse_crowds(batch: &Batch) -> io::Result<()> {
    let most_samples = usize::from(OpenChunk::MAX_SAMPLES);
    if batch.len() <= most_samples {
        return Ok(());
    }
    let mut counts: HashMap<SeriesRef, usize, foldhash::fast::RandomState> = HashMap::default();
    for &series in &batch.refs {
        let count = counts.entry(series).or_default();
        *count += 1;
        if *count > most_samples {
            return Err(io::Error::other("a batch has more than 65535 samples of one series"));
        }
    }
    Ok(())
}
