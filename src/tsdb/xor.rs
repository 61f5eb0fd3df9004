//! The XOR encoding of a chunk, to the bit that of Prometheus' blocks (encoding 1), so that a block can take a chunk as
//! it is: a time costs one bit while the interval stays the same, a value one bit while it does not change, and every
//! bit pattern of a value survives, NaNs included.

use model::Samples;

use crate::bits::{BitReader, bytes_of, put_bits, restore_bits};
use crate::varint::zigzag;

/// The encoding's number in Prometheus' blocks and in our chunk files.
pub const XOR_ENCODING: u8 = 1;

/// `leading` while no window of meaningful bits was written yet.
const NO_WINDOW: u8 = 0xff;

/// A chunk that still grows, and all that the next sample is coded against.
#[derive(Clone)]
pub struct OpenChunk {
    /// Kept when the chunk is closed, so that the next sample can be checked. `i64::MIN` before the first sample.
    last_timestamp_ms: i64,
    last_value_bits: u64,
    delta_ms: i64,
    data: Box<[u8]>,
    len_bits: u32,
    count: u16,
    leading: u8,
    trailing: u8,
}

/// Reads a chunk sample by sample. After an error it must not be asked again.
pub struct ChunkDecoder<'a> {
    reader: BitReader<'a>,
    count: u16,
    position: u16,
    timestamp_ms: i64,
    value_bits: u64,
    delta_ms: i64,
    leading: u8,
    trailing: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chunk ends before its last sample")]
pub struct CorruptChunk;

impl OpenChunk {
    pub const MAX_SAMPLES: u16 = u16::MAX;

    /// From a chunk's count and bits. Fails when they do not hold so many samples.
    pub fn restore(count: u16, bytes: &[u8]) -> Result<Self, CorruptChunk> {
        let mut decoder = ChunkDecoder::new(count, bytes);
        while decoder.next_sample()?.is_some() {}
        Ok(OpenChunk {
            last_timestamp_ms: if count == 0 { i64::MIN } else { decoder.timestamp_ms },
            last_value_bits: decoder.value_bits,
            delta_ms: decoder.delta_ms,
            data: restore_bits(bytes, decoder.reader.taken_bits()),
            len_bits: decoder.reader.taken_bits(),
            count,
            leading: decoder.leading,
            trailing: decoder.trailing,
        })
    }

    /// Without samples; the next one must be later than this one.
    pub fn after(last_timestamp_ms: i64, last_value_bits: u64) -> Self {
        OpenChunk { last_timestamp_ms, last_value_bits, ..OpenChunk::default() }
    }

    pub fn count(&self) -> u16 {
        self.count
    }

    pub fn last_timestamp_ms(&self) -> i64 {
        self.last_timestamp_ms
    }

    pub fn last_value_bits(&self) -> u64 {
        self.last_value_bits
    }

    /// All but the leading count.
    pub fn bytes(&self) -> &[u8] {
        &self.data[..bytes_of(self.len_bits)]
    }

    /// The byte that the next sample is written to, if it is there yet.
    pub fn tail(&self) -> u8 {
        self.data.get(self.len_bits as usize / 8).copied().unwrap_or(0)
    }

    pub fn heap_bytes(&self) -> usize {
        self.data.len()
    }

    /// Empties the chunk, whose samples are elsewhere now.
    pub fn clear(&mut self) {
        *self = OpenChunk::after(self.last_timestamp_ms, self.last_value_bits);
    }

    /// `timestamp_ms` is later than that of the last sample, and there are fewer than `MAX_SAMPLES`.
    pub fn append(&mut self, timestamp_ms: i64, value_bits: u64) {
        let delta_ms = timestamp_ms.wrapping_sub(self.last_timestamp_ms);
        match self.count {
            0 => {
                self.put_varint(zigzag(timestamp_ms));
                self.put(value_bits, 64);
            }
            1 => {
                self.put_varint(delta_ms as u64);
                self.put_value(value_bits, 0, 0);
            }
            _ => {
                let (prefix, prefix_bits) = self.put_delta_of_delta(delta_ms.wrapping_sub(self.delta_ms));
                self.put_value(value_bits, prefix, prefix_bits);
            }
        }
        self.delta_ms = if self.count == 0 { 0 } else { delta_ms };
        self.last_timestamp_ms = timestamp_ms;
        self.last_value_bits = value_bits;
        self.count += 1;
    }

    fn put(&mut self, value: u64, count: u32) {
        put_bits(&mut self.data, &mut self.len_bits, value, count);
    }

