//! One request for one page: which headers are sent, and what the answer says about its body.

use std::time::Duration;

use exposition::{Dialect, dialect_of};
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{Call, CallError, Connection, HeaderMap, HeaderName, HeaderValue, Reply, TlsClient, TlsOptions, Url};

use super::ScrapeError;
use crate::config::{CredentialsError, EscapingScheme, ScrapeConfig, ScrapeProtocol, Secret, TlsConfig};

/// The limit where the configuration has none: no page may take all memory.
pub(crate) const DEFAULT_BODY_LIMIT_BYTES: u64 = 256 << 20;

const MAX_REDIRECTS: usize = 10;

/// The connection to one target.
pub(crate) struct Fetcher {
    url: Url,
    connection: Connection,
    call: Call,
    body_limit_bytes: u64,
    timeout_ms: i64,
}

/// What the head of an answer says about the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub dialect: Dialect,
    pub is_gzip: bool,
}

impl Fetcher {
    pub fn new(url: &str, timeout_ms: i64, config: &ScrapeConfig) -> Result<Fetcher, ScrapeError> {
        let url = Url::parse(url).map_err(|error| ScrapeError::Connection(error.to_string()))?;
        let tls = tls_client(&config.http.tls)?;
        let body_limit_bytes = config.limits.body_size_limit_bytes.unwrap_or(DEFAULT_BODY_LIMIT_BYTES);
        let call = Call {
            headers: headers(timeout_ms, config)?,
            timeout: Duration::from_millis(timeout_ms.unsigned_abs()),
            body_limit_bytes: usize::try_from(body_limit_bytes).unwrap_or(usize::MAX),
            redirects: if config.http.follow_redirects { MAX_REDIRECTS } else { 0 },
            ..Call::default()
        };
        Ok(Fetcher { url, connection: Connection::new(tls), call, body_limit_bytes, timeout_ms })
    }

    /// Replaces `body` with what the target answers.
    pub async fn fetch(&mut self, config: &ScrapeConfig, body: &mut Vec<u8>) -> Result<Form, ScrapeError> {
        self.add_secrets(config)?;
        let reply = self.connection.call(&self.url, &self.call, body).await.map_err(|error| self.error(error))?;
        if reply.status.as_u16() != 200 {
            return Err(ScrapeError::Status(reply.status.to_string()));
        }
        form_of(&reply, config)
    }

    /// Secrets may lie in files that change, so they are read for each scrape.
    fn add_secrets(&mut self, config: &ScrapeConfig) -> Result<(), ScrapeError> {
        let headers = &mut self.call.headers;
        if let Some(authorization) = &config.http.authorization {
            headers.insert(AUTHORIZATION, secret_value(authorization.header_value())?);
        }
        for header in &config.http.headers {
            let name = HeaderName::from_bytes(header.name.as_bytes())
                .map_err(|_| ScrapeError::Connection(format!("{:?} is not a header name", header.name)))?;
            headers.remove(&name);
            for value in &header.values {
                headers.append(&name, secret_value(value.read_now())?);
            }
        }
        Ok(())
    }

    fn error(&self, error: CallError) -> ScrapeError {
        match error {
            CallError::TimedOut(_) => ScrapeError::Timeout { timeout_ms: self.timeout_ms },
            CallError::BodyTooLarge { .. } => ScrapeError::BodySize { limit_bytes: self.body_limit_bytes },
            other => ScrapeError::Connection(other.to_string()),
        }
    }
}

fn secret_value(secret: Result<Secret, CredentialsError>) -> Result<HeaderValue, ScrapeError> {
    let secret = secret.map_err(|error| ScrapeError::Connection(error.to_string()))?;
    let mut value = HeaderValue::from_str(secret.reveal())
        .map_err(|_| ScrapeError::Connection("a secret holds characters that no header can carry".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn tls_client(config: &TlsConfig) -> Result<TlsClient, ScrapeError> {
    let options = TlsOptions {
        ca_file: config.ca_file.clone(),
        cert_file: config.cert_file.clone(),
        key_file: config.key_file.clone(),
        server_name: config.server_name.clone(),
        insecure_skip_verify: config.insecure_skip_verify,
    };
    TlsClient::new(&options).map_err(|error| ScrapeError::Connection(error.to_string()))
}

fn form_of(reply: &Reply, config: &ScrapeConfig) -> Result<Form, ScrapeError> {
    let text_of = |name: HeaderName| reply.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let fallback = config.fallback_scrape_protocol.map(dialect_of_protocol);
    let dialect = dialect_of(text_of(CONTENT_TYPE).as_deref(), fallback)?;
    let is_gzip = match text_of(CONTENT_ENCODING).as_deref().map(str::trim) {
        None | Some("" | "identity") => false,
        Some(encoding) if encoding.eq_ignore_ascii_case("gzip") => true,
        Some(encoding) => return Err(ScrapeError::Encoding(encoding.to_owned())),
    };
    Ok(Form { dialect, is_gzip })
}

/// The headers that do not change from scrape to scrape.
fn headers(timeout_ms: i64, config: &ScrapeConfig) -> Result<HeaderMap, ScrapeError> {
    let accept = accept(&config.scrape_protocols, config.metric_name_escaping_scheme);
    let accept = HeaderValue::from_str(&accept).map_err(|error| ScrapeError::Connection(error.to_string()))?;
    let timeout_seconds = model::format_float(timeout_ms as f64 / 1000.0);
    let timeout = HeaderValue::from_str(&timeout_seconds).expect("digits and a point are a header value");
    let encoding = if config.enable_compression { "gzip" } else { "identity" };
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, accept);
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(encoding));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("vitals/", env!("CARGO_PKG_VERSION"))));
    headers.insert(HeaderName::from_static("x-prometheus-scrape-timeout-seconds"), timeout);
    Ok(headers)
}

/// The protocols in their order, each with less weight than the one before, then anything: what Prometheus 3 sends.
pub(crate) fn accept(protocols: &[ScrapeProtocol], escaping: EscapingScheme) -> String {
    const HIGHEST_WEIGHT: usize = 6;
    let mut text = String::new();
    for (position, protocol) in protocols.iter().enumerate() {
        text.push_str(protocol.media_type());
        // Older versions of the formats have no such parameter.
        if matches!(protocol, ScrapeProtocol::PrometheusText1_0_0 | ScrapeProtocol::OpenMetricsText1_0_0) {
            text.push_str(&format!(";escaping={}", escaping.as_str()));
        }
        let weight = HIGHEST_WEIGHT.saturating_sub(position).max(2);
        text.push_str(&format!(";q=0.{weight},"));
    }
    let weight = HIGHEST_WEIGHT.saturating_sub(protocols.len()).max(1);
    text.push_str(&format!("*/*;q=0.{weight}"));
    text
}

fn dialect_of_protocol(protocol: ScrapeProtocol) -> Dialect {
    match protocol {
        ScrapeProtocol::PrometheusText0_0_4 | ScrapeProtocol::PrometheusText1_0_0 => Dialect::Text,
        ScrapeProtocol::OpenMetricsText0_0_1 | ScrapeProtocol::OpenMetricsText1_0_0 => Dialect::OpenMetrics,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_header_is_that_of_prometheus() {
        assert_eq!(
            accept(&ScrapeProtocol::DEFAULT, EscapingScheme::AllowUtf8),
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
        );
    }
}
