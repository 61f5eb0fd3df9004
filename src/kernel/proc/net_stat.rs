//! `/proc/net/stat/*`, since 2.6: statistics of the network's caches. A line of column names, then a line of hexadecimal
//! numbers per possible CPU. The kernel shows each file in one piece.

use crate::scan::{Fields, ParseError, lines, parse_hex_u64};

/// The names of the columns.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a>(&'a [u8]);

/// The numbers of one CPU.
#[derive(Clone, Debug)]
pub struct Row<'a>(Fields<'a>);

pub fn header(bytes: &[u8]) -> Header<'_> {
    Header(lines(bytes).next().map_or(b"", |(_, line)| line))
}

/// One row per CPU. A row with something that is no number is an error as a whole.
pub fn rows(bytes: &[u8]) -> impl Iterator<Item = Result<Row<'_>, ParseError>> {
    lines(bytes).skip(1).filter(|(_, line)| !line.trim_ascii().is_empty()).map(|(number, line)| {
        let fields = Fields::new(number, line);
        match fields.clone().find(|value| parse_hex_u64(value).is_none()) {
            Some(odd) => Err(ParseError::new(number, "a hexadecimal number", odd)),
            None => Ok(Row(fields)),
        }
    })
}

impl<'a> Header<'a> {
    pub fn names(self) -> impl Iterator<Item = &'a [u8]> {
        Fields::new(1, self.0)
    }

    /// The line as it is, to see whether it is another one.
    pub fn text(self) -> &'a [u8] {
        self.0
    }
}

impl Row<'_> {
    /// In the order of the names.
    pub fn values(&self) -> impl Iterator<Item = u64> {
        self.0.clone().filter_map(parse_hex_u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_cpu_has_a_number_per_name() {
        let text = b"entries  allocs lookups\n00000014  000000f0 0000000a\n0 1 x\n00000014 2\n";
        assert_eq!(header(text).names().collect::<Vec<_>>(), [&b"entries"[..], b"allocs", b"lookups"]);
        let all: Vec<_> = rows(text).collect();
        assert_eq!(all[0].as_ref().map(|row| row.values().collect()), Ok(vec![20, 240, 10]));
        assert!(all[1].as_ref().is_err_and(|error| error.line == 3 && error.found == "x"));
        assert_eq!(all[2].as_ref().map(|row| row.values().count()), Ok(2));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            header(&bytes).names().for_each(drop);
            rows(&bytes).flatten().for_each(|row| row.values().for_each(drop));
        }
    }
}
