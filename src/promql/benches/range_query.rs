//! Range queries over synthetic counters in memory: the time of the evaluator alone. `cargo bench -p promql`.

use std::time::{Duration, Instant};

use model::{Labels, Matcher, Samples, Selection, Storage, StorageError, TimeRange};
use promql::{QueryOptions, parse, range};

const STEP_MS: i64 = 15_000;

/// Counters `x` of ten jobs, all scraped at the same times.
struct Counters {
    series: Vec<Labels>,
    samples: Samples,
}

struct Selected<'a> {
    counters: &'a Counters,
    first: usize,
    end: usize,
}

impl Counters {
    fn new(series: usize, samples: usize) -> Self {
        let labels = |index: usize| {
            let (job, instance) = (format!("job-{}", index % 10), format!("instance-{index}"));
            Labels::from_pairs([("__name__", "x"), ("job", job.as_str()), ("instance", instance.as_str())])
        };
        let mut series: Vec<Labels> = (0..series).map(labels).collect();
        series.sort();
        let timestamps_ms = (0..samples as i64).map(|index| index * STEP_MS).collect();
        let values = (0..samples).map(|index| (index % 1000) as f64 * 1.5).collect();
        Counters { series, samples: Samples { timestamps_ms, values } }
    }
}

impl Selection for Selected<'_> {
    fn len(&self) -> usize {
        self.counters.series.len()
    }

    fn labels(&self, index: usize) -> Labels {
        self.counters.series[index].clone()
    }

    fn samples(&self, _: usize, out: &mut Samples) -> Result<(), StorageError> {
        out.clear();
        out.timestamps_ms.extend_from_slice(&self.counters.samples.timestamps_ms[self.first..self.end]);
        out.values.extend_from_slice(&self.counters.samples.values[self.first..self.end]);
        Ok(())
    }
}

impl Storage for &'static Counters {
    fn select(&self, _: &[Matcher], range: TimeRange) -> Result<Box<dyn Selection>, StorageError> {
        let times = &self.samples.timestamps_ms;
        let first = times.partition_point(|at_ms| *at_ms < range.start_ms);
        let end = times.partition_point(|at_ms| *at_ms <= range.end_ms);
        Ok(Box::new(Selected { counters: self, first, end }))
    }

    fn label_names(&self, _: &[Matcher], _: TimeRange) -> Result<Vec<String>, StorageError> {
        Ok(Vec::new())
    }

    fn label_values(&self, _: &str, _: &[Matcher], _: TimeRange) -> Result<Vec<String>, StorageError> {
        Ok(Vec::new())
    }
}

fn measure(counters: &'static Counters, text: &str, steps: i64, step_ms: i64) {
    const RUNS: usize = 15;
    let expr = parse(text).expect("a valid query");
    let end_ms = counters.samples.timestamps_ms[counters.samples.len() - 1];
    let start_ms = end_ms - (steps - 1) * step_ms;
    let options = QueryOptions::default();
    let mut times: Vec<Duration> = Vec::new();
    let mut stats = None;
    for _ in 0..RUNS {
        let started = Instant::now();
        let outcome = range(&counters, &expr, start_ms, end_ms, step_ms, &options).expect("an answer");
        times.push(started.elapsed());
        stats = Some(outcome.stats);
    }
    times.sort();
    let stats = stats.expect("at least one run");
    println!(
        "{:>6} series x {steps:>4} steps  {:>8.3} ms median  {:>8.3} ms least  {:>8} samples read  {:>6} KiB peak  {text}",
        counters.series.len(),
        times[RUNS / 2].as_secs_f64() * 1000.0,
        times[0].as_secs_f64() * 1000.0,
        stats.samples_read,
        stats.peak_bytes / 1024,
    );
}

fn main() {
    let thousand: &'static Counters = Box::leak(Box::new(Counters::new(1000, 600)));
    for text in [
        "sum by (job) (rate(x[5m]))",
        "x",
        "sum(x)",
        "avg by (job) (x)",
        "rate(x[5m])",
        "max_over_time(x[5m])",
        "avg_over_time(x[1h])",
        "quantile by (job) (0.9, x)",
        "topk(5, rate(x[5m]))",
        "x / on (job, instance) x",
        "x * 2 > 10",
    ] {
        measure(thousand, text, 241, STEP_MS);
    }
    let ten_thousand: &'static Counters = Box::leak(Box::new(Counters::new(10_000, 600)));
    for text in ["x", "sum by (job) (rate(x[5m]))", "rate(x[5m])"] {
        measure(ten_thousand, text, 100, STEP_MS);
    }
}
