//! `/api/v1/query_exemplars`. Exemplars are not stored, so every valid question has an empty answer, as in a
//! Prometheus without the feature `exemplar-storage`.

use http::Request;
use serde_json::json;

use super::answer::{Answer, ApiError, Success};
use super::params::{form, query_text, time_range};
use super::query::{TREE_BYTES_PER_BYTE, parse_error};
use crate::program::Aggregator;

pub fn query_exemplars(aggregator: &Aggregator, request: &Request) -> Answer {
    let form = form(request)?;
    let range = time_range(&form)?;
    if range.end_ms < range.start_ms {
        return Err(ApiError::bad_data("end timestamp must not be before start timestamp"));
    }
    let text = query_text(&form)?;
    let memory = aggregator.queries.lease();
    memory.cover(text.len() * TREE_BYTES_PER_BYTE)?;
    promql::parse(&text).map_err(|error| ApiError::bad_data(parse_error(&error)))?;
    Success::of(&json!([]))
}
