//! Why a scrape failed: the text is what the targets page shows, the reason is the label of our own counter.

use exposition::{ContentTypeError, GunzipError, ParseError};
use model::AppendError;

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ScrapeError {
    /// No answer: refused connections, broken TLS, early closes.
    #[error("{0}")]
    Connection(String),
    #[error("no complete answer within {timeout_ms} ms")]
    Timeout { timeout_ms: i64 },
    /// For example `404 Not Found`.
    #[error("server returned HTTP status {0}")]
    Status(String),
    #[error("body size limit exceeded ({limit_bytes} bytes)")]
    BodySize { limit_bytes: u64 },
    #[error(transparent)]
    ContentType(#[from] ContentTypeError),
    #[error("unsupported Content-Encoding {0:?}")]
    Encoding(String),
    #[error("{0}")]
    Compression(GunzipError),
    #[error(transparent)]
    Parse(#[from] ParseError),
    #[error("sample limit exceeded ({limit})")]
    SampleLimit { limit: u64 },
    /// One of `label_limit`, `label_name_length_limit`, `label_value_length_limit`.
    #[error("{0}")]
    LabelLimit(String),
    #[error("target_limit exceeded (number of targets: {targets}, limit: {limit})")]
    TargetLimit { targets: usize, limit: u64 },
    /// A series that relabelling left without a name, or with a name that the job does not take.
    #[error("{0}")]
    InvalidSeries(String),
    #[error(transparent)]
    Storage(#[from] AppendError),
    #[error("the scrape panicked; this is a fault of the aggregator")]
    Panic,
}

impl ScrapeError {
    /// The reason as a label value.
    pub fn reason(&self) -> &'static str {
        match self {
            ScrapeError::Connection(_) => "connection",
            ScrapeError::Timeout { .. } => "timeout",
            ScrapeError::Status(_) => "http_status",
            ScrapeError::BodySize { .. } => "body_size_limit",
            ScrapeError::ContentType(_) => "content_type",
            ScrapeError::Encoding(_) | ScrapeError::Compression(_) => "compression",
            ScrapeError::Parse(_) => "parse",
            ScrapeError::SampleLimit { .. } => "sample_limit",
            ScrapeError::LabelLimit(_) => "label_limit",
            ScrapeError::TargetLimit { .. } => "target_limit",
            ScrapeError::InvalidSeries(_) => "invalid_series",
            ScrapeError::Storage(AppendError::SeriesLimit { .. }) => "series_limit",
            ScrapeError::Storage(AppendError::Unavailable { .. }) => "storage",
            ScrapeError::Panic => "panic",
        }
    }
}
