//! The page of one target.

use exposition::{Dialect, Family, LabelText, Page, assemble, counter, gauge};

use crate::Motion;
use crate::motion::mix;

/// Families of a page, by turns; which one a series belongs to follows from its motion.
const COUNTERS: [Family; 8] = [
    counter("container_cpu_usage_seconds_total", "CPU time consumed."),
    counter("container_memory_failures_total", "Page faults."),
    counter("container_network_receive_bytes_total", "Bytes received."),
    counter("container_network_transmit_bytes_total", "Bytes sent."),
    counter("container_fs_reads_bytes_total", "Bytes read."),
    counter("container_fs_writes_bytes_total", "Bytes written."),
    counter("container_cpu_cfs_periods_total", "Enforcement periods."),
    counter("http_requests_total", "Requests."),
];
const GAUGES: [Family; 8] = [
    gauge("container_memory_usage_bytes", "Memory in use."),
    gauge("container_memory_working_set_bytes", "Working set."),
    gauge("container_memory_rss", "Anonymous memory."),
    gauge("container_memory_cache", "Page cache."),
    gauge("container_spec_memory_limit_bytes", "Memory limit."),
    gauge("container_spec_cpu_shares", "CPU shares."),
    gauge("container_start_time_seconds", "Start time."),
    gauge("container_threads", "Threads."),
];

/// A target with the labels of its series; rendering it again costs no label work.
pub struct TargetPage {
    series: Vec<Series>,
    page: Page,
}

struct Series {
    family: &'static Family,
    labels: LabelText,
    motion: Motion,
    seed: u64,
}

impl TargetPage {
    pub fn new(target: u64, series_count: u64) -> Self {
        let series = (0..series_count).map(|number| Series::new(target, number)).collect();
        TargetPage { series, page: Page::new() }
    }

    /// Replaces `out` with the exposition at a time.
    pub fn render(&mut self, seconds: u64, out: &mut Vec<u8>) {
        self.page.clear();
        for series in &self.series {
            let value = series.motion.value(series.seed, seconds);
            self.page.labelled_sample(series.family, &series.labels, &[], value);
        }
        out.clear();
        assemble([&self.page], Dialect::Text, out);
    }
}

impl Series {
    fn new(target: u64, number: u64) -> Self {
        let motion = Motion::of_series(number);
        let is_counter = matches!(motion, Motion::IntegerCounter | Motion::HundredthsCounter);
        let family = if is_counter { &COUNTERS[number as usize % 8] } else { &GAUGES[number as usize % 8] };
        let seed = mix(target << 32 | number);
        // Forty series share a container, as they do on a node.
        let container = mix(target << 32 | (number / 40) | 1 << 63);
        let id = format!("/kubepods/burstable/pod{container:016x}/{:016x}{:016x}", mix(container), mix(container ^ 1));
        let image = format!("registry.example/team/service-{}:v1.{}", container % 40, container % 7);
        let pod = format!("service-{}-{:05x}", container % 40, container % 0xfffff);
        let labels = LabelText::new([
            ("container", format!("c{}", container % 3).as_str()),
            ("id", &id),
            ("image", &image),
            ("name", &format!("{:016x}", mix(container ^ 2))),
            ("namespace", &format!("team-{}", container % 12)),
            ("pod", &pod),
            ("series", &number.to_string()),
        ]);
        Series { family, labels, motion, seed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_the_wanted_number_of_series_and_moves() {
        let mut target = TargetPage::new(3, 1500);
        let (mut early, mut late) = (Vec::new(), Vec::new());
        target.render(1000, &mut early);
        target.render(1005, &mut late);
        let samples = |page: &[u8]| {
            page.split(|b| *b == b'\n').filter(|line| line.starts_with(b"c") || line.starts_with(b"h")).count()
        };
        assert_eq!((samples(&early), samples(&late)), (1500, 1500));
        let same = early.split(|b| *b == b'\n').zip(late.split(|b| *b == b'\n')).filter(|(a, b)| a == b).count();
        assert!((600..1000).contains(&same), "{same} lines stay the same");
    }
}
