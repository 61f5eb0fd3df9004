//! Files of a single value: `memory.current`, `pids.max`, `memory.limit_in_bytes`. The word `max`, and on v1 a number
//! past 2^62 or below zero, mean that there is no limit.

use super::flat_keyed::unsigned;
use crate::scan::{ParseError, trim};

/// From here on a v1 limit is the kernel's way to write "none": the largest number of whole pages.
const NO_LIMIT_FROM: u64 = 1 << 62;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Max,
    /// In the unit of the file.
    Value(u64),
}

impl Limit {
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let text = trim(bytes);
        if text == b"max" || text.starts_with(b"-") && unsigned(text).is_some() {
            return Ok(Limit::Max);
        }
        let value = parse_value(text)?;
        Ok(if value >= NO_LIMIT_FROM { Limit::Max } else { Limit::Value(value) })
    }

    pub fn value(self) -> Option<u64> {
        match self {
            Limit::Max => None,
            Limit::Value(value) => Some(value),
        }
    }
}

/// A single number; below zero counts as 0.
pub fn parse_value(bytes: &[u8]) -> Result<u64, ParseError> {
    let text = trim(bytes);
    unsigned(text).ok_or_else(|| ParseError::new(1, "a number", text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_has_three_spellings() {
        assert_eq!(Limit::parse(b"max\n"), Ok(Limit::Max));
        assert_eq!(Limit::parse(b"9223372036854771712\n"), Ok(Limit::Max));
        assert_eq!(Limit::parse(b"-1\n"), Ok(Limit::Max));
        assert_eq!(Limit::parse(b"0\n"), Ok(Limit::Value(0)));
        assert_eq!(Limit::parse(b"67108864\n"), Ok(Limit::Value(67_108_864)));
        let error = Limit::parse(b"lots\n").expect_err("no limit");
        assert_eq!(error.to_string(), r#"line 1: expected a number, found "lots""#);
        assert!(Limit::parse(b"").is_err());
    }
}
