//! `/api/v1`: Prometheus' HTTP API, GET and form POST, to the field (Prometheus 3.5). One file per group of endpoints;
//! this one holds their table.

mod answer;
mod cors;
mod exemplars;
mod format;
mod json;
mod metadata;
mod params;
mod query;
mod result;
mod rules;
mod series;
mod status;
mod targets;
mod tsdb;

use std::pin::Pin;
use std::sync::Arc;

use http::{Method, Request, Response, Router, StatusCode};

use crate::off_thread::off_thread;
use crate::program::Aggregator;
use answer::Answer;

pub use answer::{ApiError, ErrorKind};

const GET: &[Method] = &[Method::GET];
const GET_OR_POST: &[Method] = &[Method::GET, Method::POST];
const POST_OR_PUT: &[Method] = &[Method::POST, Method::PUT];

pub fn routes(router: Router, aggregator: &Arc<Aggregator>) -> Router {
    let mut table = Table { router, aggregator };
    table.add(GET_OR_POST, "/api/v1/query", query::instant);
    table.add(GET_OR_POST, "/api/v1/query_range", query::range);
    table.add(GET_OR_POST, "/api/v1/query_exemplars", off(exemplars::query_exemplars));
    table.add(GET_OR_POST, "/api/v1/format_query", off(format::format_query));
    table.add(GET_OR_POST, "/api/v1/series", series::series);
    table.add(GET_OR_POST, "/api/v1/labels", series::labels);
    table.add(GET, "/api/v1/label/:name/values", series::label_values);
    table.add(GET, "/api/v1/targets", off(targets::targets));
    table.add(GET, "/api/v1/targets/metadata", off(metadata::of_targets));
    table.add(GET, "/api/v1/scrape_pools", off(targets::scrape_pools));
    table.add(GET, "/api/v1/metadata", off(metadata::metadata));
    table.add(GET, "/api/v1/rules", off(rules::rules));
    table.add(GET, "/api/v1/alerts", off(rules::alerts));
    table.add(GET, "/api/v1/alertmanagers", off(rules::alertmanagers));
    table.add(GET, "/api/v1/notifications", off(rules::notifications));
    table.add(GET, "/api/v1/status/buildinfo", off(status::buildinfo));
    table.add(GET, "/api/v1/status/config", off(status::config));
    table.add(GET, "/api/v1/status/flags", off(status::flags));
    table.add(GET, "/api/v1/status/runtimeinfo", off(status::runtimeinfo));
    table.add(GET, "/api/v1/status/tsdb", tsdb::cardinality);
    table.add(GET, "/api/v1/status/walreplay", off(tsdb::walreplay));
    for action in ["snapshot", "delete_series", "clean_tombstones"] {
        table.add(POST_OR_PUT, &format!("/api/v1/admin/tsdb/{action}"), off(tsdb::admin));
    }
    table.router
}

struct Table<'a> {
    router: Router,
    aggregator: &'a Arc<Aggregator>,
}

impl Table<'_> {
    fn add<F, A>(&mut self, methods: &[Method], pattern: &str, endpoint: F)
    where
        F: Fn(Arc<Aggregator>, Request) -> A + Copy + Send + Sync + 'static,
        A: Future<Output = Answer> + Send + 'static,
    {
        let router = std::mem::take(&mut self.router);
        let aggregator = self.aggregator.clone();
        let router = router.route(methods, pattern, move |request: Request| {
            let aggregator = aggregator.clone();
            async move {
                // At the end too: what was asked before it is still answered, and nothing closes before that.
                if aggregator.running().is_err() {
                    return not_ready();
                }
                let origin = request.header("origin").map(str::to_owned);
                let response = answer::respond(endpoint(aggregator.clone(), request).await);
                cors::allow(response, origin.as_deref(), &aggregator.flags.cors_origin)
            }
        });
        let aggregator = self.aggregator.clone();
        self.router = router.route(&[Method::OPTIONS], pattern, move |request: Request| {
            let response = Response::empty(StatusCode::NO_CONTENT);
            let response = cors::allow(response, request.header("origin"), &aggregator.flags.cors_origin);
            async move { response }
        });
    }
}

/// An endpoint that neither waits for a place among the queries nor for anything else but locks and files.
fn off<F>(endpoint: F) -> impl Fn(Arc<Aggregator>, Request) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Copy
where
    F: Fn(&Aggregator, &Request) -> Answer + Copy + Send + Sync + 'static,
{
    move |aggregator, request| Box::pin(off_thread(move || endpoint(&aggregator, &request)))
}

/// While the log is replayed; for those who ask whether we are ready, while the program ends too.
pub fn not_ready() -> Response {
    Response::text(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
}
