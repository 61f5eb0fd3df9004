//! Bits, the highest of each byte first.

/// Reads through a 64-bit window, so that a typical sample costs no memory access.
pub struct BitReader<'a> {
    rest: &'a [u8],
    /// The next bits, left-aligned; behind the first `available` ones there may be more true bits, or zeros.
    window: u64,
    available: u32,
    taken_bits: u32,
}

impl<'a> BitReader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        BitReader { rest: bytes, window: 0, available: 0, taken_bits: 0 }
    }

    /// How many bits have been read.
    pub fn taken_bits(&self) -> u32 {
        self.taken_bits
    }

    /// The next `count` bits, at most 56.
    pub fn take(&mut self, count: u32) -> Option<u64> {
        debug_assert!((1..=56).contains(&count));
        if self.available < count {
            self.refill();
            if self.available < count {
                return None;
            }
        }
        let value = self.window >> (64 - count);
        self.skip(count);
        Some(value)
    }

    /// The next 64 bits or fewer.
    pub fn take_long(&mut self, count: u32) -> Option<u64> {
        if count <= 56 {
            return self.take(count);
        }
        let high = self.take(32)?;
        Some(high << (count - 32) | self.take(count - 32)?)
    }

    /// How many ones stand before the next zero, counted up to `limit`; the zero is taken as well.
    pub fn ones(&mut self, limit: u32) -> Option<u32> {
        if self.available < limit {
            self.refill();
        }
        let ones = self.window.leading_ones().min(limit);
        let taken = if ones == limit { ones } else { ones + 1 };
        if self.available < taken {
            return None;
        }
        self.skip(taken);
        Some(ones)
    }

    fn skip(&mut self, count: u32) {
        self.window <<= count;
        self.available -= count;
        self.taken_bits += count;
    }

    fn refill(&mut self) {
        if let Some((bytes, _)) = self.rest.split_first_chunk::<8>() {
            self.window |= u64::from_be_bytes(*bytes) >> self.available;
            let whole_bytes = (63 - self.available) / 8;
            self.rest = &self.rest[whole_bytes as usize..];
            self.available += whole_bytes * 8;
            // Bits beyond `available` would be merged a second time.
            self.window &= u64::MAX << (64 - self.available);
            return;
        }
        while self.available <= 56 {
            let Some((&byte, rest)) = self.rest.split_first() else { return };
            self.window |= u64::from(byte) << (56 - self.available);
            self.available += 8;
            self.rest = rest;
        }
    }
}

/// Writes the lowest `count` bits of `value` behind the first `len_bits` bits of `data`; `count` is at most 64, the bits
/// of `value` above it are zero, and so are those of `data` behind `len_bits`.
///
/// `data` grows in small steps: most series hold a hundred bytes or so, and there are many of them. Its owner keeps the
/// length, because a buffer that held it would be padded by four bytes for each series.
pub fn put_bits(data: &mut Box<[u8]>, len_bits: &mut u32, value: u64, count: u32) {
    debug_assert!((1..=64).contains(&count) && (count == 64 || value >> count == 0));
    let first = (*len_bits / 8) as usize;
    let used_bits = *len_bits % 8;
    *len_bits += count;
    let end = bytes_of(*len_bits);
    if end > data.len() {
        grow(data, end);
    }
    let aligned = (u128::from(value) << (128 - count - used_bits)).to_be_bytes();
    data[first] |= aligned[0];
    if end > first + 1 {
        data[first + 1..end].copy_from_slice(&aligned[1..end - first]);
    }
}

/// A buffer whose first `len_bits` bits are those of `bytes`, which holds as many.
pub fn restore_bits(bytes: &[u8], len_bits: u32) -> Box<[u8]> {
    let used = bytes_of(len_bits);
    let mut data = Box::default();
    grow(&mut data, used);
    data[..used].copy_from_slice(&bytes[..used]);
    if !len_bits.is_multiple_of(8) {
        data[used - 1] &= 0xff << (8 - len_bits % 8);
    }
    data
}

pub fn bytes_of(len_bits: u32) -> usize {
    (len_bits as usize).div_ceil(8)
}

/// To at least `wanted` bytes, in steps of the allocator's size classes.
fn grow(data: &mut Box<[u8]>, wanted: usize) {
    let step = (wanted.next_power_of_two() / 8).max(16);
    let size = wanted.div_ceil(step) * step;
    let mut larger = std::mem::take(data).into_vec();
    larger.reserve_exact(size - larger.len());
    larger.resize(size, 0);
    *data = larger.into_boxed_slice();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_put_is_taken_again(numbers: Vec<(u64, u8)>) {
            let (mut data, mut len_bits) = (Box::default(), 0);
            let numbers: Vec<(u64, u32)> = numbers
                .into_iter()
                .map(|(value, count)| (value, u32::from(count) % 64 + 1))
                .map(|(value, count)| (value >> (64 - count), count))
                .collect();
            for &(value, count) in &numbers {
                put_bits(&mut data, &mut len_bits, value, count);
            }
            let bytes = &data[..bytes_of(len_bits)];
            prop_assert_eq!(&restore_bits(bytes, len_bits)[..bytes.len()], bytes);
            let mut reader = BitReader::new(bytes);
            for &(value, count) in &numbers {
                prop_assert_eq!(reader.take_long(count), Some(value));
            }
            prop_assert_eq!(reader.taken_bits(), len_bits);
        }
    }

    #[test]
    fn ones_are_counted_up_to_the_limit() {
        let mut reader = BitReader::new(&[0b1101_1110, 0b1000_0000]);
        assert_eq!(
            [reader.ones(4), reader.ones(4), reader.ones(2), reader.ones(1)],
            [Some(2), Some(4), Some(0), Some(1)]
        );
        assert_eq!(reader.take(8), None);
    }
}
