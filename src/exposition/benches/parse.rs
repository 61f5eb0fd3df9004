//! Speed of the parser over a page (`cargo bench -p exposition`): the page of the conformance data, or the file that the
//! first argument names.

use std::hint::black_box;
use std::time::Instant;

use exposition::{Dialect, Entry, Parser};

const ROUNDS: usize = 15;
const PAGES_PER_ROUND: usize = 100;

fn main() {
    let root = std::env::var("VITALS_CONFORMANCE")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance").to_owned());
    let named = std::env::args().nth(1).filter(|argument| !argument.starts_with("--"));
    let path = named.unwrap_or_else(|| format!("{root}/node_exporter/expected.prom"));
    let Ok(page) = std::fs::read(&path) else {
        println!("skipped: there is no page at {path}");
        return;
    };
    let mut rounds: Vec<(f64, usize)> = (0..ROUNDS).map(|_| round(&page)).collect();
    rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (seconds, samples) = rounds[ROUNDS / 2];
    let megabytes = (page.len() * PAGES_PER_ROUND) as f64 / 1e6;
    println!("{path}: {:.0} MB/s, {:.1} ns a sample (median)", megabytes / seconds, seconds * 1e9 / samples as f64);
}

/// Seconds and samples of many passes over one page.
fn round(page: &[u8]) -> (f64, usize) {
    let start = Instant::now();
    let mut samples = 0;
    for _ in 0..PAGES_PER_ROUND {
        for entry in Parser::new(black_box(page), Dialect::Text) {
            if let Ok(Entry::Sample(sample)) = entry {
                black_box((sample.series.raw, sample.value));
                samples += 1;
            }
        }
    }
    (start.elapsed().as_secs_f64(), samples)
}
