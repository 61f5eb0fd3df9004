//! `/metrics`: what this program says about itself. Names are Prometheus' where the meaning is the same, so dashboards
//! and alerts go on working; what only we have begins with `vitals_`. Every limit of the program is here.

mod queries;
mod registry;
mod requests;
mod scraping;
mod state;
mod storage;

use std::sync::Arc;

use exposition::{Page, assemble, negotiate};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, Router, StatusCode};

use crate::off_thread::off_thread;
use crate::program::Aggregator;

pub use requests::Requests;

pub fn routes(router: Router, aggregator: &Arc<Aggregator>) -> Router {
    let aggregator = aggregator.clone();
    router.get("/metrics", move |request: Request| {
        let aggregator = aggregator.clone();
        // Counting what each target holds waits for its scrape.
        off_thread(move || respond(&aggregator, &request))
    })
}

fn respond(aggregator: &Aggregator, request: &Request) -> Response {
    let negotiated = negotiate(request.header("accept").unwrap_or(""));
    let mut body = Vec::with_capacity(64 << 10);
    let report = assemble([&page(aggregator)], negotiated.dialect, &mut body);
    for dropped in report.dropped {
        tracing::error!(%dropped, "own metrics");
    }
    let mut response = Response::text(StatusCode::OK, body).compressible();
    if let Ok(content_type) = HeaderValue::from_str(&negotiated.content_type) {
        response.headers.insert(CONTENT_TYPE, content_type);
    }
    response
}

fn page(aggregator: &Aggregator) -> Page {
    let mut page = Page::new();
    state::write(&mut page, aggregator);
    crate::process::write(&mut page, aggregator.started_ms);
    queries::write(&mut page, aggregator);
    requests::write(&mut page, aggregator);
    if let Ok(running) = aggregator.running() {
        storage::write(&mut page, &running.tsdb.stats(), aggregator);
        scraping::write(&mut page, &running.scraping);
    }
    page
}
