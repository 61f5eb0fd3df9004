//! How a collector fared: what a worker hands in for one collection, and what is told about it.

use std::borrow::Cow;

use exposition::Page;

/// Characters of a reason that are kept; it becomes a label value.
const LONGEST_REASON: usize = 300;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Collected,
    /// Nothing of the kind on this machine.
    Absent,
    Failed,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CollectorState {
    pub status: Status,
    /// What `node_scrape_collector_success` tells.
    pub has_succeeded: bool,
    /// Empty when collected. Free of numbers that change from scrape to scrape where we make it ourselves.
    pub reason: Cow<'static, str>,
    /// How long it took; for one that is not back yet, how long it has been busy.
    pub seconds: f64,
    /// Samples that it gave.
    pub series: usize,
}

/// One collector's part of one collection.
pub(super) struct Report {
    pub state: CollectorState,
    pub page: Page,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Collected => "collected",
            Status::Absent => "absent",
            Status::Failed => "failed",
        }
    }
}

impl CollectorState {
    pub(super) fn failed(reason: impl Into<Cow<'static, str>>, seconds: f64) -> Self {
        CollectorState {
            status: Status::Failed,
            has_succeeded: false,
            reason: shorten(reason.into()),
            seconds,
            series: 0,
        }
    }
}

/// One line of bounded length.
pub(super) fn shorten(reason: Cow<'static, str>) -> Cow<'static, str> {
    if reason.len() <= LONGEST_REASON && !reason.contains('\n') {
        return reason;
    }
    reason.chars().map(|c| if c == '\n' { ' ' } else { c }).take(LONGEST_REASON).collect::<String>().into()
}
