//! Building the head from its files: the newest checkpoint, the chunks closed since, then the segments of the log.
//!
//! Every step may meet what an earlier one brought already (a checkpoint is taken while commits go on), so a sample that
//! is not newer than its series is passed over. Memory: the head itself, one window of a file, and for each series with
//! a chunk closed since the checkpoint some 50 bytes.

use std::io;
use std::path::Path;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use model::{Batch, SeriesRef};
use roaring::RoaringBitmap;

use crate::checkpoint::{HeadRecord, head_record, is_whole};
use crate::chunks::{ChunkFiles, ChunkPosition, ChunkRecord};
use crate::disk::DiskFile;
use crate::head::{Head, Limits, Scratch};
use crate::index::Index;
use crate::open::{ReplayReport, Skipped};
use crate::options::Options;
use crate::series::Series;
use crate::series_ref::{Slot, split};
use crate::wal::LogFiles;
use crate::wal::frame::{FrameReader, Step, kind};
use crate::wal::{open_chunks, samples, series};
use crate::xor::OpenChunk;

/// Skipped parts that the report names; the others are counted.
const MAX_NAMED: usize = 100;

const NO_LIMITS: Limits = Limits { oldest_ms: i64::MIN, newest_ms: i64::MAX };

pub struct Replay {
    head: Head,
    report: ReplayReport,
    /// The newest chunk of each series that was closed since the checkpoint.
    tails: Tails,
    scratch: Scratch,
    batch: Batch,
    /// Of all series that any file mentions: also where a series' own record is lost, its ref must not be given to
    /// another.
    newest_generation: u32,
}

type Tails = HashMap<SeriesRef, Tail, RandomState>;

#[derive(Clone, Copy)]
struct Tail {
    position: ChunkPosition,
    /// What the oldest chunk of the chain that ends here names as the chunk before it.
    root: ChunkPosition,
    last_timestamp_ms: i64,
    last_value_bits: u64,
}

/// The files that a replay reads, the oldest first.
struct Sources {
    /// Usually one; the one before it as well, when the newest is damaged.
    checkpoints: Vec<u32>,
    segments: Vec<u32>,
    head: HeadRecord,
}

pub fn replay(options: &Options, files: &LogFiles) -> io::Result<(Head, ReplayReport)> {
    files.remove_unfinished()?;
    let sources = Sources::find(files)?;
    let (mut skipped, mut tails) = (Vec::new(), Tails::default());
    let mut newest_generation = sources.head.generation;
    let chunks = ChunkFiles::open(
        options,
        &sources.head.files,
        |position, record| {
            newest_generation = newest_generation.max(split(record.series).0);
            match tails.entry(record.series) {
                Entry::Vacant(entry) => drop(entry.insert(Tail::new(position, record.previous, record))),
                Entry::Occupied(mut entry) => {
                    let tail = *entry.get();
                    if record.previous == tail.position {
                        entry.insert(Tail::new(position, tail.root, record));
                    } else if record.previous < tail.root {
                        // What an earlier replay made in the place of a chain whose beginning was not readable.
                        entry.insert(Tail::new(position, record.previous, record));
                    }
                    // Else a chunk between the two is not readable. The log has its samples and those after it; the
                    // chain ends before it, and the replay makes new chunks of them.
                }
            }
        },
        |part| skipped.push(part),
    )?;
    chunks.outlive(sources.head.next_chunk_file.saturating_sub(1));
    let mut replay = Replay {
        head: Head::new(Index::new(), chunks, options.chunk_samples),
        report: ReplayReport::default(),
        tails,
        scratch: Scratch::default(),
        batch: Batch::default(),
        newest_generation,
    };
    skipped.into_iter().for_each(|part| replay.report.skip(part));
    for &number in &sources.checkpoints {
        replay.file(files, &files.checkpoint_path(number), number);
    }
    for &number in &sources.segments {
        replay.file(files, &files.segment_path(number), number);
    }
    Ok(replay.finish())
}

