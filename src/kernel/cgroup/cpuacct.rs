//! The `cpuacct` controller, v1: `cpuacct.stat` (user and system time in ticks) and `cpuacct.usage_percpu` (nanoseconds
//! of each possible CPU, in one line).

use super::flat_keyed::read_pairs;
use crate::scan::{Fields, ParseError, parse_u64};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuacctStat {
    /// In ticks of `USER_HZ` (`sysconf(_SC_CLK_TCK)`).
    pub user_ticks: Option<u64>,
    /// The same.
    pub system_ticks: Option<u64>,
}

impl CpuacctStat {
    pub fn parse(bytes: &[u8], problems: &mut dyn FnMut(ParseError)) -> Self {
        let mut stat = CpuacctStat::default();
        read_pairs(bytes, problems, |key, value| match key {
            b"user" => stat.user_ticks = Some(value),
            b"system" => stat.system_ticks = Some(value),
            _ => {}
        });
        stat
    }
}

/// Appends the nanoseconds of each CPU, by number from 0.
pub fn read_usage_percpu(bytes: &[u8], nanoseconds: &mut Vec<u64>) -> Result<(), ParseError> {
    for field in Fields::new(1, bytes) {
        nanoseconds.push(parse_u64(field).ok_or_else(|| ParseError::new(1, "nanoseconds of a CPU", field))?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cpu_keeps_its_place() {
        let mut nanoseconds = Vec::new();
        read_usage_percpu(b"30864197253 0 61728394506 \n", &mut nanoseconds).expect("valid");
        assert_eq!(nanoseconds, [30_864_197_253, 0, 61_728_394_506]);
        assert!(read_usage_percpu(b"1 x\n", &mut nanoseconds).is_err());
    }
}
