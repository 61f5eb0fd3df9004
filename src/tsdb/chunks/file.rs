//! One chunk file: what is known of it, and reading it from one end to the other when the database opens.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::position::ChunkPosition;
use super::record::{BadRecord, ChunkRecord, HEADER_BYTES};
use crate::disk::DiskFile;
use crate::open::Skipped;

/// The first bytes of a file: what it is, and the version of its format.
pub const MAGIC: &[u8; 8] = b"vtlchnk\x01";

/// How much of a file is read at once.
const WINDOW_BYTES: usize = 256 << 10;

pub struct ChunkFile {
    pub number: u32,
    pub path: PathBuf,
    pub file: Arc<dyn DiskFile>,
    /// Bytes that hold records; only these are ever read.
    len: AtomicU64,
    /// Of all samples in the file; the minimum is above the maximum while there are none.
    min_time_ms: AtomicI64,
    max_time_ms: AtomicI64,
}

/// What a checkpoint notes about a file, so that only what came later must be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSummary {
    pub number: u32,
    pub bytes: u64,
    pub min_time_ms: i64,
    pub max_time_ms: i64,
}

impl ChunkFile {
    pub fn new(number: u32, path: PathBuf, file: Arc<dyn DiskFile>) -> Self {
        ChunkFile {
            number,
            path,
            file,
            len: AtomicU64::new(0),
            min_time_ms: AtomicI64::new(i64::MAX),
            max_time_ms: AtomicI64::new(i64::MIN),
        }
    }

    pub fn len(&self) -> u64 {
        self.len.load(Ordering::Acquire)
    }

    pub fn min_time_ms(&self) -> i64 {
        self.min_time_ms.load(Ordering::Relaxed)
    }

    pub fn max_time_ms(&self) -> i64 {
        self.max_time_ms.load(Ordering::Relaxed)
    }

    pub fn summary(&self) -> FileSummary {
        FileSummary {
            number: self.number,
            bytes: self.len(),
            min_time_ms: self.min_time_ms(),
            max_time_ms: self.max_time_ms(),
        }
    }

    pub fn extend(&self, len: u64, min_time_ms: i64, max_time_ms: i64) {
        self.min_time_ms.fetch_min(min_time_ms, Ordering::Relaxed);
        self.max_time_ms.fetch_max(max_time_ms, Ordering::Relaxed);
        self.len.store(len, Ordering::Release);
    }

    /// Reads a file that was there before: takes over what a checkpoint noted about it, and hands every record behind
    /// that to `found`. Stops at the first bad record; what lies behind it is in the log as well.
    pub fn scan(
        &self,
        noted: Option<FileSummary>,
        mut found: impl FnMut(ChunkPosition, &ChunkRecord<'_>),
    ) -> Result<(), Skipped> {
        let skipped = |offset: u64, reason: String| Skipped { file: self.path.clone(), offset, reason };
        let unreadable = |error: io::Error| skipped(0, error.to_string());
        let size = self.file.size_bytes().map_err(unreadable)?;
        let mut magic = [0; MAGIC.len()];
        let read = self.file.read_at(&mut magic, 0).map_err(unreadable)?;
        if read < magic.len() || magic != *MAGIC {
            return Err(skipped(0, "not a chunk file of a version that is known here".to_owned()));
        }
        self.extend(magic.len() as u64, i64::MAX, i64::MIN);
        if let Some(noted) = noted {
            // It was empty when the checkpoint was taken if nothing could be written to it then.
            let known_bytes = noted.bytes.max(magic.len() as u64).min(size);
            self.extend(known_bytes, noted.min_time_ms, noted.max_time_ms);
            if size < noted.bytes {
                return Err(skipped(size, format!("the file had {} bytes before", noted.bytes)));
            }
        }
        let mut window = Vec::new();
        let mut start = self.len();
        while start < size {
            let wanted = (size - start).min(WINDOW_BYTES as u64) as usize;
            window.resize(wanted.max(window.len().min((size - start) as usize)), 0);
            let read = self.file.read_at(&mut window, start).map_err(|error| skipped(start, error.to_string()))?;
            let used = self.scan_window(&window[..read], start, &mut found);
            start += used as u64;
            if used > 0 {
                continue;
            }
            // Either the record is larger than the window, or it is bad.
            let length = ChunkRecord::length(&window[..read.min(HEADER_BYTES)]);
            match length {
                Ok(length) if length > read && start + (length as u64) <= size => window.resize(length, 0),
                Ok(length) if length > read => return Err(skipped(start, BadRecord::Torn.to_string())),
                Ok(length) => {
                    let at = ChunkPosition::new(self.number, start as u32);
                    let reason = ChunkRecord::parse(&window[..length], at).err().unwrap_or(BadRecord::Malformed);
                    return Err(skipped(start, reason.to_string()));
                }
                Err(reason) => return Err(skipped(start, reason.to_string())),
            }
        }
        Ok(())
    }

    /// Takes whole records from the front of a window; returns how many bytes they have.
    fn scan_window(&self, window: &[u8], start: u64, found: &mut impl FnMut(ChunkPosition, &ChunkRecord<'_>)) -> usize {
        let mut used = 0;
        while let Ok(length) = ChunkRecord::length(&window[used..window.len().min(used + HEADER_BYTES)]) {
            let Some(bytes) = window.get(used..used + length) else { break };
            let at = ChunkPosition::new(self.number, (start + used as u64) as u32);
            let Ok(record) = ChunkRecord::parse(bytes, at) else { break };
            used += length;
            self.extend(start + used as u64, record.min_time_ms, record.max_time_ms);
            found(at, &record);
        }
        used
    }
}