impl Sources {
    fn find(files: &LogFiles) -> io::Result<Self> {
        let (mut segments, mut checkpoints) = files.numbers()?;
        let open = |number: u32| files.disk.open(&files.checkpoint_path(number));
        let newest_is_whole = checkpoints.last().is_none_or(|&number| open(number).is_ok_and(|f| is_whole(f, number)));
        let wanted = if newest_is_whole { 1 } else { 2 };
        checkpoints.drain(..checkpoints.len().saturating_sub(wanted));
        // The older of two knows less of the chunk files; what it does not know is read from them.
        let heads = checkpoints.iter().filter_map(|&number| head_record(open(number).ok()?, number));
        let head = heads.reduce(|older, newer| HeadRecord { files: older.files, ..newer }).unwrap_or_default();
        let first_segment = checkpoints.first().copied().unwrap_or(0);
        segments.retain(|&number| number >= first_segment);
        Ok(Sources { checkpoints, segments, head })
    }
}

impl Tail {
    fn new(position: ChunkPosition, root: ChunkPosition, record: &ChunkRecord<'_>) -> Self {
        let last_value_bits = OpenChunk::restore(record.count, record.bytes).map_or(0, |chunk| chunk.last_value_bits());
        Tail { position, root, last_timestamp_ms: record.max_time_ms, last_value_bits }
    }
}

impl Replay {
    /// Reads a checkpoint or a segment as far as it can be read.
    fn file(&mut self, files: &LogFiles, path: &Path, number: u32) {
        let skipped = |offset: u64, reason: String| Skipped { file: path.to_owned(), offset, reason };
        let opened = files.disk.open(path).map_err(|error| error.to_string());
        if opened.as_ref().is_ok_and(|file| file.size_bytes().is_ok_and(|size| size == 0)) {
            return;
        }
        let mut reader = match opened.and_then(|file: Arc<dyn DiskFile>| FrameReader::new(file, number)) {
            Ok(reader) => reader,
            Err(reason) => return self.report.skip(skipped(0, reason)),
        };
        loop {
            match reader.step() {
                Ok(Some(Step::Frame { kind, offset, payload })) => {
                    self.report.records += 1;
                    if let Err(reason) = self.record(kind, payload) {
                        self.report.skip(skipped(offset, reason));
                    }
                }
                Ok(Some(Step::Skipped { offset, reason, .. })) => self.report.skip(skipped(offset, reason)),
                Ok(None) => return,
                Err(error) => return self.report.skip(skipped(0, error.to_string())),
            }
        }
    }

    /// `Err` says what of the record was left out.
    fn record(&mut self, kind: u8, payload: &[u8]) -> Result<(), String> {
        let malformed = |what: &str| format!("a malformed record of {what}");
        match kind {
            kind::SERIES => {
                let mut refused = None;
                let decoded = series::decode(payload, |series, labels| {
                    refused = self.series(series, labels).err().or(refused.take());
                });
                decoded.ok_or_else(|| malformed("series"))?;
                refused.map_or(Ok(()), Err)
            }
            kind::SAMPLES => {
                let mut batch = std::mem::take(&mut self.batch);
                let result = samples::decode(payload, &mut batch).ok_or_else(|| malformed("samples"));
                let result = result.and_then(|()| self.samples(&batch));
                self.batch = batch;
                result
            }
            kind::OPEN_CHUNKS => {
                let decoded = open_chunks::decode(payload, |series, closed, open| self.state(series, closed, open));
                decoded.ok_or_else(|| malformed("open chunks"))
            }
            kind::HEAD | kind::END => Ok(()),
            unknown => Err(format!("a record of unknown kind {unknown}, {} bytes", payload.len())),
        }
    }

