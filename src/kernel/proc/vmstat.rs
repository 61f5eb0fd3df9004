//! `/proc/vmstat`, since 2.5: `pgfault 16497022`, one counter or gauge per line. Kernels add lines, so the parser knows
//! none of them by name. The kernel shows the file in pieces of a page.

use crate::scan::{ParseError, named_numbers};

/// A name and its number: pages, events or operations, as the name says.
pub fn fields(bytes: &[u8]) -> impl Iterator<Item = Result<(&[u8], u64), ParseError>> {
    named_numbers(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use procfs_core::FromRead;
    use proptest::prelude::*;

    #[test]
    fn an_odd_line_loses_only_itself() {
        let all: Vec<_> = fields(b"nr_free_pages 2522517\npgfault\npgmajfault 3377\n").collect();
        assert_eq!(all[0], Ok((&b"nr_free_pages"[..], 2_522_517)));
        assert!(all[1].is_err());
        assert_eq!(all[2], Ok((&b"pgmajfault"[..], 3377)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            fields(&bytes).for_each(drop);
        }

        #[test]
        fn the_same_fields_as_procfs_core(values in proptest::collection::btree_map("[a-z_]{1,20}", 0..i64::MAX, 0..20)) {
            let text: String = values.iter().map(|(name, value)| format!("{name} {value}\n")).collect();
            let theirs = procfs_core::VmStat::from_read(text.as_bytes()).expect("valid").0;
            for field in fields(text.as_bytes()) {
                let (name, value) = field.expect("valid");
                let name = std::str::from_utf8(name).expect("ASCII");
                prop_assert_eq!(theirs.get(name).copied(), i64::try_from(value).ok());
            }
            prop_assert_eq!(fields(text.as_bytes()).count(), theirs.len());
        }
    }
}
