//! The `global` section: defaults for all jobs, and what belongs to none.

use std::path::PathBuf;

use model::Labels;

use super::{EscapingScheme, NameValidation, ScrapeLimits, ScrapeProtocol};

#[derive(Clone, Debug, PartialEq)]
pub struct GlobalConfig {
    pub scrape_interval_ms: i64,
    pub scrape_timeout_ms: i64,
    pub evaluation_interval_ms: i64,
    /// Labels that tell this aggregator's series apart wherever they leave it.
    pub external_labels: Labels,
    /// Where finished queries are written, one JSON object a line; `None` for nowhere.
    pub query_log_file: Option<PathBuf>,
    pub limits: ScrapeLimits,
    pub scrape_protocols: Vec<ScrapeProtocol>,
    pub metric_name_validation_scheme: NameValidation,
    pub metric_name_escaping_scheme: EscapingScheme,
}
