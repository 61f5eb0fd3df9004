//! `/proc/drbd`, DRBD 8: two lines per device, `1: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----` and
//! then `ns:17324442 nr:10961011` and so on. DRBD 9 has only its version here. The kernel shows it in pieces of a page.

use crate::scan::{Fields, parse_u64};

/// One word of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word<'a> {
    /// What follows is about this device.
    Device(u64),
    /// `ns:17324442`, `cs:Connected`.
    Pair { key: &'a [u8], value: &'a [u8] },
}

/// Pairs in the order of the file, those before the first device left out, as is what is no pair.
pub fn words(bytes: &[u8]) -> impl Iterator<Item = Word<'_>> {
    let words = Fields::new(0, bytes).filter_map(|field| {
        let colon = memchr::memchr(b':', field)?;
        let (key, value) = (&field[..colon], &field[colon + 1..]);
        if memchr::memchr(b':', value).is_some() {
            return None;
        }
        match parse_u64(key) {
            Some(device) if value.is_empty() => Some(Word::Device(device)),
            _ => Some(Word::Pair { key, value }),
        }
    });
    words.skip_while(|word| !matches!(word, Word::Device(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pairs_follow_their_device() {
        let text = b"version: 8.4.3 (api:1/proto:86-101)\nsrcversion: 1A9F \n\n 1: cs:Connected ro:Primary/Secondary C r-----\n\
            \x20   ns:17 nr:0\n 2: cs:Unconfigured\n";
        let pair = |key: &'static [u8], value: &'static [u8]| Word::Pair { key, value };
        assert_eq!(
            words(text).collect::<Vec<_>>(),
            [
                Word::Device(1),
                pair(b"cs", b"Connected"),
                pair(b"ro", b"Primary/Secondary"),
                pair(b"ns", b"17"),
                pair(b"nr", b"0"),
                Word::Device(2),
                pair(b"cs", b"Unconfigured"),
            ]
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            words(&bytes).for_each(drop);
        }
    }
}
