//! `/api/v1/metadata` and `/api/v1/targets/metadata`: what targets say about their metrics.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{Form, Request};
use scrape::MetricMetadata;
use serde::Serialize;

use super::answer::{Answer, ApiError, Notes, Success, write_json};
use super::params::form;
use super::query::TREE_BYTES_PER_BYTE;
use super::targets::LabelMap;
use crate::program::Aggregator;

/// One description of a metric.
#[derive(Serialize)]
struct Description<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    unit: &'a str,
    help: &'a str,
}

/// One target's description of a metric; the name only where it was not asked for.
#[derive(Serialize)]
struct TargetDescription<'a> {
    target: LabelMap,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<&'a str>,
    #[serde(rename = "type")]
    kind: &'static str,
    help: &'a str,
    unit: &'a str,
}

pub fn metadata(aggregator: &Aggregator, request: &Request) -> Answer {
    let form = form(request)?;
    let limit = limit(&form, "limit")?.unwrap_or(usize::MAX);
    let per_metric = limit_per_metric(&form)?;
    let asked = form.text("metric");
    let all = aggregator.running()?.scraping.metadata();
    let asked_for = all.iter().filter(|(name, _)| asked.is_empty() || name.as_str() == asked).take(limit);
    let described = asked_for.map(|(name, texts)| (name.as_str(), describe(texts, per_metric)));
    Success::of(&described.collect::<BTreeMap<_, _>>())
}

pub fn of_targets(aggregator: &Aggregator, request: &Request) -> Answer {
    let form = form(request)?;
    let limit = limit(&form, "limit")?.unwrap_or(usize::MAX);
    // A thousand targets with thousands of metrics each: as much as a large query.
    let memory = aggregator.queries.lease();
    memory.cover(form.text("match_target").len() * TREE_BYTES_PER_BYTE)?;
    let matchers = match form.text("match_target") {
        "" => Vec::new(),
        text => promql::parse_selector(text).map_err(|error| ApiError::parameter("match_target", error))?,
    };
    let asked = form.text("metric");
    let mut body = Success::begin();
    body.push(b'[');
    let mut found = 0;
    for target in aggregator.running()?.scraping.target_metadata() {
        if !matchers.iter().all(|matcher| matcher.matches(target.labels.get(&matcher.name).unwrap_or(""))) {
            continue;
        }
        let texts = target.metrics.iter().filter(|text| asked.is_empty() || text.name == asked);
        for text in texts.take(limit - found) {
            if found > 0 {
                body.push(b',');
            }
            found += 1;
            let description = TargetDescription {
                target: LabelMap(target.labels.clone()),
                metric: asked.is_empty().then_some(text.name.as_str()),
                kind: text.kind.as_str(),
                help: &text.help,
                unit: &text.unit,
            };
            write_json(&mut body, &description)?;
        }
        memory.cover(body.capacity())?;
    }
    body.push(b']');
    Ok(Success::finish(body, &Notes::default()))
}

fn describe(texts: &[Arc<MetricMetadata>], limit: usize) -> Vec<Description<'_>> {
    let texts = texts.iter().take(limit);
    texts.map(|text| Description { kind: text.kind.as_str(), unit: &text.unit, help: &text.help }).collect()
}

/// `None` without a limit, which is what a negative number means.
fn limit(form: &Form, name: &str) -> Result<Option<usize>, ApiError> {
    match form.text(name) {
        "" => Ok(None),
        text => {
            let number: i64 = text.parse().map_err(|_| ApiError::bad_data(format!("{name} must be a number")))?;
            Ok(usize::try_from(number).ok())
        }
    }
}

fn limit_per_metric(form: &Form) -> Result<usize, ApiError> {
    Ok(limit(form, "limit_per_metric")?.filter(|limit| *limit > 0).unwrap_or(usize::MAX))
}
