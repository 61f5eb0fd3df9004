//! When a target is scraped: at the same offset of each interval, which depends on the target, so that targets are
//! spread over the interval and stay where they are over restarts.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::discovery::Target;

/// A scrape this much off its time still gets the exact time, which lets the storage use one bit for it.
const TOLERANCE_MS: i64 = 2;

/// The times of one target's samples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    interval_ms: i64,
    /// Times that are whole intervals away from this one are exact.
    anchor_ms: i64,
    /// The last scrape was not at an exact time.
    was_off: bool,
}

/// How far into each interval a target is scraped. `seed` differs between aggregators that scrape the same targets.
pub(crate) fn offset_ms(target: &Target, seed: u64) -> i64 {
    // The standard hasher without a random key: the offset has to survive a restart.
    let mut hasher = DefaultHasher::new();
    (&target.labels, &target.url, seed).hash(&mut hasher);
    let interval_ms = target.scrape_interval_ms.max(1).unsigned_abs();
    (hasher.finish() % interval_ms) as i64
}

/// The first time after now with the given offset.
pub(crate) fn first_scrape_ms(now_ms: i64, interval_ms: i64, offset_ms: i64) -> i64 {
    now_ms + (offset_ms - now_ms).rem_euclid(interval_ms.max(1))
}

impl Schedule {
    pub fn new(interval_ms: i64, first_ms: i64) -> Self {
        Schedule { interval_ms: interval_ms.max(1), anchor_ms: first_ms, was_off: false }
    }

    /// The time of the samples of a scrape that starts now. The exact time if it is near enough; when the clock has
    /// moved for good, the exact times move with it.
    pub fn timestamp_ms(&mut self, now_ms: i64) -> i64 {
        let tolerance_ms = TOLERANCE_MS.min(self.interval_ms / 100);
        let distance_ms = now_ms - self.anchor_ms + self.interval_ms / 2;
        let nearest_ms = self.anchor_ms + distance_ms.div_euclid(self.interval_ms) * self.interval_ms;
        if (now_ms - nearest_ms).abs() <= tolerance_ms {
            self.was_off = false;
            return nearest_ms;
        }
        if self.was_off {
            self.anchor_ms = now_ms;
        }
        self.was_off = !self.was_off;
        now_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Labels;

    fn target(instance: &str) -> Target {
        Target {
            labels: Labels::from_pairs([("instance", instance)]),
            discovered: Labels::empty(),
            url: "http://localhost/metrics".to_owned(),
            scrape_interval_ms: 15_000,
            scrape_timeout_ms: 10_000,
        }
    }

    #[test]
    fn targets_are_spread_over_the_interval_and_stay_there() {
        let offsets: Vec<_> = (0..60).map(|number| offset_ms(&target(&number.to_string()), 7)).collect();
        for third in 0..3 {
            let range = third * 5_000..(third + 1) * 5_000;
            assert!(offsets.iter().filter(|offset| range.contains(*offset)).count() > 8);
        }
        assert_eq!(offset_ms(&target("a"), 7), offset_ms(&target("a"), 7));
        assert_ne!(offset_ms(&target("a"), 7), offset_ms(&target("a"), 8));
    }

    #[test]
    fn the_first_scrape_is_within_one_interval() {
        assert_eq!(first_scrape_ms(100_003, 1_000, 500), 100_500);
        assert_eq!(first_scrape_ms(100_503, 1_000, 500), 101_500);
        assert_eq!(first_scrape_ms(100_500, 1_000, 500), 100_500);
    }

    #[test]
    fn near_enough_is_exact() {
        let mut schedule = Schedule::new(1_000, 5_500);
        let times = [5_500, 6_501, 7_498, 8_502, 9_503, 10_500].map(|now| schedule.timestamp_ms(now));
        assert_eq!(times, [5_500, 6_500, 7_500, 8_500, 9_503, 10_500]);
    }

    #[test]
    fn a_moved_clock_gets_new_exact_times() {
        let mut schedule = Schedule::new(1_000, 5_500);
        let times = [5_500, 6_600, 7_601, 8_602, 9_600].map(|now| schedule.timestamp_ms(now));
        assert_eq!(times, [5_500, 6_600, 7_601, 8_601, 9_601]);
    }
}
