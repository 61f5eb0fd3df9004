//! The record of a batch: refs as runs, one time if all samples have the same, and values packed to the bytes that
//! they need. A record stands by itself: no other must be read to understand it.

use model::{Batch, Sample, SeriesRef};

use super::series_number::Neighbour;
use crate::varint::{Reader, put_signed, put_unsigned};

const ONE_TIME: u8 = 0;
const TIME_EACH: u8 = 1;

/// Bytes a value takes at most, and how many are written at once.
const VALUE_BYTES: usize = 8;

/// Appends the payload for the samples at the given positions of a batch, of which there is at least one.
pub fn encode(out: &mut Vec<u8>, batch: &Batch, positions: &[u32]) {
    put_unsigned(out, positions.len() as u64);
    encode_refs(out, batch, positions);
    encode_times(out, batch, positions);
    encode_values(out, batch, positions);
}

fn encode_refs(out: &mut Vec<u8>, batch: &Batch, positions: &[u32]) {
    let mut neighbour = Neighbour::default();
    let mut refs = positions.iter().map(|&position| batch.refs[position as usize]);
    let Some(mut first) = refs.next() else { return };
    let mut count = 1;
    for series in refs {
        // Numbers wrap within their half, so a run cannot reach into the next generation.
        if series == first + u64::from(count) && series as u32 != 0 {
            count += 1;
        } else {
            neighbour.put_run(out, first, count);
            (first, count) = (series, 1);
        }
    }
    neighbour.put_run(out, first, count);
}

fn encode_times(out: &mut Vec<u8>, batch: &Batch, positions: &[u32]) {
    let mut times = positions.iter().map(|&position| batch.samples[position as usize].timestamp_ms);
    let Some(first_ms) = times.next() else { return };
    if times.clone().all(|time_ms| time_ms == first_ms) {
        out.push(ONE_TIME);
        put_signed(out, first_ms);
        return;
    }
    out.push(TIME_EACH);
    put_signed(out, first_ms);
    let mut previous_ms = first_ms;
    for time_ms in times {
        put_signed(out, time_ms.wrapping_sub(previous_ms));
        previous_ms = time_ms;
    }
}

/// First four bits for each value that say how it is packed, then the bytes of all values.
fn encode_values(out: &mut Vec<u8>, batch: &Batch, positions: &[u32]) {
    let forms_start = out.len();
    let values_start = forms_start + positions.len().div_ceil(2);
    out.resize(values_start + (positions.len() + 1) * VALUE_BYTES, 0);
    let mut end = values_start;
    for (index, &position) in positions.iter().enumerate() {
        let (form, bytes, count) = pack(batch.samples[position as usize].value);
        out[forms_start + index / 2] |= form << (index % 2 * 4);
        out[end..end + VALUE_BYTES].copy_from_slice(&bytes);
        end += count;
    }
    out.truncate(end);
}

/// Form 0 is +0; 1 to 7 an integer of so many bytes, the lowest first; 8 to 15 a float of 1 to 8 bytes, whose lowest
/// bytes are all zero and left out.
fn pack(value: f64) -> (u8, [u8; VALUE_BYTES], usize) {
    let bits = value.to_bits();
    if bits == 0 {
        return (0, [0; VALUE_BYTES], 0);
    }
    let integer = value as u64;
    if integer < 1 << 56 && (integer as f64).to_bits() == bits {
        let count = 8 - integer.leading_zeros() / 8;
        return (count as u8, integer.to_le_bytes(), count as usize);
    }
    let left_out = bits.trailing_zeros() / 8;
    let count = 8 - left_out;
    (7 + count as u8, (bits >> (left_out * 8)).to_le_bytes(), count as usize)
}

/// Replaces `batch` by what a payload holds; `None`, and an arbitrary batch, when it is malformed.
pub fn decode(payload: &[u8], batch: &mut Batch) -> Option<()> {
    batch.clear();
    let mut reader = Reader::new(payload);
    let count = usize::try_from(reader.unsigned()?).ok()?;
    // Every two values take at least a byte.
    if count == 0 || count / 2 > payload.len() {
        return None;
    }
    decode_refs(&mut reader, count, &mut batch.refs)?;
    decode_times(&mut reader, count, &mut batch.samples)?;
    decode_values(&mut reader, &mut batch.samples)?;
    reader.is_empty().then_some(())
}

fn decode_refs(reader: &mut Reader<'_>, count: usize, refs: &mut Vec<SeriesRef>) -> Option<()> {
    let mut neighbour = Neighbour::default();
    while refs.len() < count {
        let (first, run) = neighbour.take_run(reader)?;
        if run as usize > count - refs.len() {
            return None;
        }
        refs.extend((0..u64::from(run)).map(|index| first + index));
    }
    Some(())
}

