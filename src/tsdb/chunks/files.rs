//! All chunk files: appending to the newest, reading from any of them through the block cache, dropping the oldest.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{SeriesRef, StorageError};
use parking_lot::{Mutex, RwLock};

use super::cache::{BLOCK_BYTES, BlockCache, BlockKey};
use super::file::{ChunkFile, FileSummary, MAGIC};
use super::position::ChunkPosition;
use super::record::{BadRecord, ChunkRecord, HEADER_BYTES};
use crate::disk::{Disk, number_of, numbered};
use crate::open::Skipped;
use crate::options::Options;
use crate::stats::{CacheStats, ChunkFileStats};
use crate::xor::{CorruptChunk, OpenChunk, first_timestamp_ms};

const EXTENSION: &str = "chunks";

/// What is read of a chunk before its length is known: most chunks have no more.
const FIRST_READ_BYTES: usize = 256;

/// Files from the oldest to the newest. Who holds a set can read its files, even those that were dropped meanwhile.
pub type FileSet = Arc<Vec<Arc<ChunkFile>>>;

pub struct ChunkFiles {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    max_file_bytes: u64,
    /// A file gets no more chunks that end so much later than its first one, so that dropping a file drops little.
    max_file_span_ms: i64,
    set: RwLock<FileSet>,
    writer: Mutex<Writer>,
    cache: BlockCache,
    chunks_written: AtomicU64,
    write_failures: AtomicU64,
    files_dropped: AtomicU64,
    unreadable: AtomicU64,
}

#[derive(Default)]
struct Writer {
    active: Option<Active>,
    next_number: u32,
    unsynced: Vec<Arc<ChunkFile>>,
    has_new_file: bool,
    buffer: Vec<u8>,
}

struct Active {
    file: Arc<ChunkFile>,
    first_max_time_ms: i64,
    /// A write failed, so there may be bytes behind the last record.
    has_torn_tail: bool,
}

