//! What the agent tells of itself: its build, its process as Prometheus' Go library tells it, and every limit that it
//! keeps together with what is used of it.

use std::sync::atomic::Ordering;

use exposition::{Family, Page, counter, gauge};

use crate::agent::Agent;
use crate::version;

const BUILD_INFO: Family = gauge(
    "node_exporter_build_info",
    "A metric with a constant '1' value labeled by version, revision, branch, goversion from which node_exporter was built, \
     and the goos and goarch for the build.",
);
const REQUESTS: Family =
    counter("promhttp_metric_handler_requests_total", "Total number of scrapes by HTTP status code.");
const IN_FLIGHT: Family =
    gauge("promhttp_metric_handler_requests_in_flight", "Current number of scrapes being served.");
const ERRORS: Family = counter(
    "promhttp_metric_handler_errors_total",
    "Total number of internal errors encountered by the promhttp metric handler.",
);
const REQUESTS_LIMIT: Family =
    gauge("vitals_scrapes_in_flight_limit", "Scrapes at the same time, at most (--web.max-requests); 0 for no limit.");
const COLLECTIONS: Family = counter("vitals_collections_total", "Collections made.");
const COALESCED: Family =
    counter("vitals_scrapes_coalesced_total", "Scrapes that shared the collection of another one at the same time.");
const WORKERS: Family = gauge("vitals_collect_threads", "Threads that collect.");
const WORKERS_LIMIT: Family = gauge("vitals_collect_threads_limit", "Threads that collect, at most.");
const WORKERS_FAILED: Family =
    counter("vitals_collect_threads_failed_total", "Threads to collect that could not be started.");
const LEFT_BEHIND: Family = gauge(
    "vitals_collectors_left_behind",
    "Collectors that are still busy with a scrape that had to leave without them.",
);
const SERIES_LIMIT: Family = gauge(
    "vitals_collector_series_limit",
    "Series of one collector in one scrape, at most (--collector.series-limit); 0 for no limit.",
);
const KEPT_FILES: Family = gauge("vitals_kept_files", "Kernel files that are kept open between scrapes.");
const KEPT_FILES_LIMIT: Family =
    gauge("vitals_kept_files_limit", "Kernel files that are kept open, at most (--path.max-kept-files).");
const PROBLEMS: Family = gauge("vitals_logged_problems", "Distinct problems of collectors that were logged.");
const PROBLEMS_LIMIT: Family =
    gauge("vitals_logged_problems_limit", "Distinct problems that are logged; later ones are only counted.");
const CONNECTIONS: Family = gauge("vitals_http_connections", "Open connections.");
const CONNECTIONS_LIMIT: Family = gauge("vitals_http_connections_limit", "Open connections, at most.");
const CONNECTIONS_DELAYED: Family =
    counter("vitals_http_connections_delayed_total", "Connections that had to wait because there were too many.");
const HANDSHAKES_FAILED: Family = counter(
    "vitals_http_handshakes_failed_total",
    "TLS handshakes that came to nothing: refused, broken off, too slow.",
);
const ACCEPT_ERRORS: Family = counter("vitals_http_accept_errors_total", "Connections that could not be accepted.");
const PANICS: Family = counter("vitals_http_panics_total", "Requests that failed by a panic.");

pub fn write(agent: &Agent, page: &mut Page) {
    write_build_info(page);
    write_limits(agent, page);
    agent.reloads.write(page);
    if !agent.flags.load().hides_exporter_metrics {
        agent.process.write(page);
        write_scrapes(agent, page);
    }
}

fn write_build_info(page: &mut Page) {
    let labels = [
        ("branch", version::BRANCH),
        ("goarch", version::architecture()),
        ("goos", version::SYSTEM),
        ("goversion", version::COMPILER),
        ("revision", version::REVISION),
        ("tags", "unknown"),
        ("version", version::VERSION),
    ];
    page.sample(&BUILD_INFO, &labels, 1.0);
}

fn write_scrapes(agent: &Agent, page: &mut Page) {
    let scrapes = &agent.scrapes;
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed) as f64;
    // An answer that cannot be encoded, and a code 500, do not exist here; their series do, as with node_exporter.
    page.sample(&ERRORS, &[("cause", "encoding")], 0.0);
    page.sample(&ERRORS, &[("cause", "gathering")], count(&scrapes.gathering_errors));
    page.sample(&IN_FLIGHT, &[], scrapes.in_flight() as f64);
    page.sample(&REQUESTS, &[("code", "200")], count(&scrapes.ok));
    page.sample(&REQUESTS, &[("code", "500")], 0.0);
    page.sample(&REQUESTS, &[("code", "503")], count(&scrapes.refused));
}

fn write_limits(agent: &Agent, page: &mut Page) {
    let (runner, server) = (agent.runner.stats(), &agent.server);
    for (family, value) in [
        (&REQUESTS_LIMIT, agent.scrapes.limit),
        (&WORKERS, runner.workers),
        (&WORKERS_LIMIT, runner.worker_limit),
        (&LEFT_BEHIND, runner.left_behind),
        (&SERIES_LIMIT, agent.flags.load().plan.series_limit),
        (&KEPT_FILES, agent.host.files.kept()),
        (&KEPT_FILES_LIMIT, agent.host.files.limit()),
        (&PROBLEMS, runner.known_problems),
        (&PROBLEMS_LIMIT, runner.known_problems_limit),
        (&CONNECTIONS, server.connections_open()),
        (&CONNECTIONS_LIMIT, agent.limits.connections),
    ] {
        page.sample(family, &[], value as f64);
    }
    for (family, value) in [
        (&COLLECTIONS, runner.collections),
        (&COALESCED, runner.coalesced),
        (&WORKERS_FAILED, runner.failed_starts),
        (&CONNECTIONS_DELAYED, server.connections_delayed_total()),
        (&ACCEPT_ERRORS, server.accept_errors_total()),
        (&HANDSHAKES_FAILED, server.handshakes_failed_total()),
        (&PANICS, server.panics_total()),
    ] {
        page.sample(family, &[], value as f64);
    }
}
