//! The database as its users see it: opening, committing, querying, closing.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use model::{
    AppendError, Appender, Batch, BatchReport, Labels, Matcher, Rejected, Selection, SeriesRef, Storage, StorageError,
    TimeRange,
};
use parking_lot::{Mutex, RwLock};

use crate::cardinality::Cardinality;
use crate::head::{Head, Limits, Scratch};
use crate::maintenance::MaintenanceThread;
use crate::open::{OpenError, ReplayReport};
use crate::options::Options;
use crate::replay::replay;
use crate::selection::HeadSelection;
use crate::stats::{RejectedTotals, Stats};
use crate::wal::{Log, LogFiles};

/// A handle; clones share one database. When the last one goes without `close`, nothing is flushed, as in a crash.
#[derive(Clone)]
pub struct Tsdb {
    engine: Arc<Engine>,
    thread: Arc<MaintenanceThread>,
}

/// What all handles and the maintenance thread share.
pub struct Engine {
    pub options: Options,
    pub head: Arc<Head>,
    pub log: Mutex<Log>,
    pub log_files: Arc<LogFiles>,
    /// Held shared from before a batch goes to the log until it is visible.
    pub commit_gate: RwLock<()>,
    /// One round at a time.
    pub maintenance: Mutex<()>,
    pub totals: Totals,
    /// Why the last commit was refused.
    pub unavailable: Mutex<Option<String>>,
    is_closed: AtomicBool,
    /// Memory for commits; there are never more than commits at one time.
    scratches: Mutex<Vec<Scratch>>,
    lock_file: Mutex<Option<File>>,
    replay: ReplayReport,
}

#[derive(Default)]
pub struct Totals {
    pub series_created: AtomicU64,
    pub series_removed: AtomicU64,
    pub series_refused: AtomicU64,
    pub samples: AtomicU64,
    pub unknown: AtomicU64,
    pub out_of_order: AtomicU64,
    pub duplicate_timestamp: AtomicU64,
    pub too_old: AtomicU64,
    pub too_far_ahead: AtomicU64,
}

impl Tsdb {
    /// Locks the directory, replays what is there and starts the maintenance thread.
    pub fn open(options: Options) -> Result<(Tsdb, ReplayReport), OpenError> {
        let started = Instant::now();
        let options = options.fit_to_retention();
        let lock_file = lock(&options.dir)?;
        let log_files = Arc::new(LogFiles::new(&options).map_err(|error| unusable(options.dir.join("wal"), error))?);
        let (head, mut report) = replay(&options, &log_files).map_err(|error| unusable(&options.dir, error))?;
        let mut log =
            Log::new(Arc::clone(&log_files), &options).map_err(|error| unusable(options.dir.join("wal"), error))?;
        if report.skipped_total > 0 {
            log.require_checkpoint();
        }
        report.seconds = started.elapsed().as_secs_f64();
        let engine = Arc::new(Engine {
            head: Arc::new(head),
            log: Mutex::new(log),
            log_files,
            commit_gate: RwLock::new(()),
            maintenance: Mutex::new(()),
            totals: Totals::default(),
            unavailable: Mutex::new(None),
            is_closed: AtomicBool::new(false),
            scratches: Mutex::new(Vec::new()),
            lock_file: Mutex::new(Some(lock_file)),
            replay: report.clone(),
            options,
        });
        let thread = Arc::new(MaintenanceThread::start(&engine));
        Ok((Tsdb { engine, thread }, report))
    }

    /// Ends the maintenance thread, makes everything durable and gives the directory free. Samples that come later are
    /// refused; queries still answer.
    pub fn close(&self) {
        self.thread.stop();
        if !self.engine.is_closed.swap(true, Ordering::AcqRel) {
            // No commit is under way behind this gate.
            drop(self.engine.commit_gate.write());
            self.engine.sync();
            if let Err(error) = self.engine.head.chunks.sync() {
                tracing::warn!(%error, "cannot make chunk files durable");
            }
            self.engine.lock_file.lock().take();
        }
    }

    /// One round of maintenance: sync, retention, removal of dead series, a checkpoint if one is due.
    pub fn maintain(&self) {
        self.engine.sync();
        self.engine.sweep();
    }

    pub fn stats(&self) -> Stats {
        self.engine.stats()
    }

    /// The `limit` largest entries of each table.
    pub fn cardinality(&self, limit: usize) -> Cardinality {
        Cardinality::of(&self.engine.head, limit)
    }
}

/// Held as long as the file is open; another process (or another database of this one) then cannot have it.
fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join("lock");
    std::fs::create_dir_all(dir).map_err(|error| unusable(dir, error))?;
    let opened = File::options().write(true).create(true).truncate(false).open(&path);
    let file = opened.map_err(|error| unusable(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { dir: dir.to_owned(), lock: path }),
        Err(TryLockError::Error(error)) => Err(unusable(&path, error)),
    }
}

fn unusable(path: impl Into<PathBuf>, error: io::Error) -> OpenError {
    OpenError::Unusable { path: path.into(), error }
}

