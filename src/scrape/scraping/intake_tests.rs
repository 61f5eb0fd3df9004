use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use exposition::Dialect;
use model::Labels;
use proptest::prelude::*;

use super::ScrapeError;
use super::intake::{Intake, Moment, PageText, Scratch, Stores};
use super::memory_appender::MemoryAppender;
use super::series_rules::SeriesRules;
use crate::config::Config;

/// One target over a storage in memory, scraped once a second from second 1 on.
struct Rig {
    appender: Arc<MemoryAppender>,
    stores: Stores,
    intake: Intake,
    scratch: Scratch,
    timestamp_ms: i64,
}

/// Labels of the target's own series.
const TARGET: [(&str, &str); 2] = [("instance", "i"), ("job", "j")];

impl Rig {
    /// `settings` are keys of the job, each on its own line.
    fn new(settings: &str) -> Rig {
        let appender = MemoryAppender::new();
        let stores = Stores { appender: appender.clone(), counters: Default::default(), metadata: Default::default() };
        let intake = Intake::new(rules(settings));
        Rig { appender, stores, intake, scratch: Scratch::default(), timestamp_ms: 0 }
    }

    fn take(&mut self, answer: Result<&str, ScrapeError>) -> Option<ScrapeError> {
        self.timestamp_ms += 1000;
        let answer = answer.map(|page| PageText { text: page.as_bytes(), dialect: Dialect::Text });
        let moment = Moment { timestamp_ms: self.timestamp_ms, started: Instant::now() };
        self.intake.take(answer, moment, &self.stores, &mut self.scratch)
    }

    fn page(&mut self, page: &str) {
        assert_eq!(self.take(Ok(page)), None);
    }

    fn error(&mut self, page: &str) -> String {
        self.take(Ok(page)).expect("the scrape fails").to_string()
    }

    fn fail(&mut self) {
        self.take(Err(ScrapeError::Timeout { timeout_ms: 10 }));
    }

    fn end(&mut self) {
        self.timestamp_ms += 1000;
        self.intake.end(self.timestamp_ms, &self.stores, &mut self.scratch).unwrap();
    }

