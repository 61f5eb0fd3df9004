//! What the targets page knows of a target.

use std::sync::Arc;

use model::Labels;

use super::ScrapeError;
use super::metadata::MetricMetadata;

/// A target that is scraped.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetStatus {
    pub labels: Labels,
    /// Labels before relabelling.
    pub discovered: Labels,
    /// The job's name.
    pub scrape_pool: String,
    pub url: String,
    pub health: Health,
    /// Empty when the last scrape succeeded, or before the first.
    pub last_error: String,
    /// When the last scrape began, milliseconds since the epoch.
    pub last_scrape_ms: Option<i64>,
    /// From the request until the samples were stored.
    pub last_duration_seconds: f64,
    pub interval_ms: i64,
    pub timeout_ms: i64,
}

/// A target that is not scraped.
#[derive(Clone, Debug, PartialEq)]
pub struct DroppedTarget {
    pub scrape_pool: String,
    /// Labels before relabelling.
    pub discovered: Labels,
    /// What is wrong with it; `None` when a relabelling rule dropped it.
    pub error: Option<String>,
}

/// What a target says about its metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetMetadata {
    pub labels: Labels,
    pub metrics: Vec<Arc<MetricMetadata>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Health {
    /// Not scraped yet.
    #[default]
    Unknown,
    Up,
    Down,
}

/// The part of the status that each scrape changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct LastScrape {
    pub health: Health,
    pub error: String,
    pub started_ms: Option<i64>,
    pub duration_seconds: f64,
}

impl LastScrape {
    pub fn new(started_ms: i64, duration_seconds: f64, error: Option<&ScrapeError>) -> Self {
        LastScrape {
            health: if error.is_some() { Health::Down } else { Health::Up },
            error: error.map(ToString::to_string).unwrap_or_default(),
            started_ms: Some(started_ms),
            duration_seconds,
        }
    }
}

impl Health {
    /// The word of Prometheus' API.
    pub fn as_str(self) -> &'static str {
        match self {
            Health::Unknown => "unknown",
            Health::Up => "up",
            Health::Down => "down",
        }
    }
}

impl TargetStatus {
    /// The URL as others reach it: a name that only means this machine is replaced by the host that it is known by.
    pub fn global_url(&self, external_host: &str) -> String {
        let Some((scheme, rest)) = self.url.split_once("://") else { return self.url.clone() };
        let is_end_of_host = |rest: &str| rest.is_empty() || rest.starts_with([':', '/', '?']);
        for local in ["127.0.0.1", "localhost", "[::1]"] {
            if let Some(rest) = rest.strip_prefix(local)
                && is_end_of_host(rest)
            {
                return format!("{scheme}://{external_host}{rest}");
            }
        }
        self.url.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_replaced() {
        let global = |url: &str| {
            let status = TargetStatus {
                labels: Labels::empty(),
                discovered: Labels::empty(),
                scrape_pool: String::new(),
                url: url.to_owned(),
                health: Health::Unknown,
                last_error: String::new(),
                last_scrape_ms: None,
                last_duration_seconds: 0.0,
                interval_ms: 1,
                timeout_ms: 1,
            };
            status.global_url("host.example")
        };
        assert_eq!(global("http://localhost:9100/metrics"), "http://host.example:9100/metrics");
        assert_eq!(global("http://[::1]/metrics"), "http://host.example/metrics");
        assert_eq!(global("http://localhost.example/metrics"), "http://localhost.example/metrics");
        assert_eq!(global("https://10.0.0.1:9100/metrics"), "https://10.0.0.1:9100/metrics");
    }
}
