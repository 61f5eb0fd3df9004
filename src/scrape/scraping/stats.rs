//! Counters of all scraping, for the aggregator's own metrics.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::ScrapeError;
use super::warned::Fault;

/// A copy of all counters at one moment. Totals count since the program's start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScrapeStats {
    pub scrapes_total: u64,
    /// By reason (`timeout`, `parse`, `sample_limit`, …).
    pub failures_total: BTreeMap<&'static str, u64>,
    /// Samples that went into the storage, own series and staleness markers included.
    pub samples_accepted_total: u64,
    /// By reason (`out_of_order`, `duplicate_timestamp`, `too_old`, `too_far_ahead`, `repeated`, `series_limit`).
    pub samples_refused_total: BTreeMap<&'static str, u64>,
    /// Bytes of bodies as they came, compressed or not.
    pub received_bytes_total: u64,
    /// Series that the storage had forgotten and that were resolved again.
    pub forgotten_series_total: u64,
    pub targets: usize,
    pub cache_entries: usize,
    pub cache_bytes: usize,
    /// Metric descriptions that are held.
    pub metadata_entries: usize,
}

/// The counters themselves.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub scrapes: AtomicU64,
    pub accepted: AtomicU64,
    pub received_bytes: AtomicU64,
    pub forgotten: AtomicU64,
    failures: Mutex<BTreeMap<&'static str, u64>>,
    refused: Mutex<BTreeMap<&'static str, u64>>,
}

impl Counters {
    pub fn add(counter: &AtomicU64, count: usize) {
        counter.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub fn fail(&self, error: &ScrapeError) {
        *self.failures.lock().entry(error.reason()).or_default() += 1;
    }

    pub fn refuse(&self, fault: Fault, count: usize) {
        if count > 0 {
            *self.refused.lock().entry(fault.as_str()).or_default() += count as u64;
        }
    }

    /// The totals; what is counted elsewhere stays zero.
    pub fn totals(&self) -> ScrapeStats {
        ScrapeStats {
            scrapes_total: self.scrapes.load(Ordering::Relaxed),
            failures_total: self.failures.lock().clone(),
            samples_accepted_total: self.accepted.load(Ordering::Relaxed),
            samples_refused_total: self.refused.lock().clone(),
            received_bytes_total: self.received_bytes.load(Ordering::Relaxed),
            forgotten_series_total: self.forgotten.load(Ordering::Relaxed),
            ..ScrapeStats::default()
        }
    }
}
