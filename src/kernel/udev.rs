//! `/run/udev/data/b<major>:<minor>`: what udev found out about a block device. Lines `E:NAME=value` are properties;
//! other lines (links, tags, times) are passed over.

use crate::scan::lines;

/// The properties in the order of the file; names and values as they stand there.
pub fn properties(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    lines(bytes).filter_map(|(_, line)| {
        let property = line.strip_prefix(b"E:")?;
        let equals = memchr::memchr(b'=', property)?;
        Some((&property[..equals], &property[equals + 1..]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_properties_are_read() {
        let found: Vec<_> =
            properties(b"S:disk/by-id/x=y\nI:123\nE:ID_MODEL=A B=C\nE:EMPTY=\nE:odd\nG:systemd\n").collect();
        assert_eq!(found, [(&b"ID_MODEL"[..], &b"A B=C"[..]), (b"EMPTY", b"")]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = properties(&bytes).count();
        }
    }
}
