//! The log's writing end: new series wait here until the batch that uses them, then both go to the kernel in one write.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::frame::{self, MAGIC, kind};
use super::series::SeriesWriter;
use crate::disk::{Disk, DiskFile, number_of, numbered};
use crate::index::Index;
use crate::options::Options;
use crate::stats::WalStats;

const SEGMENT: &str = "wal";
const CHECKPOINT: &str = "checkpoint";
const UNFINISHED: &str = "tmp";

/// New series that wait for a batch are written by themselves when they come to so many bytes.
const MAX_WAITING_BYTES: usize = 1 << 20;
/// A larger buffer is given back after the write.
const KEPT_BUFFER_BYTES: usize = 128 << 10;
/// A record of series ends here, so that damage costs few of them.
const SERIES_RECORD_BYTES: usize = 64 << 10;

pub struct Log {
    files: Arc<LogFiles>,
    max_segment_bytes: u64,
    current: Option<Segment>,
    next_number: u32,
    /// Segments that are full, with their sizes.
    older: Vec<(u32, u64)>,
    checkpoint_bytes: u64,
    waiting: SeriesWriter,
    /// Payloads of finished records of series that wait as well.
    waiting_payloads: Vec<Vec<u8>>,
    /// Segments that were left before they were durable.
    unsynced: Vec<Arc<dyn DiskFile>>,
    has_new_file: bool,
    needs_checkpoint: bool,
    buffer: Vec<u8>,
    totals: WalStats,
}

/// Names and places of the log's files.
pub struct LogFiles {
    pub disk: Arc<dyn Disk>,
    pub dir: PathBuf,
}

struct Segment {
    number: u32,
    file: Arc<dyn DiskFile>,
    len: u64,
    /// Something was written since the last sync began.
    is_dirty: bool,
    /// A write failed, so there may be bytes behind the last record.
    has_torn_tail: bool,
}

/// What `begin_sync` took, to be made durable without holding the log.
pub struct Unsynced {
    files: Vec<Arc<dyn DiskFile>>,
    has_new_file: bool,
}

impl LogFiles {
    pub fn new(options: &Options) -> io::Result<Self> {
        let dir = options.dir.join("wal");
        options.disk.create_dir_all(&dir)?;
        Ok(LogFiles { disk: Arc::clone(&options.disk), dir })
    }

    pub fn segment_path(&self, number: u32) -> PathBuf {
        numbered(&self.dir, number, SEGMENT)
    }

    pub fn checkpoint_path(&self, number: u32) -> PathBuf {
        numbered(&self.dir, number, CHECKPOINT)
    }

    /// Where a checkpoint is written before it counts.
    pub fn unfinished_path(&self, number: u32) -> PathBuf {
        numbered(&self.dir, number, UNFINISHED)
    }

    /// Numbers of segments, then of checkpoints, each ascending.
    pub fn numbers(&self) -> io::Result<(Vec<u32>, Vec<u32>)> {
        let names = self.disk.list(&self.dir)?;
        let of = |extension| {
            let mut numbers: Vec<u32> = names.iter().filter_map(|name| number_of(name, extension)).collect();
            numbers.sort_unstable();
            numbers
        };
        Ok((of(SEGMENT), of(CHECKPOINT)))
    }

    /// Removes checkpoints that were not finished.
    pub fn remove_unfinished(&self) -> io::Result<()> {
        for name in self.disk.list(&self.dir)? {
            if number_of(&name, UNFINISHED).is_some() {
                self.disk.remove(&self.dir.join(name))?;
            }
        }
        Ok(())
    }

    pub fn size_bytes(&self, path: &Path) -> u64 {
        self.disk.open(path).and_then(|file| file.size_bytes()).unwrap_or(0)
    }
}

impl Log {
    /// Goes on behind the segments that are there; the first write makes a new one.
    pub fn new(files: Arc<LogFiles>, options: &Options) -> io::Result<Self> {
        let (segments, checkpoints) = files.numbers()?;
        let older = segments.iter().map(|&number| (number, files.size_bytes(&files.segment_path(number)))).collect();
        let newest = segments.last().max(checkpoints.last()).copied().unwrap_or(0);
        let checkpoint_bytes = checkpoints.iter().map(|&number| files.size_bytes(&files.checkpoint_path(number))).sum();
        Ok(Log {
            files,
            max_segment_bytes: options.wal_segment_bytes.min(u64::from(u32::MAX) / 2),
            current: None,
            next_number: newest + 1,
            older,
            checkpoint_bytes,
            waiting: SeriesWriter::default(),
            waiting_payloads: Vec::new(),
            unsynced: Vec::new(),
            has_new_file: false,
            needs_checkpoint: false,
            buffer: Vec::new(),
            totals: WalStats::default(),
        })
    }

    /// Notes a new series of the index, to be written before the next batch.
    pub fn add_series(&mut self, index: &Index, series: model::SeriesRef, list: &[u32]) {
        self.waiting.add(index, series, list);
        if self.waiting.len_bytes() >= SERIES_RECORD_BYTES {
            self.finish_series();
        }
    }

    /// Ends the record of series that is being made. Called before the index gives numbers of pairs to others.
    pub fn finish_series(&mut self) {
        if !self.waiting.is_empty() {
            let mut payload = Vec::new();
            self.waiting.finish(&mut payload);
            self.waiting_payloads.push(payload);
        }
    }

    /// Writes the waiting series if there are many. An error means that no more should be added.
    pub fn relieve(&mut self) -> io::Result<()> {
        let waiting_bytes: usize = self.waiting_payloads.iter().map(Vec::len).sum();
        if waiting_bytes < MAX_WAITING_BYTES { Ok(()) } else { self.append(None) }
    }

