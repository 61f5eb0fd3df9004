//! One closed chunk as it lies in a chunk file (docs/formats/chunks.md): checksum, length, whose it is, where the
//! chunk before it lies, when it ends, and the chunk itself as Prometheus has it in its blocks.

use model::SeriesRef;

use super::position::ChunkPosition;
use crate::varint::{Reader, put_unsigned};
use crate::xor::{OpenChunk, XOR_ENCODING, first_timestamp_ms};

/// Bytes that surely hold everything before a chunk's samples.
pub const HEADER_BYTES: usize = 64;
/// Records above this are damaged: the largest chunk has 65,535 samples of at most 19 bytes.
const MAX_BODY_BYTES: usize = 2 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkRecord<'a> {
    pub series: SeriesRef,
    /// The chunk of the same series before this one.
    pub previous: ChunkPosition,
    pub min_time_ms: i64,
    pub max_time_ms: i64,
    pub count: u16,
    /// The bits of the samples.
    pub bytes: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    #[error("the file ends within a chunk")]
    Torn,
    #[error("checksum mismatch")]
    Checksum,
    #[error("unknown chunk encoding {0}")]
    Encoding(u8),
    #[error("malformed chunk")]
    Malformed,
}

impl<'a> ChunkRecord<'a> {
    /// Appends the open chunk of a series, which has samples, as a record that will lie at `at`.
    pub fn write(out: &mut Vec<u8>, at: ChunkPosition, series: SeriesRef, previous: ChunkPosition, chunk: &OpenChunk) {
        let mut head = Vec::with_capacity(HEADER_BYTES);
        put_unsigned(&mut head, series >> 32);
        put_unsigned(&mut head, series & 0xffff_ffff);
        if previous.is_none() {
            head.push(0);
        } else {
            put_unsigned(&mut head, u64::from(at.file() - previous.file()) + 1);
            put_unsigned(&mut head, u64::from(previous.offset()));
        }
        let min_time_ms = first_timestamp_ms(chunk.bytes()).unwrap_or_default();
        put_unsigned(&mut head, chunk.last_timestamp_ms().wrapping_sub(min_time_ms) as u64);
        head.push(XOR_ENCODING);
        head.extend_from_slice(&chunk.count().to_be_bytes());
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        put_unsigned(out, (head.len() + chunk.bytes().len()) as u64);
        out.extend_from_slice(&head);
        out.extend_from_slice(chunk.bytes());
        let checksum = checksum(at, &out[start + 4..]);
        out[start..start + 4].copy_from_slice(&checksum.to_le_bytes());
    }

    /// How many bytes the record takes that begins with `bytes`, which are at least 14 or all that the file has.
    pub fn length(bytes: &[u8]) -> Result<usize, BadRecord> {
        let mut reader = Reader::new(bytes);
        reader.bytes(4).ok_or(BadRecord::Torn)?;
        let body = reader.unsigned().ok_or(BadRecord::Torn)?;
        let body = usize::try_from(body).ok().filter(|&body| body <= MAX_BODY_BYTES).ok_or(BadRecord::Malformed)?;
        Ok(bytes.len() - reader.rest().len() + body)
    }

    /// Reads the whole record that lies at `at`.
    pub fn parse(bytes: &'a [u8], at: ChunkPosition) -> Result<Self, BadRecord> {
        let mut reader = Reader::new(bytes);
        let expected = reader.u32_le().ok_or(BadRecord::Torn)?;
        if checksum(at, reader.rest()) != expected {
            return Err(BadRecord::Checksum);
        }
        let _length = reader.unsigned().ok_or(BadRecord::Malformed)?;
        Self::parse_body(reader, at)
    }

