//! What the file asks for, checked: after this only certificates and keys can still be wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::WebConfigError;
use super::document::Document;
use super::duration::parse_duration;
use super::node::Given;
use super::rate::Rate;
use super::tls_settings::TlsSettings;
use super::users::check_hash;
use hyper::header::{HeaderName, HeaderValue};

#[derive(Debug, PartialEq)]
pub(super) struct Settings {
    /// `None` for plain HTTP.
    pub tls: Option<TlsSettings>,
    pub http2: bool,
    /// Put on every answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Name to bcrypt hash; empty where anybody may ask.
    pub users: BTreeMap<String, String>,
    pub rate: Option<Rate>,
    /// What was accepted and is not done to the letter.
    pub warnings: Vec<String>,
}

/// The headers that may be set, with their values where only some make sense.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];

impl Settings {
    pub fn parse(text: &str, file: &Path) -> Result<Settings, WebConfigError> {
        let document = Document::parse(text, file)?;
        let mut warnings = Vec::new();
        Ok(Settings {
            rate: rate(&document, file, &mut warnings)?,
            tls: TlsSettings::check(document.tls, file, &mut warnings)?,
            http2: document.http2,
            headers: headers(document.headers, file)?,
            users: users(document.users, file)?,
            warnings,
        })
    }
}

fn headers(given: Vec<(String, Given<String>)>, file: &Path) -> Result<Vec<(HeaderName, HeaderValue)>, WebConfigError> {
    let mut headers = Vec::new();
    for (name, value) in given {
        let key = format!("http_server_config.headers.{name}");
        let refused = |reason: String| WebConfigError::at(file, &key, &value, reason);
        let Some((_, values)) = HEADERS.iter().find(|(known, _)| *known == name) else {
            return Err(refused("this header cannot be configured".to_owned()));
        };
        let text = value.value.as_str();
        if text.is_empty() {
            continue;
        }
        if !values.is_empty() && !values.contains(&text) {
            return Err(refused(format!("expected {}, found {text:?}", values.join(" or "))));
        }
        let carried = HeaderName::try_from(name.as_str()).ok().zip(HeaderValue::from_str(text).ok());
        headers.push(carried.ok_or_else(|| refused(format!("{text:?} cannot be sent in a header")))?);
    }
    Ok(headers)
}

fn users(given: Vec<(String, Given<String>)>, file: &Path) -> Result<BTreeMap<String, String>, WebConfigError> {
    let mut users = BTreeMap::new();
    for (name, hash) in given {
        // The hash is a secret: the message tells what is wrong with it, not what it is.
        check_hash(&hash.value)
            .map_err(|reason| WebConfigError::at(file, &format!("basic_auth_users.{name}"), &hash, reason))?;
        users.insert(name, hash.value);
    }
    Ok(users)
}

fn rate(document: &Document, file: &Path, warnings: &mut Vec<String>) -> Result<Option<Rate>, WebConfigError> {
    let Some(text) = &document.rate_interval else { return Ok(None) };
    let interval = parse_duration(&text.value).ok_or_else(|| {
        let reason = format!("expected a duration such as 1s, found {:?}", text.value);
        WebConfigError::at(file, "rate_limit.interval", text, reason)
    })?;
    let burst = document.rate_burst;
    if interval.is_zero() {
        return Ok(None);
    }
    if burst == 0 {
        warnings.push("rate_limit: without a burst every request is refused".to_owned());
    }
    Ok(Some(Rate { interval, burst }))
}

/// A path as it is meant: relative ones begin at the folder of the file that names them.
pub(super) fn beside(file: &Path, path: &str) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).join(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn parse(text: &str) -> Result<Settings, String> {
        Settings::parse(text, Path::new("etc/web.yml")).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_asks_for_nothing() {
        let settings = parse("").expect("valid");
        assert!(settings.tls.is_none() && settings.http2 && settings.headers.is_empty());
        assert!(settings.users.is_empty() && settings.rate.is_none() && settings.warnings.is_empty());
    }

    #[test]
    fn only_five_headers_and_sensible_values() {
        let with = |header: &str| parse(&format!("http_server_config:\n  headers:\n    {header}\n"));
        let settings =
            with("X-Frame-Options: deny\n    Content-Security-Policy: default-src 'self'\n    X-XSS-Protection:");
        let names: Vec<_> = settings.expect("valid").headers.iter().map(|(name, _)| name.to_string()).collect();
        assert_eq!(names, ["content-security-policy", "x-frame-options"], "an empty value sets nothing");
        let key = "etc/web.yml:3: http_server_config.headers";
        for (header, line) in [
            ("Server: x", format!("{key}.Server: this header cannot be configured")),
            ("X-Frame-Options: DENY", format!("{key}.X-Frame-Options: expected deny or sameorigin, found \"DENY\"")),
            ("X-XSS-Protection: \"a\\nb\"", format!("{key}.X-XSS-Protection: \"a\\nb\" cannot be sent in a header")),
        ] {
            assert_eq!(with(header).expect_err(header), line);
        }
    }

    #[test]
    fn hashes_must_be_bcrypt_and_are_not_repeated_in_messages() {
        let error = parse("basic_auth_users:\n  eve: s3cret\n").expect_err("no hash");
        assert_eq!(error, "etc/web.yml:2: basic_auth_users.eve: not a bcrypt hash");
        let hash = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";
        assert_eq!(parse(&format!("basic_auth_users:\n  12: {hash}\n")).expect("valid").users["12"], hash);
    }

    #[test]
    fn rates_have_an_interval_and_a_burst() {
        let rate = |text: &str| parse(text).map(|settings| settings.rate);
        let wanted = Rate { interval: Duration::from_secs(1), burst: 20 };
        assert_eq!(rate("rate_limit:\n  interval: 1s\n  burst: 20\n"), Ok(Some(wanted)));
        assert_eq!(rate("rate_limit:\n  interval: 0\n  burst: 20\n"), Ok(None));
        assert_eq!(rate("rate_limit:\n  burst: 20\n"), Ok(None));
        assert_eq!(parse("rate_limit:\n  interval: 1s\n").expect("valid").warnings.len(), 1);
        let line = "etc/web.yml:2: rate_limit.interval: expected a duration such as 1s, found \"often\"";
        assert_eq!(rate("rate_limit:\n  interval: often\n").expect_err("no duration"), line);
    }
}
