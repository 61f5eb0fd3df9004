//! `/sys/devices/system/node/node<n>/meminfo`, since 2.6: `Node 0 MemTotal:  134182340 kB`, the memory of one NUMA node
//! as `/proc/meminfo` has that of all. The kernel shows it in one piece.

use crate::proc::meminfo::MemoryField;
use crate::scan::{Fields, ParseError, lines};

pub fn fields(bytes: &[u8]) -> impl Iterator<Item = Result<MemoryField<'_>, ParseError>> {
    lines(bytes).filter(|(_, line)| !line.trim_ascii().is_empty()).map(|(number, line)| {
        let mut fields = Fields::new(number, line);
        let title = fields.text("Node")?;
        if title != b"Node" {
            return Err(ParseError::new(number, "Node", title));
        }
        fields.number("the node")?;
        MemoryField::parse(number, fields)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc::meminfo::Unit;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_that_of_proc_meminfo_after_the_node() {
        let text = b"Node 3 Active(anon):   12 kB\nNode 3 HugePages_Free:  4\nMemFree: 1 kB\nNode x MemUsed: 1 kB\n";
        let all: Vec<_> = fields(text).collect();
        assert_eq!(all[0], Ok(MemoryField { name: b"Active(anon)", value: 12, unit: Unit::Kibibytes }));
        assert_eq!(all[1], Ok(MemoryField { name: b"HugePages_Free", value: 4, unit: Unit::Count }));
        assert!(all[2].is_err() && all[3].as_ref().is_err_and(|error| error.found == "x"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            fields(&bytes).for_each(drop);
        }
    }
}