    /// The history of a series with the target's labels.
    fn history(&self, name: &str) -> String {
        self.appender.history(&format!(r#"{name}{{instance="i", job="j"}}"#))
    }

    fn refused(&self, reason: &str) -> u64 {
        self.stores.counters.totals().samples_refused_total.get(reason).copied().unwrap_or(0)
    }
}

fn rules(settings: &str) -> SeriesRules {
    let settings: String = settings.lines().map(|line| format!("    {line}\n")).collect();
    let yaml = format!("scrape_configs:\n  - job_name: j\n{settings}");
    let config = Config::parse(&yaml, Path::new("test.yml")).unwrap();
    SeriesRules { target_labels: Labels::from_pairs(TARGET), config: Arc::new(config.scrape_configs[0].clone()) }
}

#[test]
fn a_scrape_is_one_commit_with_one_time() {
    let mut rig = Rig::new("");
    rig.page("a 1\nb{x=\"1\"} 2\n");
    rig.page("a 3\nb{x=\"1\"} 4\n");
    assert_eq!(rig.history("a"), "1@1000 3@2000");
    assert_eq!(rig.appender.history(r#"b{instance="i", job="j", x="1"}"#), "2@1000 4@2000");
    assert_eq!(rig.appender.commits(), [[1000], [2000]]);
    for (name, values) in [
        ("up", "1@1000 1@2000"),
        ("scrape_samples_scraped", "2@1000 2@2000"),
        ("scrape_samples_post_metric_relabeling", "2@1000 2@2000"),
        ("scrape_series_added", "2@1000 0@2000"),
    ] {
        assert_eq!(rig.history(name), values, "{name}");
    }
    assert_eq!(rig.appender.series().len(), 7);
}

#[test]
fn a_known_line_is_not_resolved_again() {
    let mut rig = Rig::new("");
    for _ in 0..3 {
        rig.page("a 1\nb{x=\"1\"} 2\n");
    }
    assert_eq!(rig.appender.resolved(), 7);
}

#[test]
fn series_that_are_gone_get_a_marker_once() {
    let mut rig = Rig::new("");
    rig.page("a 1\nb 1\n");
    rig.page("a 2\n");
    rig.page("a 3\n");
    rig.page("a 4\nb 4\n");
    assert_eq!(rig.history("b"), "1@1000 stale@2000 4@4000");
    assert_eq!(rig.history("a"), "1@1000 2@2000 3@3000 4@4000");
}

#[test]
fn a_failed_scrape_ends_all_series_and_is_down() {
    let mut rig = Rig::new("");
    rig.page("a 1\n");
    rig.fail();
    rig.fail();
    rig.page("a 4\n");
    assert_eq!(rig.history("a"), "1@1000 stale@2000 4@4000");
    assert_eq!(rig.history("up"), "1@1000 0@2000 0@3000 1@4000");
    assert_eq!(rig.history("scrape_series_added"), "1@1000 0@2000 0@3000 0@4000");
}

#[test]
fn nothing_of_a_malformed_page_is_stored() {
    let mut rig = Rig::new("");
    rig.page("a 1\nb 1\n");
    assert_eq!(rig.error("a 2\nc 2\nb x\n"), r#"line 3: expected a number, found "x""#);
    assert_eq!(rig.error("a 3\nc{x=\"1} 2\n"), r#"line 2: expected a closing quote, found "\"1}""#);
    rig.page("a 4\nc 4\n");
    assert_eq!(rig.history("a"), "1@1000 stale@2000 4@4000");
    assert_eq!(rig.history("b"), "1@1000 stale@2000");
    assert_eq!(rig.history("c"), "4@4000");
    assert_eq!(rig.history("up"), "1@1000 0@2000 0@3000 1@4000");
    assert_eq!(rig.history("scrape_samples_scraped"), "2@1000 2@2000 2@3000 2@4000");
}

#[test]
fn when_the_target_goes_its_own_series_end_too() {
    let mut rig = Rig::new("");
    rig.page("a 1\n");
    rig.end();
    rig.end();
    assert_eq!(rig.history("a"), "1@1000 stale@2000");
    assert_eq!(rig.history("up"), "1@1000 stale@2000");
    assert_eq!(rig.history("scrape_duration_seconds").split(' ').count(), 2);
}

#[test]
fn timestamps_of_the_page_are_honoured_and_do_not_end() {
    let mut rig = Rig::new("");
    rig.page("a 1 500\n");
    rig.page("b 1\n");
    assert_eq!(rig.history("a"), "1@500");

    let mut rig = Rig::new("track_timestamps_staleness: true");
    rig.page("a 1 500\n");
    rig.page("b 1\n");
    assert_eq!(rig.history("a"), "1@500 stale@2000");

    let mut rig = Rig::new("honor_timestamps: false");
    rig.page("a 1 500\n");
    rig.page("b 1\n");
    assert_eq!(rig.history("a"), "1@1000 stale@2000");
}

#[test]
fn samples_of_the_past_and_the_future_cost_only_themselves() {
    let mut rig = Rig::new("");
    rig.appender.refuse_after(1_000_000);
    rig.page("a 1 900\nb 1\n");
    rig.page("a 2 800\nb 2\nc 2 2000000\n");
    rig.page("a 3 700\nb 3\nc 3 2000000\n");
    assert_eq!(rig.history("b"), "1@1000 2@2000 3@3000");
    assert_eq!(rig.history("a"), "1@900");
    assert_eq!((rig.refused("out_of_order"), rig.refused("too_far_ahead")), (2, 2));
    assert_eq!(rig.history("up"), "1@1000 1@2000 1@3000");
}

#[test]
fn a_repeated_series_is_stored_once_and_counted() {
    let mut rig = Rig::new("");
    rig.page("a 1\na 1\na 2\n");
    assert_eq!(rig.history("a"), "1@1000");
    assert_eq!(rig.refused("repeated"), 2);
    assert_eq!(rig.history("scrape_samples_post_metric_relabeling"), "3@1000");
    // With times of their own they are several samples of one series.
    rig.page("b 1 1\nb 2 2\n");
    assert_eq!(rig.history("b"), "1@1 2@2");
}

#[test]
fn series_that_relabelling_makes_equal_are_stored_once() {
    let drop_x = "metric_relabel_configs:\n- {action: labeldrop, regex: x}";
    let mut rig = Rig::new(drop_x);
    rig.page("a{x=\"1\"} 1\na{x=\"2\"} 2\n");
    rig.page("a{x=\"1\"} 3\n");
    assert_eq!(rig.history("a"), "1@1000 3@2000");
    assert_eq!(rig.refused("duplicate_timestamp"), 1);
}

#[test]
fn relabelling_drops_renames_and_is_asked_once() {
    let mut rig = Rig::new(
        "metric_relabel_configs:\n- {source_labels: [__name__], regex: unwanted, action: drop}\n\
         - {source_labels: [__name__], regex: old, target_label: __name__, replacement: new}",
    );
    for _ in 0..2 {
        rig.page("old 1\nunwanted{x=\"1\"} 1\n");
    }
    assert_eq!(rig.history("new"), "1@1000 1@2000");
    assert_eq!(rig.history("scrape_samples_scraped"), "2@1000 2@2000");
    assert_eq!(rig.history("scrape_samples_post_metric_relabeling"), "1@1000 1@2000");
    assert_eq!(rig.history("scrape_series_added"), "1@1000 0@2000");
    assert_eq!(rig.appender.resolved(), 6);
}

#[test]
fn labels_of_the_target_win_or_lose() {
    let page = "a{job=\"own\",exported_job=\"x\",instance=\"\"} 1\n";
    let mut rig = Rig::new("");
    rig.page(page);
    assert_eq!(rig.appender.series()[0], r#"a{exported_exported_job="own", exported_job="x", instance="i", job="j"}"#);
    let mut rig = Rig::new("honor_labels: true");
    rig.page(page);
    assert_eq!(rig.appender.series()[0], r#"a{exported_job="x", job="own"}"#);
}

#[test]
fn a_page_beyond_a_limit_fails_as_a_whole() {
    for (settings, page, text) in [
        ("sample_limit: 1", "a 1\nb 1\nb 1\n", "sample limit exceeded (1)"),
        ("label_limit: 3", "a{x=\"1\"} 1\n", "label_limit exceeded (metric: a, number of labels: 4, limit: 3)"),
        (
            "label_name_length_limit: 9",
            "a{long_label=\"1\"} 1\n",
            "label_name_length_limit exceeded (metric: a, label name: long_label, length: 10, limit: 9)",
        ),
        (
            "label_value_length_limit: 3",
            "a{x=\"long\"} 1\n",
            "label_value_length_limit exceeded (metric: a, label name: x, value: \"long\", length: 4, limit: 3)",
        ),
        ("metric_name_validation_scheme: legacy", "{\"a.b\"} 1\n", "invalid metric name or label names: "),
    ] {
        let mut rig = Rig::new(settings);
        let error = rig.error(page);
        assert!(error.starts_with(text), "{error}");
        assert_eq!(rig.history("up"), "0@1000");
        assert!(rig.appender.series().iter().all(|series| !series.starts_with("a{")), "{settings}");
    }
}

#[test]
fn a_page_beyond_the_sample_limit_is_still_counted_and_recovers() {
    let mut rig = Rig::new("sample_limit: 2");
    rig.page("a 1\nb 1\n");
    rig.error("a 1\nb 1\nc 1\nd 1\n");
    rig.page("a 3\nc 3\n");
    assert_eq!(rig.history("scrape_samples_scraped"), "2@1000 4@2000 2@3000");
    assert_eq!(rig.history("a"), "1@1000 stale@2000 3@3000");
    assert_eq!(rig.history("c"), "3@3000");
}

#[test]
fn at_the_series_limit_known_series_go_on() {
    let mut rig = Rig::new("");
    rig.page("a 1\n");
    rig.appender.limit_series(Some(6));
    assert_eq!(rig.error("a 2\nb 2\n"), "the limit of 6 active series is reached");
    assert_eq!(rig.history("a"), "1@1000 2@2000");
    assert_eq!((rig.history("up"), rig.refused("series_limit")), ("1@1000 0@2000".to_owned(), 1));
    rig.appender.limit_series(None);
    rig.page("a 3\nb 3\n");
    assert_eq!((rig.history("a"), rig.history("b")), ("1@1000 2@2000 3@3000".to_owned(), "3@3000".to_owned()));
}

#[test]
fn while_the_storage_is_unavailable_nothing_is_forgotten() {
    let mut rig = Rig::new("");
    rig.page("a 1\nb 1\n");
    rig.appender.set_unavailable(true);
    assert_eq!(rig.error("a 2\n"), "the storage does not take samples: the disk is full");
    rig.appender.set_unavailable(false);
    rig.page("a 3\n");
    assert_eq!(rig.history("a"), "1@1000 3@3000");
    assert_eq!(rig.history("b"), "1@1000 stale@3000");
}

#[test]
fn series_that_the_storage_forgot_are_resolved_anew() {
    let mut rig = Rig::new("");
    rig.page("a 1\nb 1\n");
    for series in ["a", "up"] {
        rig.appender.forget(&format!(r#"{series}{{instance="i", job="j"}}"#));
    }
    rig.page("a 2\nb 2\n");
    rig.page("a 3\nb 3\n");
    assert_eq!(rig.history("a"), "2@2000 3@3000");
    assert_eq!(rig.history("b"), "1@1000 2@2000 3@3000");
    assert_eq!(rig.history("up"), "1@2000 1@3000");
    assert_eq!(rig.stores.counters.totals().forgotten_series_total, 2);
}

#[test]
fn under_new_rules_the_old_series_end() {
    let mut rig = Rig::new("");
    rig.page("a 1\nb 1\n");
    rig.intake.change_rules(rules("metric_relabel_configs:\n- {source_labels: [__name__], regex: b, action: drop}"));
    rig.page("a 2\nb 2\n");
    rig.page("a 3\nb 3\n");
    assert_eq!(rig.history("a"), "1@1000 2@2000 3@3000");
    assert_eq!(rig.history("b"), "1@1000 stale@2000");
    // Rules that do not matter to series keep the cache.
    let resolved = rig.appender.resolved();
    rig.intake.change_rules(rules(
        "scrape_interval: 1s\nscrape_timeout: 1s\nmetric_relabel_configs:\n\
         - {source_labels: [__name__], regex: b, action: drop}",
    ));
    rig.page("a 4\nb 4\n");
    assert_eq!(rig.appender.resolved(), resolved);
}

#[test]
fn a_failure_right_after_new_rules_ends_the_old_series() {
    let mut rig = Rig::new("");
    rig.page("a 1\n");
    rig.intake.change_rules(rules("honor_labels: true"));
    rig.fail();
    rig.page("a 3\n");
    assert_eq!(rig.history("a"), "1@1000 stale@2000 3@3000");
}

#[test]
fn metadata_follows_the_page() {
    let mut rig = Rig::new("");
    rig.page("# HELP a One.\n# TYPE a counter\na 1\n");
    rig.page("# HELP a Two.\n# TYPE a counter\na 1\n");
    let help: Vec<_> = rig.intake.metadata().iter().map(|metadata| metadata.help.as_str()).collect();
    assert_eq!(help, ["Two."]);
    assert_eq!(rig.stores.metadata.len(), 1);
}

proptest! {
    /// Each scrape is the set of series on its page, or a failure.
    #[test]
    fn a_series_has_a_value_where_it_was_seen_and_one_marker_where_it_ended(
        scrapes in prop::collection::vec(prop::option::weighted(0.8, prop::collection::btree_set(0..6u8, 0..6)), 1..12)
    ) {
        let mut rig = Rig::new("");
        let mut expected = vec![Vec::new(); 6];
        let mut before = BTreeSet::new();
        for (scrape, second) in scrapes.into_iter().zip(1..) {
            let page: Option<String> =
                scrape.as_ref().map(|seen| seen.iter().map(|series| format!("s{series} {second}\n")).collect());
            rig.take(page.as_deref().ok_or(ScrapeError::Panic));
            let seen = scrape.unwrap_or_default();
            for series in &seen {
                expected[usize::from(*series)].push(format!("{second}@{second}000"));
            }
            for series in before.difference(&seen) {
                expected[usize::from(*series)].push(format!("stale@{second}000"));
            }
            before = seen;
        }
        for (series, expected) in expected.iter().enumerate().filter(|(_, expected)| !expected.is_empty()) {
            prop_assert_eq!(rig.history(&format!("s{series}")), expected.join(" "));
        }
    }
}