    fn series(&mut self, series: SeriesRef, labels: &[(&str, &str)]) -> Result<(), String> {
        let (generation, slot) = split(series);
        if generation == 0 {
            return Err("a series of generation 0".to_owned());
        }
        self.newest_generation = self.newest_generation.max(generation);
        let index = self.head.index.get_mut();
        let refused = || Err(format!("a second series with the labels or at the place of {labels:?}"));
        let mut outdated = RoaringBitmap::new();
        if let Some(other) = index.series_at(slot) {
            let is_same = || index.has_labels(slot, labels.iter().copied());
            match split(other).0.cmp(&generation) {
                std::cmp::Ordering::Less => outdated.insert(slot.posting()),
                std::cmp::Ordering::Equal if is_same() => return Ok(()),
                std::cmp::Ordering::Equal => return refused(),
                // The place has been given to another series since.
                std::cmp::Ordering::Greater => return Ok(()),
            };
        }
        if let Some(other) = index.lookup(labels.iter().copied()).filter(|other| *other != slot) {
            if index.series_at(other).is_some_and(|other| split(other).0 >= generation) {
                return refused();
            }
            outdated.insert(other.posting());
        }
        if !outdated.is_empty() {
            index.remove(&outdated);
            for slot in outdated.iter().map(Slot::from_posting) {
                self.head.place(slot, Series::default());
            }
        }
        let index = self.head.index.get_mut();
        index.insert(slot, generation, labels.iter().copied()).map_err(|refused| refused.to_string())?;
        self.head.place(slot, Series { generation, ..Series::default() });
        self.state(series, ChunkPosition::NONE, OpenChunk::default());
        Ok(())
    }

    /// Sets the state of a series that is there, or what a newer closed chunk says about it.
    fn state(&mut self, series: SeriesRef, mut closed: ChunkPosition, mut open: OpenChunk) {
        let (generation, slot) = split(series);
        if self.head.index.get_mut().series_at(slot) != Some(series) {
            return;
        }
        self.head.chunks.outlive(closed.file());
        self.report.samples += u64::from(open.count());
        let chunks = &self.head.chunks;
        let is_newer = |tail: &&Tail| tail.position > closed && (tail.root <= closed || chunks.is_gone(tail.root));
        if let Some(tail) = self.tails.get(&series).filter(is_newer) {
            closed = tail.position;
            if open.last_timestamp_ms() <= tail.last_timestamp_ms {
                open = OpenChunk::after(tail.last_timestamp_ms, tail.last_value_bits);
            }
        }
        if open.last_timestamp_ms() != i64::MIN {
            let first_ms = crate::xor::first_timestamp_ms(open.bytes()).unwrap_or(open.last_timestamp_ms());
            self.head.saw(first_ms, open.last_timestamp_ms());
        }
        self.head.place(slot, Series { generation, closed, open, was_empty: false });
    }

    fn samples(&mut self, batch: &Batch) -> Result<(), String> {
        let report = self.head.commit(batch, NO_LIMITS, None, &mut self.scratch).map_err(|error| error.to_string())?;
        self.report.samples += report.accepted as u64;
        for &position in &report.unknown {
            self.newest_generation = self.newest_generation.max(split(batch.refs[position]).0);
        }
        match report.unknown.len() {
            0 => Ok(()),
            unknown => Err(format!("{unknown} samples of series that the log does not name")),
        }
    }

    fn finish(mut self) -> (Head, ReplayReport) {
        for file in self.head.chunks.set().iter().filter(|file| file.min_time_ms() <= file.max_time_ms()) {
            self.head.saw(file.min_time_ms(), file.max_time_ms());
        }
        let index = self.head.index.get_mut();
        index.collect_free();
        index.outlive(self.newest_generation);
        self.report.series = index.len();
        (self.head, self.report)
    }
}

impl ReplayReport {
    fn skip(&mut self, part: Skipped) {
        self.skipped_total += 1;
        if self.skipped.len() < MAX_NAMED {
            self.skipped.push(part);
        }
    }
}