fn decode_times(reader: &mut Reader<'_>, count: usize, samples: &mut Vec<Sample>) -> Option<()> {
    let form = reader.byte()?;
    let mut timestamp_ms = reader.signed()?;
    match form {
        ONE_TIME => samples.resize(count, Sample { timestamp_ms, value: 0.0 }),
        TIME_EACH => {
            samples.push(Sample { timestamp_ms, value: 0.0 });
            for _ in 1..count {
                timestamp_ms = timestamp_ms.wrapping_add(reader.signed()?);
                samples.push(Sample { timestamp_ms, value: 0.0 });
            }
        }
        _ => return None,
    }
    Some(())
}

fn decode_values(reader: &mut Reader<'_>, samples: &mut [Sample]) -> Option<()> {
    let forms = reader.bytes(samples.len().div_ceil(2))?;
    for (index, sample) in samples.iter_mut().enumerate() {
        let form = forms[index / 2] >> (index % 2 * 4) & 0xf;
        let count = usize::from(if form < 8 { form } else { form - 7 });
        let mut bytes = [0; VALUE_BYTES];
        bytes[..count].copy_from_slice(reader.bytes(count)?);
        let number = u64::from_le_bytes(bytes);
        sample.value = match form {
            0..8 => number as f64,
            _ => f64::from_bits(number << ((VALUE_BYTES - count) * 8)),
        };
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn batch() -> impl Strategy<Value = Batch> {
        let value = prop_oneof![
            any::<u64>().prop_map(f64::from_bits),
            (-300i64..1 << 60).prop_map(|number| number as f64),
            Just(0.0),
            Just(-0.0),
            Just(model::stale_marker()),
        ];
        let series = prop_oneof![any::<u64>(), 0u64..40, (1u64 << 32)..(1 << 32) + 40, Just(u64::from(u32::MAX))];
        let time = prop_oneof![Just(1_700_000_000_000i64), any::<i64>()];
        prop::collection::vec((series, time, value), 1..200).prop_map(|samples| {
            let mut batch = Batch::default();
            for (series, timestamp_ms, value) in samples {
                batch.push(series, Sample { timestamp_ms, value });
            }
            batch
        })
    }

    fn bits(batch: &Batch) -> Vec<(u64, i64, u64)> {
        let samples = batch.refs.iter().zip(&batch.samples);
        samples.map(|(&series, sample)| (series, sample.timestamp_ms, sample.value.to_bits())).collect()
    }

    proptest! {
        #[test]
        fn a_batch_reads_back_to_the_bit(batch in batch()) {
            let positions: Vec<u32> = (0..batch.len() as u32).collect();
            let mut payload = Vec::new();
            encode(&mut payload, &batch, &positions);
            let mut decoded = Batch::default();
            prop_assert_eq!(decode(&payload, &mut decoded), Some(()));
            prop_assert_eq!(bits(&decoded), bits(&batch));
            // Anything less is noticed.
            prop_assert_eq!(decode(&payload[..payload.len() - 1], &mut decoded), None);
        }

        #[test]
        fn any_bytes_are_decoded_without_panic(payload: Vec<u8>) {
            let _ = decode(&payload, &mut Batch::default());
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_format_page() {
        let mut batch = Batch::default();
        let series = 2u64 << 32 | 5;
        for (series, timestamp_ms, value) in [(series, 100, 0.0), (series + 1, 100, 300.0), (series + 9, 99, -2.5)] {
            batch.push(series, Sample { timestamp_ms, value });
        }
        let mut payload = Vec::new();
        encode(&mut payload, &batch, &[0, 1, 2]);
        let count_and_refs = [3, 10, 1 << 1 | 1, 2, 14, 0];
        let times = [1, 0xc8, 0x01, 0, 1];
        // -2.5 is 0xc004 and six bytes of zeros.
        let values = [2 << 4, 9, 300u16.to_le_bytes()[0], 300u16.to_le_bytes()[1], 0x04, 0xc0];
        assert_eq!(payload, [&count_and_refs[..], &times[..], &values[..]].concat());
    }

    #[test]
    fn a_scrape_of_small_counters_costs_little() {
        let mut batch = Batch::default();
        for series in 0..1000 {
            batch.push((5 << 32) + series, Sample { timestamp_ms: 1_700_000_000_000, value: (series % 200) as f64 });
        }
        let mut payload = Vec::new();
        encode(&mut payload, &batch, &(0..1000).collect::<Vec<_>>());
        // Half a byte and one byte for a value; the five that are zero have no byte of their own.
        assert_eq!(payload.len(), 2 + 4 + 7 + 500 + 995);
    }
}
