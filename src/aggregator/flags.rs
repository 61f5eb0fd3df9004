//! The flags with their types: every value is checked here, before anything starts.

use std::path::PathBuf;
use std::time::Duration;

use model::{AnchoredRegex, format_duration_ms, parse_duration_ms};

use crate::byte_size::parse_byte_size;
use crate::flag_values::{FlagError, FlagValues};
use crate::log_format::LogFormat;
use crate::web_address::ExternalUrl;

#[derive(Clone, Debug)]
pub struct Flags {
    /// `None`: the built-in configuration.
    pub config_file: Option<PathBuf>,
    pub listen_addresses: Vec<String>,
    pub read_timeout: Duration,
    pub max_connections: usize,
    pub external_url: ExternalUrl,
    /// `/` or a path without a slash at its end.
    pub route_prefix: String,
    pub enable_lifecycle: bool,
    pub enable_admin_api: bool,
    pub cors_origin: AnchoredRegex,
    /// TLS and authentication of the server; `None` for neither.
    pub web_config_file: Option<PathBuf>,
    pub storage_path: PathBuf,
    pub retention_ms: i64,
    pub retention_bytes: Option<u64>,
    pub wal_sync_interval: Duration,
    /// `None`: sized by the machine's memory.
    pub max_series: Option<usize>,
    pub lookback_ms: i64,
    pub query_timeout: Duration,
    pub query_concurrency: usize,
    pub query_max_samples: usize,
    pub delayed_name_removal: bool,
    /// Features that were asked for and that are not known here.
    pub unknown_features: Vec<String>,
    pub log_level: tracing::Level,
    pub log_format: LogFormat,
    /// The texts, effective values in the place of those that follow from others.
    pub values: FlagValues,
}

impl Flags {
    pub fn new(mut values: FlagValues) -> Result<Flags, FlagError> {
        let listen_addresses = values.all("web.listen-address").to_vec();
        let first_address = listen_addresses.first().map_or("", String::as_str);
        let mut external_url = ExternalUrl::parse(values.text("web.external-url"), first_address)
            .map_err(|reason| wrong(&values, "web.external-url", &reason))?;
        let prefix =
            if values.is_given("web.route-prefix") { values.text("web.route-prefix") } else { &external_url.path };
        let route_prefix = format!("/{}", prefix.trim_matches('/'));
        values.set("web.route-prefix", route_prefix.clone());
        if !values.is_given("web.external-url") {
            // Nobody in between changes paths, so links lead where the endpoints are.
            external_url.path = route_prefix.trim_end_matches('/').to_owned();
        }
        let (features, unknown_features) = split_features(&values);
        Ok(Flags {
            config_file: Some(values.text("config.file")).filter(|path| !path.is_empty()).map(PathBuf::from),
            read_timeout: millis(positive(&values, "web.read-timeout")?),
            max_connections: up_to(&values, "web.max-connections", 1_000_000)?,
            enable_lifecycle: values.text("web.enable-lifecycle") == "true",
            enable_admin_api: values.text("web.enable-admin-api") == "true",
            cors_origin: AnchoredRegex::new(values.text("web.cors.origin"))
                .map_err(|error| wrong(&values, "web.cors.origin", &error.reason))?,
            web_config_file: Some(values.text("web.config.file")).filter(|path| !path.is_empty()).map(PathBuf::from),
            storage_path: PathBuf::from(values.text("storage.tsdb.path")),
            retention_ms: retention_ms(&mut values)?,
            retention_bytes: retention_bytes(&values)?,
            wal_sync_interval: millis(positive(&values, "storage.wal-sync")?),
            max_series: Some(number(&values, "storage.max-series")?).filter(|series| *series > 0),
            lookback_ms: positive(&values, "query.lookback-delta")?,
            query_timeout: millis(positive(&values, "query.timeout")?),
            query_concurrency: up_to(&values, "query.max-concurrency", 10_000)?,
            query_max_samples: at_least_one(&values, "query.max-samples")?,
            delayed_name_removal: features.contains(&"promql-delayed-name-removal".to_owned()),
            unknown_features,
            log_level: log_level(&values)?,
            log_format: LogFormat::of_name(values.text("log.format"))
                .ok_or_else(|| wrong(&values, "log.format", "expected logfmt or json"))?,
            listen_addresses,
            external_url,
            route_prefix,
            values,
        })
    }

    /// Where this program's own metrics are.
    pub fn metrics_path(&self) -> String {
        format!("{}/metrics", self.route_prefix.trim_end_matches('/'))
    }
}

/// `--query.timeout: "x": not a valid duration`
fn wrong(values: &FlagValues, name: &str, reason: &str) -> FlagError {
    FlagError(format!("--{name}: {:?}: {reason}", values.text(name)))
}

fn duration_ms(values: &FlagValues, name: &str) -> Result<i64, FlagError> {
    parse_duration_ms(values.text(name)).map_err(|_| wrong(values, name, "not a valid duration such as 30s or 1h30m"))
}

fn positive(values: &FlagValues, name: &str) -> Result<i64, FlagError> {
    match duration_ms(values, name)? {
        0 => Err(wrong(values, name, "must be more than 0")),
        duration_ms => Ok(duration_ms),
    }
}

fn millis(duration_ms: i64) -> Duration {
    Duration::from_millis(duration_ms.unsigned_abs())
}

