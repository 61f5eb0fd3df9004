//! `/proc/swaps`, any kernel: `/dev/zram0  partition  8388604  76  100`, one place for swapping per line after a line of
//! titles. Blanks in a name are written `\040`. The kernel shows it in one piece.

use crate::scan::{Fields, ParseError, lines, parse_i64};

/// One place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swap<'a> {
    /// A device or a file.
    pub name: &'a [u8],
    /// `partition` or `file`.
    pub kind: &'a [u8],
    pub size_kib: u64,
    pub used_kib: u64,
    /// The highest is used first; below zero where the kernel chose it.
    pub priority: i64,
}

pub fn swaps(bytes: &[u8]) -> impl Iterator<Item = Result<Swap<'_>, ParseError>> {
    lines(bytes).skip(1).filter(|(_, line)| !line.trim_ascii().is_empty()).map(|(number, line)| {
        let mut fields = Fields::new(number, line);
        let (name, kind) = (fields.text("a name")?, fields.text("a type")?);
        let (size_kib, used_kib) = (fields.number("the size")?, fields.number("what is used")?);
        let priority = fields.text("a priority")?;
        let not_a_number = || ParseError::new(number, "a number for the priority", priority);
        Ok(Swap { name, kind, size_kib, used_kib, priority: parse_i64(priority).ok_or_else(not_a_number)? })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_priority_may_be_below_zero_and_an_odd_line_loses_only_itself() {
        let text =
            b"Filename\tType\tSize Used\tPriority\n/dev/dm-1  partition\t2097148\t12\t-2\n/swap\\040file file 8 x 1\n";
        let all: Vec<_> = swaps(text).collect();
        let first = Swap { name: b"/dev/dm-1", kind: b"partition", size_kib: 2_097_148, used_kib: 12, priority: -2 };
        assert_eq!(all[0], Ok(first));
        assert!(all[1].as_ref().is_err_and(|error| error.line == 3 && error.found == "x"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            swaps(&bytes).for_each(drop);
        }
    }
}
