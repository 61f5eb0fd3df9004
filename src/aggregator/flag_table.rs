//! The one table of flags. Names, spellings and defaults are Prometheus' wherever it has the flag; `--help`, parsing
//! and `/api/v1/status/flags` derive from it.

#[derive(Clone, Copy, Debug)]
pub struct FlagRow {
    /// Without the leading dashes.
    pub name: &'static str,
    pub kind: FlagKind,
    /// As `/api/v1/status/flags` prints it.
    pub default: &'static str,
    pub help: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagKind {
    /// `--x`, `--no-x`, `--x=true`.
    Switch,
    /// `--x=VALUE`, at most once.
    Single,
    /// `--x=VALUE`, any number of times.
    Repeated,
    /// Prometheus' flag that decides nothing here: taken, so that a command line works as it is, and told in the log.
    WithoutEffect,
}

use FlagKind::{Repeated, Single, Switch, WithoutEffect};

const fn row(name: &'static str, kind: FlagKind, default: &'static str, help: &'static str) -> FlagRow {
    FlagRow { name, kind, default, help }
}

const fn without_effect(name: &'static str, default: &'static str) -> FlagRow {
    row(name, WithoutEffect, default, "Taken for the sake of Prometheus' command lines; decides nothing here.")
}

pub const FLAGS: &[FlagRow] = &[
    row("config.file", Single, "", "Configuration file. Without one: the agent on 127.0.0.1:9100 and this program."),
    row("web.listen-address", Repeated, "0.0.0.0:9090", "Address to listen on for API and pages."),
    row(
        "web.config.file",
        Single,
        "",
        "File with TLS and authentication of the server, in the format of the exporter-toolkit.",
    ),
    row("web.read-timeout", Single, "5m", "Time after which an idle connection is closed."),
    row("web.max-connections", Single, "512", "Open connections; further ones wait."),
    row("web.external-url", Single, "", "URL under which others reach this program; its path prefixes all endpoints."),
    row("web.route-prefix", Single, "", "Prefix of the endpoints. Default: the path of --web.external-url."),
    row("web.enable-lifecycle", Switch, "false", "Allow reload and shutdown by HTTP request."),
    row("web.enable-admin-api", Switch, "false", "Allow the API for administrators."),
    row("web.cors.origin", Single, ".*", "Regular expression of origins that may use the API from a browser."),
    row("storage.tsdb.path", Single, "data/", "Folder of the stored samples."),
    row("storage.tsdb.retention.time", Single, "1d", "How long samples are kept. Units: y, w, d, h, m, s, ms."),
    row("storage.tsdb.retention.size", Single, "0B", "Bytes that may be stored; 0 for no limit. 1KB is 1024B."),
    row("storage.wal-sync", Single, "1s", "How often the log is flushed to the disk."),
    row("storage.max-series", Single, "0", "Active series above which new ones are refused; 0 fits the memory."),
    row("query.lookback-delta", Single, "5m", "How far back an instant selector looks for a sample."),
    row("query.timeout", Single, "2m", "Time after which a query is given up."),
    row("query.max-concurrency", Single, "20", "Queries that are evaluated at the same time; further ones wait."),
    row("query.max-samples", Single, "50000000", "Samples that one query may hold at one time."),
    row("enable-feature", Repeated, "", "Features to enable, separated by commas: promql-delayed-name-removal."),
    row("log.level", Single, "info", "Log messages of this severity or above: debug, info, warn, error."),
    row("log.format", Single, "logfmt", "Format of log messages: logfmt, json."),
    without_effect("auto-gomaxprocs", "true"),
    without_effect("auto-gomemlimit", "true"),
    without_effect("auto-gomemlimit.ratio", "0.9"),
    without_effect("alertmanager.drain-notification-queue-on-shutdown", "true"),
    without_effect("alertmanager.notification-queue-capacity", "10000"),
    without_effect("rules.alert.for-grace-period", "10m"),
    without_effect("rules.alert.for-outage-tolerance", "1h"),
    without_effect("rules.alert.resend-delay", "1m"),
    without_effect("rules.max-concurrent-evals", "4"),
    without_effect("storage.remote.flush-deadline", "1m"),
    without_effect("storage.tsdb.allow-overlapping-blocks", "true"),
    without_effect("storage.tsdb.head-chunks-write-queue-size", "0"),
    without_effect("storage.tsdb.max-block-duration", "0s"),
    without_effect("storage.tsdb.min-block-duration", "2h"),
    without_effect("storage.tsdb.no-lockfile", "false"),
    without_effect("storage.tsdb.wal-compression", "true"),
    without_effect("storage.tsdb.wal-compression-type", "snappy"),
    without_effect("web.console.libraries", ""),
    without_effect("web.console.templates", ""),
    without_effect("web.local-assets", ""),
    without_effect("web.max-notifications-subscribers", "16"),
    without_effect("web.page-title", ""),
    without_effect("web.user-assets", ""),
];

/// Flags without effect that are switches in Prometheus.
pub fn is_switch(row: &FlagRow) -> bool {
    row.kind == Switch || (row.kind == WithoutEffect && matches!(row.default, "true" | "false"))
}