    fn put_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.put(value & 0x7f | 0x80, 8);
            value >>= 7;
        }
        self.put(value, 8);
    }

    /// Returns bits that remain to be written before the value, so that both go in one step.
    fn put_delta_of_delta(&mut self, change_ms: i64) -> (u64, u32) {
        let fits = |bits: u32| change_ms > -(1 << (bits - 1)) && change_ms <= 1 << (bits - 1);
        let low = |bits: u32| change_ms as u64 & ((1 << bits) - 1);
        if change_ms == 0 {
            (0, 1)
        } else if fits(14) {
            (0b10 << 14 | low(14), 16)
        } else if fits(17) {
            (0b110 << 17 | low(17), 20)
        } else if fits(20) {
            (0b1110 << 20 | low(20), 24)
        } else {
            self.put(0b1111, 4);
            self.put(change_ms as u64, 64);
            (0, 0)
        }
    }

    /// Writes the prefix, then the value as its difference from the last one.
    fn put_value(&mut self, value_bits: u64, prefix: u64, prefix_bits: u32) {
        let difference = value_bits ^ self.last_value_bits;
        if difference == 0 {
            self.put(prefix << 1, prefix_bits + 1);
            return;
        }
        let leading = (difference.leading_zeros() as u8).min(31);
        let trailing = difference.trailing_zeros() as u8;
        if self.leading != NO_WINDOW && leading >= self.leading && trailing >= self.trailing {
            self.put(prefix << 2 | 0b10, prefix_bits + 2);
        } else {
            let meaningful = 64 - leading - trailing;
            // 64 does not fit six bits and is written as 0.
            let window = u64::from(leading) << 6 | u64::from(meaningful & 63);
            self.put(prefix << 13 | 0b11 << 11 | window, prefix_bits + 13);
            (self.leading, self.trailing) = (leading, trailing);
        }
        let meaningful = 64 - u32::from(self.leading) - u32::from(self.trailing);
        self.put(difference >> self.trailing, meaningful);
    }
}

impl Default for OpenChunk {
    fn default() -> Self {
        OpenChunk {
            last_timestamp_ms: i64::MIN,
            last_value_bits: 0,
            delta_ms: 0,
            data: Box::default(),
            len_bits: 0,
            count: 0,
            leading: NO_WINDOW,
            trailing: 0,
        }
    }
}

impl<'a> ChunkDecoder<'a> {
    pub fn new(count: u16, bytes: &'a [u8]) -> Self {
        ChunkDecoder {
            reader: BitReader::new(bytes),
            count,
            position: 0,
            timestamp_ms: 0,
            value_bits: 0,
            delta_ms: 0,
            leading: NO_WINDOW,
            trailing: 0,
        }
    }

    /// `None` after the last sample.
    #[inline]
    pub fn next_sample(&mut self) -> Result<Option<(i64, u64)>, CorruptChunk> {
        if self.position == self.count {
            return Ok(None);
        }
        self.step().ok_or(CorruptChunk)?;
        self.position += 1;
        Ok(Some((self.timestamp_ms, self.value_bits)))
    }

    #[inline]
    fn step(&mut self) -> Option<()> {
        match self.position {
            0 => {
                self.timestamp_ms = crate::varint::unzigzag(self.take_varint()?);
                self.value_bits = self.reader.take_long(64)?;
                return Some(());
            }
            1 => self.delta_ms = self.take_varint()? as i64,
            _ => {
                let change_ms = match self.reader.ones(4)? {
                    0 => 0,
                    1 => self.take_change(14)?,
                    2 => self.take_change(17)?,
                    3 => self.take_change(20)?,
                    _ => self.reader.take_long(64)? as i64,
                };
                self.delta_ms = self.delta_ms.wrapping_add(change_ms);
            }
        }
        self.timestamp_ms = self.timestamp_ms.wrapping_add(self.delta_ms);
        self.take_value()
    }

