//! Brings a prometheus-client registry onto a page: it can print itself only as OpenMetrics, so its text is read by
//! our own parser and written again in the dialect that was asked for.

use exposition::{Dialect, Entry, Kind, MetricType, Page, Parser, unescape};
use model::{LabelsBuilder, METRIC_NAME};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

/// The family whose samples come next.
#[derive(Default)]
struct FamilyHead {
    /// As OpenMetrics has it: without `_total`.
    name: String,
    help: String,
}

pub fn write(page: &mut Page, registry: &Registry) {
    let mut text = String::new();
    if encode(&mut text, registry).is_err() {
        return;
    }
    let mut head = FamilyHead::default();
    for entry in Parser::new(text.as_bytes(), Dialect::OpenMetrics).map_while(Result::ok) {
        match entry {
            Entry::Help { name, help } => head = FamilyHead { name: text_of(name), help: text_of(help) },
            Entry::Sample(sample) => {
                let mut labels = LabelsBuilder::default();
                if sample.series.read(&mut labels).is_err() {
                    continue;
                }
                let labels = labels.build();
                let member = labels.metric_name().to_owned();
                let others: Vec<_> = labels.iter().filter(|(name, _)| *name != METRIC_NAME).collect();
                let (kind, family) = match sample.series.kind {
                    MetricType::Counter => (Kind::Counter, member.as_str()),
                    MetricType::Gauge => (Kind::Gauge, member.as_str()),
                    MetricType::Histogram => (Kind::Histogram, head.name.as_str()),
                    _ => (Kind::Untyped, member.as_str()),
                };
                page.member_sample(family, kind, &head.help, &member, &others, sample.value);
            }
            Entry::Type { .. } | Entry::Unit { .. } => {}
        }
    }
}

fn text_of(raw: &[u8]) -> String {
    unescape(raw).map_or_else(|_| String::from_utf8_lossy(raw).into_owned(), |text| text.into_owned())
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::family::Family;
    use prometheus_client::metrics::histogram::Histogram;

    use super::*;

    #[test]
    fn counters_and_histograms_keep_name_type_and_help() {
        let mut registry = Registry::default();
        let counters = Family::<Vec<(&'static str, String)>, Counter>::default();
        counters.get_or_create(&vec![("path", "a\"b".to_owned())]).inc_by(3);
        registry.register("requests", "All requests", counters);
        let histogram = Histogram::new([0.5]);
        histogram.observe(0.25);
        registry.register("seconds", "Time", histogram);
        let mut page = Page::new();
        write(&mut page, &registry);
        let mut text = Vec::new();
        let report = exposition::assemble([&page], Dialect::Text, &mut text);
        assert_eq!(report.dropped, Vec::<String>::new());
        assert_eq!(
            String::from_utf8(text).expect("UTF-8"),
            "# HELP requests_total All requests.\n# TYPE requests_total counter\nrequests_total{path=\"a\\\"b\"} 3\n\
             # HELP seconds Time.\n# TYPE seconds histogram\nseconds_sum 0.25\nseconds_count 1\n\
             seconds_bucket{le=\"0.5\"} 1\nseconds_bucket{le=\"+Inf\"} 1\n"
        );
    }
}
