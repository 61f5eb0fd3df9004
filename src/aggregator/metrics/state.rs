//! The build, the configuration, readiness.

use exposition::{Family, Page, gauge};

use crate::program::Aggregator;
use crate::version::{PROMETHEUS_VERSION, REVISION, VERSION, go_arch};

const PROMETHEUS_BUILD: Family = gauge(
    "prometheus_build_info",
    "A metric with a constant '1' value labeled by the version of Prometheus whose API this program speaks.",
);
const BUILD: Family = gauge("vitals_build_info", "A metric with a constant '1' value labeled by this program's build.");
const RELOADED: Family =
    gauge("prometheus_config_last_reload_successful", "Whether the last configuration reload attempt was successful.");
const RELOADED_AT: Family = gauge(
    "prometheus_config_last_reload_success_timestamp_seconds",
    "Timestamp of the last successful configuration reload.",
);
const READY: Family = gauge("prometheus_ready", "Whether startup was fully completed and queries are answered.");

pub fn write(page: &mut Page, aggregator: &Aggregator) {
    let labels = [
        ("branch", ""),
        ("goarch", go_arch()),
        ("goos", "linux"),
        ("goversion", ""),
        ("revision", REVISION),
        ("tags", "vitals"),
        ("version", PROMETHEUS_VERSION),
    ];
    page.sample(&PROMETHEUS_BUILD, &labels, 1.0);
    page.sample(&BUILD, &[("program", "aggregator"), ("revision", REVISION), ("version", VERSION)], 1.0);
    let loaded = aggregator.config();
    page.sample(&RELOADED, &[], f64::from(loaded.last_reload_succeeded));
    page.sample(&RELOADED_AT, &[], loaded.loaded_ms as f64 / 1000.0);
    page.sample(&READY, &[], f64::from(aggregator.is_ready()));
}
