//! `/api/v1/targets` and `/api/v1/scrape_pools`.

use std::collections::BTreeMap;

use http::Request;
use model::{Labels, format_duration_ms, format_rfc3339_ms};
use scrape::{DroppedTarget, TargetStatus};
use serde::{Serialize, Serializer};

use super::answer::{Answer, Success};
use super::params::form;
use crate::program::Aggregator;

/// How Go prints a time that was never set.
const NEVER: &str = "0001-01-01T00:00:00Z";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Targets {
    active_targets: Vec<ActiveTarget>,
    dropped_targets: Vec<Dropped>,
    dropped_target_counts: Option<BTreeMap<String, usize>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ActiveTarget {
    discovered_labels: LabelMap,
    labels: LabelMap,
    scrape_pool: String,
    scrape_url: String,
    global_url: String,
    last_error: String,
    last_scrape: String,
    last_scrape_duration: f64,
    health: &'static str,
    scrape_interval: String,
    scrape_timeout: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dropped {
    discovered_labels: LabelMap,
    scrape_pool: String,
}

/// Labels as a JSON object.
pub struct LabelMap(pub Labels);

pub fn targets(aggregator: &Aggregator, request: &Request) -> Answer {
    let form = form(request)?;
    let state = form.text("state").to_lowercase();
    let pool = form.text("scrapePool");
    let is_asked = |name: &str| pool.is_empty() || pool == name;
    let scraping = &aggregator.running()?.scraping;
    let mut targets = Targets { active_targets: Vec::new(), dropped_targets: Vec::new(), dropped_target_counts: None };
    if matches!(state.as_str(), "" | "any" | "active") {
        let active = scraping.active_targets().into_iter().filter(|target| is_asked(&target.scrape_pool));
        targets.active_targets = active.map(|target| active_target(target, aggregator)).collect();
    }
    if matches!(state.as_str(), "" | "any" | "dropped") {
        targets.dropped_target_counts = Some(scraping.dropped_counts());
        // A target that cannot be scraped is in neither list, as in Prometheus; the page for people has it.
        let by_rules = scraping.dropped_targets().into_iter().filter(|target| target.error.is_none());
        targets.dropped_targets = by_rules.filter(|target| is_asked(&target.scrape_pool)).map(Dropped::from).collect();
    }
    Success::of(&targets)
}

pub fn scrape_pools(aggregator: &Aggregator, _: &Request) -> Answer {
    let mut pools = aggregator.running()?.scraping.scrape_pools();
    pools.sort();
    Success::of(&serde_json::json!({ "scrapePools": pools }))
}

fn active_target(target: TargetStatus, aggregator: &Aggregator) -> ActiveTarget {
    ActiveTarget {
        global_url: target.global_url(&aggregator.flags.external_url.host),
        discovered_labels: LabelMap(target.discovered),
        labels: LabelMap(target.labels),
        scrape_pool: target.scrape_pool,
        scrape_url: target.url,
        last_error: target.last_error,
        last_scrape: target.last_scrape_ms.map_or_else(|| NEVER.to_owned(), format_rfc3339_ms),
        last_scrape_duration: target.last_duration_seconds,
        health: target.health.as_str(),
        scrape_interval: format_duration_ms(target.interval_ms),
        scrape_timeout: format_duration_ms(target.timeout_ms),
    }
}

impl From<DroppedTarget> for Dropped {
    fn from(target: DroppedTarget) -> Dropped {
        Dropped { discovered_labels: LabelMap(target.discovered), scrape_pool: target.scrape_pool }
    }
}

impl Serialize for LabelMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter())
    }
}
