//! What one query may take: samples and bytes held at one time, and time. All is checked at least once per series.

use std::cell::Cell;
use std::sync::atomic::Ordering;
use std::time::Instant;

use model::Samples;

use crate::error::QueryError;
use crate::options::QueryOptions;
use crate::value::QueryStats;

pub(crate) struct Budget<'a> {
    options: &'a QueryOptions,
    samples: Cell<usize>,
    bytes: Cell<usize>,
    stats: Cell<QueryStats>,
}

/// Samples and bytes that are accounted for as long as this lives.
pub(crate) struct Held<'b> {
    budget: &'b Budget<'b>,
    samples: Cell<usize>,
    bytes: Cell<usize>,
}

impl<'a> Budget<'a> {
    pub fn new(options: &'a QueryOptions) -> Self {
        Budget { options, samples: Cell::new(0), bytes: Cell::new(0), stats: Cell::new(QueryStats::default()) }
    }

    pub fn stats(&self) -> QueryStats {
        self.stats.get()
    }

    /// Whether the query may go on.
    pub fn check_time(&self) -> Result<(), QueryError> {
        if self.options.cancel.load(Ordering::Relaxed) {
            return Err(QueryError::Cancelled);
        }
        match self.options.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(QueryError::Timeout),
            _ => Ok(()),
        }
    }

    /// Accounts for one series that was just read into a buffer; the buffer counts only until the next one.
    pub fn read(&self, samples: &Samples) -> Result<(), QueryError> {
        let mut stats = self.stats.get();
        stats.samples_read += samples.len() as u64;
        stats.series_read += 1;
        self.stats.set(stats);
        self.check_time()?;
        self.grow(samples.len(), samples.len() * 16)?;
        self.shrink(samples.len(), samples.len() * 16);
        Ok(())
    }

    /// Something that starts empty and grows.
    pub fn hold(&'a self) -> Held<'a> {
        Held { budget: self, samples: Cell::new(0), bytes: Cell::new(0) }
    }

    fn grow(&self, samples: usize, bytes: usize) -> Result<(), QueryError> {
        let samples = self.samples.get().saturating_add(samples);
        let bytes = self.bytes.get().saturating_add(bytes);
        self.samples.set(samples);
        self.bytes.set(bytes);
        let mut stats = self.stats.get();
        stats.peak_samples = stats.peak_samples.max(samples);
        stats.peak_bytes = stats.peak_bytes.max(bytes);
        self.stats.set(stats);
        if samples > self.options.max_samples {
            return Err(QueryError::TooManySamples);
        }
        if bytes > self.options.max_bytes {
            return Err(QueryError::TooManyBytes { limit: self.options.max_bytes });
        }
        if let Some(lease) = &self.options.lease {
            lease.cover(bytes)?;
        }
        Ok(())
    }

    fn shrink(&self, samples: usize, bytes: usize) {
        self.samples.set(self.samples.get().saturating_sub(samples));
        self.bytes.set(self.bytes.get().saturating_sub(bytes));
    }
}

impl Held<'_> {
    pub fn grow(&self, samples: usize, bytes: usize) -> Result<(), QueryError> {
        self.samples.set(self.samples.get().saturating_add(samples));
        self.bytes.set(self.bytes.get().saturating_add(bytes));
        self.budget.grow(samples, bytes)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.budget.shrink(self.samples.get(), self.bytes.get());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_let_go_counts_no_longer_but_stays_in_the_peak() {
        let options = QueryOptions { max_samples: 10, max_bytes: 100, ..QueryOptions::default() };
        let budget = Budget::new(&options);
        {
            let held = budget.hold();
            assert_eq!(held.grow(8, 80), Ok(()));
            assert_eq!(budget.hold().grow(3, 0), Err(QueryError::TooManySamples));
            assert_eq!(budget.hold().grow(0, 30), Err(QueryError::TooManyBytes { limit: 100 }));
        }
        assert_eq!(budget.hold().grow(10, 100), Ok(()));
        assert_eq!(budget.stats().peak_samples, 11);
    }

    #[test]
    fn a_query_ends_when_it_is_cancelled_or_late() {
        let options = QueryOptions::default();
        options.cancel.store(true, Ordering::Relaxed);
        assert_eq!(Budget::new(&options).check_time(), Err(QueryError::Cancelled));
        let options = QueryOptions { deadline: Some(Instant::now()), ..QueryOptions::default() };
        assert_eq!(Budget::new(&options).check_time(), Err(QueryError::Timeout));
    }
}