impl Appender for Tsdb {
    fn resolve(&self, labels: &Labels) -> Result<SeriesRef, AppendError> {
        self.engine.resolve(labels, self.engine.options.max_series.unwrap_or(usize::MAX))
    }

    fn resolve_past_limit(&self, labels: &Labels) -> Result<SeriesRef, AppendError> {
        self.engine.resolve(labels, usize::MAX)
    }

    fn commit(&self, batch: &Batch) -> Result<BatchReport, AppendError> {
        self.engine.commit(batch)
    }
}

impl Storage for Tsdb {
    fn select(&self, matchers: &[Matcher], range: TimeRange) -> Result<Box<dyn Selection>, StorageError> {
        Ok(Box::new(HeadSelection::new(&self.engine.head, matchers, range)))
    }

    fn label_names(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, StorageError> {
        Ok(self.engine.head.label_names(matchers, range))
    }

    fn label_values(&self, name: &str, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, StorageError> {
        Ok(self.engine.head.label_values(name, matchers, range))
    }
}

impl Engine {
    fn resolve(&self, labels: &Labels, limit: usize) -> Result<SeriesRef, AppendError> {
        self.check_open()?;
        match self.head.resolve(labels, limit, &self.log)? {
            Some((series, is_new)) => {
                self.totals.series_created.fetch_add(u64::from(is_new), Ordering::Relaxed);
                Ok(series)
            }
            None => {
                self.totals.series_refused.fetch_add(1, Ordering::Relaxed);
                Err(AppendError::SeriesLimit { limit })
            }
        }
    }

    fn commit(&self, batch: &Batch) -> Result<BatchReport, AppendError> {
        let _gate = self.commit_gate.read();
        self.check_open()?;
        let mut scratch = self.scratches.lock().pop().unwrap_or_default();
        let result = self.head.commit(batch, self.limits(), Some(&self.log), &mut scratch);
        self.scratches.lock().push(scratch);
        match result {
            Ok(report) => {
                self.totals.count(&report);
                self.set_unavailable(None);
                Ok(report)
            }
            Err(error) => {
                let reason = error.to_string();
                self.set_unavailable(Some(reason.clone()));
                Err(AppendError::Unavailable { reason })
            }
        }
    }

    fn check_open(&self) -> Result<(), AppendError> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(AppendError::Unavailable { reason: "the database is closed".to_owned() });
        }
        Ok(())
    }

    fn limits(&self) -> Limits {
        let now_ms = self.options.clock.now_ms();
        Limits {
            oldest_ms: now_ms.saturating_sub(self.options.retention_ms),
            newest_ms: now_ms.saturating_add(self.options.max_future_ms),
        }
    }

    /// Notes, and logs where it changes, whether samples are taken.
    fn set_unavailable(&self, reason: Option<String>) {
        let mut current = self.unavailable.lock();
        match (&*current, &reason) {
            (None, None) => return,
            (None, Some(reason)) => tracing::error!(%reason, "samples are refused"),
            (Some(_), None) => tracing::info!("samples are taken again"),
            (Some(_), Some(_)) => {}
        }
        *current = reason;
    }

    fn stats(&self) -> Stats {
        let total = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let totals = &self.totals;
        let (series, label_pairs) = {
            let index = self.head.index.read();
            (index.len(), index.pairs.len())
        };
        let (open_chunks, open_chunk_bytes) = self.head.open_chunks();
        let times = self.head.times();
        Stats {
            series,
            series_created_total: total(&totals.series_created),
            series_removed_total: total(&totals.series_removed),
            series_refused_total: total(&totals.series_refused),
            label_pairs,
            open_chunks,
            open_chunk_bytes,
            samples_appended_total: total(&totals.samples),
            rejected: RejectedTotals {
                out_of_order: total(&totals.out_of_order),
                duplicate_timestamp: total(&totals.duplicate_timestamp),
                too_old: total(&totals.too_old),
                too_far_ahead: total(&totals.too_far_ahead),
            },
            unknown_refs_total: total(&totals.unknown),
            min_time_ms: times.map(|(min_ms, _)| min_ms),
            max_time_ms: times.map(|(_, max_ms)| max_ms),
            wal: self.log.lock().stats(),
            chunk_files: self.head.chunks.stats(),
            cache: self.head.chunks.cache_stats(),
            unavailable: self.unavailable.lock().clone(),
            replay: self.replay.clone(),
        }
    }
}

impl Totals {
    fn count(&self, report: &BatchReport) {
        self.samples.fetch_add(report.accepted as u64, Ordering::Relaxed);
        self.unknown.fetch_add(report.unknown.len() as u64, Ordering::Relaxed);
        for (_, reason) in &report.rejected {
            let counter = match reason {
                Rejected::OutOfOrder => &self.out_of_order,
                Rejected::DuplicateTimestamp => &self.duplicate_timestamp,
                Rejected::TooOld => &self.too_old,
                Rejected::TooFarAhead => &self.too_far_ahead,
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}
