//! What this build calls itself.

/// Our own version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The version of Prometheus whose API and query language we speak. Grafana and others decide by it what they may ask
/// for.
pub const PROMETHEUS_VERSION: &str = "3.5.3";

/// Of the sources, where the build names it.
pub const REVISION: &str = match option_env!("VITALS_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// For `--version`.
pub fn long_text() -> String {
    format!(
        "vitals-aggregator, version {VERSION} (revision: {REVISION})\n  speaks: the API of Prometheus {PROMETHEUS_VERSION}\n  \
         platform: {}/{}\n",
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}

/// Go's word for this machine's architecture, as dashboards group by it.
pub fn go_arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}