fn number(values: &FlagValues, name: &str) -> Result<usize, FlagError> {
    values.text(name).parse().map_err(|_| wrong(values, name, "not a whole number"))
}

fn at_least_one(values: &FlagValues, name: &str) -> Result<usize, FlagError> {
    match number(values, name)? {
        0 => Err(wrong(values, name, "must be at least 1")),
        number => Ok(number),
    }
}

/// Places that are made when the program starts.
fn up_to(values: &FlagValues, name: &str, most: usize) -> Result<usize, FlagError> {
    let number = at_least_one(values, name)?;
    if number > most { Err(wrong(values, name, &format!("must be at most {most}"))) } else { Ok(number) }
}

fn log_level(values: &FlagValues) -> Result<tracing::Level, FlagError> {
    match values.text("log.level") {
        "debug" => Ok(tracing::Level::DEBUG),
        "info" => Ok(tracing::Level::INFO),
        "warn" => Ok(tracing::Level::WARN),
        "error" => Ok(tracing::Level::ERROR),
        _ => Err(wrong(values, "log.level", "expected debug, info, warn or error")),
    }
}

fn retention_ms(values: &mut FlagValues) -> Result<i64, FlagError> {
    let retention_ms = positive(values, "storage.tsdb.retention.time")?;
    values.set("storage.tsdb.retention.time", format_duration_ms(retention_ms));
    Ok(retention_ms)
}

fn retention_bytes(values: &FlagValues) -> Result<Option<u64>, FlagError> {
    let name = "storage.tsdb.retention.size";
    let bytes = parse_byte_size(values.text(name)).ok_or_else(|| wrong(values, name, "not a size such as 512MB"))?;
    Ok(Some(bytes).filter(|bytes| *bytes > 0))
}

fn split_features(values: &FlagValues) -> (Vec<String>, Vec<String>) {
    let names = values.all("enable-feature").iter().flat_map(|list| list.split(','));
    let names = names.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
    names.partition(|name| name == "promql-delayed-name-removal")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flag_values::CommandLine;

    fn flags(arguments: &[&str]) -> Result<Flags, String> {
        let arguments = ["vitals-aggregator"].iter().chain(arguments).map(|text| (*text).to_owned());
        match FlagValues::parse(arguments).expect("readable") {
            CommandLine::Run(values) => Flags::new(values).map_err(|error| error.to_string()),
            CommandLine::Print(text) => Err(text),
        }
    }

    #[test]
    fn defaults_are_valid() {
        let flags = flags(&[]).expect("valid");
        assert_eq!((flags.retention_ms, flags.lookback_ms), (86_400_000, 300_000));
        assert_eq!(flags.listen_addresses, ["0.0.0.0:9090"]);
        assert_eq!((flags.route_prefix.as_str(), flags.config_file), ("/", None));
    }

    #[test]
    fn a_bad_value_is_one_line_with_flag_and_value() {
        for (argument, line) in [
            ("--query.timeout=x", r#"--query.timeout: "x": not a valid duration such as 30s or 1h30m"#),
            ("--query.timeout=0", r#"--query.timeout: "0": must be more than 0"#),
            ("--query.max-samples=1e6", r#"--query.max-samples: "1e6": not a whole number"#),
            ("--web.max-connections=0", r#"--web.max-connections: "0": must be at least 1"#),
            ("--web.max-connections=1000001", r#"--web.max-connections: "1000001": must be at most 1000000"#),
            ("--query.max-concurrency=99999", r#"--query.max-concurrency: "99999": must be at most 10000"#),
            ("--storage.tsdb.retention.size=5x", r#"--storage.tsdb.retention.size: "5x": not a size such as 512MB"#),
            ("--log.level=loud", r#"--log.level: "loud": expected debug, info, warn or error"#),
            ("--log.format=xml", r#"--log.format: "xml": expected logfmt or json"#),
        ] {
            assert_eq!(flags(&[argument]).expect_err(argument), line);
        }
        let with_file = flags(&["--web.config.file=x.yml"]).expect("valid");
        assert_eq!(with_file.web_config_file.as_deref(), Some(std::path::Path::new("x.yml")));
        assert!(flags(&["--web.cors.origin=("]).expect_err("refused").starts_with("--web.cors.origin: \"(\": "));
    }

    #[test]
    fn the_route_prefix_follows_the_external_url_unless_given() {
        let url = "--web.external-url=https://example.com/vitals/";
        assert_eq!(flags(&[url]).expect("valid").route_prefix, "/vitals");
        assert_eq!(flags(&[url, "--web.route-prefix=/"]).expect("valid").route_prefix, "/");
        assert_eq!(flags(&["--web.route-prefix=a/b/"]).expect("valid").route_prefix, "/a/b");
        assert_eq!(flags(&["--web.route-prefix=a/b/"]).expect("valid").metrics_path(), "/a/b/metrics");
        assert_eq!(flags(&["--web.route-prefix=a/b/"]).expect("valid").external_url.path, "/a/b");
        assert_eq!(flags(&[url, "--web.route-prefix=/"]).expect("valid").external_url.path, "/vitals");
        assert_eq!(flags(&[]).expect("valid").metrics_path(), "/metrics");
    }

    #[test]
    fn features_may_be_listed_and_repeated() {
        let flags = flags(&["--enable-feature=a,promql-delayed-name-removal", "--enable-feature=b"]).expect("valid");
        assert!(flags.delayed_name_removal);
        assert_eq!(flags.unknown_features, ["a", "b"]);
    }
}
