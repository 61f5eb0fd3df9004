//! `/sys/fs/btrfs/<uuid>/commit_stats` (6.0): how long transactions took. Lines of a name and a number.

use crate::scan::{Fields, ParseError, lines};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommitStats {
    /// Since the file system was mounted.
    pub commits: u64,
    pub last_milliseconds: u64,
    /// Of the slowest since the counter was reset.
    pub max_milliseconds: u64,
    pub total_milliseconds: u64,
}

impl CommitStats {
    /// A line that is not there leaves a zero; unknown ones are passed over.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut stats = CommitStats::default();
        for (line, text) in lines(bytes) {
            let mut fields = Fields::new(line, text);
            let place = match fields.next() {
                Some(b"commits") => &mut stats.commits,
                Some(b"last_commit_ms") => &mut stats.last_milliseconds,
                Some(b"max_commit_ms") => &mut stats.max_milliseconds,
                Some(b"total_commit_ms") => &mut stats.total_milliseconds,
                _ => continue,
            };
            *place = fields.number("a time or count")?;
        }
        Ok(stats)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_found_by_name() {
        let text = b"commits 42\nlast_commit_ms 12\nmax_commit_ms 400\nnew 1\ntotal_commit_ms 9000\n";
        let stats = CommitStats { commits: 42, last_milliseconds: 12, max_milliseconds: 400, total_milliseconds: 9000 };
        assert_eq!(CommitStats::parse(text), Ok(stats));
        let error = CommitStats::parse(b"commits many\n").expect_err("no number").to_string();
        assert_eq!(error, r#"line 1: expected a number for a time or count, found "many""#);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in "((commits|max_commit_ms)[ 0-9x]{0,30}\n){0,4}", garbage in any::<Vec<u8>>()) {
            let _ = (CommitStats::parse(bytes.as_bytes()), CommitStats::parse(&garbage));
        }
    }
}
