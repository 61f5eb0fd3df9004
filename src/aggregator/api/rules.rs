//! What dashboards ask about rules, alerts and notifications. There are none yet, and that is the answer.

use http::Request;
use serde_json::json;

use super::answer::{Answer, ApiError, Success};
use super::params::form;
use crate::program::Aggregator;

pub fn rules(_: &Aggregator, request: &Request) -> Answer {
    let form = form(request)?;
    match form.text("type") {
        "" | "alert" | "record" => Success::of(&json!({ "groups": [] })),
        other => Err(ApiError::parameter("type", format!("not supported value {other:?}"))),
    }
}

pub fn alerts(_: &Aggregator, _: &Request) -> Answer {
    Success::of(&json!({ "alerts": [] }))
}

pub fn alertmanagers(_: &Aggregator, _: &Request) -> Answer {
    Success::of(&json!({ "activeAlertmanagers": [], "droppedAlertmanagers": [] }))
}

pub fn notifications(_: &Aggregator, _: &Request) -> Answer {
    Success::of(&json!([]))
}
