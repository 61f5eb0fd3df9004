//! `/proc/net/rpc/{nfs,nfsd}`, any kernel with NFS: statistics of the client and of the server, one kind per line:
//! `proc3 22 0 1061909262 48906 ..`. The kernel shows each in one piece.

use crate::scan::{Fields, ParseError, lines};

/// One line. Fractions (a histogram of threads that is always zero) end it.
#[derive(Clone, Debug)]
pub struct Statistics<'a> {
    /// `net`, `rpc`, `proc3`.
    pub kind: &'a [u8],
    line: usize,
    fields: Fields<'a>,
}

pub fn statistics(bytes: &[u8]) -> impl Iterator<Item = Statistics<'_>> {
    lines(bytes).filter_map(|(line, text)| {
        let mut fields = Fields::new(line, text);
        Some(Statistics { kind: fields.next()?, line, fields })
    })
}

impl Statistics<'_> {
    /// The first numbers of the line; an error when there are fewer.
    pub fn numbers<const COUNT: usize>(&self) -> Result<[u64; COUNT], ParseError> {
        let mut fields = self.fields.clone();
        let mut numbers = [0; COUNT];
        for number in &mut numbers {
            *number = fields.number("the statistic")?;
        }
        Ok(numbers)
    }

    /// The numbers of a line that begins with how many follow. Kernels add some at the end: what is missing is 0, what
    /// is more than expected is left out.
    pub fn counted<const COUNT: usize>(&self) -> Result<[u64; COUNT], ParseError> {
        let mut fields = self.fields.clone();
        let count = fields.number("how many numbers follow")?;
        let present = fields.clone().count() as u64;
        if present != count {
            return Err(ParseError::new(
                self.line,
                format!("{count} numbers"),
                format!("{present} numbers").as_bytes(),
            ));
        }
        let mut numbers = [0; COUNT];
        for (number, _) in numbers.iter_mut().zip(0..count) {
            *number = fields.number("the number of calls")?;
        }
        Ok(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_that_says_how_long_it_is_must_be_as_long() {
        let text = b"net 70 70 69 45\nproc3 4 1 2 3 4\nproc4 3 1 2\nth 8 0 0.000\n\n";
        let all: Vec<_> = statistics(text).collect();
        assert_eq!(all.len(), 4);
        assert_eq!(all[0].numbers::<4>(), Ok([70, 70, 69, 45]));
        assert_eq!(all[1].counted::<2>(), Ok([1, 2]));
        assert_eq!(all[1].counted::<6>(), Ok([1, 2, 3, 4, 0, 0]));
        assert!(all[2].counted::<2>().is_err_and(|error| error.line == 3 && error.found == "2 numbers"));
        assert_eq!(all[3].numbers::<2>(), Ok([8, 0]));
        assert!(all[3].numbers::<3>().is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in "((proc|net)[0-9 x.]{0,20}\n){0,4}.{0,20}") {
            for line in statistics(bytes.as_bytes()) {
                let _ = (line.numbers::<3>(), line.counted::<3>());
            }
        }
    }
}
