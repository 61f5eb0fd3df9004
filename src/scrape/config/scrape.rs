//! One entry of `scrape_configs`: a job.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::global::Inherited;
use super::relabelling::read_rules;
use super::section::{Field, Section};
use super::{EscapingScheme, GlobalConfig, HttpClientConfig, NameValidation, ScrapeLimits, ScrapeProtocol};
use super::{sources, unsupported};
use crate::discovery::TargetGroup;
use crate::relabel::RelabelConfig;

/// A job, with everything that it inherits from `global` filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct ScrapeConfig {
    pub job_name: String,
    pub scrape_interval_ms: i64,
    /// Never longer than the interval.
    pub scrape_timeout_ms: i64,
    /// Without a query; a target can change it by the label `__metrics_path__`.
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

impl ScrapeConfig {
    /// `None` when the entry is not even a map. Anything else wrong is noted, and the job is read as far as it goes.
    pub(super) fn read(item: &Field<'_>, global: &GlobalConfig, inherited: &Inherited<'_>) -> Option<ScrapeConfig> {
        if item.is_null() {
            item.wrong("the job is empty; remove the dash or fill the job in");
            return None;
        }
        let mut section = item.section()?;
        let job_name = section.text("job_name").unwrap_or_default().to_owned();
        if job_name.is_empty() {
            section.wrong("job_name", "every job needs a name");
        }
        let (scrape_interval_ms, scrape_timeout_ms) = read_times(&mut section, global);
        let (validation, escaping) = read_names(&mut section, global);
        unsupported::read_job(&mut section, inherited);
        let protocols = ScrapeProtocol::read_list(&mut section).or_else(|| global.scrape_protocols.clone());
        let job = ScrapeConfig {
            job_name,
            scrape_interval_ms,
            scrape_timeout_ms,
            metrics_path: section.text("metrics_path").unwrap_or("/metrics").to_owned(),
            scheme: Scheme::read(&mut section),
            params: section.pairs("params").iter().map(|(name, field)| (name.to_string(), field.texts())).collect(),
            honor_labels: section.bool("honor_labels").unwrap_or(false),
            honor_timestamps: section.bool("honor_timestamps").unwrap_or(true),
            track_timestamps_staleness: section.bool("track_timestamps_staleness").unwrap_or(false),
            scrape_protocols: protocols.unwrap_or_else(|| ScrapeProtocol::DEFAULT.to_vec()),
            fallback_scrape_protocol: ScrapeProtocol::read_fallback(&mut section),
            enable_compression: section.bool("enable_compression").unwrap_or(true),
            metric_name_validation_scheme: validation,
            metric_name_escaping_scheme: escaping,
            limits: ScrapeLimits::read(&mut section).or(&global.limits),
            http: HttpClientConfig::read(&mut section),
            relabel_configs: read_rules(&mut section, "relabel_configs", validation),
            metric_relabel_configs: read_rules(&mut section, "metric_relabel_configs", validation),
            static_configs: sources::read_static(&mut section),
            file_sd_configs: sources::read_file_sd(&mut section),
        };
        sources::check_addresses(&section, &job);
        section.finish();
        Some(job)
    }
}

/// Interval and timeout, in milliseconds.
fn read_times(section: &mut Section<'_>, global: &GlobalConfig) -> (i64, i64) {
    let interval_ms = section.duration_ms("scrape_interval").unwrap_or(global.scrape_interval_ms);
    let timeout_ms = section.duration_ms("scrape_timeout");
    if timeout_ms.is_some_and(|timeout_ms| timeout_ms > interval_ms) {
        let interval = model::format_duration_ms(interval_ms);
        section.wrong("scrape_timeout", format!("the timeout is longer than the scrape interval of {interval}"));
    }
    (interval_ms, timeout_ms.unwrap_or(global.scrape_timeout_ms.min(interval_ms)))
}

/// A job that only says which names are valid does not inherit how they are escaped.
fn read_names(section: &mut Section<'_>, global: &GlobalConfig) -> (NameValidation, EscapingScheme) {
    let own = NameValidation::read(section);
    let validation = own.unwrap_or(global.metric_name_validation_scheme);
    let inherited = match own {
        Some(own) => EscapingScheme::fitting(own),
        None => global.metric_name_escaping_scheme,
    };
    let escaping = EscapingScheme::read(section).unwrap_or(inherited);
    if escaping == EscapingScheme::AllowUtf8 && validation == NameValidation::Legacy {
        let reason = "allow-utf-8 does not go with metric_name_validation_scheme: legacy";
        section.wrong("metric_name_escaping_scheme", reason);
    }
    (validation, escaping)
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    fn read(section: &mut Section<'_>) -> Scheme {
        let Some(field) = section.field("scheme") else { return Scheme::Http };
        match field.text().unwrap_or_default().to_ascii_lowercase().as_str() {
            "" | "http" => {}
            "https" => return Scheme::Https,
            other => field.wrong(format!("expected http or https, found {other:?}")),
        }
        Scheme::Http
    }
}
