//! One entry of `scrape_configs`: a job.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{EscapingScheme, HttpClientConfig, NameValidation, ScrapeLimits, ScrapeProtocol};
use crate::discovery::TargetGroup;
use crate::relabel::RelabelConfig;

/// A job, with everything that it inherits from `global` filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct ScrapeConfig {
    pub job_name: String,
    pub scrape_interval_ms: i64,
    /// Never longer than the interval.
    pub scrape_timeout_ms: i64,
    /// May hold a query string; a target can change it by the label `__metrics_path__`.
    pub metrics_path: String,
    pub scheme: Scheme,
    /// Query parameters of the scrape URL; a target can change the first value of each by `__param_<name>`.
    pub params: BTreeMap<String, Vec<String>>,
    /// On a conflict the target's own label wins instead of becoming `exported_<name>`.
    pub honor_labels: bool,
    /// Timestamps in the answer are used.
    pub honor_timestamps: bool,
    /// Series that came with timestamps get staleness markers too.
    pub track_timestamps_staleness: bool,
    /// Preferred first; never empty.
    pub scrape_protocols: Vec<ScrapeProtocol>,
    /// The format of answers without a usable `Content-Type`; `None` fails such scrapes.
    pub fallback_scrape_protocol: Option<ScrapeProtocol>,
    /// Whether the target is asked for gzip.
    pub enable_compression: bool,
    pub metric_name_validation_scheme: NameValidation,
    pub metric_name_escaping_scheme: EscapingScheme,
    pub limits: ScrapeLimits,
    pub http: HttpClientConfig,
    pub static_configs: Vec<TargetGroup>,
    pub file_sd_configs: Vec<FileSdConfig>,
    /// Applied to targets.
    pub relabel_configs: Vec<RelabelConfig>,
    /// Applied to samples.
    pub metric_relabel_configs: Vec<RelabelConfig>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scheme {
    #[default]
    Http,
    Https,
}

/// Targets listed in files that are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSdConfig {
    /// Absolute, or relative to the configuration file and already joined to its folder. The last element of each may
    /// hold `*`.
    pub files: Vec<PathBuf>,
    /// The longest time after which the files are read again even if nothing seems to have changed.
    pub refresh_interval_ms: i64,
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}
