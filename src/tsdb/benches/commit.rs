//! What a commit costs and what a series weighs: `cargo bench -p tsdb`. 100 targets of 1,550 series with labels like
//! those of a real node_exporter page, scraped every 5 s (by a clock of ours, so it takes seconds), 60 rounds and more;
//! then the time of a replay, and of some selections. Times are CPU times.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use model::{Appender, Batch, Labels, MatchOp, Matcher, Sample, Samples, Storage, TimeRange};
use tsdb::{Clock, Options, Tsdb};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TARGETS: usize = 100;
const SERIES_PER_TARGET: usize = 1550;
const INTERVAL_MS: i64 = 5000;
const START_MS: i64 = 1_700_000_000_000;

/// How a value moves from scrape to scrape, in the shares of a real page.
enum Motion {
    Constant(f64),
    Counter { value: f64, step: u64 },
    Seconds { value: f64 },
    Bytes { value: f64 },
    Noise,
}

struct Generator(u64);

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    if let Some(dir) = std::env::var_os("REOPEN") {
        return reopen(dir.into());
    }
    let rounds: usize = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let dir = std::env::temp_dir().join(format!("tsdb-bench-{}", std::process::id()));
    let now_ms = Arc::new(AtomicI64::new(START_MS));
    let clock = Arc::clone(&now_ms);
    let clock = Clock::new(move || clock.load(Ordering::Relaxed));
    let options = Options { clock, ..Options::new(&dir) };

    let before_bytes = resident_bytes();
    let (db, _) = Tsdb::open(options.clone()).expect("an empty directory");
    let mut batches = Vec::new();
    let started = cpu_ns();
    for target in 0..TARGETS {
        let mut batch = Batch::default();
        for series in 0..SERIES_PER_TARGET {
            let series = db.resolve(&labels(target, series)).expect("room");
            batch.push(series, Sample { timestamp_ms: 0, value: 0.0 });
        }
        batches.push(batch);
    }
    let series = TARGETS * SERIES_PER_TARGET;
    println!("resolve: {:.0} ns a series", (cpu_ns() - started) / series as f64);
    println!("resident without samples: {:.0} bytes a series", per_series(before_bytes));

    let mut generator = Generator(7);
    let mut motions: Vec<Motion> = (0..series).map(|_| generator.motion()).collect();
    let generator_bytes = motions.len() * size_of::<Motion>() + series * 24;
    let mut commit_ns = 0.0;
    for round in 0..rounds {
        let time_ms = START_MS + round as i64 * INTERVAL_MS;
        now_ms.store(time_ms, Ordering::Relaxed);
        for (batch, motions) in batches.iter_mut().zip(motions.chunks_mut(SERIES_PER_TARGET)) {
            for (sample, motion) in batch.samples.iter_mut().zip(motions) {
                *sample = Sample { timestamp_ms: time_ms, value: generator.next_value(motion) };
            }
            let started = cpu_ns();
            let report = db.commit(batch).expect("a commit");
            commit_ns += cpu_ns() - started;
            assert_eq!(report.accepted, SERIES_PER_TARGET);
        }
        if [1, 12, 30, 60, 120, 240, 480].contains(&(round + 1)) {
            let bytes = resident_bytes() - before_bytes - generator_bytes as f64;
            println!("resident after {} samples each: {:.0} bytes a series", round + 1, bytes / series as f64);
        }
    }
    println!("commit: {:.1} ns a sample", commit_ns / (series * rounds) as f64);
    let stats = db.stats();
    println!("open chunks: {} bytes a series", stats.open_chunk_bytes / series);
    println!("log: {:.2} bytes a sample", stats.wal.written_bytes_total as f64 / (series * rounds) as f64);
    println!("chunk files: {} bytes in {} chunks", stats.chunk_files.bytes, stats.chunk_files.chunks_written_total);

    select(&db, "one name, 100 targets", &[equal("__name__", "node_metric_7_total")], START_MS, rounds);
    select(&db, "one target", &[equal("instance", "node-17.example.internal:9100")], START_MS, rounds);
    let names = Matcher::new("__name__", MatchOp::Regex, "node_metric_1.*").expect("a pattern");
    select(&db, "a pattern of names", &[names], START_MS, rounds);
    select(&db, "everything, the last minute", &[], START_MS + (rounds as i64 - 12) * INTERVAL_MS, rounds);
    drop(db);

    let started = cpu_ns();
    let (db, report) = Tsdb::open(options.clone()).expect("a replay");
    println!(
        "replay of the log: {:.2} s for {} samples, {} series",
        (cpu_ns() - started) / 1e9,
        report.samples,
        report.series
    );
    assert!(report.skipped.is_empty(), "{:?}", report.skipped);
    drop(db);
    let (db, _) = Tsdb::open(Options { checkpoint_wal_bytes: 0, ..options.clone() }).expect("a replay");
    let started = cpu_ns();
    db.maintain();
    println!("checkpoint: {:.2} s, {} bytes", (cpu_ns() - started) / 1e9, db.stats().wal.bytes);
    db.close();
    drop(db);
    let started = cpu_ns();
    let (db, report) = Tsdb::open(options).expect("a replay");
    println!("replay of a checkpoint: {:.2} s for {} samples", (cpu_ns() - started) / 1e9, report.samples);
    drop(db);
    if std::env::var_os("KEEP").is_none() {
        let _ = std::fs::remove_dir_all(&dir);
    }
}

