//! What the database says about itself, for `/metrics` and the status pages. Totals count since the process started.

use crate::open::ReplayReport;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// Series in the head now.
    pub series: usize,
    pub series_created_total: u64,
    pub series_removed_total: u64,
    /// Series that were refused because of `Options::max_series`.
    pub series_refused_total: u64,
    /// Distinct label pairs in the head now.
    pub label_pairs: usize,
    /// Series that have an open chunk.
    pub open_chunks: usize,
    /// Bytes of the buffers of open chunks.
    pub open_chunk_bytes: usize,
    pub samples_appended_total: u64,
    pub rejected: RejectedTotals,
    /// Samples whose ref was not known any more.
    pub unknown_refs_total: u64,
    /// Time of the oldest and newest sample, milliseconds since the epoch; `None` while there is none.
    pub min_time_ms: Option<i64>,
    pub max_time_ms: Option<i64>,
    pub wal: WalStats,
    pub chunk_files: ChunkFileStats,
    pub cache: CacheStats,
    /// Why the last commit was refused, such as a full disk; `None` when samples are taken.
    pub unavailable: Option<String>,
    /// What `open` found.
    pub replay: ReplayReport,
}

/// Samples refused, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RejectedTotals {
    pub out_of_order: u64,
    pub duplicate_timestamp: u64,
    pub too_old: u64,
    pub too_far_ahead: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalStats {
    /// Segment files, and their bytes together with those of the checkpoints.
    pub segments: usize,
    pub bytes: u64,
    pub records_total: u64,
    pub written_bytes_total: u64,
    pub syncs_total: u64,
    pub sync_failures_total: u64,
    pub write_failures_total: u64,
    pub checkpoints_total: u64,
    pub checkpoint_failures_total: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChunkFileStats {
    pub files: usize,
    pub bytes: u64,
    pub chunks_written_total: u64,
    pub write_failures_total: u64,
    pub files_dropped_total: u64,
    /// Chunks that a query could not read.
    pub unreadable_total: u64,
}

/// Blocks of chunk files kept in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    pub bytes: usize,
    pub hits_total: u64,
    pub misses_total: u64,
}
