//! `/proc/spl/kstat/zfs/**`: statistics of ZFS (OpenZFS on Linux, any version). Most files are lists of named values, a
//! pool's `io` is a line of names and a line of values, `state` is a word. The kernel shows them in pieces of a page.
//!
//! ```text
//! 6 1 0x01 91 4368 5266997922 97951858082072
//! name                            type data
//! hits                            4    8772612
//! ```

use crate::scan::{Fields, ParseError, lines, parse_i64, parse_u64};

/// What is read of one file at most; the longest that there is has 150.
const MAX_ENTRIES: usize = 1000;
/// Columns of `io` since it exists; a line with fewer is no line of names.
const IO_COLUMNS: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry<'a> {
    pub name: &'a [u8],
    pub value: Value<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// `KSTAT_DATA_UINT64`
    Unsigned(u64),
    /// `KSTAT_DATA_INT64`
    Signed(i64),
    /// `KSTAT_DATA_STRING`; may have blanks in it.
    Text(&'a [u8]),
}

/// The named values of a file. Types that ZFS does not use are passed over, an odd line is an error of its own.
pub fn entries(bytes: &[u8]) -> impl Iterator<Item = Result<Entry<'_>, ParseError>> {
    let mut lines = lines(bytes);
    let has_header = lines.by_ref().any(|(_, line)| Fields::new(0, line).eq([&b"name"[..], b"type", b"data"]));
    let no_header = (!has_header).then(|| Err(ParseError::new(0, "a line of name, type and data", b"")));
    no_header.into_iter().chain(lines.filter_map(|(number, line)| entry(number, line).transpose())).take(MAX_ENTRIES)
}

fn entry(number: usize, line: &[u8]) -> Result<Option<Entry<'_>>, ParseError> {
    let mut fields = Fields::new(number, line);
    let (Some(name), Some(kind)) = (fields.next(), fields.next()) else { return Ok(None) };
    let text = fields.rest();
    let first = fields.next().unwrap_or_default();
    let value = match kind {
        _ if text.is_empty() => return Ok(None),
        b"3" => parse_i64(first).map(Value::Signed),
        b"4" => parse_u64(first).map(Value::Unsigned),
        b"7" => Some(Value::Text(text)),
        _ => return Ok(None),
    };
    let value = value.ok_or_else(|| ParseError::new(number, "a number", first))?;
    Ok(Some(Entry { name, value }))
}

/// Names and values of a pool's `io`. A value that is no number is an error of its own; none at all where there is no
/// line of values.
pub fn io(bytes: &[u8]) -> impl Iterator<Item = Result<(&[u8], u64), ParseError>> {
    let mut lines = lines(bytes);
    let is_names = |line: &[u8]| {
        let fields = || Fields::new(0, line);
        fields().next() == Some(b"nread") && fields().count() >= IO_COLUMNS
    };
    let names = lines.find(|(_, line)| is_names(line));
    let no_names = names.is_none().then(|| Err(ParseError::new(0, "a line of names that begins with nread", b"")));
    let names = names.map_or(&b""[..], |(_, line)| line);
    let (number, values) = lines.next().unwrap_or_default();
    let pairs = Fields::new(number, names).zip(Fields::new(number, values)).map(move |(name, text)| {
        let value = parse_u64(text).ok_or_else(|| ParseError::new(number, "a number", text))?;
        Ok((name, value))
    });
    no_names.into_iter().chain(pairs).take(MAX_ENTRIES)
}

impl Value<'_> {
    /// `None` for a text.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Unsigned(value) => Some(*value as f64),
            Value::Signed(value) => Some(*value as f64),
            Value::Text(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_have_types_and_unknown_types_are_passed_over() {
        let text = b"6 1 0x01 3 144 1 2\nname type data\nhits 4 18446744073709551615\nneed_free 3 -5\n\
            dataset_name                    7    tank/a  b\nold 2 7\nshort 4\n\n";
        let found: Vec<_> = entries(text).collect::<Result<_, _>>().expect("valid");
        let entry = |name, value| Entry { name, value };
        assert_eq!(
            found,
            [
                entry(&b"hits"[..], Value::Unsigned(u64::MAX)),
                entry(b"need_free", Value::Signed(-5)),
                entry(b"dataset_name", Value::Text(b"tank/a  b")),
            ]
        );
        assert_eq!(found[0].value.number(), Some(18_446_744_073_709_552_000.0));
        assert_eq!(found[2].value.number(), None);
    }

    #[test]
    fn an_odd_line_costs_itself_only_and_a_missing_header_all() {
        let found: Vec<_> = entries(b"name type data\nhits 4 many\nmisses 4 1\n").collect();
        let error = found[0].as_ref().expect_err("odd").to_string();
        assert_eq!(error, r#"line 2: expected a number, found "many""#);
        assert!(found[1].is_ok());
        let error = entries(b"hits 4 1\n").next().expect("an item").expect_err("no header").to_string();
        assert_eq!(error, r#"line 0: expected a line of name, type and data, found """#);
    }

    #[test]
    fn names_and_values_of_a_pool_are_brought_together() {
        let text = b"12 3 0x00 1 80 1 2\nnread nwritten reads writes wtime wlentime wupdate rtime rlentime rupdate wcnt rcnt\n\
            1 2 3 x 5 6 7 8 9 10 11 12\n";
        let found: Vec<_> = io(text).collect();
        assert_eq!(found.len(), 12);
        assert_eq!(found[1], Ok((&b"nwritten"[..], 2)));
        assert!(found[3].is_err());
        assert_eq!(io(b"nread nwritten\n1 2\n").filter(Result::is_ok).count(), 0, "two columns are too few");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = entries(&bytes).count();
            let _ = io(&bytes).count();
            let with_header = [b"name type data\n".as_slice(), &bytes].concat();
            let _ = entries(&with_header).count();
        }
    }
}
