//! A bucket of tokens: one is added each interval until there are as many as a burst may have; each request takes one.

use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    /// Never zero.
    pub interval: Duration,
    pub burst: u32,
}

#[derive(Debug)]
pub(super) struct Bucket {
    rate: Rate,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    pub fn full(rate: Rate, now: Instant) -> Bucket {
        Bucket { rate, tokens: f64::from(rate.burst), filled: now }
    }

    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Whether there was a token.
    pub fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled);
        let gained = passed.as_secs_f64() / self.rate.interval.as_secs_f64();
        self.tokens = (self.tokens + gained).min(f64::from(self.rate.burst));
        self.filled = self.filled.max(now);
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_one_each_interval() {
        let start = Instant::now();
        let mut bucket = Bucket::full(Rate { interval: Duration::from_secs(2), burst: 2 }, start);
        let mut at = |seconds: f64| bucket.take(start + Duration::from_secs_f64(seconds));
        assert!(at(0.0) && at(0.0) && !at(0.0) && !at(1.9));
        assert!(at(2.1) && !at(2.2));
        assert!(at(100.0) && at(100.0) && !at(100.0), "no more than a burst is saved up");
    }

    #[test]
    fn without_a_burst_nothing_passes() {
        let start = Instant::now();
        let mut bucket = Bucket::full(Rate { interval: Duration::from_secs(1), burst: 0 }, start);
        assert!(!bucket.take(start) && !bucket.take(start + Duration::from_secs(60)));
    }
}
