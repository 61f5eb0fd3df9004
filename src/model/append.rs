//! How samples get into a storage. A scrape resolves each series once to a `SeriesRef`, keeps it, and from then on
//! commits a whole scrape as one `Batch`: all of it becomes visible together, after it is in the log.

use crate::{Labels, Sample};

/// A number that the storage gave to a series. Refs are never used again for another series while a process lives; a
/// ref of a series that was dropped meanwhile is reported in `BatchReport::unknown`, and the caller resolves it anew.
pub type SeriesRef = u64;

/// The samples of one scrape (or of one write request).
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub refs: Vec<SeriesRef>,
    pub samples: Vec<Sample>,
}

/// What became of a batch. The lists hold positions in the batch; they are empty in the usual case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchReport {
    pub accepted: usize,
    /// Samples that were refused, with the reason.
    pub rejected: Vec<(usize, Rejected)>,
    /// Samples whose ref is not known any more: resolve the series again and send them in another batch.
    pub unknown: Vec<usize>,
}

/// Why one sample was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rejected {
    /// Older than the newest sample of its series.
    OutOfOrder,
    /// The same time as the newest sample of its series but another value.
    DuplicateTimestamp,
    /// Before the oldest time that the storage still takes.
    TooOld,
    /// Further in the future than the storage takes.
    TooFarAhead,
}

/// Why nothing could be appended at all.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AppendError {
    #[error("the limit of {limit} active series is reached")]
    SeriesLimit { limit: usize },
    #[error("the storage does not take samples: {reason}")]
    Unavailable { reason: String },
}

pub trait Appender: Send + Sync {
    /// The ref of the series with exactly these labels (`__name__` among them), which is created when it is new.
    fn resolve(&self, labels: &Labels) -> Result<SeriesRef, AppendError>;

    /// As `resolve`, for the few series that tell of a target itself (`up` and its kin): a limit of series does not
    /// count for them, or a target past it would fail without anyone being able to see that it does.
    fn resolve_past_limit(&self, labels: &Labels) -> Result<SeriesRef, AppendError> {
        self.resolve(labels)
    }

    /// Logs the batch, then makes it visible. When this returns, the samples survive a `kill -9`.
    fn commit(&self, batch: &Batch) -> Result<BatchReport, AppendError>;
}

impl Batch {
    pub fn push(&mut self, series: SeriesRef, sample: Sample) {
        self.refs.push(series);
        self.samples.push(sample);
    }

    pub fn clear(&mut self) {
        self.refs.clear();
        self.samples.clear();
    }

    pub fn len(&self) -> usize {
        self.refs.len()
    }

    pub fn is_empty(&self) -> bool {
        self.refs.is_empty()
    }
}

impl Rejected {
    /// The reason as a label value.
    pub fn as_str(self) -> &'static str {
        match self {
            Rejected::OutOfOrder => "out_of_order",
            Rejected::DuplicateTimestamp => "duplicate_timestamp",
            Rejected::TooOld => "too_old",
            Rejected::TooFarAhead => "too_far_ahead",
        }
    }
}
