//! Which build this is. Revision and branch are those that the build was told about by `VITALS_REVISION` and
//! `VITALS_BRANCH`.

pub const VERSION: &str = env!("CARGO_PKG_VERSION");
pub const REVISION: &str = or_unknown(option_env!("VITALS_REVISION"));
pub const BRANCH: &str = or_unknown(option_env!("VITALS_BRANCH"));
/// The oldest compiler that builds this source; node_exporter's label of this place names Go's.
pub const COMPILER: &str = concat!("rust", env!("CARGO_PKG_RUST_VERSION"));
pub const SYSTEM: &str = std::env::consts::OS;

const fn or_unknown(text: Option<&'static str>) -> &'static str {
    match text {
        Some(text) => text,
        None => "unknown",
    }
}

/// The processor architecture by Go's name, which is what dashboards know.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}

/// For `--version`, in the shape of Prometheus' programs.
pub fn text() -> String {
    format!(
        "vitals-agent, version {VERSION} (branch: {BRANCH}, revision: {REVISION})\n  compiler:         {COMPILER}\n  \
         platform:         {SYSTEM}/{}\n  tags:             unknown\n",
        architecture()
    )
}
