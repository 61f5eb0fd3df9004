//! How samples are found again. The query engine knows only this contract, so the embedded database and a remote
//! engine answer it alike.

use crate::{Labels, Matcher, Samples};

/// Both ends are part of the range. Milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    pub start_ms: i64,
    pub end_ms: i64,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StorageError {
    /// Data that cannot be read: names the file and the reason.
    #[error("cannot read stored samples: {0}")]
    Unreadable(String),
    #[error("the query was cancelled")]
    Cancelled,
}

/// The series that a set of matchers found, sorted by labels. A selection is a view: what is appended or deleted later
/// does not change it.
pub trait Selection: Send + Sync {
    fn len(&self) -> usize;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn labels(&self, index: usize) -> Labels;

    /// Replaces `out` with the samples of one series within the selected range, staleness markers included.
    fn samples(&self, index: usize, out: &mut Samples) -> Result<(), StorageError>;
}

pub trait Storage: Send + Sync {
    /// Series that meet all matchers and have samples (or may have them) in the range.
    fn select(&self, matchers: &[Matcher], range: TimeRange) -> Result<Box<dyn Selection>, StorageError>;

    /// Names of all labels of the series that meet the matchers, sorted.
    fn label_names(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, StorageError>;

    /// Values of one label among the series that meet the matchers, sorted.
    fn label_values(&self, name: &str, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, StorageError>;
}
