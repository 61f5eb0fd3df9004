//! Brings the pages of all collectors together into one exposition: families sorted by name, each with its HELP and
//! TYPE once.
//!
//! Sample lines are the same in both dialects. OpenMetrics wants counters to end in `_total` and names the family
//! without it; a counter with another name (`container_memory_failcnt`) is declared `unknown` there, so that no series
//! changes its name with the scraper's Accept header.

use std::collections::HashSet;

use crate::page::{BlockView, series_of};
use crate::{Kind, Page};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `text/plain; version=0.0.4`
    Text,
    /// `application/openmetrics-text; version=1.0.0`
    OpenMetrics,
}

/// What `assemble` had to leave out, as text for the log: the rest of the page is whole.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Assembled {
    pub families: usize,
    pub dropped: Vec<String>,
}

/// Appends the exposition of all pages to `out`.
///
/// A family that two pages declare with different types keeps the first page's samples; the others are dropped and
/// named. Where a family comes from several pages, a series that is already there is dropped and named.
pub fn assemble<'a>(pages: impl IntoIterator<Item = &'a Page>, dialect: Dialect, out: &mut Vec<u8>) -> Assembled {
    let mut blocks: Vec<(usize, BlockView<'a>)> = Vec::new();
    for (origin, page) in pages.into_iter().enumerate() {
        blocks.extend(page.blocks().map(|block| (origin, block)));
    }
    blocks.sort_by_key(|(_, block)| block.name);

    let mut report = Assembled::default();
    for family in blocks.chunk_by(|(_, one), (_, other)| one.name == other.name) {
        let (first_origin, first) = family[0];
        report.families += 1;
        write_header(out, &first, dialect);
        let has_one_origin = family.iter().all(|(origin, _)| *origin == first_origin);
        let mut seen = HashSet::new();
        for (_, block) in family {
            if block.kind != first.kind {
                report.dropped.push(format!(
                    "family {} is declared both {} and {}",
                    String::from_utf8_lossy(block.name),
                    first.kind.as_str(),
                    block.kind.as_str()
                ));
            } else if has_one_origin {
                out.extend_from_slice(block.lines);
            } else {
                copy_new_series(out, block.lines, &mut seen, &mut report);
            }
        }
    }
    if dialect == Dialect::OpenMetrics {
        out.extend_from_slice(b"# EOF\n");
    }
    report
}

fn copy_new_series<'a>(out: &mut Vec<u8>, lines: &'a [u8], seen: &mut HashSet<&'a [u8]>, report: &mut Assembled) {
    for line in lines.split_inclusive(|b| *b == b'\n') {
        let key = series_of(line);
        if seen.insert(key) {
            out.extend_from_slice(line);
        } else {
            report.dropped.push(format!("series {} is there twice", String::from_utf8_lossy(key)));
        }
    }
}

fn write_header(out: &mut Vec<u8>, block: &BlockView<'_>, dialect: Dialect) {
    let (name, kind) = match dialect {
        Dialect::Text => (block.name, block.kind.as_str()),
        Dialect::OpenMetrics => openmetrics_name_and_type(block),
    };
    out.extend_from_slice(b"# HELP ");
    out.extend_from_slice(name);
    out.push(b' ');
    for &byte in block.help {
        match (byte, dialect) {
            (b'\\', _) => out.extend_from_slice(b"\\\\"),
            (b'\n', _) => out.extend_from_slice(b"\\n"),
            (b'"', Dialect::OpenMetrics) => out.extend_from_slice(b"\\\""),
            _ => out.push(byte),
        }
    }
    out.extend_from_slice(b"\n# TYPE ");
    out.extend_from_slice(name);
    out.push(b' ');
    out.extend_from_slice(kind.as_bytes());
    out.push(b'\n');
}

