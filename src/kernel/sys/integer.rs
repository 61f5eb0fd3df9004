//! Integers as drivers write them into attributes of sysfs: decimal, or hexadecimal behind `0x`, or octal behind `0`.
//! Which of them, a driver chooses: the counters of Fibre Channel are hexadecimal, those of InfiniBand decimal.

use crate::scan::{ParseError, trim};

pub fn unsigned(bytes: &[u8]) -> Result<u64, ParseError> {
    let text = trim(bytes);
    magnitude(text).ok_or_else(|| ParseError::new(1, "a number", text))
}

/// As `unsigned`, with a sign before the digits.
pub fn signed(bytes: &[u8]) -> Result<i64, ParseError> {
    let text = trim(bytes);
    let value = match text.strip_prefix(b"-") {
        Some(digits) => magnitude(digits).and_then(|value| 0i64.checked_sub_unsigned(value)),
        None => magnitude(text.strip_prefix(b"+").unwrap_or(text)).and_then(|value| value.try_into().ok()),
    };
    value.ok_or_else(|| ParseError::new(1, "a number", text))
}

fn magnitude(text: &[u8]) -> Option<u64> {
    let (digits, radix) = match text {
        [b'0', b'x' | b'X', digits @ ..] => (digits, 16),
        [b'0', digits @ ..] if !digits.is_empty() => (digits, 8),
        digits => (digits, 10),
    };
    // `from_str_radix` would take a second sign.
    if digits.first().is_some_and(|byte| !byte.is_ascii_hexdigit()) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    #[test]
    fn the_prefix_tells_the_base() {
        assert_eq!(unsigned(b" 42\n"), Ok(42));
        assert_eq!(unsigned(b"0x1F"), Ok(31));
        assert_eq!(unsigned(b"017"), Ok(15));
        assert_eq!(unsigned(b"0"), Ok(0));
        assert_eq!(unsigned(b"0xffffffffffffffff"), Ok(u64::MAX));
        assert_eq!(signed(b"-0x10"), Ok(-16));
        assert_eq!(signed(b"-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(signed(b"+5"), Ok(5));
    }

    #[test]
    fn what_is_no_number_is_shown_as_found() {
        for odd in ["", "0x", "08", "0x+1", "--1", "1 2", "N/A (no PMA)", "18446744073709551616"] {
            assert_eq!(unsigned(odd.as_bytes()).expect_err(odd).found, odd, "{odd}");
        }
        assert!(unsigned(b"-1").is_err());
        assert!(signed(b"9223372036854775808").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = (unsigned(&bytes), signed(&bytes));
        }

        #[test]
        fn what_was_written_is_read(value in any::<i64>()) {
            assert_eq!(signed(value.to_string().as_bytes()), Ok(value));
            assert_eq!(unsigned(format!("{value:#x}").as_bytes()), Ok(value as u64));
        }
    }
}
