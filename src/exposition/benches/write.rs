//! Speed of writing a page (`cargo bench -p exposition --bench write`): samples with three labels, as of a large machine.

use std::hint::black_box;
use std::time::Instant;

use exposition::{Family, LabelText, Page, counter};

const ROUNDS: usize = 31;
const SERIES: usize = 30_000;
const FAMILY: Family = counter("node_network_receive_bytes_total", "Bytes received.");

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let label = |number: usize| LabelText::new([("device", &*format!("eth{number}")), ("mode", "idle"), ("type", "x")]);
    let labels: Vec<LabelText> = (0..SERIES).map(label).collect();
    let mut page = Page::new();
    let mut seconds: Vec<f64> = (0..ROUNDS).map(|_| round(&mut page, &labels)).collect();
    seconds.sort_by(f64::total_cmp);
    println!("{:.1} ns a sample (median of {ROUNDS})", seconds[ROUNDS / 2] * 1e9 / SERIES as f64);
}

fn round(page: &mut Page, labels: &[LabelText]) -> f64 {
    let begin = Instant::now();
    page.clear();
    for (number, labels) in labels.iter().enumerate() {
        page.labelled_sample(&FAMILY, labels, &[], black_box(number as f64 * 1234.0));
    }
    page.drop_repeats(|_| {});
    black_box(page.samples());
    begin.elapsed().as_secs_f64()
}
