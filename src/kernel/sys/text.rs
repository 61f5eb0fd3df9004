//! Text that a driver or a firmware wrote: names, serial numbers, states. It may be anything, in any encoding.

use crate::scan::trim;

/// Bytes of an attribute that are shown. Node_exporter reads as many, and a longer label would make another series.
const SHOWN_BYTES: usize = 128;

/// The text of an attribute without blanks at its ends, as bytes.
pub fn shown(bytes: &[u8]) -> &[u8] {
    trim(&bytes[..bytes.len().min(SHOWN_BYTES)])
}

/// As UTF-8; each run of bytes that are none becomes one U+FFFD.
pub fn to_utf8(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut was_invalid = false;
    for chunk in bytes.utf8_chunks() {
        was_invalid &= chunk.valid().is_empty();
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() && !was_invalid {
            text.push(char::REPLACEMENT_CHARACTER);
            was_invalid = true;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    #[test]
    fn a_run_of_odd_bytes_becomes_one_replacement() {
        assert_eq!(to_utf8(b"LNV\xff\xfe\x80-1\xc3"), "LNV\u{fffd}-1\u{fffd}");
        assert_eq!(to_utf8("schön\u{1c}".as_bytes()), "schön\u{1c}");
        assert_eq!(to_utf8(b"\xff\xff"), "\u{fffd}");
        assert_eq!(to_utf8("\u{fffd}\u{fffd}".as_bytes()), "\u{fffd}\u{fffd}");
    }

    #[test]
    fn long_text_is_cut_and_then_trimmed() {
        assert_eq!(shown(b"  a b \n"), b"a b");
        let long = ["x".repeat(127), "   y".to_owned()].concat();
        assert_eq!(shown(long.as_bytes()).len(), 127);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            assert!(to_utf8(shown(&bytes)).len() <= 3 * SHOWN_BYTES);
        }
    }
}
