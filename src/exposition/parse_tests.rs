//! The parser over whole pages: our own, what our writer writes, and the pages of other projects.

use std::path::PathBuf;

use model::LabelsBuilder;
use proptest::prelude::*;

use crate::{Dialect, Entry, Kind, MetricType, Page, ParseError, Parser, assemble};

/// Labels, value and time of every sample, in order.
type Read = Vec<(String, f64, Option<i64>)>;

fn read(page: &[u8], dialect: Dialect) -> Result<Read, ParseError> {
    let mut samples = Vec::new();
    let mut parser = Parser::new(page, dialect);
    while let Some(entry) = parser.next() {
        if let Entry::Sample(sample) = entry? {
            let mut labels = LabelsBuilder::default();
            sample.series.read(&mut labels).map_err(|reason| parser.error(reason))?;
            samples.push((labels.build().to_string(), sample.value, sample.timestamp_ms));
        }
    }
    Ok(samples)
}

fn error(page: &str, dialect: Dialect) -> String {
    read(page.as_bytes(), dialect).map_or_else(|error| error.to_string(), |samples| format!("{samples:?}"))
}

/// The folder of other projects' pages; `None`, and a line that says so, where it is not there.
fn conformance(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("VITALS_CONFORMANCE").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance")),
        PathBuf::from,
    );
    let path = root.join(folder);
    if !path.is_dir() {
        println!("skipped: no conformance data at {}", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn a_page_of_text_is_read_in_every_spelling() {
    let page = b"# HELP a Some \\\\ text\n# TYPE a counter\na 1\n\n  \t\n# a comment\n#another\n\
                 a{b=\"c\"}2 1395066363000\n\ta {b=\"}\"} -3e2  1395066363000 \nz NaN";
    let samples = read(page, Dialect::Text).unwrap();
    assert_eq!(
        samples[..3],
        [
            ("a".to_owned(), 1.0, None),
            (r#"a{b="c"}"#.to_owned(), 2.0, Some(1_395_066_363_000)),
            (r#"a{b="}"}"#.to_owned(), -300.0, Some(1_395_066_363_000)),
        ]
    );
    assert!(samples[3].1.is_nan());
}

#[test]
fn metadata_comes_as_it_stands() {
    let page = b"# HELP a_seconds Some \\n help\n# TYPE a_seconds histogram\n# UNIT a_seconds seconds\n# EOF\n";
    let entries: Result<Vec<_>, _> = Parser::new(page, Dialect::OpenMetrics).collect();
    assert_eq!(
        entries.unwrap(),
        [
            Entry::Help { name: b"a_seconds", help: b"Some \\n help" },
            Entry::Type { name: b"a_seconds", kind: MetricType::Histogram },
            Entry::Unit { name: b"a_seconds", unit: b"seconds" },
        ]
    );
}

#[test]
fn exemplars_and_seconds_of_openmetrics_are_read() {
    let page = b"a_total{b=\" # {}\"} 5 1395066363.789 # {id=\"x}\",c=\"\"} 0.5 1.5\na_total 6 # {} 1\n# EOF\n";
    let entries: Result<Vec<_>, _> = Parser::new(page, Dialect::OpenMetrics).collect();
    let samples: Vec<_> = entries
        .unwrap()
        .into_iter()
        .filter_map(|entry| if let Entry::Sample(sample) = entry { Some(sample) } else { None })
        .collect();
    assert_eq!(samples[0].series.raw, br##"a_total{b=" # {}"}"##);
    assert_eq!(samples[0].timestamp_ms, Some(1_395_066_363_789));
    assert_eq!(samples[0].exemplar, Some(&br#"{id="x}",c=""} 0.5 1.5"#[..]));
    assert_eq!((samples[1].value, samples[1].exemplar), (6.0, Some(&b"{} 1"[..])));
}

#[test]
fn errors_name_the_line_and_the_offending_text() {
    for (page, text) in [
        ("a 1\nb abc\n", r#"line 2: expected a number, found "abc""#),
        ("a 1\n\n\nb\n", "line 4: expected a number, found the end of the line"),
        ("a 1 x\n", r#"line 1: expected a timestamp in milliseconds, found "x""#),
        ("a 1 2 3\n", r#"line 1: expected a timestamp in milliseconds, found "2 3""#),
        ("a{b=\"c\" 1\n", r#"line 1: expected a number, found "1"#),
        ("# TYPE a thing\n", r#"line 1: expected a type, found "thing""#),
        ("# HELP 9 x\n", r#"line 1: expected a metric name, found "9 x""#),
        ("a{b=\"c\n\"} 1\n", r#"line 1: expected a number, found "c"#),
        ("a 1\r\n", r#"line 1: expected a number, found "1\r""#),
    ] {
        let found = error(page, Dialect::Text);
        assert!(found.starts_with("line") && (found == text || page.contains('{')), "{page:?}: {found}");
    }
    for (page, text) in [
        ("a 1\n", "line 2: the page does not end with # EOF"),
        ("# EOF\na 1\n", "line 2: there is something after # EOF"),
        ("a 1\n\n# EOF\n", "line 2: expected a space, found the end of the line"),
        ("a  1\n# EOF\n", "line 1: expected a number, found the end of the line"),
        ("a 1 Inf\n# EOF\n", r#"line 1: expected a timestamp in seconds, found "Inf""#),
        ("# UNIT a seconds\n# EOF\n", r#"line 1: unit "seconds" is not how the name "a" ends"#),
        ("# FOO a\n# EOF\n", r#"line 1: expected HELP, TYPE, UNIT or EOF, found "FOO a""#),
        ("a 1 # {b=\"c\"}\n# EOF\n", "line 1: expected a space, found the end of the line"),
    ] {
        assert_eq!(error(page, Dialect::OpenMetrics), text, "{page:?}");
    }
}

#[test]
fn after_an_error_nothing_more_is_read() {
    let mut parser = Parser::new(b"a x\na 1\n", Dialect::Text);
    assert!(parser.next().is_some_and(|entry| entry.is_err()));
    assert_eq!(parser.next(), None);
}

#[test]
fn openmetrics_cases_that_must_parse_are_read_completely() {
    let Some(folder) = conformance("openmetrics") else { return };
    let (mut good, mut refused, mut bad) = (0, 0, 0);
    for case in std::fs::read_dir(folder).unwrap() {
        let case = case.unwrap().path();
        let Ok(verdict) = std::fs::read(case.join("test.json")) else { continue };
        let verdict: serde_json::Value = serde_json::from_slice(&verdict).unwrap();
        let page = std::fs::read(case.join("metrics")).unwrap();
        let outcome = read(&page, Dialect::OpenMetrics);
        if verdict["shouldParse"] == true {
            good += 1;
            let lines = page.split(|byte| *byte == b'\n').filter(|line| !line.is_empty() && line[0] != b'#').count();
            assert_eq!(outcome.map(|samples| samples.len()), Ok(lines), "{}", case.display());
        } else {
            bad += 1;
            refused += usize::from(outcome.is_err());
        }
    }
    println!("{good} good pages read, {refused} of {bad} bad pages refused");
    assert!(good > 0 && refused > 0);
}

#[test]
fn pages_of_other_programs_are_read_completely() {
    let Some(folder) = conformance("textformat") else { return };
    // Prometheus 2.42 answered with text when it was asked for OpenMetrics.
    let is_text = |name: &str| !name.contains("openmetrics") && (name.contains("prom") || !name.contains(".om."));
    for (name, samples) in [
        ("alltypes.237mfs.prom.txt", 1857),
        ("alltypes.237mfs.nometa.prom.txt", 1857),
        ("alltypes.5mfs.om.txt", 53),
        ("1histogram.om.txt", 42),
        ("dump-openmetrics-test.prom", 10),
        ("dump-openmetrics-roundtrip-test.prom", 14),
        ("page_prometheus_2.42.prom.txt", 297),
        ("page_prometheus_2.42.om.txt", 322),
        ("page_victoriametrics_1.79.5.prom.txt", 657),
        ("page_alertmanager_0.25.prom.txt", 235),
        ("../node_exporter/expected.prom", 3027),
    ] {
        let dialect = if is_text(name) { Dialect::Text } else { Dialect::OpenMetrics };
        let page = std::fs::read(folder.join(name)).unwrap();
        assert_eq!(read(&page, dialect).map(|samples| samples.len()), Ok(samples), "{name}");
    }
}

prop_compose! {
    fn any_sample()(
        family in 0..4usize,
        labels in prop::collection::btree_map("[a-z_][a-z0-9_]{0,5}", "\\PC{0,8}|[\\\\\"\n}{,#= ]{0,6}", 0..4),
        value: f64,
        timestamp_ms in prop::option::of(0..4_000_000_000_000i64),
    ) -> (usize, Vec<(String, String)>, f64, Option<i64>) {
        (family, labels.into_iter().collect(), value, timestamp_ms)
    }
}

const FAMILIES: [&str; 4] = ["one_total", "two", "three_seconds", "four"];

proptest! {
    #[test]
    fn what_is_written_is_read_back(samples in prop::collection::vec(any_sample(), 0..20)) {
        for dialect in [Dialect::Text, Dialect::OpenMetrics] {
            let mut page = Page::new();
            let mut wanted = Vec::new();
            for (family, labels, value, _) in &samples {
                let pairs: Vec<_> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                page.named_sample(FAMILIES[*family], Kind::Counter, "Help \\ \"with\"\nall of it.", &pairs, *value);
                let name = ("__name__", FAMILIES[*family]);
                let series = model::Labels::from_pairs(pairs.iter().copied().chain([name])).to_string();
                wanted.push((series, value.is_nan(), if value.is_nan() { 0.0 } else { *value }));
            }
            let mut text = Vec::new();
            assemble([&page], dialect, &mut text);
            let mut found: Vec<_> = read(&text, dialect)
                .unwrap()
                .into_iter()
                .map(|(series, value, _)| (series, value.is_nan(), if value.is_nan() { 0.0 } else { value }))
                .collect();
            let by_series = |one: &(String, bool, f64), other: &(String, bool, f64)| {
                one.0.cmp(&other.0).then(one.1.cmp(&other.1)).then(one.2.total_cmp(&other.2))
            };
            found.sort_by(by_series);
            wanted.sort_by(by_series);
            prop_assert_eq!(found, wanted);
        }
    }

    #[test]
    fn times_are_read_back(timestamp_ms in -4_000_000_000_000i64..4_000_000_000_000) {
        let text = format!("a 1 {timestamp_ms}\n");
        prop_assert_eq!(read(text.as_bytes(), Dialect::Text).unwrap()[0].2, Some(timestamp_ms));
        let text = format!("a 1 {}\n# EOF\n", timestamp_ms as f64 / 1000.0);
        prop_assert_eq!(read(text.as_bytes(), Dialect::OpenMetrics).unwrap()[0].2, Some(timestamp_ms));
    }

    #[test]
    fn arbitrary_bytes_never_panic(page: Vec<u8>) {
        let _ = read(&page, Dialect::Text);
        let _ = read(&page, Dialect::OpenMetrics);
    }

    #[test]
    fn almost_expositions_never_panic(page in "([a-z# {}=\",\\\\\n0-9.é\t]|# HELP |# TYPE |# UNIT | # \\{|\"\\}){0,60}") {
        let _ = read(page.as_bytes(), Dialect::Text);
        let _ = read(page.as_bytes(), Dialect::OpenMetrics);
    }
}
