//! `/proc/zoneinfo`, since 2.6.13: a block of lines per zone of each NUMA node. Kernels add fields, so the parser knows
//! hardly any by name. The kernel shows it in pieces of a page, and it is long where there are many CPUs.
//!
//! ```text
//! Node 0, zone   Normal
//!   per-node stats
//!       nr_inactive_anon 95612
//!   pages free     2949
//!         min      8
//!         protection: (0, 2039, 31932)
//!       nr_free_pages 2949
//!   pagesets
//!     cpu: 0
//!               count: 0
//! ```

use crate::scan::{Fields, ParseError, lines, parse_i64};

/// One line that says something of the zone that was named last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// The lines that follow are about this zone.
    Zone { node: &'a [u8], zone: &'a [u8] },
    /// `nr_free_pages`, `min`: most are pages, some are events since boot, as the name says.
    Field { name: &'a [u8], value: i64 },
    /// Pages that this zone keeps from allocations that could also use the n-th one.
    Protection(Protection<'a>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protection<'a>(&'a [u8]);

/// What is about single CPUs, and the headings, are passed over; `pages free` too, which `nr_free_pages` says again.
pub fn entries(bytes: &[u8]) -> impl Iterator<Item = Result<Entry<'_>, ParseError>> {
    lines(bytes).filter_map(|(number, line)| entry(number, line).transpose())
}

fn entry(number: usize, line: &[u8]) -> Result<Option<Entry<'_>>, ParseError> {
    let mut fields = Fields::new(number, line);
    let Some(first) = fields.next() else { return Ok(None) };
    match first {
        b"Node" => {
            let node = fields.next().and_then(|node| node.strip_suffix(b","));
            let (Some(node), Some(b"zone"), Some(zone)) = (node, fields.next(), fields.next()) else {
                return Err(ParseError::new(number, "Node <n>, zone <name>", line));
            };
            Ok(Some(Entry::Zone { node, zone }))
        }
        b"protection:" => {
            Protection::parse(number, fields.rest()).map(|protection| Some(Entry::Protection(protection)))
        }
        b"pages" | b"per-node" | b"pagesets" => Ok(None),
        _ if memchr::memchr(b':', line).is_some() => Ok(None),
        name => {
            let text = fields.text("a value")?;
            let not_a_number = || ParseError::new(number, "a number of pages or events", text);
            Ok(Some(Entry::Field { name, value: parse_i64(text).ok_or_else(not_a_number)? }))
        }
    }
}

impl<'a> Protection<'a> {
    fn parse(number: usize, text: &'a [u8]) -> Result<Self, ParseError> {
        let inner = text.strip_prefix(b"(").and_then(|text| text.strip_suffix(b")"));
        let inner = inner.filter(|inner| Protection(inner).parts().all(|part| parse_i64(part).is_some()));
        inner.map(Protection).ok_or_else(|| ParseError::new(number, "numbers in parentheses", text))
    }

    fn parts(self) -> impl Iterator<Item = &'a [u8]> {
        self.0.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
    }

    pub fn pages(self) -> impl Iterator<Item = i64> {
        self.parts().filter_map(parse_i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_follow_their_zone_and_what_is_of_one_cpu_is_passed_over() {
        let text =
            b"Node 1, zone   Normal\n  per-node stats\n      nr_dirty 7\n  pages free     29\n        min      8\n\
            \x20       protection: (0, 2039)\n  pagesets\n    cpu: 0\n              count: 5\n  vm stats threshold: 8\n\
            \x20 node_unreclaimable:  0\n      numa_hit     x\n";
        let all: Vec<_> = entries(text).collect();
        assert_eq!(all[0], Ok(Entry::Zone { node: b"1", zone: b"Normal" }));
        assert_eq!(all[1], Ok(Entry::Field { name: b"nr_dirty", value: 7 }));
        assert_eq!(all[2], Ok(Entry::Field { name: b"min", value: 8 }));
        let Ok(Entry::Protection(protection)) = &all[3] else { panic!("{:?}", all[3]) };
        assert_eq!(protection.pages().collect::<Vec<_>>(), [0, 2039]);
        assert!(all[4].as_ref().is_err_and(|error| error.line == 12 && error.found == "x"));
        assert_eq!(all.len(), 5);
    }

    #[test]
    fn an_odd_line_loses_only_itself() {
        let all: Vec<_> =
            entries(b"Node 1 zone DMA\n protection: (0, x)\n protection: 0\n lonely\n managed 5").collect();
        assert_eq!(all.iter().filter(|entry| entry.is_err()).count(), 4);
        assert_eq!(all[4], Ok(Entry::Field { name: b"managed", value: 5 }));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in "((Node|protection:|pages|numa_hit)?[ (]{0,2}[0-9,:)]{0,4}( zone)?[ a-z]{0,4}\n){0,6}") {
            for entry in entries(bytes.as_bytes()) {
                if let Ok(Entry::Protection(protection)) = entry {
                    protection.pages().for_each(drop);
                }
            }
        }
    }
}