fn openmetrics_name_and_type<'a>(block: &BlockView<'a>) -> (&'a [u8], &'static str) {
    match (block.kind, block.name.strip_suffix(b"_total")) {
        (Kind::Counter, Some(base)) => (base, "counter"),
        (Kind::Counter, None) | (Kind::Untyped, _) => (block.name, "unknown"),
        (kind, _) => (block.name, kind.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Family, counter, gauge};

    const READS: Family = counter("disk_reads_total", "Reads.");
    const LOAD: Family = gauge("load", "Load \"now\".");
    const FAILCNT: Family = counter("failcnt", "Failures.");

    fn text(pages: &[&Page], dialect: Dialect) -> (String, Assembled) {
        let mut out = Vec::new();
        let report = assemble(pages.iter().copied(), dialect, &mut out);
        (String::from_utf8(out).expect("UTF-8"), report)
    }

    #[test]
    fn interleaved_families_are_brought_together_and_sorted() {
        let mut page = Page::new();
        page.sample(&LOAD, &[], 0.5);
        page.sample(&READS, &[("device", "sda")], 1.0);
        page.sample(&LOAD, &[("kind", "x")], 2.0);
        let (text, report) = text(&[&page], Dialect::Text);
        assert_eq!(
            text,
            "# HELP disk_reads_total Reads.\n# TYPE disk_reads_total counter\ndisk_reads_total{device=\"sda\"} 1\n\
             # HELP load Load \"now\".\n# TYPE load gauge\nload 0.5\nload{kind=\"x\"} 2\n"
        );
        assert_eq!(report, Assembled { families: 2, dropped: vec![] });
    }

    #[test]
    fn openmetrics_strips_total_and_never_renames_a_series() {
        let mut page = Page::new();
        page.sample(&READS, &[], 1.0);
        page.sample(&FAILCNT, &[], 2.0);
        let (text, _) = text(&[&page], Dialect::OpenMetrics);
        assert_eq!(
            text,
            "# HELP disk_reads Reads.\n# TYPE disk_reads counter\ndisk_reads_total 1\n\
             # HELP failcnt Failures.\n# TYPE failcnt unknown\nfailcnt 2\n# EOF\n"
        );
    }

    #[test]
    fn a_series_that_two_pages_have_is_written_once_and_reported() {
        let (mut one, mut two) = (Page::new(), Page::new());
        one.sample(&LOAD, &[("a", "1")], 1.0);
        two.sample(&LOAD, &[("a", "1")], 5.0);
        two.sample(&LOAD, &[("a", "2")], 2.0);
        let (text, report) = text(&[&one, &two], Dialect::Text);
        assert!(text.ends_with("load{a=\"1\"} 1\nload{a=\"2\"} 2\n"), "{text}");
        assert_eq!(report.dropped, [r#"series load{a="1"} is there twice"#]);
    }

    #[test]
    fn a_budget_keeps_the_first_series() {
        let mut page = Page::new();
        page.sample(&LOAD, &[("a", "1")], 1.0);
        page.sample(&LOAD, &[("a", "2")], 1.0);
        page.sample(&READS, &[], 1.0);
        let mut lost = Vec::new();
        assert_eq!(page.truncate(1, |family, samples| lost.push((family.to_owned(), samples))), 2);
        assert_eq!(lost, [("load".to_owned(), 1), ("disk_reads_total".to_owned(), 1)]);
        let (text, _) = text(&[&page], Dialect::Text);
        assert!(text.ends_with("load{a=\"1\"} 1\n") && !text.contains("disk_reads"), "{text}");
    }

    #[test]
    fn of_a_series_that_a_page_has_twice_the_first_counts() {
        let write = |page: &mut Page, is_odd: bool| {
            page.clear();
            page.sample(&LOAD, &[("a", "1")], 1.0);
            page.sample(&READS, &[], 1.0);
            page.sample(&LOAD, &[("a", if is_odd { "1" } else { "3" })], 2.0);
            page.sample(&LOAD, &[("a", "2")], 3.0);
            if is_odd {
                page.sample(&READS, &[], 7.0);
            }
            let mut told = Vec::new();
            page.drop_repeats(|series| told.push(String::from_utf8_lossy(series).into_owned()));
            told
        };
        let mut page = Page::new();
        for _ in 0..2 {
            assert!(write(&mut page, false).is_empty());
            assert_eq!(page.samples(), 4);
            assert_eq!(write(&mut page, true), [r#"load{a="1"}"#, "disk_reads_total"]);
            assert_eq!(page.samples(), 3);
            let (text, report) = text(&[&page], Dialect::Text);
            assert!(
                text.contains("disk_reads_total 1\n") && text.ends_with("load{a=\"1\"} 1\nload{a=\"2\"} 3\n"),
                "{text}"
            );
            assert!(report.dropped.is_empty());
        }
    }
}
