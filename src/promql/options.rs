//! What a caller decides about a query: limits, cancellation, and the two settings that change answers.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crate::memory::Lease;

#[derive(Clone, Debug)]
pub struct QueryOptions {
    /// How far back an instant selector looks for its sample, in milliseconds; the sample must be younger than that.
    pub lookback_ms: i64,
    /// The step of a subquery that names none, in milliseconds: Prometheus' global evaluation interval.
    pub subquery_step_ms: i64,
    /// How many samples the query may hold at one time.
    pub max_samples: usize,
    /// How many bytes of memory the query may hold at one time.
    pub max_bytes: usize,
    /// Its part of the memory that it shares with other queries; `None` when it is alone. The caller keeps it as long
    /// as it keeps the answer.
    pub lease: Option<Arc<Lease>>,
    /// When the query has to end; `None` lets it run on.
    pub deadline: Option<Instant>,
    /// Whoever sets this ends the query at the next series.
    pub cancel: Arc<AtomicBool>,
    /// Remove `__name__` only from the final result, not in each function (Prometheus' feature
    /// `promql-delayed-name-removal`).
    pub delayed_name_removal: bool,
}

impl Default for QueryOptions {
    fn default() -> Self {
        QueryOptions {
            lookback_ms: 5 * 60_000,
            subquery_step_ms: 60_000,
            max_samples: 50_000_000,
            max_bytes: 1 << 30,
            lease: None,
            deadline: None,
            cancel: Arc::new(AtomicBool::new(false)),
            delayed_name_removal: false,
        }
    }
}
