//! Queries: how many, how long, and what bounds them.

use exposition::{Family, Kind, Page, counter, gauge};

use crate::program::Aggregator;

const ACTIVE: Family = gauge("prometheus_engine_queries", "The current number of queries being executed or waiting.");
const CONCURRENT_MAX: Family =
    gauge("prometheus_engine_queries_concurrent_max", "The max number of concurrent queries.");
const SAMPLES: Family =
    counter("prometheus_engine_query_samples_total", "The total number of samples loaded by all queries.");
const MAX_SAMPLES: Family = gauge("vitals_query_max_samples", "Samples that one query may hold at one time.");
const MAX_BYTES: Family = gauge("vitals_query_max_bytes", "Bytes of memory that one query may hold at one time.");
const MEMORY_LIMIT: Family =
    gauge("vitals_query_memory_limit_bytes", "Bytes of memory that all queries together may hold.");
const MEMORY: Family = gauge("vitals_query_memory_bytes", "Bytes of memory that queries hold now.");
const MEMORY_REFUSED: Family = counter(
    "vitals_query_memory_refused_total",
    "Times that a query ended because others held the memory that it needed.",
);
const PANICS: Family = counter("vitals_query_panics_total", "Queries that made their thread panic.");
const TIMEOUT: Family = gauge("vitals_query_timeout_seconds", "Time after which a query is given up.");

const DURATION: &str = "prometheus_engine_query_duration_seconds";
const DURATION_HELP: &str = "Query timings.";

pub fn write(page: &mut Page, aggregator: &Aggregator) {
    let stats = aggregator.queries.stats();
    page.sample(&ACTIVE, &[], stats.active as f64);
    page.sample(&CONCURRENT_MAX, &[], stats.concurrency as f64);
    page.sample(&SAMPLES, &[], stats.samples_total as f64);
    for (slice, seconds, count) in [
        ("queue_time", stats.queued_seconds_total, stats.queries_total),
        ("inner_eval", stats.evaluated_seconds_total, stats.evaluations_total),
    ] {
        for (member, value) in [("_sum", seconds), ("_count", count as f64)] {
            let member = format!("{DURATION}{member}");
            page.member_sample(DURATION, Kind::Summary, DURATION_HELP, &member, &[("slice", slice)], value);
        }
    }
    page.sample(&MAX_SAMPLES, &[], aggregator.flags.query_max_samples as f64);
    page.sample(&MAX_BYTES, &[], aggregator.budget.query_bytes() as f64);
    page.sample(&MEMORY_LIMIT, &[], stats.memory_limit_bytes as f64);
    page.sample(&MEMORY, &[], stats.memory_bytes as f64);
    page.sample(&MEMORY_REFUSED, &[], stats.memory_refused_total as f64);
    page.sample(&PANICS, &[], stats.panics_total as f64);
    page.sample(&TIMEOUT, &[], aggregator.flags.query_timeout.as_secs_f64());
}