    fn take_varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let byte = self.reader.take(8)?;
            value |= (byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take_change(&mut self, bits: u32) -> Option<i64> {
        let value = self.reader.take(bits)? as i64;
        Some(if value > 1 << (bits - 1) { value - (1 << bits) } else { value })
    }

    #[inline]
    fn take_value(&mut self) -> Option<()> {
        match self.reader.ones(2)? {
            0 => return Some(()),
            1 => {}
            _ => {
                let window = self.reader.take(11)?;
                let meaningful = if window & 63 == 0 { 64 } else { (window & 63) as u8 };
                self.leading = (window >> 6) as u8;
                self.trailing = (64 - self.leading).checked_sub(meaningful)?;
            }
        }
        let meaningful = 64u32.checked_sub(u32::from(self.leading) + u32::from(self.trailing))?;
        self.value_bits ^= self.reader.take_long(meaningful)? << self.trailing;
        Some(())
    }
}

/// Appends the samples of a chunk that lie within the range, both ends included.
pub fn decode_into(
    count: u16,
    bytes: &[u8],
    start_ms: i64,
    end_ms: i64,
    out: &mut Samples,
) -> Result<(), CorruptChunk> {
    let mut decoder = ChunkDecoder::new(count, bytes);
    while let Some((timestamp_ms, value_bits)) = decoder.next_sample()? {
        if timestamp_ms > end_ms {
            return Ok(());
        }
        if timestamp_ms >= start_ms {
            out.push(timestamp_ms, f64::from_bits(value_bits));
        }
    }
    Ok(())
}

/// The time of the first sample of a chunk that is not empty.
pub fn first_timestamp_ms(bytes: &[u8]) -> Option<i64> {
    crate::varint::Reader::new(bytes).signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(samples: &[(i64, u64)]) -> OpenChunk {
        let mut chunk = OpenChunk::default();
        for &(timestamp_ms, value_bits) in samples {
            chunk.append(timestamp_ms, value_bits);
        }
        chunk
    }

    fn decode(count: u16, bytes: &[u8]) -> Result<Vec<(i64, u64)>, CorruptChunk> {
        let mut decoder = ChunkDecoder::new(count, bytes);
        let mut samples = Vec::new();
        while let Some(sample) = decoder.next_sample()? {
            samples.push(sample);
        }
        Ok(samples)
    }

    fn values() -> impl Strategy<Value = u64> {
        prop_oneof![
            any::<u64>(),
            (0u32..2000).prop_map(|number| f64::from(number).to_bits()),
            prop::num::f64::ANY.prop_map(f64::to_bits),
            Just(model::STALE_NAN_BITS),
        ]
    }

    fn series() -> impl Strategy<Value = Vec<(i64, u64)>> {
        let steps = prop_oneof![Just(5000i64), 1i64..20_000, 1i64..2_000_000, 1i64..1 << 50];
        (-(1i64 << 55)..1 << 55, prop::collection::vec((steps, values()), 0..300)).prop_map(|(start, steps)| {
            steps
                .into_iter()
                .scan(start, |time, (step, value)| {
                    *time += step;
                    Some((*time, value))
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn every_bit_of_every_sample_survives(samples in series()) {
            let chunk = encode(&samples);
            prop_assert_eq!(decode(chunk.count(), chunk.bytes()).unwrap(), samples);
        }

        #[test]
        fn a_restored_chunk_goes_on_as_if_nothing_had_happened(samples in series(), split in 0usize..300) {
            let (before, after) = samples.split_at(split.min(samples.len()));
            let first = encode(before);
            let mut restored = OpenChunk::restore(first.count(), first.bytes()).unwrap();
            for &(timestamp_ms, value_bits) in after {
                restored.append(timestamp_ms, value_bits);
            }
            let whole = encode(&samples);
            prop_assert_eq!(restored.bytes(), whole.bytes());
            prop_assert_eq!(restored.last_timestamp_ms(), whole.last_timestamp_ms());
        }

        #[test]
        fn any_bytes_are_decoded_without_panic(count: u16, bytes: Vec<u8>) {
            let _ = decode(count, &bytes);
        }

        #[test]
        fn a_shortened_chunk_is_an_error(samples in series(), cut in 1usize..20) {
            let chunk = encode(&samples);
            let bytes = chunk.bytes();
            prop_assume!(bytes.len() >= cut);
            prop_assert_eq!(decode(chunk.count(), &bytes[..bytes.len() - cut]), Err(CorruptChunk));
        }
    }

    #[test]
    fn a_steady_series_costs_two_bits_a_sample() {
        let samples: Vec<_> = (0..120).map(|n| (1_700_000_000_000 + n * 5000, 7.0f64.to_bits())).collect();
        // 6 bytes of time, 8 of value, 2 of delta, then one bit for the second value and two for each further sample.
        assert_eq!(encode(&samples).bytes().len(), 6 + 8 + 2 + (1 + 118 * 2usize).div_ceil(8));
    }

    #[test]
    fn the_bits_are_those_of_prometheus() {
        let chunk = encode(&[(1000, 1.0f64.to_bits()), (2000, 1.0f64.to_bits()), (3000, 2.0f64.to_bits())]);
        let hex: String = chunk.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        // zigzag varint 1000, the bits of 1.0, varint 1000, then `0` (same value), `0` (same delta), `11` and a window of
        // 1 leading zero and 11 bits (1.0 ^ 2.0 = 0x7ff << 52).
        let tail = "0_0_11_00001_001011_11111111111".replace('_', "");
        let tail = u32::from_str_radix(&format!("{tail:0<32}"), 2).unwrap();
        assert_eq!(hex, format!("d00f3ff0000000000000e807{tail:08x}"));
    }
}
