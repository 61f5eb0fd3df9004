//! `/api/v1/status/{tsdb,walreplay}`, and the administrators' endpoints, which come with blocks.

use std::sync::Arc;
use std::time::Instant;

use ::tsdb::Count;
use http::Request;
use serde_json::{Value, json};

use super::answer::{Answer, ApiError, ErrorKind, Success};
use super::params::form;
use crate::program::Aggregator;
use crate::query_pool::Slot;

/// Entries of each table unless `limit` says otherwise.
const DEFAULT_LIMIT: usize = 10;

/// Memory of a row before the tables are cut, with a name and a value of usual length.
const PAIR_BYTES: usize = 256;

pub async fn cardinality(aggregator: Arc<Aggregator>, request: Request) -> Answer {
    let form = form(&request)?;
    let limit = match form.text("limit") {
        "" => DEFAULT_LIMIT,
        text => match text.parse() {
            Ok(limit) if limit > 0 => limit,
            _ => return Err(ApiError::bad_data("limit must be a positive number")),
        },
    };
    let tsdb = aggregator.running()?.tsdb.clone();
    let deadline = Instant::now() + aggregator.flags.query_timeout;
    let work = move |slot: Slot| {
        // Every pair becomes a text before the largest are chosen.
        slot.hold(tsdb.stats().label_pairs * PAIR_BYTES)?;
        Ok::<_, ApiError>(tsdb.cardinality(limit))
    };
    let tables = aggregator.queries.run(deadline, work).await??;
    Success::of(&json!({
        "headStats": {
            "numSeries": tables.series,
            "numLabelPairs": tables.label_pairs,
            "chunkCount": tables.chunks,
            // Prometheus' ends of time, where there is no sample.
            "minTime": tables.min_time_ms.unwrap_or(i64::MAX),
            "maxTime": tables.max_time_ms.unwrap_or(i64::MIN),
        },
        "seriesCountByMetricName": list(&tables.series_count_by_metric_name),
        "labelValueCountByLabelName": list(&tables.label_value_count_by_label_name),
        "memoryInBytesByLabelName": list(&tables.memory_in_bytes_by_label_name),
        "seriesCountByLabelValuePair": list(&tables.series_count_by_label_value_pair),
    }))
}

/// The replay has ended before anything is answered here; Prometheus reports zeros then.
pub fn walreplay(_: &Aggregator, _: &Request) -> Answer {
    Success::of(&json!({ "min": 0, "max": 0, "current": 0 }))
}

pub fn admin(aggregator: &Aggregator, _: &Request) -> Answer {
    let reason = if aggregator.flags.enable_admin_api {
        "snapshots and deletions are not supported yet: they come with blocks"
    } else {
        "admin APIs disabled"
    };
    Err(ApiError::new(ErrorKind::Unavailable, reason))
}

fn list(counts: &[Count]) -> Value {
    counts.iter().map(|count| json!({ "name": count.name, "value": count.value })).collect()
}
