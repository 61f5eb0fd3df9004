//! The types that a `# TYPE` line can declare, in both dialects.

use crate::Dialect;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MetricType {
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    Summary,
    Info,
    StateSet,
    /// `untyped` in text 0.0.4, `unknown` in OpenMetrics, and what holds before any `# TYPE` line.
    #[default]
    Unknown,
}

impl MetricType {
    /// The type that a word means in a dialect; `None` for a word that the dialect does not have.
    pub fn from_word(word: &[u8], dialect: Dialect) -> Option<Self> {
        Some(match (word, dialect) {
            (b"counter", _) => MetricType::Counter,
            (b"gauge", _) => MetricType::Gauge,
            (b"histogram", _) => MetricType::Histogram,
            (b"summary", _) => MetricType::Summary,
            (b"untyped", Dialect::Text) | (b"unknown", Dialect::OpenMetrics) => MetricType::Unknown,
            (b"gaugehistogram", Dialect::OpenMetrics) => MetricType::GaugeHistogram,
            (b"info", Dialect::OpenMetrics) => MetricType::Info,
            (b"stateset", Dialect::OpenMetrics) => MetricType::StateSet,
            _ => return None,
        })
    }

    /// The word that Prometheus' metadata API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            MetricType::Counter => "counter",
            MetricType::Gauge => "gauge",
            MetricType::Histogram => "histogram",
            MetricType::GaugeHistogram => "gaugehistogram",
            MetricType::Summary => "summary",
            MetricType::Info => "info",
            MetricType::StateSet => "stateset",
            MetricType::Unknown => "unknown",
        }
    }
}
