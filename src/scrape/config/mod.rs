//! `prometheus.yml`, in the form of Prometheus 3: what it says after all defaults are filled in. Read once at start and
//! once for each reload; a file with anything wrong in it is refused as a whole.

mod client;
mod document;
mod error;
mod global;
mod limits;
mod print;
mod protocol;
mod relabelling;
mod scrape;
mod secret;
pub(crate) mod section;
mod size;
pub(crate) mod sources;
mod tls;
mod unsupported;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

pub use client::{Authorization, Credentials, CredentialsError, HeaderValue, HttpClientConfig, HttpHeader};
pub(crate) use document::Node;
pub use error::{ConfigError, Place, Problem, ProblemKind};
pub use global::GlobalConfig;
pub use limits::ScrapeLimits;
pub use protocol::{EscapingScheme, NameValidation, ScrapeProtocol};
pub use scrape::{FileSdConfig, Scheme, ScrapeConfig};
pub use secret::Secret;
pub use tls::{TlsConfig, TlsVersion};

use crate::discovery::matching_files;
use global::Inherited;
use section::{Reading, Section};

/// A whole configuration, valid and complete.
#[derive(Clone, Debug)]
pub struct Config {
    pub global: GlobalConfig,
    /// In the order of the file, then those of `scrape_config_files`; job names are unique.
    pub scrape_configs: Vec<ScrapeConfig>,
    /// Patterns of files with further jobs, joined to the folder of the configuration.
    pub scrape_config_files: Vec<PathBuf>,
    /// The effective configuration as YAML, every default spelled out and every secret as `<secret>`.
    pub yaml: String,
}

/// The job of the agent on the same machine, under the name that dashboards for node_exporter expect.
const AGENT_JOB: &str = "node-exporter";
const AGENT_ADDRESS: &str = "127.0.0.1:9100";
const OWN_JOB: &str = "vitals-aggregator";

impl Config {
    /// Reads a file, and those that it includes.
    pub fn load(path: &Path) -> Result<Config, ConfigError> {
        Config::parse(&read_file(path)?, path)
    }

    /// Reads a text as if it stood in the given file; relative paths in it are relative to that file's folder.
    pub fn parse(text: &str, file: &Path) -> Result<Config, ConfigError> {
        let reading = Reading::new(file);
        let document = Node::parse(text, &reading.file)?;
        let mut root = reading.root(&document);
        let (global, inherited) = match root.section("global") {
            Some(section) => GlobalConfig::read(section),
            None => (GlobalConfig::default(), Inherited::default()),
        };
        let mut jobs = Jobs::default();
        jobs.read(&mut root, &global, &inherited);
        let mut patterns = Vec::new();
        if let Some(field) = root.field("scrape_config_files") {
            unsupported::check_paths(&field);
            patterns = field.texts().iter().map(|pattern| reading.join(pattern)).collect();
        }
        unsupported::read_sections(&mut root, &global);
        root.finish();
        // Included jobs inherit from `global` too, problems and all, so they are read before these are told.
        let own_jobs = jobs.configs.len();
        let included = patterns.iter().try_for_each(|pattern| jobs.include(pattern, &global, &inherited));
        drop(inherited);
        reading.finish()?;
        included?;
        let yaml = print::yaml(&global, &patterns, &jobs.configs[..own_jobs]);
        Ok(Config { global, scrape_configs: jobs.configs, scrape_config_files: patterns, yaml })
    }

    /// What is scraped when no file is given: the agent on this machine and the aggregator itself, which listens on
    /// `own_address` and has its metrics under `own_path`.
    pub fn builtin_default(own_address: SocketAddr, own_path: &str) -> Config {
        let own_address = reachable(own_address);
        let own_path = print::quoted(own_path);
        let text = format!(
            "global:\n  scrape_interval: 5s\n  evaluation_interval: 5s\nscrape_configs:\n  \
             - job_name: {AGENT_JOB}\n    static_configs:\n      - targets: [\"{AGENT_ADDRESS}\"]\n  \
             - job_name: {OWN_JOB}\n    metrics_path: {own_path}\n    static_configs:\n      \
             - targets: [\"{own_address}\"]\n"
        );
        Config::parse(&text, Path::new("built-in")).expect("the text is fixed but for an address and a quoted path")
    }
}

/// Who listens on all addresses is reached by the loopback.
fn reachable(mut listening: SocketAddr) -> SocketAddr {
    match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => listening.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => listening.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    listening
}

fn read_file(path: &Path) -> Result<String, ConfigError> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| ConfigError::of_file(&name, Place::default(), error))?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        let last_line = valid.rsplit('\n').next().unwrap_or_default();
        let place =
            Place { line: valid.matches('\n').count() as u64 + 1, column: last_line.chars().count() as u64 + 1 };
        ConfigError::of_file(&name, place, "the text is not valid UTF-8")
    })
}

/// Jobs collected from one or more files.
#[derive(Default)]
struct Jobs {
    configs: Vec<ScrapeConfig>,
    /// Where each name was given first.
    names: HashMap<String, String>,
}

impl Jobs {
    fn read(&mut self, root: &mut Section<'_>, global: &GlobalConfig, inherited: &Inherited<'_>) {
        for item in root.items("scrape_configs") {
            let Some(config) = ScrapeConfig::read(&item, global, inherited) else { continue };
            let here = format!("{}:{}", root.reading.file, item.place.line);
            match self.names.get(&config.job_name) {
                Some(first) => item.wrong(format!("the job_name {:?} is taken by {first}", config.job_name)),
                None => drop(self.names.insert(config.job_name.clone(), here)),
            }
            self.configs.push(config);
        }
    }

    /// Reads the jobs of all files that match a pattern.
    fn include(&mut self, pattern: &Path, global: &GlobalConfig, inherited: &Inherited<'_>) -> Result<(), ConfigError> {
        for path in matching_files(pattern) {
            let reading = Reading::new(&path);
            let document = Node::parse(&read_file(&path)?, &reading.file)?;
            let mut root = reading.root(&document);
            self.read(&mut root, global, inherited);
            root.finish();
            reading.finish()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
