//! `prometheus.yml`, in the form of Prometheus 3: what it says after all defaults are filled in.

mod client;
mod global;
mod limits;
mod protocol;
mod scrape;
mod secret;
mod tls;

pub use client::{Authorization, Credentials, HttpClientConfig, HttpHeader};
pub use global::GlobalConfig;
pub use limits::ScrapeLimits;
pub use protocol::{EscapingScheme, NameValidation, ScrapeProtocol};
pub use scrape::{FileSdConfig, Scheme, ScrapeConfig};
pub use secret::Secret;
pub use tls::{PemSource, TlsConfig, TlsVersion};

/// A whole configuration, valid and complete.
#[derive(Clone, Debug)]
pub struct Config {
    pub global: GlobalConfig,
    /// In the order of the file; job names are unique.
    pub scrape_configs: Vec<ScrapeConfig>,
    /// The effective configuration as YAML, every default spelled out and every secret as `<secret>`.
    pub yaml: String,
}
