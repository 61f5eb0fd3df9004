//! `cpu.max`, v2: quota and period in microseconds, `50000 100000`; the quota may be `max`. The root has no such file.

use super::Limit;
use crate::scan::{Fields, ParseError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuMax {
    /// CPU time that may be used in each period, in microseconds.
    pub quota_usec: Limit,
    pub period_usec: u64,
}

impl CpuMax {
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut fields = Fields::new(1, bytes);
        let quota_usec = Limit::parse(fields.text("a quota")?)?;
        Ok(CpuMax { quota_usec, period_usec: fields.number("the period")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_may_be_max() {
        let limited = CpuMax { quota_usec: Limit::Value(50_000), period_usec: 100_000 };
        assert_eq!(CpuMax::parse(b"50000 100000\n"), Ok(limited));
        assert_eq!(CpuMax::parse(b"max 100000\n"), Ok(CpuMax { quota_usec: Limit::Max, ..limited }));
        assert!(CpuMax::parse(b"max\n").is_err());
    }
}
