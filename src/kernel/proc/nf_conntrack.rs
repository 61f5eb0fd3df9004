//! `/proc/net/stat/nf_conntrack`, since 2.6.12, where the conntrack module is loaded: a line of names, then a line of
//! hexadecimal numbers per possible CPU. The kernel shows the file in pieces of a page.
//!
//! Kernels have renamed and retired columns (`searched` became `clashres`), so they are found by name.

use crate::scan::{Fields, ParseError, lines, parse_hex_u64};

/// Sums over all CPUs since the module was loaded, except for `entries`; `None` where the kernel has no such column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConntrackStat {
    /// Connections in the table now. Every row has the same number.
    pub entries: Option<u64>,
    /// Look-ups that found an entry.
    pub found: Option<u64>,
    /// Packets that cannot be tracked.
    pub invalid: Option<u64>,
    /// Packets that already belong to an entry; always 0 since 5.10.
    pub ignore: Option<u64>,
    /// Entries added; always 0 since 5.10.
    pub insert: Option<u64>,
    /// Entries that could not be added because the same was there.
    pub insert_failed: Option<u64>,
    /// Packets dropped because tracking failed.
    pub drop: Option<u64>,
    /// Entries dropped to make room.
    pub early_drop: Option<u64>,
    /// Look-ups that began anew because the table was resized.
    pub search_restart: Option<u64>,
}

impl ConntrackStat {
    /// A row that cannot be read spoils the sums, so it is an error of the file.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut stat = ConntrackStat::default();
        let mut lines = lines(bytes);
        let Some((first, names)) = lines.next() else {
            return Err(ParseError::new(0, "a line of names", b""));
        };
        for (number, line) in lines.filter(|(_, line)| !line.is_empty()) {
            let mut values = Fields::new(number, line);
            for name in Fields::new(first, names) {
                // Kernels before 4.2 do not fill the last column.
                let Some(text) = values.next() else { break };
                let parse = || parse_hex_u64(text).ok_or_else(|| ParseError::new(number, "a hexadecimal number", text));
                if name == b"entries" {
                    stat.entries = Some(stat.entries.map_or_else(parse, Ok)?);
                } else if let Some(sum) = stat.column(name) {
                    *sum = Some(sum.unwrap_or(0).wrapping_add(parse()?));
                }
            }
        }
        Ok(stat)
    }

    fn column(&mut self, name: &[u8]) -> Option<&mut Option<u64>> {
        Some(match name {
            b"found" => &mut self.found,
            b"invalid" => &mut self.invalid,
            b"ignore" => &mut self.ignore,
            b"insert" => &mut self.insert,
            b"insert_failed" => &mut self.insert_failed,
            b"drop" => &mut self.drop,
            b"early_drop" => &mut self.early_drop,
            b"search_restart" => &mut self.search_restart,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TWO_CPUS: &[u8] = b"entries  clashres found new invalid ignore delete chainlength insert insert_failed drop \
early_drop icmp_error  expect_new expect_create expect_delete search_restart\n\
00000005  00000000 00000001 00000000 000000ff 00000000 00000000 00000000 00000002 00000003 00000004 00000005 00000000  \
00000000 00000000 00000000 00000006\n\
00000005  00000000 00000010 00000000 00000001 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000  \
00000000 00000000 00000000 00000001\n";

    #[test]
    fn cpus_are_summed_column_by_column() {
        let expected = ConntrackStat {
            entries: Some(5),
            found: Some(0x11),
            invalid: Some(0x100),
            ignore: Some(0),
            insert: Some(2),
            insert_failed: Some(3),
            drop: Some(4),
            early_drop: Some(5),
            search_restart: Some(7),
        };
        assert_eq!(ConntrackStat::parse(TWO_CPUS), Ok(expected));
    }

    #[test]
    fn a_column_that_the_kernel_lacks_is_absent() {
        let stat = ConntrackStat::parse(b"entries found drop\n1 2 3\n").expect("valid");
        assert_eq!((stat.found, stat.drop, stat.invalid), (Some(2), Some(3), None));
        let error = ConntrackStat::parse(b"entries found\n1 xyz\n").expect_err("not hexadecimal");
        assert_eq!(error.to_string(), r#"line 2: expected a hexadecimal number, found "xyz""#);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in "(found drop\n)?[0-9a-g \n]{0,100}") {
            let _ = ConntrackStat::parse(bytes.as_bytes());
        }
    }
}
