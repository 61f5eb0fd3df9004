//! Files of `/sys/fs/bcachefs/<uuid>` (6.7 to 6.17 in the kernel, a module of its own since): sizes and counters, most of
//! them written for people (`2.05G`). The kernel shows each in one piece.

use crate::scan::{Fields, ParseError, lines, parse_f64, parse_u64, trim};

/// Rows of a file at most.
const MAX_ROWS: usize = 1000;

/// A row of `compression_stats`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression<'a> {
    pub algorithm: &'a [u8],
    pub compressed_bytes: u64,
    pub uncompressed_bytes: u64,
}

/// A row of `btree_write_stats`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BtreeWrites<'a> {
    /// What made them necessary.
    pub kind: &'a [u8],
    pub writes: u64,
    pub average_bytes: u64,
}

/// A row of `errors` or of a device's `io_errors`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorCount<'a> {
    pub kind: &'a [u8],
    pub count: u64,
}

/// A row of a device's `io_done`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoDone<'a> {
    pub operation: Operation,
    /// What the data was for: `sb`, `journal`, `user`.
    pub data: &'a [u8],
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Read,
    Write,
}

/// The content of a file that is one amount.
pub fn amount(bytes: &[u8]) -> Result<u64, ParseError> {
    let text = trim(bytes);
    parse_amount(text).ok_or_else(|| ParseError::new(1, "an amount", text))
}

/// `100k`, `1.26k`, `720`.
fn parse_amount(text: &[u8]) -> Option<u64> {
    let (last, number) = text.split_last()?;
    let power = b"kmgtpe".iter().position(|unit| *unit == last.to_ascii_lowercase());
    let amount = match power {
        Some(power) => parse_f64(trim(number))? * 1024_f64.powi(power as i32 + 1),
        None => parse_f64(text)?,
    };
    (amount.is_finite() && amount >= 0.0).then_some(amount as u64)
}

/// A file of `counters`: since the file system was made. A file that knows the time since it was mounted only has 0.
pub fn counter(bytes: &[u8]) -> Result<u64, ParseError> {
    let mut found = None;
    for (number, line) in lines(bytes) {
        if let Some(text) = line.strip_prefix(b"since filesystem creation:") {
            let text = trim(text);
            found = Some(parse_amount(text).ok_or_else(|| ParseError::new(number, "an amount", text))?);
        } else if line.starts_with(b"since mount:") {
            found = found.or(Some(0));
        }
    }
    found.ok_or_else(|| ParseError::new(0, "a line since filesystem creation", trim(bytes)))
}

/// The first line names the columns. Rows that are too short are passed over.
pub fn compression(bytes: &[u8]) -> impl Iterator<Item = Result<Compression<'_>, ParseError>> {
    rows(bytes, 1).map(|(number, [name, compressed, uncompressed])| {
        let read = |text: &[u8]| parse_amount(text).ok_or_else(|| ParseError::new(number, "an amount", text));
        let (compressed_bytes, uncompressed_bytes) = (read(compressed)?, read(uncompressed)?);
        Ok(Compression { algorithm: without_colon(name), compressed_bytes, uncompressed_bytes })
    })
}

/// As `compression`.
pub fn btree_writes(bytes: &[u8]) -> impl Iterator<Item = Result<BtreeWrites<'_>, ParseError>> {
    rows(bytes, 1).map(|(number, [name, writes, size])| {
        let writes = parse_u64(writes).ok_or_else(|| ParseError::new(number, "a number of writes", writes))?;
        let average_bytes = parse_amount(size).ok_or_else(|| ParseError::new(number, "an amount", size))?;
        Ok(BtreeWrites { kind: without_colon(name), writes, average_bytes })
    })
}

pub fn errors(bytes: &[u8]) -> impl Iterator<Item = Result<ErrorCount<'_>, ParseError>> {
    rows(bytes, 0).map(|(number, [kind, count])| {
        let count = parse_u64(count).ok_or_else(|| ParseError::new(number, "a number of errors", count))?;
        Ok(ErrorCount { kind, count })
    })
}

/// `io_done` of a device: rows below `read:` and below `write:`.
pub fn io_done(bytes: &[u8]) -> impl Iterator<Item = Result<IoDone<'_>, ParseError>> {
    let mut operation = None;
    let done = lines(bytes).filter_map(move |(number, line)| {
        let line = trim(line);
        match line {
            b"read:" => operation = Some(Operation::Read),
            b"write:" => operation = Some(Operation::Write),
            _ => {
                let (data, text) = pair(line)?;
                let operation = operation?;
                let bytes = parse_u64(text).ok_or_else(|| ParseError::new(number, "a number of bytes", text));
                return Some(bytes.map(|bytes| IoDone { operation, data, bytes }));
            }
        }
        None
    });
    done.take(MAX_ROWS)
}

