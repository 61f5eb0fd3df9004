//! Requests by endpoint and status, and the server's connections.

use exposition::{Family, Page, counter, gauge};
use http::Exchange;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family as ClientFamily;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::registry;
use crate::program::Aggregator;

/// The handler of requests that no route takes.
const NO_ROUTE: &str = "/*path";

type ByHandler = Vec<(&'static str, String)>;

const CONNECTIONS: Family = gauge("vitals_http_connections", "Open connections.");
const CONNECTION_LIMIT: Family = gauge("vitals_http_connections_limit", "Connections that may be open at one time.");
const CONNECTIONS_TOTAL: Family = counter("vitals_http_connections_total", "Connections accepted.");
const DELAYED: Family =
    counter("vitals_http_connections_delayed_total", "Connections that had to wait because the limit was reached.");
const DISMISSED: Family = counter(
    "vitals_http_connections_dismissed_total",
    "Connections that waited for a request and had to give their place to another.",
);
const ACCEPT_ERRORS: Family = counter("vitals_http_accept_errors_total", "Connections that could not be accepted.");
const IN_FLIGHT: Family = gauge("vitals_http_requests_in_flight", "Requests that are being answered.");
const BODIES: Family = gauge("vitals_http_request_body_bytes", "Bytes of request bodies that are held.");
const BODIES_LIMIT: Family =
    gauge("vitals_http_request_body_limit_bytes", "Bytes of request bodies that may be held together.");
const BODIES_REFUSED: Family =
    counter("vitals_http_request_bodies_refused_total", "Requests refused because of that limit.");
const RESPONSES: Family =
    gauge("vitals_http_response_pending_bytes", "Bytes of large responses that clients have not taken yet.");
const RESPONSES_LIMIT: Family =
    gauge("vitals_http_response_pending_limit_bytes", "Bytes of responses that may wait for their clients together.");
const RESPONSES_REFUSED: Family =
    counter("vitals_http_responses_refused_total", "Responses not given because of that limit.");
const PANICS: Family = counter("vitals_http_panics_total", "Requests that made their handler panic.");

/// Counters that each finished request moves.
pub struct Requests {
    registry: Registry,
    total: ClientFamily<ByHandler, Counter>,
    seconds: ClientFamily<ByHandler, Histogram, fn() -> Histogram>,
    bytes: ClientFamily<ByHandler, Histogram, fn() -> Histogram>,
}

impl Default for Requests {
    fn default() -> Self {
        let total = ClientFamily::default();
        let seconds = ClientFamily::new_with_constructor(duration_buckets as fn() -> Histogram);
        let bytes = ClientFamily::new_with_constructor(size_buckets as fn() -> Histogram);
        let mut registry = Registry::with_prefix("prometheus_http");
        registry.register("requests", "Counter of HTTP requests", total.clone());
        registry.register("request_duration_seconds", "Histogram of latencies for HTTP requests", seconds.clone());
        registry.register("response_size_bytes", "Histogram of response size for HTTP requests", bytes.clone());
        Requests { registry, total, seconds, bytes }
    }
}

impl Requests {
    /// Handlers are routes, so their number is bounded by our table, whatever is asked for.
    pub fn observe(&self, exchange: &Exchange<'_>) {
        let handler = vec![("handler", exchange.route.unwrap_or(NO_ROUTE).to_owned())];
        self.seconds.get_or_create(&handler).observe(exchange.duration.as_secs_f64());
        self.bytes.get_or_create(&handler).observe(exchange.response_bytes as f64);
        let mut with_code = vec![("code", exchange.status.as_str().to_owned())];
        with_code.extend(handler);
        self.total.get_or_create(&with_code).inc();
    }
}

pub fn write(page: &mut Page, aggregator: &Aggregator) {
    registry::write(page, &aggregator.requests.registry);
    let server = &aggregator.server;
    page.sample(&CONNECTIONS, &[], server.connections_open() as f64);
    page.sample(&CONNECTION_LIMIT, &[], aggregator.limits.connections as f64);
    page.sample(&CONNECTIONS_TOTAL, &[], server.connections_total() as f64);
    page.sample(&DELAYED, &[], server.connections_delayed_total() as f64);
    page.sample(&DISMISSED, &[], server.connections_dismissed_total() as f64);
    page.sample(&ACCEPT_ERRORS, &[], server.accept_errors_total() as f64);
    page.sample(&IN_FLIGHT, &[], server.requests_in_flight() as f64);
    page.sample(&BODIES, &[], server.bodies_bytes() as f64);
    page.sample(&BODIES_LIMIT, &[], aggregator.limits.bodies_bytes as f64);
    page.sample(&BODIES_REFUSED, &[], server.bodies_refused_total() as f64);
    page.sample(&RESPONSES, &[], server.responses_bytes() as f64);
    page.sample(&RESPONSES_LIMIT, &[], aggregator.limits.responses_bytes as f64);
    page.sample(&RESPONSES_REFUSED, &[], server.responses_refused_total() as f64);
    page.sample(&PANICS, &[], server.panics_total() as f64);
}

fn duration_buckets() -> Histogram {
    Histogram::new([0.1, 0.2, 0.4, 1.0, 3.0, 8.0, 20.0, 60.0, 120.0])
}

fn size_buckets() -> Histogram {
    Histogram::new(exponential_buckets(100.0, 10.0, 8))
}
