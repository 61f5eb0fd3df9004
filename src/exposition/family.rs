//! A metric family: its name, type and help exist once, here; HELP and TYPE lines, docs and tests derive from it.

/// Declared as a `const` beside the collector that fills it. The name ends in its base unit, and in `_total` when it
/// counts, wherever no older exporter has settled it otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    pub name: &'static str,
    pub kind: Kind,
    pub help: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
    Summary,
    /// `untyped` in text 0.0.4, `unknown` in OpenMetrics.
    Untyped,
}

pub const fn counter(name: &'static str, help: &'static str) -> Family {
    Family { name, kind: Kind::Counter, help }
}

pub const fn gauge(name: &'static str, help: &'static str) -> Family {
    Family { name, kind: Kind::Gauge, help }
}

pub const fn untyped(name: &'static str, help: &'static str) -> Family {
    Family { name, kind: Kind::Untyped, help }
}

impl Kind {
    /// The word of text 0.0.4.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Summary => "summary",
            Kind::Untyped => "untyped",
        }
    }
}