/// `io_errors` of a device: the rows of the part that counts since the file system was made; another part may follow.
pub fn io_errors(bytes: &[u8]) -> impl Iterator<Item = Result<ErrorCount<'_>, ParseError>> {
    let is_title = |line: &[u8]| line.starts_with(b"IO errors since ");
    let mut lines = lines(bytes);
    lines.by_ref().find(|(_, line)| line.starts_with(b"IO errors since filesystem creation"));
    let own = lines.take_while(move |(_, line)| !is_title(line));
    let counts = own.filter_map(|(number, line)| {
        let (kind, text) = pair(trim(line))?;
        let count = parse_u64(text).ok_or_else(|| ParseError::new(number, "a number of errors", text));
        Some(count.map(|count| ErrorCount { kind, count }))
    });
    counts.take(MAX_ROWS)
}

/// The first fields of each line that has as many, after the first `skipped` lines.
fn rows<const N: usize>(bytes: &[u8], skipped: usize) -> impl Iterator<Item = (usize, [&[u8]; N])> {
    let with_fields = lines(bytes).skip(skipped).filter_map(|(number, line)| {
        let mut fields = Fields::new(number, line);
        let mut row = [&b""[..]; N];
        for field in &mut row {
            *field = fields.next()?;
        }
        Some((number, row))
    });
    with_fields.take(MAX_ROWS)
}

/// What stands before and after the first colon.
fn pair(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    Some((trim(&line[..colon]), trim(&line[colon + 1..])))
}

fn without_colon(name: &[u8]) -> &[u8] {
    name.strip_suffix(b":").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_for_people_become_numbers() {
        let amounts = [("2.05G\n", Some(2_201_170_739)), ("720", Some(720)), ("1.26K", Some(1290)), ("0", Some(0))];
        for (text, expected) in amounts.into_iter().chain([("", None), ("-1k", None), ("G", None), ("inf", None)]) {
            assert_eq!(amount(text.as_bytes()).ok(), expected, "{text}");
        }
    }

    #[test]
    fn counters_count_since_the_file_system_was_made() {
        assert_eq!(counter(b"since mount:                   7\nsince filesystem creation:     1.5k\n"), Ok(1536));
        assert_eq!(counter(b"since mount: 7\n"), Ok(0));
        assert!(counter(b"since filesystem creation: x\n").is_err() && counter(b"\n").is_err());
    }

    #[test]
    fn tables_have_a_line_of_names_and_lists_have_none() {
        let found: Vec<_> = compression(b"type compressed uncompressed\nlz4:  1k 2k 0\nshort 1\nzstd x 1\n").collect();
        assert_eq!(found[0], Ok(Compression { algorithm: b"lz4", compressed_bytes: 1024, uncompressed_bytes: 2048 }));
        assert!(found[1].is_err() && found.len() == 2);
        let found: Vec<_> = btree_writes(b"nr size\ninitial: 12 100k\n").collect();
        assert_eq!(found, [Ok(BtreeWrites { kind: b"initial", writes: 12, average_bytes: 102_400 })]);
        let found: Vec<_> = errors(b"bset_bad_csum  2  1767112063\nother 18446744073709551615\nodd many\n").collect();
        assert_eq!(found[1], Ok(ErrorCount { kind: b"other", count: u64::MAX }));
        assert!(found[0].is_ok() && found[2].is_err());
    }

    #[test]
    fn what_a_device_did_is_told_by_operation() {
        let text = b"lost: 1\nread:\nsb          :       86016\nuser        :610019098624\nwrite:\nsb : 1\nuser : x\n";
        let found: Vec<_> = io_done(text).collect();
        assert_eq!(found[0], Ok(IoDone { operation: Operation::Read, data: b"sb", bytes: 86016 }));
        assert_eq!(found[2], Ok(IoDone { operation: Operation::Write, data: b"sb", bytes: 1 }));
        assert!(found.len() == 4 && found[3].is_err());
        let text =
            b"IO errors since filesystem creation\n  read:    5\n  checksum:6\nIO errors since 8 y ago\n  read: 7\n";
        let found: Vec<_> = io_errors(text).collect::<Result<_, _>>().expect("valid");
        assert_eq!(found, [ErrorCount { kind: b"read", count: 5 }, ErrorCount { kind: b"checksum", count: 6 }]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(garbage in any::<Vec<u8>>(), text in "(read:\n|IO errors since filesystem creation\n)?[ a-c:.0-9kGYe\n-]{0,60}") {
            for bytes in [&garbage[..], text.as_bytes()] {
                let _ = (amount(bytes), counter(bytes), compression(bytes).count(), btree_writes(bytes).count());
                let _ = (errors(bytes).count(), io_done(bytes).count(), io_errors(bytes).count());
            }
        }
    }
}