impl ChunkFiles {
    /// Opens what is there. `noted` is what a checkpoint knows; every chunk that it does not know goes to `found`, in the
    /// order of their positions.
    pub fn open(
        options: &Options,
        noted: &[FileSummary],
        mut found: impl FnMut(ChunkPosition, &ChunkRecord<'_>),
        mut skip: impl FnMut(Skipped),
    ) -> io::Result<Self> {
        let dir = options.dir.join("chunks");
        options.disk.create_dir_all(&dir)?;
        let names = options.disk.list(&dir)?;
        let mut numbers: Vec<u32> = names.iter().filter_map(|name| number_of(name, EXTENSION)).collect();
        numbers.sort_unstable();
        let mut files = Vec::with_capacity(numbers.len());
        for &number in &numbers {
            let path = numbered(&dir, number, EXTENSION);
            let opened = match options.disk.open(&path) {
                Ok(opened) => opened,
                Err(error) => {
                    skip(Skipped { file: path, offset: 0, reason: error.to_string() });
                    continue;
                }
            };
            let file = ChunkFile::new(number, path, opened);
            if file.file.size_bytes().is_ok_and(|size| size == 0) {
                // Made for chunks that could not be written.
                options.disk.remove(&file.path)?;
                continue;
            }
            let noted = noted.iter().find(|summary| summary.number == number).copied();
            file.scan(noted, &mut found).unwrap_or_else(&mut skip);
            // A file of an unknown version stays where it is, but is none of ours.
            if file.len() > 0 {
                files.push(Arc::new(file));
            }
        }
        let newest = numbers.last().copied().unwrap_or(0).max(noted.iter().map(|file| file.number).max().unwrap_or(0));
        Ok(ChunkFiles {
            disk: Arc::clone(&options.disk),
            dir,
            max_file_bytes: options.chunk_file_bytes.min(u64::from(u32::MAX) / 2),
            max_file_span_ms: (options.retention_ms / 24).max(1),
            set: RwLock::new(Arc::new(files)),
            writer: Mutex::new(Writer { next_number: newest + 1, ..Writer::default() }),
            cache: BlockCache::new(options.cache_bytes),
            chunks_written: AtomicU64::new(0),
            write_failures: AtomicU64::new(0),
            files_dropped: AtomicU64::new(0),
            unreadable: AtomicU64::new(0),
        })
    }

    /// Numbers below this are taken, also by files that are gone.
    pub fn outlive(&self, number: u32) {
        let mut writer = self.writer.lock();
        writer.next_number = writer.next_number.max(number.saturating_add(1));
    }

    /// Whether a chunk was in a file that is older than all that are left.
    pub fn is_gone(&self, at: ChunkPosition) -> bool {
        self.set().first().is_none_or(|oldest| at.file() < oldest.number)
    }

    pub fn set(&self) -> FileSet {
        Arc::clone(&self.set.read())
    }

    /// Appends chunks in one write, and their positions to `positions`. After an error none of them is there.
    pub fn append<'a>(
        &self,
        chunks: impl Iterator<Item = (SeriesRef, ChunkPosition, &'a OpenChunk)> + Clone,
        positions: &mut Vec<ChunkPosition>,
    ) -> io::Result<()> {
        let mut writer = self.writer.lock();
        let before = positions.len();
        let result = self.append_locked(&mut writer, chunks, positions);
        match result {
            Ok(()) => {
                self.chunks_written.fetch_add((positions.len() - before) as u64, Ordering::Relaxed);
            }
            Err(_) => {
                positions.truncate(before);
                self.write_failures.fetch_add(1, Ordering::Relaxed);
            }
        }
        result
    }

    fn append_locked<'a>(
        &self,
        writer: &mut Writer,
        chunks: impl Iterator<Item = (SeriesRef, ChunkPosition, &'a OpenChunk)> + Clone,
        positions: &mut Vec<ChunkPosition>,
    ) -> io::Result<()> {
        let Some(max_time_ms) = chunks.clone().map(|(_, _, chunk)| chunk.last_timestamp_ms()).max() else {
            return Ok(());
        };
        let mut buffer = std::mem::take(&mut writer.buffer);
        buffer.clear();
        let active = self.active(writer, max_time_ms)?;
        let start = active.file.len();
        if start == 0 {
            buffer.extend_from_slice(MAGIC);
        }
        let mut min_time_ms = i64::MAX;
        for (series, previous, chunk) in chunks {
            let at = ChunkPosition::new(active.file.number, (start + buffer.len() as u64) as u32);
            ChunkRecord::write(&mut buffer, at, series, previous, chunk);
            let first_ms = first_timestamp_ms(chunk.bytes());
            min_time_ms = min_time_ms.min(first_ms.unwrap_or(i64::MAX));
            positions.push(at);
        }
        active.has_torn_tail = true;
        active.file.file.write_at(&buffer, start)?;
        active.has_torn_tail = false;
        active.file.extend(start + buffer.len() as u64, min_time_ms, max_time_ms);
        let file = Arc::clone(&active.file);
        if !writer.unsynced.iter().any(|unsynced| unsynced.number == file.number) {
            writer.unsynced.push(file);
        }
        writer.buffer = buffer;
        Ok(())
    }

    /// The file that takes the next chunks, which is made when the last one is full.
    fn active<'w>(&self, writer: &'w mut Writer, max_time_ms: i64) -> io::Result<&'w mut Active> {
        let is_full = |active: &Active| {
            active.file.len() >= self.max_file_bytes
                || max_time_ms.saturating_sub(active.first_max_time_ms) > self.max_file_span_ms
        };
        writer.active.take_if(|active| is_full(active));
        if let Some(active) = writer.active.as_mut().filter(|active| active.has_torn_tail) {
            active.file.file.truncate(active.file.len())?;
            active.has_torn_tail = false;
        }
        if writer.active.is_none() {
            let number = writer.next_number;
            let path = numbered(&self.dir, number, EXTENSION);
            let created = self.disk.create(&path)?;
            writer.next_number += 1;
            writer.has_new_file = true;
            let file = Arc::new(ChunkFile::new(number, path, created));
            let mut set = self.set.write();
            let mut files = Vec::clone(&set);
            files.push(Arc::clone(&file));
            *set = Arc::new(files);
            writer.active = Some(Active { file, first_max_time_ms: max_time_ms, has_torn_tail: false });
        }
        writer.active.as_mut().ok_or_else(|| io::Error::other("no chunk file is open"))
    }

    /// Makes all chunks durable that were appended before.
    pub fn sync(&self) -> io::Result<()> {
        let (files, has_new_file) = {
            let mut writer = self.writer.lock();
            (std::mem::take(&mut writer.unsynced), std::mem::take(&mut writer.has_new_file))
        };
        let result = files.iter().try_for_each(|file| file.file.sync());
        let result = if has_new_file { result.and_then(|()| self.disk.sync_dir(&self.dir)) } else { result };
        if result.is_err() {
            let mut writer = self.writer.lock();
            writer.unsynced.extend(files);
            writer.has_new_file |= has_new_file;
        }
        result
    }

    /// Reads the record at a position of a set. `None`: its file was dropped.
    pub fn read<'b>(
        &self,
        set: &FileSet,
        at: ChunkPosition,
        buffer: &'b mut Vec<u8>,
    ) -> Result<Option<ChunkRecord<'b>>, StorageError> {
        if at.is_none() || set.first().is_none_or(|oldest| at.file() < oldest.number) {
            return Ok(None);
        }
        let Ok(index) = set.binary_search_by_key(&at.file(), |file| file.number) else {
            let path = numbered(&self.dir, at.file(), EXTENSION);
            return Err(self.unreadable(format!("{}: the file is missing", path.display())));
        };
        let file = &set[index];
        self.read_record(file, at, buffer)
            .and_then(|length| ChunkRecord::parse(&buffer[..length], at).map_err(|bad| bad.to_string()))
            .map(Some)
            .map_err(|reason| self.unreadable(format!("{}:{}: {reason}", file.path.display(), at.offset())))
    }

    fn read_record(&self, file: &ChunkFile, at: ChunkPosition, buffer: &mut Vec<u8>) -> Result<usize, String> {
        buffer.clear();
        let start = u64::from(at.offset());
        let rest_of_file = file.len().saturating_sub(start) as usize;
        let rest_of_block = BLOCK_BYTES - at.offset() as usize % BLOCK_BYTES;
        let first = FIRST_READ_BYTES.min(rest_of_block.max(HEADER_BYTES)).min(rest_of_file);
        self.fetch(file, start, first, buffer).map_err(|error| error.to_string())?;
        let length = ChunkRecord::length(buffer).map_err(|bad| bad.to_string())?;
        if length > rest_of_file {
            return Err(BadRecord::Torn.to_string());
        }
        if length > first {
            self.fetch(file, start + first as u64, length - first, buffer).map_err(|error| error.to_string())?;
        }
        Ok(length)
    }

    /// Appends `count` bytes of a file, which has them, to `out`.
    fn fetch(&self, file: &ChunkFile, mut start: u64, mut count: usize, out: &mut Vec<u8>) -> io::Result<()> {
        while count > 0 {
            let block_start = start - start % BLOCK_BYTES as u64;
            let within = (start - block_start) as usize;
            let part = count.min(BLOCK_BYTES - within);
            let key = BlockKey { file: file.number, block: (block_start / BLOCK_BYTES as u64) as u32 };
            let is_complete = block_start + BLOCK_BYTES as u64 <= file.len();
            if !is_complete {
                let old_len = out.len();
                out.resize(old_len + part, 0);
                read_exactly(file, &mut out[old_len..], start)?;
            } else if self.cache.find(key, |block| out.extend_from_slice(&block[within..within + part])).is_none() {
                let mut block = [0; BLOCK_BYTES];
                read_exactly(file, &mut block, block_start)?;
                self.cache.keep(key, &block);
                out.extend_from_slice(&block[within..within + part]);
            }
            start += part as u64;
            count -= part;
        }
        Ok(())
    }

    /// The error for a chunk whose checksum is right but whose samples are not.
    pub fn corrupt(&self, at: ChunkPosition, reason: CorruptChunk) -> StorageError {
        let path = numbered(&self.dir, at.file(), EXTENSION);
        self.unreadable(format!("{}:{}: {reason}", path.display(), at.offset()))
    }

    fn unreadable(&self, reason: String) -> StorageError {
        self.unreadable.fetch_add(1, Ordering::Relaxed);
        StorageError::Unreadable(reason)
    }

    /// Drops the oldest files whose samples are all before a time.
    pub fn drop_before(&self, time_ms: i64) {
        while self.set().first().is_some_and(|oldest| oldest.max_time_ms() < time_ms) {
            if !self.drop_oldest() {
                return;
            }
        }
    }

    /// Drops the oldest file, unless it is the one being written.
    pub fn drop_oldest(&self) -> bool {
        let writer = self.writer.lock();
        let mut set = self.set.write();
        let Some(oldest) = set.first().cloned() else { return false };
        if writer.active.as_ref().is_some_and(|active| active.file.number == oldest.number) {
            return false;
        }
        if let Err(error) = self.disk.remove(&oldest.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(file = %oldest.path.display(), %error, "cannot remove a chunk file");
            return false;
        }
        *set = Arc::new(set[1..].to_vec());
        self.files_dropped.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// What a checkpoint notes: all files as they are now, and the number of the next one.
    pub fn summaries(&self) -> (Vec<FileSummary>, u32) {
        let next_number = self.writer.lock().next_number;
        (self.set().iter().map(|file| file.summary()).collect(), next_number)
    }

    pub fn bytes(&self) -> u64 {
        self.set().iter().map(|file| file.len()).sum()
    }

    pub fn stats(&self) -> ChunkFileStats {
        ChunkFileStats {
            files: self.set().len(),
            bytes: self.bytes(),
            chunks_written_total: self.chunks_written.load(Ordering::Relaxed),
            write_failures_total: self.write_failures.load(Ordering::Relaxed),
            files_dropped_total: self.files_dropped.load(Ordering::Relaxed),
            unreadable_total: self.unreadable.load(Ordering::Relaxed),
        }
    }

    pub fn cache_stats(&self) -> CacheStats {
        self.cache.stats()
    }
}

fn read_exactly(file: &ChunkFile, buffer: &mut [u8], start: u64) -> io::Result<()> {
    let read = file.file.read_at(buffer, start)?;
    if read < buffer.len() { Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is shorter")) } else { Ok(()) }
}