    fn parse_body(mut reader: Reader<'a>, at: ChunkPosition) -> Result<Self, BadRecord> {
        let malformed = BadRecord::Malformed;
        let generation = reader.small().ok_or(malformed)?;
        let slot = reader.small().ok_or(malformed)?;
        let previous = match reader.small().ok_or(malformed)? {
            0 => ChunkPosition::NONE,
            distance => {
                let file = at.file().checked_sub(distance - 1).ok_or(malformed)?;
                ChunkPosition::new(file, reader.small().ok_or(malformed)?)
            }
        };
        if previous >= at {
            return Err(malformed);
        }
        let duration_ms = reader.unsigned().ok_or(malformed)?;
        let encoding = reader.byte().ok_or(malformed)?;
        if encoding != XOR_ENCODING {
            return Err(BadRecord::Encoding(encoding));
        }
        let count = reader.bytes(2).and_then(|bytes| bytes.try_into().ok()).map(u16::from_be_bytes).ok_or(malformed)?;
        let bytes = reader.rest();
        let min_time_ms = first_timestamp_ms(bytes).ok_or(malformed)?;
        let max_time_ms = min_time_ms.wrapping_add(duration_ms as i64);
        if count == 0 || max_time_ms < min_time_ms {
            return Err(malformed);
        }
        let series = u64::from(generation) << 32 | u64::from(slot);
        Ok(ChunkRecord { series, previous, min_time_ms, max_time_ms, count, bytes })
    }
}

/// The position is part of the sum: a record that lies anywhere else is not one.
fn checksum(at: ChunkPosition, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&at.file().to_le_bytes());
    hasher.update(&at.offset().to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chunk() -> OpenChunk {
        let mut chunk = OpenChunk::default();
        for n in 0..100 {
            chunk.append(1_700_000_000_000 + n * 5000, (n as f64).sqrt().to_bits());
        }
        chunk
    }

    #[test]
    fn a_record_reads_back_where_it_was_written_and_nowhere_else() {
        let (at, previous) = (ChunkPosition::new(7, 4711), ChunkPosition::new(5, 99));
        let mut bytes = Vec::new();
        ChunkRecord::write(&mut bytes, at, 3 << 32 | 12, previous, &chunk());
        assert_eq!(ChunkRecord::length(&bytes[..20]), Ok(bytes.len()));
        let record = ChunkRecord::parse(&bytes, at).unwrap();
        assert_eq!((record.series, record.previous, record.count), (3 << 32 | 12, previous, 100));
        assert_eq!((record.min_time_ms, record.max_time_ms), (1_700_000_000_000, 1_700_000_495_000));
        assert_eq!(record.bytes, chunk().bytes());
        assert_eq!(ChunkRecord::parse(&bytes, ChunkPosition::new(7, 4712)), Err(BadRecord::Checksum));
    }

    #[test]
    fn the_bytes_are_those_of_the_format_page() {
        let mut chunk = OpenChunk::default();
        chunk.append(1000, 0);
        chunk.append(3000, 0);
        let mut bytes = Vec::new();
        let (at, previous) = (ChunkPosition::new(7, 8), ChunkPosition::new(6, 300));
        ChunkRecord::write(&mut bytes, at, 2 << 32 | 5, previous, &chunk);
        let body = [&[2, 5, 2, 0xac, 0x02, 0xd0, 0x0f, 1, 0, 2][..], &[0xd0, 0x0f], &[0; 8], &[0xd0, 0x0f, 0]].concat();
        let covered = [&[7, 0, 0, 0, 8, 0, 0, 0, body.len() as u8][..], &body].concat();
        assert_eq!(bytes[..4], crc32fast::hash(&covered).to_le_bytes());
        assert_eq!(bytes[4..], covered[8..]);
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_noticed(position: prop::sample::Index, change in 1u8..) {
            let at = ChunkPosition::new(1, 16);
            let mut bytes = Vec::new();
            ChunkRecord::write(&mut bytes, at, 1 << 32, ChunkPosition::NONE, &chunk());
            let position = position.index(bytes.len());
            bytes[position] ^= change;
            prop_assert!(ChunkRecord::parse(&bytes, at).is_err());
        }

        #[test]
        fn any_body_is_read_without_panic(body: Vec<u8>) {
            let _ = ChunkRecord::parse_body(Reader::new(&body), ChunkPosition::new(9, 9));
            let _ = ChunkRecord::length(&body);
        }
    }
}
