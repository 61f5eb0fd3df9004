//! Files of `key value` lines: `cpu.stat`, `memory.stat`, `memory.events`, `memory.oom_control`.

use crate::scan::{ParseError, lines, parse_u64};

/// Calls `take` with each key and value. A line that is not of the form goes to `problems`, and the rest is read on.
pub(super) fn read_pairs(bytes: &[u8], problems: &mut dyn FnMut(ParseError), mut take: impl FnMut(&[u8], u64)) {
    for (number, line) in lines(bytes) {
        if line.is_empty() {
            continue;
        }
        let end = memchr::memchr(b' ', line).unwrap_or(line.len());
        let (key, rest) = line.split_at(end);
        match unsigned(rest.trim_ascii()) {
            Some(value) => take(key, value),
            None => problems(ParseError::new(number, "a key and a number", line)),
        }
    }
}

/// Counters that the kernel sums up without locks may be seen below zero for a moment.
pub(super) fn unsigned(text: &[u8]) -> Option<u64> {
    match text.strip_prefix(b"-") {
        Some(digits) => parse_u64(digits).map(|_| 0),
        None => parse_u64(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_odd_line_costs_only_itself() {
        let (mut pairs, mut problems) = (Vec::new(), Vec::new());
        read_pairs(
            b"anon 12\nfile much\n\nlonely\ndirty -3\nslab 7",
            &mut |problem| problems.push(problem.to_string()),
            |key, value| pairs.push((String::from_utf8_lossy(key).into_owned(), value)),
        );
        assert_eq!(pairs, [("anon".to_owned(), 12), ("dirty".to_owned(), 0), ("slab".to_owned(), 7)]);
        assert_eq!(
            problems,
            [
                r#"line 2: expected a key and a number, found "file much""#,
                r#"line 4: expected a key and a number, found "lonely""#
            ]
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            read_pairs(&bytes, &mut drop, |_, _| {});
        }
    }
}
