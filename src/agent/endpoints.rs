//! Which path answers what.

use std::sync::Arc;

use http::{Method, Request, Response, Router, StatusCode};

use crate::agent::Agent;
use crate::{landing, metrics, status};

/// Node_exporter answers to these on every path, so clients that POST keep working.
const METHODS: [Method; 2] = [Method::GET, Method::POST];

pub fn router(agent: &Arc<Agent>) -> Router {
    let on = |agent: &Arc<Agent>| agent.clone();
    let (for_metrics, for_containers, for_status, for_landing) = (on(agent), on(agent), on(agent), on(agent));
    Router::new()
        .route(&METHODS, &agent.flags.load().telemetry_path, move |request| {
            let agent = for_metrics.clone();
            async move { metrics::answer(&agent, &request).await }
        })
        .route(&METHODS, "/metrics/cadvisor", move |request| {
            let agent = for_containers.clone();
            async move { metrics::answer_containers(&agent, &request).await }
        })
        .route(&METHODS, "/", move |_| {
            let agent = for_landing.clone();
            async move { landing::answer(&agent) }
        })
        .route(&METHODS, "/status", move |request| {
            let agent = for_status.clone();
            async move { status::answer(&agent, &request).await }
        })
        .get("/healthz", fine)
        .get("/readyz", fine)
}

/// The agent listens only when it is ready, so there is nothing to look at.
async fn fine(_: Request) -> Response {
    Response::text(StatusCode::OK, "ok\n")
}
