//! `/-/healthy`, `/-/ready`, `/-/reload`, `/-/quit`. Texts are Prometheus', since scripts look for them.

use std::sync::Arc;

use http::{Method, Request, Response, Router, StatusCode};

use crate::api::not_ready;
use crate::program::Aggregator;

pub fn routes(router: Router, aggregator: &Arc<Aggregator>) -> Router {
    let (ready, reload, quit) = (aggregator.clone(), aggregator.clone(), aggregator.clone());
    router
        .get("/-/healthy", |_| async { Response::text(StatusCode::OK, "Prometheus Server is Healthy.\n") })
        .get("/-/ready", move |_| {
            let is_ready = ready.is_ready();
            async move {
                if is_ready { Response::text(StatusCode::OK, "Prometheus Server is Ready.\n") } else { not_ready() }
            }
        })
        .route(&[Method::POST, Method::PUT], "/-/reload", move |_| {
            let aggregator = reload.clone();
            async move {
                if !aggregator.flags.enable_lifecycle {
                    return forbidden();
                }
                match aggregator.reload().await {
                    Ok(()) => Response::empty(StatusCode::OK),
                    Err(reason) => {
                        let text = format!("failed to reload config: {reason}\n");
                        Response::text(StatusCode::INTERNAL_SERVER_ERROR, text)
                    }
                }
            }
        })
        .route(&[Method::POST, Method::PUT], "/-/quit", move |_| {
            let aggregator = quit.clone();
            async move {
                if !aggregator.flags.enable_lifecycle {
                    return forbidden();
                }
                tracing::info!("told to end by /-/quit");
                aggregator.quit.notify_one();
                Response::text(StatusCode::OK, "Requesting termination... Goodbye!\n")
            }
        })
        .get("/-/reload", only_post_or_put)
        .get("/-/quit", only_post_or_put)
}

fn forbidden() -> Response {
    Response::text(StatusCode::FORBIDDEN, "Lifecycle API is not enabled.")
}

async fn only_post_or_put(_: Request) -> Response {
    Response::text(StatusCode::METHOD_NOT_ALLOWED, "Only POST or PUT requests allowed")
}
