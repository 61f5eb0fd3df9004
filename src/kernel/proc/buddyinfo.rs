//! `/proc/buddyinfo`, since 2.6: `Node 0, zone   Normal   4381   1093    185`, free blocks of 1, 2, 4 and so on pages,
//! one zone per line. The kernel shows it in one piece.

use crate::scan::{Fields, ParseError, lines, parse_u64};

/// One zone of one NUMA node.
#[derive(Clone, Debug)]
pub struct FreeBlocks<'a> {
    pub node: &'a [u8],
    /// `DMA32`, `Normal`.
    pub zone: &'a [u8],
    fields: Fields<'a>,
}

pub fn zones(bytes: &[u8]) -> impl Iterator<Item = Result<FreeBlocks<'_>, ParseError>> {
    lines(bytes).filter(|(_, line)| !line.trim_ascii().is_empty()).map(|(number, line)| {
        let mut fields = Fields::new(number, line);
        let not_a_zone = || ParseError::new(number, "Node <n>, zone <name> and numbers", line);
        let (title, node) = (fields.next(), fields.next().and_then(|node| node.strip_suffix(b",")));
        let (Some(b"Node"), Some(node), Some(b"zone"), Some(zone)) = (title, node, fields.next(), fields.next()) else {
            return Err(not_a_zone());
        };
        if fields.clone().any(|count| parse_u64(count).is_none()) {
            return Err(not_a_zone());
        }
        Ok(FreeBlocks { node, zone, fields })
    })
}

impl FreeBlocks<'_> {
    /// Free blocks by order: the n-th are of 2ⁿ pages.
    pub fn counts(&self) -> impl Iterator<Item = u64> {
        self.fields.clone().filter_map(parse_u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_zone_has_a_count_per_order_and_an_odd_line_loses_only_itself() {
        let all: Vec<_> =
            zones(b"Node 1, zone   Normal   43   10    1 \nNode 0 zone DMA 1\nNode 0, zone DMA x\n").collect();
        let first = all[0].as_ref().expect("valid");
        assert_eq!((first.node, first.zone), (&b"1"[..], &b"Normal"[..]));
        assert_eq!(first.counts().collect::<Vec<_>>(), [43, 10, 1]);
        assert!(all[1].is_err() && all[2].as_ref().is_err_and(|error| error.line == 3));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in "(Node)?[ 0-9,]{0,4}(zone)?[ a-z]{0,4}[0-9 ]{0,9}\n?.{0,20}") {
            zones(bytes.as_bytes()).flatten().for_each(|zone| zone.counts().for_each(drop));
        }
    }
}