    /// Hands the waiting series and then the payload of a batch to the kernel. After an error the batch is not in the
    /// log, and the series wait for the next one.
    pub fn append(&mut self, samples: Option<&[u8]>) -> io::Result<()> {
        self.finish_series();
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let result = self.write(&mut buffer, samples);
        // A first scrape of many new series needs more than any later one.
        buffer.shrink_to(KEPT_BUFFER_BYTES);
        self.buffer = buffer;
        match result {
            Ok(()) => self.waiting_payloads.clear(),
            Err(_) => self.totals.write_failures_total += 1,
        }
        result
    }

    fn write(&mut self, buffer: &mut Vec<u8>, samples: Option<&[u8]>) -> io::Result<()> {
        if self.current.as_ref().is_some_and(|segment| segment.len >= self.max_segment_bytes) {
            self.leave_segment();
        }
        if self.current.is_none() {
            self.create_segment()?;
        }
        let Log { current: Some(segment), waiting_payloads, .. } = self else {
            return Err(io::Error::other("no segment is open"));
        };
        if segment.has_torn_tail {
            segment.file.truncate(segment.len)?;
            segment.has_torn_tail = false;
        }
        let start = segment.len;
        if start == 0 {
            buffer.extend_from_slice(MAGIC);
        }
        let series = waiting_payloads.iter().map(|payload| (kind::SERIES, payload.as_slice()));
        let mut records = 0;
        for (kind, payload) in series.chain(samples.map(|payload| (kind::SAMPLES, payload))) {
            let offset = start + buffer.len() as u64;
            frame::write(buffer, kind, segment.number, offset, payload);
            records += 1;
        }
        segment.has_torn_tail = true;
        segment.file.write_at(buffer, start)?;
        segment.has_torn_tail = false;
        segment.len += buffer.len() as u64;
        segment.is_dirty = true;
        self.totals.records_total += records;
        self.totals.written_bytes_total += buffer.len() as u64;
        Ok(())
    }

    fn create_segment(&mut self) -> io::Result<()> {
        let number = self.next_number;
        let file = self.files.disk.create(&self.files.segment_path(number))?;
        self.next_number += 1;
        self.has_new_file = true;
        self.current = Some(Segment { number, file, len: 0, is_dirty: false, has_torn_tail: false });
        Ok(())
    }

    /// Lets the next write begin a new segment.
    fn leave_segment(&mut self) {
        if let Some(segment) = self.current.take() {
            self.older.push((segment.number, segment.len));
            if segment.has_torn_tail {
                // What is torn stays behind; readers pass over it.
                let _ = segment.file.truncate(segment.len);
            }
            if segment.is_dirty {
                self.unsynced.push(segment.file);
            }
        }
    }

    /// Begins a new segment, whose number it returns: a checkpoint of that number stands for all before it.
    pub fn rotate(&mut self) -> u32 {
        self.leave_segment();
        self.next_number
    }

    pub fn begin_sync(&mut self) -> Unsynced {
        let mut files = std::mem::take(&mut self.unsynced);
        if let Some(segment) = self.current.as_mut().filter(|segment| segment.is_dirty) {
            segment.is_dirty = false;
            files.push(Arc::clone(&segment.file));
        }
        Unsynced { files, has_new_file: std::mem::take(&mut self.has_new_file) }
    }

    pub fn end_sync(&mut self, unsynced: Unsynced, is_durable: bool) {
        if is_durable {
            self.totals.syncs_total += u64::from(!unsynced.files.is_empty());
            return;
        }
        self.totals.sync_failures_total += 1;
        // The kernel may have dropped what it could not write, and say so only once.
        self.require_checkpoint();
        self.has_new_file |= unsynced.has_new_file;
        self.unsynced.extend(unsynced.files);
    }

    /// Asks for a checkpoint as soon as possible: what the log holds may not be what it was told.
    pub fn require_checkpoint(&mut self) {
        self.needs_checkpoint = true;
    }

    /// After a checkpoint: forgets the segments before it, which the caller removes, and returns their numbers.
    pub fn forget_before(&mut self, number: u32, checkpoint_bytes: u64) -> Vec<u32> {
        self.checkpoint_bytes = checkpoint_bytes;
        self.totals.checkpoints_total += 1;
        self.needs_checkpoint = false;
        let (old, kept) = self.older.iter().partition(|(segment, _)| *segment < number);
        self.older = kept;
        let old: Vec<(u32, u64)> = old;
        old.into_iter().map(|(segment, _)| segment).collect()
    }

    pub fn checkpoint_failed(&mut self) {
        self.totals.checkpoint_failures_total += 1;
    }

    /// Whether the log is long enough to be worth a checkpoint, or needs one anyway.
    pub fn is_checkpoint_due(&self, min_bytes: u64) -> bool {
        let newest_checkpoint_bytes = self.checkpoint_bytes / 2;
        self.needs_checkpoint || self.segment_bytes() >= min_bytes.max(newest_checkpoint_bytes)
    }

    fn segment_bytes(&self) -> u64 {
        let older: u64 = self.older.iter().map(|(_, bytes)| bytes).sum();
        older + self.current.as_ref().map_or(0, |segment| segment.len)
    }

    pub fn stats(&self) -> WalStats {
        WalStats {
            segments: self.older.len() + usize::from(self.current.is_some()),
            bytes: self.segment_bytes() + self.checkpoint_bytes,
            ..self.totals
        }
    }
}

impl Unsynced {
    pub fn sync(&self, files: &LogFiles) -> io::Result<()> {
        self.files.iter().try_for_each(|file| file.sync())?;
        if self.has_new_file { files.disk.sync_dir(&files.dir) } else { Ok(()) }
    }
}
