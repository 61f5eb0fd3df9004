//! `/proc/slabinfo`, version 2.1 since 2.6.10: caches of the kernel's own objects, one per line after two lines of
//! titles. Readable by root alone. The kernel shows it in pieces of a page.

use crate::scan::{Fields, ParseError, lines};

/// One cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slab<'a> {
    pub name: &'a [u8],
    /// Objects in use.
    pub active_objects: u64,
    /// Objects, in use or not.
    pub objects: u64,
    pub object_bytes: u64,
    pub objects_per_slab: u64,
    pub pages_per_slab: u64,
}

pub fn slabs(bytes: &[u8]) -> impl Iterator<Item = Result<Slab<'_>, ParseError>> {
    let is_title = |line: &[u8]| line.starts_with(b"slabinfo -") || line.starts_with(b"#");
    let is_row = move |line: &[u8]| !line.trim_ascii().is_empty() && !is_title(line);
    lines(bytes).filter(move |(_, line)| is_row(line)).map(|(number, line)| {
        let mut fields = Fields::new(number, line);
        Ok(Slab {
            name: fields.text("a cache")?,
            active_objects: fields.number("the active objects")?,
            objects: fields.number("the objects")?,
            object_bytes: fields.number("the size of an object")?,
            objects_per_slab: fields.number("the objects per slab")?,
            pages_per_slab: fields.number("the pages per slab")?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn titles_are_passed_over_and_an_odd_line_loses_only_itself() {
        let text = b"slabinfo - version: 2.1\n# name <active_objs> : tunables\n\
            dentry 12 21 192 21 1 : tunables 0 0 0 : slabdata 1 1 0\nodd 1 2 x 4 5\nlast 1 2 3 4 5\n";
        let all: Vec<_> = slabs(text).collect();
        let dentry = Slab {
            name: b"dentry",
            active_objects: 12,
            objects: 21,
            object_bytes: 192,
            objects_per_slab: 21,
            pages_per_slab: 1,
        };
        assert_eq!(all[0], Ok(dentry));
        assert!(all[1].as_ref().is_err_and(|error| error.line == 4));
        assert_eq!(all[2].as_ref().map(|slab| slab.pages_per_slab), Ok(5));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            slabs(&bytes).for_each(drop);
        }
    }
}
