//! Which path answers what.

use std::sync::Arc;

use http::header::LOCATION;
use http::{Request, Response, Router, StatusCode};

use crate::agent::Agent;
use crate::{landing, metrics, status};

/// Pages answer to every method, as node_exporter's do.
pub fn router(agent: &Arc<Agent>) -> Router {
    let flags = agent.flags.load();
    let telemetry_path = &flags.telemetry_path;
    let router = page(Router::new(), agent, telemetry_path, metrics);
    let router = page(router, agent, "/metrics/cadvisor", containers);
    let router = page(router, agent, "/status", status);
    let router = router.any("/healthz", fine).any("/readyz", fine);
    match telemetry_path.strip_suffix('/') {
        None => page(router, agent, "/", landing),
        // A path that ends with a slash answers for everything below it, too; so it is with Go.
        Some("") => page(router, agent, "/*rest", metrics),
        Some(folder) => {
            let router = page(router, agent, "/", landing);
            let router = page(router, agent, &format!("{telemetry_path}*rest"), metrics);
            let with_slash = telemetry_path.clone();
            router.any(folder, move |_| {
                let with_slash = with_slash.clone();
                async move { Response::empty(StatusCode::MOVED_PERMANENTLY).header(LOCATION, &with_slash) }
            })
        }
    }
}

fn page<A>(router: Router, agent: &Arc<Agent>, pattern: &str, answer: fn(Arc<Agent>, Request) -> A) -> Router
where
    A: Future<Output = Response> + Send + 'static,
{
    let agent = agent.clone();
    router.any(pattern, move |request| answer(agent.clone(), request))
}

async fn metrics(agent: Arc<Agent>, request: Request) -> Response {
    metrics::answer(&agent, &request).await
}

async fn containers(agent: Arc<Agent>, request: Request) -> Response {
    metrics::answer_containers(&agent, &request).await
}

async fn status(agent: Arc<Agent>, request: Request) -> Response {
    status::answer(&agent, &request).await
}

async fn landing(agent: Arc<Agent>, _: Request) -> Response {
    landing::answer(&agent)
}

/// The agent listens only when it is ready, so there is nothing to look at.
async fn fine(_: Request) -> Response {
    Response::text(StatusCode::OK, "ok\n")
}
