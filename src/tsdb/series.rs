//! A series of the head: its open chunk, and where its last closed chunk lies. One cache line; labels are in the index.

use model::{Rejected, TimeRange};

use crate::chunks::ChunkPosition;
use crate::xor::{OpenChunk, first_timestamp_ms};

#[repr(align(64))]
#[derive(Clone, Default)]
pub struct Series {
    pub open: OpenChunk,
    /// The newest closed chunk; each chunk in a file names the one before it.
    pub closed: ChunkPosition,
    /// 0: the place is free.
    pub generation: u32,
    /// Had no sample yet when maintenance looked; such a series is removed the next time.
    pub was_empty: bool,
}

/// What a sample is to its series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    Next,
    /// The newest sample once more.
    Same,
    Refused(Rejected),
}

impl Series {
    pub fn fit(&self, timestamp_ms: i64, value_bits: u64) -> Fit {
        let last_timestamp_ms = self.open.last_timestamp_ms();
        if timestamp_ms > last_timestamp_ms {
            Fit::Next
        } else if timestamp_ms < last_timestamp_ms {
            Fit::Refused(Rejected::OutOfOrder)
        } else if value_bits == self.open.last_value_bits() {
            Fit::Same
        } else {
            Fit::Refused(Rejected::DuplicateTimestamp)
        }
    }

    pub fn has_samples(&self) -> bool {
        self.open.last_timestamp_ms() != i64::MIN
    }

    /// False only when there is surely no sample in the range.
    pub fn may_have_samples_in(&self, range: TimeRange) -> bool {
        if !self.has_samples() || self.open.last_timestamp_ms() < range.start_ms {
            return false;
        }
        let begins_later = || first_timestamp_ms(self.open.bytes()).is_some_and(|ms| ms > range.end_ms);
        !(self.closed.is_none() && self.open.count() > 0 && begins_later())
    }

    /// Whether the open chunk should be closed before the next sample. The first chunk of a series ends early, each
    /// place in a different way: series that began together (all of a target) do not end their chunks together.
    pub fn is_full(&self, chunk_samples: u16, position: u32) -> bool {
        let count = self.open.count();
        if !self.closed.is_none() {
            return count >= chunk_samples;
        }
        let fraction = u64::from(position.wrapping_mul(0x9e37_79b9));
        let spread = ((fraction * u64::from(chunk_samples)) >> 32) as u16;
        count > spread.max(chunk_samples / 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_one_cache_line() {
        assert_eq!(size_of::<Series>(), 64);
    }

    #[test]
    fn series_that_begin_together_end_their_first_chunks_apart() {
        let mut series = Series::default();
        let mut ends = [0; 120];
        for position in 0..12_000 {
            series.open = OpenChunk::default();
            while !series.is_full(120, position) {
                series.open.append(i64::from(series.open.count()), 0);
            }
            ends[usize::from(series.open.count()) - 1] += 1;
        }
        assert!(ends[20..].iter().all(|&count| (80..120).contains(&count)), "{ends:?}");
        assert_eq!(ends.iter().sum::<i32>(), 12_000);
    }
}
