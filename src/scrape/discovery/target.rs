//! From what discovery found to what is scraped: the labels of a group, its target and its job come together, are
//! relabelled, and say where and how often to scrape.

use std::collections::BTreeMap;

use hashbrown::HashSet;
use http::percent_encode;
use model::{Labels, LabelsBuilder, format_duration_ms, parse_duration_ms};

use super::{ADDRESS, TargetGroup};
use crate::config::ScrapeConfig;
use crate::relabel::relabel;

const JOB: &str = "job";
const INSTANCE: &str = "instance";
const SCHEME: &str = "__scheme__";
const METRICS_PATH: &str = "__metrics_path__";
const SCRAPE_INTERVAL: &str = "__scrape_interval__";
const SCRAPE_TIMEOUT: &str = "__scrape_timeout__";
/// Before the name of a query parameter.
const PARAMETER: &str = "__param_";
/// Before the names of labels that only relabelling sees.
const RESERVED: &str = "__";

/// One endpoint to scrape.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The labels that its series get: after relabelling, `instance` set, everything that starts with `__` gone.
    pub labels: Labels,
    /// The labels before relabelling, for the targets page.
    pub discovered: Labels,
    /// The whole URL, query parameters included.
    pub url: String,
    pub scrape_interval_ms: i64,
    /// Never longer than the interval.
    pub scrape_timeout_ms: i64,
}

/// A target that is not scraped.
#[derive(Clone, Debug, PartialEq)]
pub struct Dropped {
    pub discovered: Labels,
    /// `None`: a relabelling rule dropped it. Else what is wrong with it.
    pub error: Option<String>,
}

/// The targets of a job in the order of their groups, and those that were left out. Of targets with the same labels and
/// URL only the first is there, and in neither list again.
pub fn build_targets(config: &ScrapeConfig, groups: &[TargetGroup]) -> (Vec<Target>, Vec<Dropped>) {
    let mut targets = Vec::new();
    let mut dropped = Vec::new();
    let mut seen = HashSet::new();
    for group in groups {
        for target in &group.targets {
            let discovered = discovered_labels(config, &group.labels, target);
            let mut labels = discovered.to_builder();
            if !relabel(&config.relabel_configs, &mut labels) {
                dropped.push(Dropped { discovered, error: None });
                continue;
            }
            match Target::from_labels(config, &mut labels, discovered.clone()) {
                Ok(target) if seen.insert((target.labels.clone(), target.url.clone())) => targets.push(target),
                Ok(_) => {}
                Err(error) => dropped.push(Dropped { discovered, error: Some(error) }),
            }
        }
    }
    (targets, dropped)
}

/// What relabelling starts from. A target may bring any of the job's labels itself.
fn discovered_labels(config: &ScrapeConfig, group: &Labels, target: &Labels) -> Labels {
    let mut labels = group.to_builder();
    for (name, value) in target.iter() {
        labels.set(name, value);
    }
    let mut default = |name: &str, value: &str| {
        if labels.get(name).is_empty() {
            labels.set(name, value);
        }
    };
    default(JOB, &config.job_name);
    default(SCRAPE_INTERVAL, &format_duration_ms(config.scrape_interval_ms));
    default(SCRAPE_TIMEOUT, &format_duration_ms(config.scrape_timeout_ms));
    default(METRICS_PATH, &config.metrics_path);
    default(SCHEME, config.scheme.as_str());
    for (name, values) in &config.params {
        if let Some(first) = values.first() {
            default(&format!("{PARAMETER}{name}"), first);
        }
    }
    labels.build()
}

impl Target {
    fn from_labels(config: &ScrapeConfig, labels: &mut LabelsBuilder, discovered: Labels) -> Result<Target, String> {
        let address = labels.get(ADDRESS).to_owned();
        if address.is_empty() {
            return Err("no address".to_owned());
        }
        if address.contains('/') {
            return Err(format!("{address:?} is not a valid hostname"));
        }
        let scrape_interval_ms = duration_ms(labels, SCRAPE_INTERVAL, "scrape interval")?;
        let scrape_timeout_ms = duration_ms(labels, SCRAPE_TIMEOUT, "scrape timeout")?;
        if scrape_timeout_ms > scrape_interval_ms {
            let (timeout, interval) = (labels.get(SCRAPE_TIMEOUT), labels.get(SCRAPE_INTERVAL));
            return Err(format!("scrape timeout cannot be greater than scrape interval ({timeout:?} > {interval:?})"));
        }
        let url = url(config, labels, &address);
        if labels.get(INSTANCE).is_empty() {
            labels.set(INSTANCE, &address);
        }
        labels.retain(|name, _| !name.starts_with(RESERVED));
        Ok(Target { labels: labels.build(), discovered, url, scrape_interval_ms, scrape_timeout_ms })
    }
}

fn duration_ms(labels: &LabelsBuilder, name: &str, what: &str) -> Result<i64, String> {
    match parse_duration_ms(labels.get(name)) {
        Ok(0) => Err(format!("{what} cannot be 0")),
        Ok(ms) => Ok(ms),
        Err(error) => Err(format!("error parsing {what}: {error}")),
    }
}

fn url(config: &ScrapeConfig, labels: &LabelsBuilder, address: &str) -> String {
    let mut parameters: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, values) in &config.params {
        parameters.insert(name, values.iter().map(String::as_str).collect());
    }
    for (name, value) in labels.iter().filter(|(_, value)| !value.is_empty()) {
        let Some(name) = name.strip_prefix(PARAMETER) else { continue };
        let values = parameters.entry(name).or_default();
        match values.first_mut() {
            Some(first) => *first = value,
            None => values.push(value),
        }
    }
    let pairs = parameters.iter().flat_map(|(name, values)| values.iter().map(move |value| (*name, *value)));
    let query: Vec<String> =
        pairs.map(|(name, value)| format!("{}={}", encode_query(name), encode_query(value))).collect();
    let path = labels.get(METRICS_PATH);
    let slash = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{}://{address}{slash}{}{mark}{}", labels.get(SCHEME), encode_path(path), query.join("&"))
}

/// As in forms, where a blank is a plus.
fn encode_query(text: &str) -> String {
    percent_encode(text).replace("%20", "+")
}

/// A path as a whole: what may stand in it stays, a question mark does not begin a query.
fn encode_path(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for part in path.split_inclusive(|c| "$&+,/:;=@".contains(c)) {
        let kept = part.chars().next_back().filter(|c| "$&+,/:;=@".contains(*c));
        let plain = &part[..part.len() - kept.map_or(0, char::len_utf8)];
        encoded.push_str(&percent_encode(plain));
        encoded.extend(kept);
    }
    encoded
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
