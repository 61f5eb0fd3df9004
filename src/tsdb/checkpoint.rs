//! Checkpoints: the state of every series at a moment, so that the log before it is not needed any more. A checkpoint
//! has the number of the first segment that it does not stand for.
//!
//! It is taken while commits go on: a series may be in it with samples that are also in that segment or later, which a
//! replay passes over because they are not newer than what the series has.

use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::chunks::FileSummary;
use crate::disk::DiskFile;
use crate::head::Head;
use crate::series_ref::{SHARDS, Slot, join};
use crate::varint::{Reader, put_signed, put_unsigned};
use crate::wal::frame::{self, FrameReader, MAGIC, Step, kind};
use crate::wal::open_chunks::OpenChunksWriter;
use crate::wal::series::SeriesWriter;
use crate::wal::{Log, LogFiles};

/// Bytes that are written at once.
const WRITE_BYTES: usize = 1 << 20;
/// Series that are read under one lock.
const SERIES_AT_ONCE: usize = 1024;

/// What a checkpoint knows besides the series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeadRecord {
    /// That of the newest series, or higher.
    pub generation: u32,
    pub next_chunk_file: u32,
    pub files: Vec<FileSummary>,
}

/// A checkpoint being written.
struct Output {
    file: Arc<dyn DiskFile>,
    number: u32,
    /// Bytes that are in the file already.
    written: u64,
    buffer: Vec<u8>,
    payload: Vec<u8>,
}

/// Writes a checkpoint and removes the log and the checkpoints that it replaces, except for the newest of those, which
/// is read when this one turns out to be damaged. `gate` is held shared by every commit.
pub fn write(head: &Head, log: &Mutex<Log>, files: &LogFiles, gate: &RwLock<()>) -> io::Result<()> {
    let (number, record) = {
        let _no_commit = gate.write();
        let (summaries, next_chunk_file) = head.chunks.summaries();
        let record = HeadRecord { generation: 0, next_chunk_file, files: summaries };
        (log.lock().rotate(), record)
    };
    let unfinished = files.unfinished_path(number);
    let bytes = write_unfinished(head, files, number, record, &unfinished).inspect_err(|_| {
        let _ = files.disk.remove(&unfinished);
    })?;
    files.disk.rename(&unfinished, &files.checkpoint_path(number))?;
    files.disk.sync_dir(&files.dir)?;
    let (_, checkpoints) = files.numbers()?;
    let previous = checkpoints.iter().copied().filter(|&other| other < number).max();
    let previous_bytes = previous.map_or(0, |previous| files.size_bytes(&files.checkpoint_path(previous)));
    for segment in log.lock().forget_before(number, bytes + previous_bytes) {
        files.disk.remove(&files.segment_path(segment))?;
    }
    for older in checkpoints.into_iter().filter(|&other| Some(other) < previous) {
        files.disk.remove(&files.checkpoint_path(older))?;
    }
    Ok(())
}

fn write_unfinished(
    head: &Head,
    files: &LogFiles,
    number: u32,
    mut record: HeadRecord,
    path: &Path,
) -> io::Result<u64> {
    if let Err(error) = files.disk.remove(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let file = files.disk.create(path)?;
    let mut output = Output { file, number, written: 0, buffer: MAGIC.to_vec(), payload: Vec::new() };
    record.generation = head.index.read().generation();
    record.encode(&mut output.payload);
    output.frame(kind::HEAD)?;
    for shard in 0..SHARDS {
        write_shard(head, shard, &mut output)?;
    }
    output.frame(kind::END)?;
    output.flush()?;
    // The chunks that the series point to must be there whenever the checkpoint is.
    head.chunks.sync()?;
    output.file.sync()?;
    Ok(output.written)
}

fn write_shard(head: &Head, shard: usize, output: &mut Output) -> io::Result<()> {
    let mut names = SeriesWriter::default();
    let mut states = OpenChunksWriter::default();
    let mut from = 0;
    loop {
        let index = head.index.read();
        let end = index.end(shard).min(from + SERIES_AT_ONCE);
        if from >= end {
            return Ok(());
        }
        {
            let series = &head.shards[shard].read().series;
            for position in from..end {
                let Some(state) = series.get(position).filter(|series| series.generation != 0) else { continue };
                let slot = Slot { shard: shard as u8, position: position as u32 };
                let number = join(state.generation, slot);
                names.add(&index, number, index.list_at(slot));
                states.add(number, state.closed, &state.open);
            }
        }
        from = end;
        // Numbers of pairs hold only while the index is locked.
        names.finish(&mut output.payload);
        drop(index);
        output.frame(kind::SERIES)?;
        states.finish(&mut output.payload);
        output.frame(kind::OPEN_CHUNKS)?;
    }
}

impl Output {
    /// Makes a frame of the payload, which is empty afterwards.
    fn frame(&mut self, kind: u8) -> io::Result<()> {
        let offset = self.written + self.buffer.len() as u64;
        frame::write(&mut self.buffer, kind, self.number, offset, &self.payload);
        self.payload.clear();
        if self.buffer.len() >= WRITE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_at(&self.buffer, self.written)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

impl HeadRecord {
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_unsigned(out, u64::from(self.generation));
        put_unsigned(out, u64::from(self.next_chunk_file));
        put_unsigned(out, self.files.len() as u64);
        for file in &self.files {
            put_unsigned(out, u64::from(file.number));
            put_unsigned(out, file.bytes);
            put_signed(out, file.min_time_ms);
            put_signed(out, file.max_time_ms);
        }
    }

    pub fn decode(payload: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(payload);
        let (generation, next_chunk_file) = (reader.small()?, reader.small()?);
        let count = reader.count()?;
        let mut files = Vec::with_capacity(count);
        for _ in 0..count {
            let (number, bytes) = (reader.small()?, reader.unsigned()?);
            let (min_time_ms, max_time_ms) = (reader.signed()?, reader.signed()?);
            files.push(FileSummary { number, bytes, min_time_ms, max_time_ms });
        }
        reader.is_empty().then_some(HeadRecord { generation, next_chunk_file, files })
    }
}

/// Whether a checkpoint can be read from one end to the other.
pub fn is_whole(file: Arc<dyn DiskFile>, number: u32) -> bool {
    let Ok(mut reader) = FrameReader::new(file, number) else { return false };
    let mut has_end = false;
    loop {
        match reader.step() {
            Ok(Some(Step::Frame { kind, .. })) => has_end = kind == kind::END,
            Ok(Some(Step::Skipped { .. })) | Err(_) => return false,
            Ok(None) => return has_end,
        }
    }
}

/// The head record of a checkpoint, if it is readable.
pub fn head_record(file: Arc<dyn DiskFile>, number: u32) -> Option<HeadRecord> {
    let mut reader = FrameReader::new(file, number).ok()?;
    while let Some(step) = reader.step().ok()? {
        if let Step::Frame { kind: kind::HEAD, payload, .. } = step {
            return HeadRecord::decode(payload);
        }
    }
    None
}
