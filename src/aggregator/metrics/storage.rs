//! The database: its numbers under Prometheus' names, its limits and what is ours under `vitals_tsdb_`.

use exposition::{Family, Page, counter, gauge};
use tsdb::Stats;

use crate::program::Aggregator;

/// What one sample of the page says, from the database's own numbers.
type Row = (Family, fn(&Stats) -> f64);

const ROWS: &[Row] = &[
    (gauge("prometheus_tsdb_head_series", "Total number of series in the head."), |s| s.series as f64),
    (counter("prometheus_tsdb_head_series_created_total", "Total number of series created in the head."), |s| {
        s.series_created_total as f64
    }),
    (counter("prometheus_tsdb_head_series_removed_total", "Total number of series removed in the head."), |s| {
        s.series_removed_total as f64
    }),
    (counter("prometheus_tsdb_head_series_not_found_total", "Total number of samples for unknown series."), |s| {
        s.unknown_refs_total as f64
    }),
    (gauge("prometheus_tsdb_head_chunks", "Total number of open chunks in the head."), |s| s.open_chunks as f64),
    (counter("prometheus_tsdb_mmap_chunks_total", "Total number of chunks closed and written to files."), |s| {
        s.chunk_files.chunks_written_total as f64
    }),
    (gauge("prometheus_tsdb_head_chunks_storage_size_bytes", "Size of the files of closed chunks."), |s| {
        s.chunk_files.bytes as f64
    }),
    (counter("prometheus_tsdb_out_of_order_samples_total", "Samples refused because they are out of order."), |s| {
        s.rejected.out_of_order as f64
    }),
    (counter("prometheus_tsdb_out_of_bound_samples_total", "Samples refused as too old or too far ahead."), |s| {
        (s.rejected.too_old + s.rejected.too_far_ahead) as f64
    }),
    (counter("prometheus_tsdb_too_old_samples_total", "Samples refused because they are too old."), |s| {
        s.rejected.too_old as f64
    }),
    (gauge("prometheus_tsdb_data_replay_duration_seconds", "Time taken to replay the data on disk."), |s| {
        s.replay.seconds
    }),
    (counter("prometheus_tsdb_wal_corruptions_total", "Parts of the log that could not be read at start."), |s| {
        s.replay.skipped_total as f64
    }),
    (gauge("prometheus_tsdb_wal_storage_size_bytes", "Size of the write-ahead log and its checkpoints."), |s| {
        s.wal.bytes as f64
    }),
    (counter("prometheus_tsdb_wal_writes_failed_total", "Writes to the log that failed."), |s| {
        s.wal.write_failures_total as f64
    }),
    (counter("prometheus_tsdb_checkpoint_creations_total", "Checkpoints of the log that were made."), |s| {
        s.wal.checkpoints_total as f64
    }),
    (counter("prometheus_tsdb_checkpoint_creations_failed_total", "Checkpoints that could not be made."), |s| {
        s.wal.checkpoint_failures_total as f64
    }),
    (gauge("vitals_tsdb_label_pairs", "Distinct label pairs in the head."), |s| s.label_pairs as f64),
    (gauge("vitals_tsdb_open_chunk_bytes", "Memory of open chunks."), |s| s.open_chunk_bytes as f64),
    (counter("vitals_tsdb_series_refused_total", "Series refused because of the series limit."), |s| {
        s.series_refused_total as f64
    }),
    (gauge("vitals_tsdb_available", "Whether samples are taken (0: such as on a full disk)."), |s| {
        f64::from(s.unavailable.is_none())
    }),
    (gauge("vitals_tsdb_wal_segments", "Segment files of the log."), |s| s.wal.segments as f64),
    (counter("vitals_tsdb_wal_records_total", "Records written to the log."), |s| s.wal.records_total as f64),
    (counter("vitals_tsdb_wal_written_bytes_total", "Bytes written to the log."), |s| s.wal.written_bytes_total as f64),
    (counter("vitals_tsdb_wal_syncs_total", "Times the log was made durable."), |s| s.wal.syncs_total as f64),
    (counter("vitals_tsdb_wal_sync_failures_total", "Times that failed."), |s| s.wal.sync_failures_total as f64),
    (gauge("vitals_tsdb_chunk_files", "Files of closed chunks."), |s| s.chunk_files.files as f64),
    (counter("vitals_tsdb_chunk_files_dropped_total", "Files of closed chunks that retention removed."), |s| {
        s.chunk_files.files_dropped_total as f64
    }),
    (counter("vitals_tsdb_chunk_write_failures_total", "Closed chunks that could not be written."), |s| {
        s.chunk_files.write_failures_total as f64
    }),
    (counter("vitals_tsdb_chunks_unreadable_total", "Chunks that a query could not read."), |s| {
        s.chunk_files.unreadable_total as f64
    }),
    (gauge("vitals_tsdb_cache_bytes", "Memory of the cache of chunk files."), |s| s.cache.bytes as f64),
    (counter("vitals_tsdb_cache_hits_total", "Blocks of chunk files found in the cache."), |s| {
        s.cache.hits_total as f64
    }),
    (counter("vitals_tsdb_cache_misses_total", "Blocks of chunk files read from the disk."), |s| {
        s.cache.misses_total as f64
    }),
];

const APPENDED: Family = counter("prometheus_tsdb_head_samples_appended_total", "Total number of appended samples.");
const MIN_TIME: Family = gauge("prometheus_tsdb_head_min_time_seconds", "Time of the oldest sample.");
const MAX_TIME: Family = gauge("prometheus_tsdb_head_max_time_seconds", "Time of the newest sample.");
const RETENTION: Family = gauge("prometheus_tsdb_retention_limit_seconds", "How long samples are kept.");
const RETENTION_BYTES: Family =
    gauge("prometheus_tsdb_retention_limit_bytes", "Bytes that may be stored, 0 for no limit.");
const SERIES_LIMIT: Family = gauge("vitals_tsdb_series_limit", "Active series above which new ones are refused.");
const DUPLICATES: Family =
    counter("vitals_tsdb_duplicate_samples_total", "Samples refused because another value has the same time.");

pub fn write(page: &mut Page, stats: &Stats, aggregator: &Aggregator) {
    for (family, value) in ROWS {
        page.sample(family, &[], value(stats));
    }
    page.sample(&APPENDED, &[("type", "float")], stats.samples_appended_total as f64);
    page.sample(&DUPLICATES, &[], stats.rejected.duplicate_timestamp as f64);
    for (family, time_ms) in [(&MIN_TIME, stats.min_time_ms), (&MAX_TIME, stats.max_time_ms)] {
        if let Some(time_ms) = time_ms {
            page.sample(family, &[], time_ms as f64 / 1000.0);
        }
    }
    page.sample(&RETENTION, &[], aggregator.flags.retention_ms as f64 / 1000.0);
    page.sample(&RETENTION_BYTES, &[], aggregator.flags.retention_bytes.unwrap_or(0) as f64);
    page.sample(&SERIES_LIMIT, &[], aggregator.max_series() as f64);
}
