//! The database as its users see it.

use std::sync::Arc;

use model::{
    AppendError, Appender, Batch, BatchReport, Labels, Matcher, Selection, SeriesRef, Storage, StorageError, TimeRange,
};

use crate::{Cardinality, OpenError, Options, ReplayReport, Stats};

/// A handle; clones share one database.
#[derive(Clone)]
pub struct Tsdb {
    options: Arc<Options>,
}

impl Tsdb {
    /// Locks the directory, replays what is there and starts the maintenance thread.
    pub fn open(options: Options) -> Result<(Tsdb, ReplayReport), OpenError> {
        Ok((Tsdb { options: Arc::new(options) }, ReplayReport::default()))
    }

    /// Ends the maintenance thread, makes everything durable and gives the directory free. Samples that come later are
    /// refused.
    pub fn close(&self) {}

    /// One round of maintenance: sync, retention, removal of dead series, checkpoint if due.
    pub fn maintain(&self) {
        let _ = self.options.clock.now_ms();
    }

    pub fn stats(&self) -> Stats {
        Stats::default()
    }

    /// The `limit` largest entries of each table.
    pub fn cardinality(&self, limit: usize) -> Cardinality {
        let _ = limit;
        Cardinality::default()
    }
}

fn not_built_yet() -> AppendError {
    AppendError::Unavailable { reason: "not built yet".to_owned() }
}

impl Appender for Tsdb {
    fn resolve(&self, _: &Labels) -> Result<SeriesRef, AppendError> {
        Err(not_built_yet())
    }

    fn commit(&self, _: &Batch) -> Result<BatchReport, AppendError> {
        Err(not_built_yet())
    }
}

impl Storage for Tsdb {
    fn select(&self, _: &[Matcher], _: TimeRange) -> Result<Box<dyn Selection>, StorageError> {
        Err(StorageError::Unreadable("not built yet".to_owned()))
    }

    fn label_names(&self, _: &[Matcher], _: TimeRange) -> Result<Vec<String>, StorageError> {
        Ok(Vec::new())
    }

    fn label_values(&self, _: &str, _: &[Matcher], _: TimeRange) -> Result<Vec<String>, StorageError> {
        Ok(Vec::new())
    }
}
