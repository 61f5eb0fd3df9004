//! `/proc/meminfo`, any kernel: `MemTotal:       24684084 kB`, one field per line. Kernels add fields, so the parser
//! knows none of them by name. The kernel shows the file in one piece.

use crate::scan::{Fields, ParseError, lines};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryField<'a> {
    /// As the kernel spells it: `MemTotal`, `Active(anon)`.
    pub name: &'a [u8],
    /// In KiB, or a plain number of things; `unit` says which.
    pub value: u64,
    pub unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// The line ends in `kB`, by which the kernel means 1024 bytes.
    Kibibytes,
    /// No unit: `HugePages_Total` and its like count pages of `Hugepagesize`.
    Count,
}

pub fn fields(bytes: &[u8]) -> impl Iterator<Item = Result<MemoryField<'_>, ParseError>> {
    let rows = lines(bytes).filter(|(_, line)| !line.is_empty());
    rows.map(|(number, line)| MemoryField::parse(number, Fields::new(number, line)))
}

impl<'a> MemoryField<'a> {
    /// What is left of a line, from the name on; `number` is the line's.
    pub(crate) fn parse(number: usize, mut fields: Fields<'a>) -> Result<Self, ParseError> {
        let title = fields.text("a field name")?;
        let name = title.strip_suffix(b":").filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| ParseError::new(number, "a name that ends in a colon", title))?;
        let value = fields.number("an amount of memory")?;
        let unit = match fields.rest() {
            b"kB" => Unit::Kibibytes,
            b"" => Unit::Count,
            other => return Err(ParseError::new(number, "kB or nothing", other)),
        };
        Ok(MemoryField { name, value, unit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_and_counts_are_told_apart() {
        let all: Vec<_> =
            fields(b"MemTotal:       24684084 kB\nActive(anon):       1568 kB\nHugePages_Total:       3\n")
                .collect::<Result<_, _>>()
                .expect("valid");
        assert_eq!(
            all,
            [
                MemoryField { name: b"MemTotal", value: 24_684_084, unit: Unit::Kibibytes },
                MemoryField { name: b"Active(anon)", value: 1568, unit: Unit::Kibibytes },
                MemoryField { name: b"HugePages_Total", value: 3, unit: Unit::Count },
            ]
        );
    }

    #[test]
    fn an_odd_line_loses_only_itself() {
        let all: Vec<_> = fields(b"MemTotal: 1 kB\nMemFree: much kB\nBuffers 5 kB\nCached: 7 MB\nSlab: 2 kB").collect();
        assert_eq!(all.len(), 5);
        assert!(all[0].is_ok() && all[4].is_ok());
        let texts: Vec<_> = all.iter().filter_map(|field| field.as_ref().err()).map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                r#"line 2: expected a number for an amount of memory, found "much""#,
                r#"line 3: expected a name that ends in a colon, found "Buffers""#,
                r#"line 4: expected kB or nothing, found "MB""#,
            ]
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            fields(&bytes).for_each(drop);
        }

        #[test]
        fn the_same_fields_as_procfs_core(total in 0u64..1 << 40, free in 0u64..1 << 40) {
            use procfs_core::FromRead;
            let text = format!(
                "MemTotal: {total} kB\nMemFree: {free} kB\nBuffers: 1 kB\nCached: 1 kB\nSwapCached: 1 kB\nActive: 1 kB\n\
                 Inactive: 1 kB\nSwapTotal: 1 kB\nSwapFree: 1 kB\nDirty: 1 kB\nWriteback: 1 kB\nMapped: 1 kB\n\
                 Slab: 1 kB\nCommitted_AS: 1 kB\nVmallocTotal: 1 kB\nVmallocUsed: 1 kB\nVmallocChunk: 1 kB\n"
            );
            let theirs = procfs_core::Meminfo::from_read(text.as_bytes()).expect("valid");
            let ours = |name: &[u8]| {
                let field = fields(text.as_bytes()).filter_map(Result::ok).find(|field| field.name == name);
                field.map(|field| field.value * 1024)
            };
            prop_assert_eq!(ours(b"MemTotal"), Some(theirs.mem_total));
            prop_assert_eq!(ours(b"MemFree"), Some(theirs.mem_free));
        }
    }
}
