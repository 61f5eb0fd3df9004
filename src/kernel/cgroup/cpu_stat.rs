//! `cpu.stat`. On v2 it has CPU time, in every group even without the controller (since 4.15), and throttling where the
//! controller is on. On v1 (`cpu` controller) it has throttling only, in nanoseconds. Bursts since 5.15.

use super::flat_keyed::read_pairs;
use crate::scan::ParseError;

/// Both versions in one: their keys do not overlap where their units differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuStat {
    /// v2 only, like the next two.
    pub usage_usec: Option<u64>,
    pub user_usec: Option<u64>,
    pub system_usec: Option<u64>,
    /// Periods that have passed.
    pub periods: Option<u64>,
    /// Periods in which the quota was used up.
    pub throttled_periods: Option<u64>,
    /// Time that tasks were held back, summed over CPUs.
    pub throttled_nsec: Option<u64>,
    /// Periods in which saved quota was used.
    pub burst_periods: Option<u64>,
    /// Time that was used above the quota.
    pub burst_nsec: Option<u64>,
}

impl CpuStat {
    pub fn parse(bytes: &[u8], problems: &mut dyn FnMut(ParseError)) -> Self {
        let mut stat = CpuStat::default();
        read_pairs(bytes, problems, |key, value| match key {
            b"usage_usec" => stat.usage_usec = Some(value),
            b"user_usec" => stat.user_usec = Some(value),
            b"system_usec" => stat.system_usec = Some(value),
            b"nr_periods" => stat.periods = Some(value),
            b"nr_throttled" => stat.throttled_periods = Some(value),
            b"throttled_usec" => stat.throttled_nsec = Some(value.saturating_mul(1000)),
            b"throttled_time" => stat.throttled_nsec = Some(value),
            b"nr_bursts" => stat.burst_periods = Some(value),
            b"burst_usec" => stat.burst_nsec = Some(value.saturating_mul(1000)),
            b"burst_time" => stat.burst_nsec = Some(value),
            _ => {}
        });
        stat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_read() {
        let v2 = b"usage_usec 9\nuser_usec 7\nsystem_usec 2\nnice_usec 0\nnr_periods 3\nnr_throttled 1\n\
            throttled_usec 5\nnr_bursts 1\nburst_usec 4\n";
        let stat = CpuStat::parse(v2, &mut |problem| panic!("{problem}"));
        assert_eq!((stat.usage_usec, stat.throttled_nsec, stat.burst_nsec), (Some(9), Some(5000), Some(4000)));
        let v1 = b"nr_periods 3\nnr_throttled 1\nthrottled_time 5\n";
        let stat = CpuStat::parse(v1, &mut |problem| panic!("{problem}"));
        assert_eq!((stat.usage_usec, stat.throttled_nsec, stat.burst_nsec), (None, Some(5), None));
    }
}
