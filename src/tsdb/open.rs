//! Opening a data directory: the lock, the replay, and what may go wrong.

use std::io;
use std::path::PathBuf;

/// What `open` read, and what it had to leave out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplayReport {
    /// Series in the head after the replay.
    pub series: usize,
    /// Samples that were taken from checkpoint and log.
    pub samples: u64,
    /// Records of checkpoint and log.
    pub records: u64,
    pub seconds: f64,
    /// What could not be read, the first of them only (see `skipped_total`).
    pub skipped: Vec<Skipped>,
    pub skipped_total: u64,
}

/// A part of a file that was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    pub file: PathBuf,
    /// Where it begins.
    pub offset: u64,
    pub reason: String,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("data directory {dir} is in use by another process (it holds {lock})", dir = dir.display(), lock = lock.display())]
    Locked { dir: PathBuf, lock: PathBuf },
    #[error("cannot use data directory: {path}: {error}", path = path.display())]
    Unusable { path: PathBuf, error: io::Error },
}
