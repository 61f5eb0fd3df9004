//! Files below `/sys/class/net/<device>`: one value each.

use crate::scan::{self, ParseError};

/// A file of sysfs is one page at most; no kernel has larger ones.
const LONGEST_FILE_BYTES: usize = 64 << 10;

/// A decimal number, or a hexadecimal one after `0x` (`flags`, `dev_id`).
pub fn number(bytes: &[u8]) -> Result<i64, ParseError> {
    let text = scan::trim(bytes);
    let number = match text.strip_prefix(b"0x") {
        Some(digits) => scan::parse_hex_u64(digits).and_then(|number| i64::try_from(number).ok()),
        None => scan::parse_i64(text),
    };
    number.ok_or_else(|| ParseError::new(1, "a number", text))
}

/// The names in `bonding_masters` and in a bond's `slaves`.
pub fn names(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    scan::Fields::new(1, &bytes[..bytes.len().min(LONGEST_FILE_BYTES)])
}

/// Whether `bonding_slave/mii_status` tells of a link that is up.
pub fn is_link_up(mii_status: &[u8]) -> bool {
    scan::trim(mii_status) == b"up"
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_decimal_or_hexadecimal() {
        for (text, number) in [("1500\n", 1500), ("-1\n", -1), ("0x1003\n", 0x1003), ("0x0\n", 0)] {
            assert_eq!(super::number(text.as_bytes()), Ok(number), "{text}");
        }
        for text in ["", "\n", "0x", "0xffffffffffffffff", "up", "1 2"] {
            assert!(super::number(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn bonds_are_named_on_one_line() {
        assert_eq!(names(b"bond0 storage\n").collect::<Vec<_>>(), [&b"bond0"[..], b"storage"]);
        assert_eq!(names(b"\n").count(), 0);
        assert!(is_link_up(b"up\n"));
        for status in [&b"down\n"[..], b"going back\n", b""] {
            assert!(!is_link_up(status));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = number(&bytes);
            let _ = is_link_up(&bytes);
            prop_assert!(names(&bytes).count() <= bytes.len());
        }
    }
}
