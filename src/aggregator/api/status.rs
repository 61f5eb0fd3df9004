//! `/api/v1/status/{buildinfo,config,flags,runtimeinfo}`.

use std::collections::BTreeMap;

use http::Request;
use model::format_rfc3339_ms;
use serde_json::json;

use super::answer::{Answer, Success};
use crate::clock::now_ms;
use crate::program::Aggregator;
use crate::version::{PROMETHEUS_VERSION, REVISION, VERSION};
use crate::web_address::host_name;

/// `version` is the Prometheus that we speak like, by which Grafana decides what it may ask for; our own is part of
/// the revision.
pub fn buildinfo(_: &Aggregator, _: &Request) -> Answer {
    Success::of(&json!({
        "version": PROMETHEUS_VERSION,
        "revision": format!("vitals-aggregator-{VERSION}-{REVISION}"),
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    }))
}

pub fn config(aggregator: &Aggregator, _: &Request) -> Answer {
    Success::of(&json!({ "yaml": aggregator.config().config.yaml }))
}

pub fn flags(aggregator: &Aggregator, _: &Request) -> Answer {
    Success::of(&aggregator.flags.values.iter().collect::<BTreeMap<_, _>>())
}

/// The fields that belong to Go's runtime hold what comes closest: tasks for goroutines, CPUs for `GOMAXPROCS`.
pub fn runtimeinfo(aggregator: &Aggregator, _: &Request) -> Answer {
    let loaded = aggregator.config();
    let stats = aggregator.running()?.tsdb.stats();
    let folder = std::env::current_dir().map(|path| path.display().to_string()).unwrap_or_default();
    Success::of(&json!({
        "startTime": format_rfc3339_ms(aggregator.started_ms),
        "CWD": folder,
        "hostname": host_name(),
        "serverTime": format_rfc3339_ms(now_ms()),
        "reloadConfigSuccess": loaded.last_reload_succeeded,
        "lastConfigTime": format_rfc3339_ms(loaded.loaded_ms / 1000 * 1000),
        "corruptionCount": stats.replay.skipped_total,
        "goroutineCount": tokio::runtime::Handle::current().metrics().num_alive_tasks(),
        "GOMAXPROCS": aggregator.budget.cpus,
        "GOMEMLIMIT": aggregator.budget.memory_bytes,
        "GOGC": "",
        "GODEBUG": "",
        "storageRetention": retention(aggregator),
    }))
}

/// `1d` or `1d or 512MB`
fn retention(aggregator: &Aggregator) -> String {
    let values = &aggregator.flags.values;
    let time = values.text("storage.tsdb.retention.time");
    match aggregator.flags.retention_bytes {
        Some(_) => format!("{time} or {}", values.text("storage.tsdb.retention.size")),
        None => time.to_owned(),
    }
}
