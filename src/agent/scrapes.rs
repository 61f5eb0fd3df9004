//! How many scrapes are under way and how they ended, as Prometheus' Go library counts them.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

#[derive(Debug)]
pub struct Scrapes {
    /// 0 for no limit.
    pub limit: usize,
    in_flight: AtomicUsize,
    pub ok: AtomicU64,
    pub refused: AtomicU64,
    /// Answers from which series had to be left out.
    pub gathering_errors: AtomicU64,
}

/// A scrape under way.
pub struct InFlight<'a>(&'a Scrapes);

impl Scrapes {
    pub fn new(limit: usize) -> Self {
        Scrapes {
            limit,
            in_flight: AtomicUsize::new(0),
            ok: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            gathering_errors: AtomicU64::new(0),
        }
    }

    /// `None` when there are as many as the limit allows.
    pub fn enter(&self) -> Option<InFlight<'_>> {
        let guard = InFlight(self);
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        if self.limit > 0 && before >= self.limit {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(guard)
    }

    /// Counts an answer from which something had to be left out, and says what the first time.
    pub fn note_dropped(&self, dropped: &[String]) {
        let Some(first) = dropped.first() else { return };
        if self.gathering_errors.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::error!(
                first,
                count = dropped.len(),
                "series left out of an answer; further ones are only counted"
            );
        }
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_exceeds_the_limit_is_refused_and_counted() {
        let scrapes = Scrapes::new(1);
        let first = scrapes.enter();
        assert!(first.is_some() && scrapes.enter().is_none());
        assert_eq!((scrapes.in_flight(), scrapes.refused.load(Ordering::Relaxed)), (1, 1));
        drop(first);
        assert!(scrapes.enter().is_some());
        let unlimited = Scrapes::new(0);
        let _held: Vec<_> = (0..100).map(|_| unlimited.enter().expect("no limit")).collect();
    }
}
