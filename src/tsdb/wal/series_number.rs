//! Refs of series in records: each as its distance from the one before, since those of one scrape follow each other,
//! and a generation only where it changes.

use model::SeriesRef;

use crate::varint::{Reader, put_unsigned, unzigzag, zigzag};

/// Where the last ref was; both sides keep one for each record.
#[derive(Clone, Copy, Default)]
pub struct Neighbour {
    /// The slot number that costs least.
    expected: u32,
    generation: u32,
}

impl Neighbour {
    /// Writes the first of `count` refs that follow each other; `count` is at least 1.
    pub fn put_run(&mut self, out: &mut Vec<u8>, first: SeriesRef, count: u32) {
        let (generation, number) = ((first >> 32) as u32, first as u32);
        put_unsigned(out, zigzag(i64::from(number) - i64::from(self.expected)));
        let is_new_generation = generation != self.generation;
        put_unsigned(out, u64::from(count - 1) << 1 | u64::from(is_new_generation));
        if is_new_generation {
            put_unsigned(out, u64::from(generation));
        }
        *self = Neighbour { expected: number.wrapping_add(count), generation };
    }

    pub fn take_run(&mut self, reader: &mut Reader<'_>) -> Option<(SeriesRef, u32)> {
        let number = u32::try_from(i64::from(self.expected).checked_add(unzigzag(reader.unsigned()?))?).ok()?;
        let count_and_flag = reader.unsigned()?;
        let count = u32::try_from(count_and_flag >> 1).ok()?.checked_add(1)?;
        if count_and_flag & 1 == 1 {
            self.generation = reader.small()?;
        }
        // The last of the run must be a number as well.
        number.checked_add(count - 1)?;
        self.expected = number.wrapping_add(count);
        Some((u64::from(self.generation) << 32 | u64::from(number), count))
    }
}
