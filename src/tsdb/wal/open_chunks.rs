//! The record of a checkpoint that holds the state of series: where their last closed chunk lies, and their open chunk
//! (or, when it is empty, the last sample, against which the next one is checked).

use model::SeriesRef;

use super::series_number::Neighbour;
use crate::chunks::ChunkPosition;
use crate::varint::{Reader, put_signed, put_unsigned};
use crate::xor::OpenChunk;

const NO_SAMPLE: u8 = 0;
const LAST_SAMPLE: u8 = 1;
const OPEN_CHUNK: u8 = 2;

#[derive(Default)]
pub struct OpenChunksWriter {
    body: Vec<u8>,
    count: u64,
    neighbour: Neighbour,
}

impl OpenChunksWriter {
    pub fn add(&mut self, series: SeriesRef, closed: ChunkPosition, chunk: &OpenChunk) {
        let body = &mut self.body;
        self.neighbour.put_run(body, series, 1);
        put_unsigned(body, u64::from(closed.file()));
        put_unsigned(body, u64::from(closed.offset()));
        if chunk.count() > 0 {
            body.push(OPEN_CHUNK);
            put_unsigned(body, u64::from(chunk.count()));
            put_unsigned(body, chunk.bytes().len() as u64);
            body.extend_from_slice(chunk.bytes());
        } else if chunk.last_timestamp_ms() != i64::MIN {
            body.push(LAST_SAMPLE);
            put_signed(body, chunk.last_timestamp_ms());
            body.extend_from_slice(&chunk.last_value_bits().to_le_bytes());
        } else {
            body.push(NO_SAMPLE);
        }
        self.count += 1;
    }

    /// Appends the payload to `out` and begins anew.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        put_unsigned(out, self.count);
        out.append(&mut self.body);
        *self = OpenChunksWriter::default();
    }
}

/// Hands the state of every series to `found`; `None` when the payload is malformed, after those before that place.
pub fn decode(payload: &[u8], mut found: impl FnMut(SeriesRef, ChunkPosition, OpenChunk)) -> Option<()> {
    let mut reader = Reader::new(payload);
    let count = reader.count()?;
    let mut neighbour = Neighbour::default();
    for _ in 0..count {
        let (series, _) = neighbour.take_run(&mut reader)?;
        let closed = ChunkPosition::new(reader.small()?, reader.small()?);
        let chunk = match reader.byte()? {
            NO_SAMPLE => OpenChunk::default(),
            LAST_SAMPLE => OpenChunk::after(reader.signed()?, reader.u64_le()?),
            OPEN_CHUNK => {
                let count = u16::try_from(reader.unsigned()?).ok()?;
                let length = reader.count()?;
                OpenChunk::restore(count, reader.bytes(length)?).ok()?
            }
            _ => return None,
        };
        found(series, closed, chunk);
    }
    reader.is_empty().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn states_read_back() {
        let mut open = OpenChunk::after(900, 7);
        open.append(1000, 1.5f64.to_bits());
        open.append(2000, 2.5f64.to_bits());
        let states = [
            (1 << 32, ChunkPosition::NONE, OpenChunk::default()),
            (1 << 32 | 1, ChunkPosition::new(3, 77), OpenChunk::after(-5, 12)),
            (9 << 32 | 4, ChunkPosition::new(4, 0), open),
        ];
        let mut writer = OpenChunksWriter::default();
        for (series, closed, chunk) in &states {
            writer.add(*series, *closed, chunk);
        }
        let mut payload = Vec::new();
        writer.finish(&mut payload);
        let mut expected = states.iter();
        let decoded = decode(&payload, |series, closed, chunk| {
            let (other_series, other_closed, other) = expected.next().unwrap();
            assert_eq!((series, closed), (*other_series, *other_closed));
            assert_eq!((chunk.count(), chunk.bytes()), (other.count(), other.bytes()));
            assert_eq!(chunk.last_timestamp_ms(), other.last_timestamp_ms());
            assert_eq!(chunk.last_value_bits(), other.last_value_bits());
        });
        assert_eq!(decoded, Some(()));
        assert!(expected.next().is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_without_panic(payload: Vec<u8>) {
            let _ = decode(&payload, |_, _, _| {});
        }
    }
}
