//! What dashboards ask about rules, alerts and notifications. There are none yet, and that is the answer.

use std::sync::Arc;

use http::Request;
use serde_json::json;

use super::answer::{Answer, ApiError, Success};
use super::params::form;
use crate::program::Aggregator;

pub async fn rules(_: Arc<Aggregator>, request: Request) -> Answer {
    let form = form(&request)?;
    match form.text("type") {
        "" | "alert" | "record" => Success::of(&json!({ "groups": [] })),
        other => Err(ApiError::parameter("type", format!("not supported value {other:?}"))),
    }
}

pub async fn alerts(_: Arc<Aggregator>, _: Request) -> Answer {
    Success::of(&json!({ "alerts": [] }))
}

pub async fn alertmanagers(_: Arc<Aggregator>, _: Request) -> Answer {
    Success::of(&json!({ "activeAlertmanagers": [], "droppedAlertmanagers": [] }))
}

pub async fn notifications(_: Arc<Aggregator>, _: Request) -> Answer {
    Success::of(&json!([]))
}
