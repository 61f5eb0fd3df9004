//! Frames: how records lie in a segment or checkpoint, and how they are found again in a damaged one.
//!
//! A frame's checksum covers the place where it lies, so bytes that only look like a frame (a label value may hold
//! anything) are never taken for one. After damage, the reader looks for the next true frame byte by byte.

use std::io;
use std::sync::Arc;

use crate::disk::DiskFile;

/// The first bytes of a file: what it is, and the version of its format.
pub const MAGIC: &[u8; 8] = b"vtlwal\0\x01";

pub const HEADER_BYTES: usize = 12;
const MARKER: [u8; 2] = *b"Vr";

/// How much of a file is read at once.
const WINDOW_BYTES: usize = 256 << 10;

/// Kinds of records.
pub mod kind {
    pub const SERIES: u8 = 1;
    pub const SAMPLES: u8 = 2;
    pub const OPEN_CHUNKS: u8 = 3;
    pub const HEAD: u8 = 4;
    pub const END: u8 = 5;
}

pub struct FrameReader {
    file: Arc<dyn DiskFile>,
    /// The file's number, which is part of every checksum.
    number: u32,
    size: u64,
    window: Vec<u8>,
    /// Where the window begins in the file, and where the next frame begins in the window.
    window_start: u64,
    at: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    Frame {
        kind: u8,
        offset: u64,
        payload: &'a [u8],
    },
    /// `bytes` bytes that are not a frame.
    Skipped {
        offset: u64,
        bytes: u64,
        reason: String,
    },
}

#[derive(Clone, Copy)]
struct Header {
    kind: u8,
    payload_bytes: u32,
    checksum: u32,
}

/// Appends a frame that will lie at `offset` of file `number`.
pub fn write(out: &mut Vec<u8>, kind: u8, number: u32, offset: u64, payload: &[u8]) {
    let header =
        Header { kind, payload_bytes: payload.len() as u32, checksum: checksum(kind, number, offset, payload) };
    out.extend_from_slice(&header.to_bytes());
    out.extend_from_slice(payload);
}

impl Header {
    /// Marker, kind, check of the header itself, payload length, checksum.
    fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..2].copy_from_slice(&MARKER);
        bytes[2] = self.kind;
        bytes[4..8].copy_from_slice(&self.payload_bytes.to_le_bytes());
        bytes[8..].copy_from_slice(&self.checksum.to_le_bytes());
        bytes[3] = Self::check(&bytes);
        bytes
    }

    fn parse(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let mut unchecked = *bytes;
        unchecked[3] = 0;
        if bytes[..2] != MARKER || bytes[3] != Self::check(&unchecked) {
            return None;
        }
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Some(Header { kind: bytes[2], payload_bytes: word(4), checksum: word(8) })
    }

    /// So that a search in damaged bytes rarely has to sum up what a false length covers.
    fn check(bytes: &[u8; HEADER_BYTES]) -> u8 {
        bytes.iter().fold(0x5a, |check: u8, byte| check.rotate_left(3) ^ byte)
    }
}

fn checksum(kind: u8, number: u32, offset: u64, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&number.to_le_bytes());
    hasher.update(&offset.to_le_bytes());
    hasher.update(&[kind]);
    hasher.update(payload);
    hasher.finalize()
}

impl FrameReader {
    /// Over a file that begins with `MAGIC`; `Err` says why it cannot be read.
    pub fn new(file: Arc<dyn DiskFile>, number: u32) -> Result<Self, String> {
        let size = file.size_bytes().map_err(|error| error.to_string())?;
        let mut magic = [0; MAGIC.len()];
        let read = file.read_at(&mut magic, 0).map_err(|error| error.to_string())?;
        if read < magic.len() || magic != *MAGIC {
            return Err("not a log file of a version that is known here".to_owned());
        }
        let window_start = MAGIC.len() as u64;
        Ok(FrameReader { file, number, size, window: Vec::new(), window_start, at: 0 })
    }

    /// The next frame or gap; `None` at the end of the file.
    pub fn step(&mut self) -> io::Result<Option<Step<'_>>> {
        let first = self.offset();
        if first >= self.size {
            return Ok(None);
        }
        if let Some(header) = self.frame_here()? {
            return Ok(Some(self.take(header)));
        }
        let mut only_zeros = true;
        loop {
            only_zeros &= self.window.get(self.at).is_none_or(|&byte| byte == 0);
            self.at += 1;
            if self.offset() >= self.size || self.frame_here()?.is_some() {
                break;
            }
        }
        let bytes = self.offset() - first;
        let is_tail = self.offset() >= self.size;
        let what = match (only_zeros, is_tail) {
            (true, _) => "zeros",
            (false, true) => "a torn record at the end of the file",
            (false, false) => "a damaged record",
        };
        Ok(Some(Step::Skipped { offset: first, bytes, reason: format!("{what}, {bytes} bytes") }))
    }

    fn offset(&self) -> u64 {
        self.window_start + self.at as u64
    }

    /// The header of the frame that begins here, if it is whole and its checksum is right.
    fn frame_here(&mut self) -> io::Result<Option<Header>> {
        if self.window.len() < self.at + HEADER_BYTES && !self.fill(HEADER_BYTES)? {
            return Ok(None);
        }
        let Some(bytes) = self.window[self.at..].first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let Some(header) = Header::parse(bytes) else { return Ok(None) };
        let length = HEADER_BYTES + header.payload_bytes as usize;
        if self.offset() + length as u64 > self.size || !self.fill(length)? {
            return Ok(None);
        }
        let payload = &self.window[self.at + HEADER_BYTES..self.at + length];
        let is_right = checksum(header.kind, self.number, self.offset(), payload) == header.checksum;
        Ok(is_right.then_some(header))
    }

    fn take(&mut self, header: Header) -> Step<'_> {
        let offset = self.offset();
        let start = self.at + HEADER_BYTES;
        let end = start + header.payload_bytes as usize;
        self.at = end;
        Step::Frame { kind: header.kind, offset, payload: &self.window[start..end] }
    }

    /// Makes sure that the window holds `count` bytes from here on; false when the file does not.
    fn fill(&mut self, count: usize) -> io::Result<bool> {
        if self.window.len() >= self.at + count {
            return Ok(true);
        }
        self.window.drain(..self.at);
        self.window_start += self.at as u64;
        self.at = 0;
        let kept = self.window.len();
        let rest = self.size.saturating_sub(self.window_start) as usize;
        self.window.resize(count.max(WINDOW_BYTES).min(rest).max(kept), 0);
        let read = self.file.read_at(&mut self.window[kept..], self.window_start + kept as u64)?;
        self.window.truncate(kept + read);
        if self.window.len() < rest.min(count) {
            // The file became shorter while it was read.
            self.size = self.window_start + self.window.len() as u64;
        }
        Ok(self.window.len() >= count)
    }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
