//! Attributes of an InfiniBand port (`/sys/class/infiniband/<device>/ports/<port>`): `4: ACTIVE`,
//! `100 Gb/sec (4X EDR)`, and counters that an old adapter without performance management shows as text.

use super::integer;
use crate::scan::{ParseError, parse_u64, trim};

const BYTES_PER_GIGABIT: f64 = 125_000_000.0;

/// The number before the name of a state.
pub fn state_id(bytes: &[u8]) -> Result<u32, ParseError> {
    let text = trim(bytes);
    let id = text.split(|byte| *byte == b':').next().map(trim).and_then(parse_u64);
    let has_name = text.iter().filter(|byte| **byte == b':').count() == 1;
    id.filter(|_| has_name)
        .and_then(|id| u32::try_from(id).ok())
        .ok_or_else(|| ParseError::new(1, "a number and the name of a state", text))
}

/// Bytes per second.
pub fn rate(bytes: &[u8]) -> Result<u64, ParseError> {
    let text = trim(bytes);
    let gigabits = text.split(|byte| *byte == b' ').next().filter(|first| first.len() < text.len());
    let gigabits = gigabits.and_then(|first| std::str::from_utf8(first).ok()?.parse::<f32>().ok());
    gigabits
        .map(|gigabits| (f64::from(gigabits) * BYTES_PER_GIGABIT) as u64)
        .ok_or_else(|| ParseError::new(1, "a rate in Gb/sec", text))
}

/// `None` where the adapter says that it has no such counter.
pub fn count(bytes: &[u8]) -> Result<Option<u64>, ParseError> {
    if trim(bytes).starts_with(b"N/A (no PMA)") { Ok(None) } else { integer::unsigned(bytes).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    #[test]
    fn states_rates_and_counters_are_read() {
        assert_eq!(state_id(b"4: ACTIVE\n"), Ok(4));
        assert_eq!(rate(b"100 Gb/sec (4X EDR)\n"), Ok(12_500_000_000));
        assert_eq!(rate(b"2.5 Gb/sec (1X SDR)\n"), Ok(312_500_000));
        assert_eq!(count(b"12\n"), Ok(Some(12)));
        assert_eq!(count(b"N/A (no PMA)\n"), Ok(None));
    }

    #[test]
    fn odd_texts_are_shown_as_found() {
        assert_eq!(state_id(b"ACTIVE").expect_err("no number").found, "ACTIVE");
        assert!(state_id(b"4 ACTIVE").is_err() && state_id(b"4: A: B").is_err());
        assert_eq!(rate(b"fast\n").expect_err("no number").found, "fast");
        assert!(count(b"many").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = (state_id(&bytes), rate(&bytes), count(&bytes));
        }
    }
}