/// What a replay leaves in the memory of a new process: `KEEP=1` first, then `REOPEN=<directory>`.
fn reopen(dir: std::path::PathBuf) {
    let before_bytes = resident_bytes();
    let started = cpu_ns();
    let (db, report) = Tsdb::open(Options::new(dir)).expect("a replay");
    println!("replay: {:.2} s for {} samples", (cpu_ns() - started) / 1e9, report.samples);
    println!("resident after the replay: {:.0} bytes a series", per_series(before_bytes));
    drop(db);
}

fn select(db: &Tsdb, what: &str, matchers: &[Matcher], start_ms: i64, rounds: usize) {
    let range = TimeRange { start_ms, end_ms: START_MS + rounds as i64 * INTERVAL_MS };
    let started = cpu_ns();
    let selection = db.select(matchers, range).expect("a selection");
    let found_ns = cpu_ns() - started;
    let mut samples = Samples::default();
    let mut count = 0;
    for index in 0..selection.len() {
        selection.samples(index, &mut samples).expect("readable samples");
        count += samples.len();
    }
    println!(
        "select {what}: {} series in {:.2} ms, {count} samples in {:.2} ms",
        selection.len(),
        found_ns / 1e6,
        (cpu_ns() - started - found_ns) / 1e6
    );
}

fn equal(name: &str, value: &str) -> Matcher {
    Matcher::equal(name, value)
}

/// Nine labels, 600 names, some with many series a target.
fn labels(target: usize, series: usize) -> Labels {
    let name = format!("node_metric_{}_total", series % 600);
    let instance = format!("node-{target}.example.internal:9100");
    let device = format!("device{}", series / 600);
    let cpu = (series % 16).to_string();
    let mode = ["user", "system", "idle", "iowait", "nice", "irq", "softirq", "steal"][series % 8];
    Labels::from_pairs([
        ("__name__", name.as_str()),
        ("instance", &instance),
        ("job", "node-exporter"),
        ("cluster", "production-eu-west-1"),
        ("namespace", "monitoring"),
        ("node", &instance[..instance.len() - 5]),
        ("device", &device),
        ("cpu", &cpu),
        ("mode", mode),
    ])
}

impl Generator {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn motion(&mut self) -> Motion {
        match self.next() % 100 {
            0..40 => Motion::Constant([0.0, 1.0, 4096.0, 0.25, 65536.0][self.next() as usize % 5]),
            40..65 => Motion::Counter { value: (self.next() % 1_000_000) as f64, step: 1 + self.next() % 500 },
            65..75 => Motion::Seconds { value: (self.next() % 1_000_000) as f64 / 100.0 },
            75..95 => Motion::Bytes { value: (self.next() % 1_000_000 * 4096) as f64 },
            _ => Motion::Noise,
        }
    }

    fn next_value(&mut self, motion: &mut Motion) -> f64 {
        match motion {
            Motion::Constant(value) => *value,
            Motion::Counter { value, step } => {
                *value += (self.next() % *step) as f64;
                *value
            }
            Motion::Seconds { value } => {
                *value = ((*value * 100.0).round() + (self.next() % 500) as f64) / 100.0;
                *value
            }
            Motion::Bytes { value } => {
                if self.next().is_multiple_of(3) {
                    *value += (self.next() % 200) as f64 * 4096.0 - 409_600.0;
                }
                *value
            }
            Motion::Noise => (self.next() >> 11) as f64 / (1u64 << 53) as f64,
        }
    }
}

fn per_series(before_bytes: f64) -> f64 {
    (resident_bytes() - before_bytes) / (TARGETS * SERIES_PER_TARGET) as f64
}

/// Time that this thread had a processor, so that other programs on the machine matter little.
fn cpu_ns() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("schedstat");
    text.split(' ').next().and_then(|ns| ns.parse().ok()).expect("nanoseconds")
}

fn resident_bytes() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("statm");
    let pages: f64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("pages");
    pages * 4096.0
}
