//! What is told about a collector's last run besides its series: for `/status`.

use super::CollectorState;

/// Problems with single items that are kept of a run, and families that lost series.
pub(super) const KEPT: usize = 50;

#[derive(Clone, Debug, PartialEq)]
pub struct LastRun {
    pub collector: &'static str,
    /// `None` when it has not run yet.
    pub state: Option<CollectorState>,
    /// Of single items, at most 50.
    pub problems: Vec<String>,
    /// All of them.
    pub problem_count: usize,
    /// Families that lost series to the limit on a collector's series, and how many; at most 50 families.
    pub dropped: Vec<(String, usize)>,
}
