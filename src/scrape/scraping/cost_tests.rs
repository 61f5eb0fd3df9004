//! What a page costs in steady state.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use exposition::Dialect;
use model::{AppendError, Appender, Batch, BatchReport, Labels, SeriesRef};
use parking_lot::Mutex;

use super::allocations::allocations_of;
use super::intake::{Intake, Moment, PageText, Scratch, Stores};
use super::series_rules::SeriesRules;
use crate::config::Config;

/// A storage that takes everything and keeps nothing.
#[derive(Default)]
struct Nowhere(Mutex<SeriesRef>);

impl Appender for Nowhere {
    fn resolve(&self, _: &Labels) -> Result<SeriesRef, AppendError> {
        let mut last = self.0.lock();
        *last += 1;
        Ok(*last)
    }

    fn commit(&self, batch: &Batch) -> Result<BatchReport, AppendError> {
        Ok(BatchReport { accepted: black_box(batch).len(), ..BatchReport::default() })
    }
}

struct Rig {
    intake: Intake,
    stores: Stores,
    scratch: Scratch,
}

impl Rig {
    fn new() -> Rig {
        let config = Config::parse("scrape_configs: [{job_name: j}]", Path::new("test.yml")).unwrap();
        let target_labels = Labels::from_pairs([("job", "j"), ("instance", "10.0.0.1:9100")]);
        let rules = SeriesRules { target_labels, config: Arc::new(config.scrape_configs[0].clone()) };
        let appender = Arc::new(Nowhere::default());
        let stores = Stores { appender, counters: Default::default(), metadata: Default::default() };
        Rig { intake: Intake::new(rules), stores, scratch: Scratch::default() }
    }

    fn take(&mut self, page: &str, timestamp_ms: i64) {
        let answer = Ok(PageText { text: page.as_bytes(), dialect: Dialect::Text });
        let moment = Moment { timestamp_ms, started: Instant::now() };
        assert_eq!(self.intake.take(answer, moment, &self.stores, &mut self.scratch), None);
    }
}

#[test]
fn a_page_without_new_series_allocates_nothing() {
    let page = |value: u32| -> String {
        let line =
            |number: u32| format!("# TYPE m{number} gauge\nm{number}{{a=\"{number}\",b=\"x y\"}} {value}.5e+03\n");
        (0..1000).map(line).collect()
    };
    let (first, second) = (page(1), page(2));
    let mut rig = Rig::new();
    rig.take(&first, 1000);
    rig.take(&second, 2000);
    assert_eq!(allocations_of(|| rig.take(&first, 3000)), 0);
}

/// `cargo test --release -p scrape cost_of_a_sample -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn cost_of_a_sample() {
    let root = std::env::var("VITALS_CONFORMANCE")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance").to_owned());
    let Ok(page) = std::fs::read_to_string(format!("{root}/node_exporter/expected.prom")) else {
        println!("skipped: no conformance data at {root}");
        return;
    };
    let samples = page.lines().filter(|line| !line.starts_with('#')).count();
    // As many targets as make the caches larger than the processor's.
    let mut rigs: Vec<Rig> = (0..100).map(|_| Rig::new()).collect();
    let first = Instant::now();
    rigs.iter_mut().for_each(|rig| rig.take(&page, 0));
    println!("first page: {:.0} ns a sample", nanoseconds(first, samples * rigs.len()));
    let mut rounds: Vec<f64> = (1..12)
        .map(|round| {
            let start = Instant::now();
            rigs.iter_mut().for_each(|rig| rig.take(&page, round * 1000));
            nanoseconds(start, samples * rigs.len())
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("later pages: {:.1} ns a sample (median)", rounds[rounds.len() / 2]);
    let bytes: usize = rigs.iter().map(|rig| rig.intake.cache().heap_bytes()).sum();
    println!("cache: {:.1} bytes a series", bytes as f64 / (samples * rigs.len()) as f64);
}

fn nanoseconds(since: Instant, samples: usize) -> f64 {
    since.elapsed().as_secs_f64() * 1e9 / samples as f64
}
