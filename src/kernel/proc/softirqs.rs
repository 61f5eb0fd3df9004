//! `/proc/softirqs`, since 2.6.31: a line of column titles, one per possible CPU, then one line per kind of deferred
//! work: `      NET_RX:      43066     104508`. The kernel shows it in pieces of a page.

use crate::scan::{Fields, ParseError, lines, parse_u64};

/// One line.
#[derive(Clone, Debug)]
pub struct Softirq<'a> {
    /// `NET_RX`, `TIMER`; kernels add some.
    pub name: &'a [u8],
    fields: Fields<'a>,
}

pub fn softirqs(bytes: &[u8]) -> impl Iterator<Item = Result<Softirq<'_>, ParseError>> {
    lines(bytes).skip(1).filter(|(_, line)| !line.trim_ascii().is_empty()).map(|(number, line)| {
        let mut fields = Fields::new(number, line);
        let title = fields.text("a name")?;
        let name = title.strip_suffix(b":").filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| ParseError::new(number, "a name that ends in a colon", title))?;
        match fields.clone().find(|count| parse_u64(count).is_none()) {
            Some(odd) => Err(ParseError::new(number, "a number of soft interrupts", odd)),
            None => Ok(Softirq { name, fields }),
        }
    })
}

impl Softirq<'_> {
    /// How often it ran on each CPU since boot, by column.
    pub fn counts(&self) -> impl Iterator<Item = u64> {
        self.fields.clone().filter_map(parse_u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_line_has_a_count_per_cpu() {
        let text = b"      CPU0       CPU1\n  HI:   7   1\nTIMER: 4\nNET_RX: 1 x\nBLOCK 1 2\n";
        let all: Vec<_> = softirqs(text).collect();
        let first = all[0].as_ref().expect("valid");
        assert_eq!((first.name, first.counts().collect::<Vec<_>>()), (&b"HI"[..], vec![7, 1]));
        assert_eq!(all[1].as_ref().expect("valid").counts().count(), 1);
        assert!(all[2].as_ref().is_err_and(|error| error.found == "x" && error.line == 4));
        assert!(all[3].as_ref().is_err_and(|error| error.found == "BLOCK"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            softirqs(&bytes).flatten().for_each(|softirq| softirq.counts().for_each(drop));
        }
    }
}
