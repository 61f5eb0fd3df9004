//! How a target may spell its answer, and which metric names are taken.

/// An exposition format that is asked for in the `Accept` header, the preferred first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScrapeProtocol {
    PrometheusText0_0_4,
    PrometheusText1_0_0,
    OpenMetricsText0_0_1,
    OpenMetricsText1_0_0,
}

/// Which metric and label names a scrape accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum NameValidation {
    /// Any UTF-8 text.
    #[default]
    Utf8,
    /// Only `[a-zA-Z_:][a-zA-Z0-9_:]*` (no colons in label names).
    Legacy,
}

/// How a target is asked to spell names that are not legacy names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EscapingScheme {
    /// As they are, quoted.
    #[default]
    AllowUtf8,
    Underscores,
    Dots,
    Values,
}
