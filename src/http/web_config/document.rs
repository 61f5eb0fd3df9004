//! The YAML of `--web.config.file` as Prometheus' exporter-toolkit defines it: every key that there is, and nothing
//! else. Values that may turn out wrong later know their line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_saphyr::{Error, Location, Spanned};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Document {
    pub tls_server_config: Option<TlsKeys>,
    pub http_server_config: Option<HttpKeys>,
    pub rate_limit: Option<RateKeys>,
    /// Name to bcrypt hash.
    pub basic_auth_users: Option<BTreeMap<String, Spanned<String>>>,
}

/// All texts may be empty, which counts as not given.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TlsKeys {
    pub cert: Option<Spanned<String>>,
    pub key: Option<Spanned<String>>,
    pub client_ca: Option<Spanned<String>>,
    pub cert_file: Option<Spanned<String>>,
    pub key_file: Option<Spanned<String>>,
    pub client_ca_file: Option<Spanned<String>>,
    pub client_auth_type: Option<Spanned<String>>,
    pub client_allowed_sans: Option<Vec<Spanned<String>>>,
    pub min_version: Option<Spanned<String>>,
    pub max_version: Option<Spanned<String>>,
    pub cipher_suites: Option<Vec<Spanned<String>>>,
    pub curve_preferences: Option<Vec<Spanned<String>>>,
    pub prefer_server_cipher_suites: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HttpKeys {
    pub http2: Option<bool>,
    pub headers: Option<BTreeMap<String, Spanned<Option<String>>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RateKeys {
    pub interval: Option<Spanned<String>>,
    pub burst: Option<Spanned<u32>>,
}

/// Prints as `web.yml:4: tls_server_config.min_version: "TLS14" is not a version of TLS`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {}{reason}", file.display(), line.map(|line| format!(":{line}")).unwrap_or_default(), with_colon(key))]
pub struct WebConfigError {
    pub file: PathBuf,
    /// From 1; `None` where the file as a whole is meant.
    pub line: Option<u64>,
    /// "" where there is none.
    pub key: String,
    pub reason: String,
}

fn with_colon(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("{key}: ") }
}

impl Document {
    pub fn parse(text: &str, file: &Path) -> Result<Document, WebConfigError> {
        let options = serde_saphyr::options! { with_snippet: false };
        // An empty file asks for nothing, as upstream has it.
        serde_saphyr::from_str_with_options(text, options).map_err(|error| refusal(&error, text, file))
    }
}

impl WebConfigError {
    /// About the file as a whole.
    pub fn whole(file: &Path, reason: impl Into<String>) -> WebConfigError {
        WebConfigError { file: file.to_owned(), line: None, key: String::new(), reason: reason.into() }
    }

    pub(super) fn at<T>(file: &Path, key: &str, value: &Spanned<T>, reason: impl Into<String>) -> WebConfigError {
        WebConfigError {
            file: file.to_owned(),
            line: Some(value.referenced.line()),
            key: key.to_owned(),
            reason: reason.into(),
        }
    }
}

fn refusal(error: &Error, text: &str, file: &Path) -> WebConfigError {
    let line = error.location().map(|location: Location| location.line());
    let source = line.and_then(|line| text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?)).unwrap_or("");
    let message = error.to_string();
    let message = &message[..message.rfind(" at line ").unwrap_or(message.len())];
    let (key, reason) = match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => (key.as_str(), "given twice".to_owned()),
        _ => match message.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`')) {
            Some((key, _)) => (key, "unknown key".to_owned()),
            None => (key_of(source), message.to_owned()),
        },
    };
    WebConfigError { file: file.to_owned(), line, key: key.to_owned(), reason }
}

/// What stands before the colon of a line.
fn key_of(line: &str) -> &str {
    line.split_once(':').map_or("", |(key, _)| key.trim().trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Document::parse(text, Path::new("web.yml")).expect_err(text).to_string()
    }

    #[test]
    fn refusals_name_file_line_and_key() {
        for (text, line) in [
            ("tls_server_config:\n  cert_file: a\n  certfile: b\n", "web.yml:3: certfile: unknown key"),
            ("users: {}\n", "web.yml:1: users: unknown key"),
            ("basic_auth_users:\n  a: x\n  a: y\n", "web.yml:3: a: given twice"),
            ("http_server_config:\n  http2: perhaps\n", "web.yml:2: http2: invalid boolean"),
            ("rate_limit:\n  burst: -1\n", "web.yml:2: burst: invalid u32"),
            ("- a\n", "web.yml:1: expected mapping start"),
        ] {
            assert_eq!(refused(text), line);
        }
        assert!(refused("[1").starts_with("web.yml:1: unclosed bracket"), "{}", refused("[1"));
    }

    #[test]
    fn nothing_given_is_nothing_wanted() {
        for text in ["", "# a comment\n", "tls_server_config:\nhttp_server_config:\nbasic_auth_users:\nrate_limit:\n"] {
            let document = Document::parse(text, Path::new("web.yml")).expect(text);
            assert!(document.tls_server_config.is_none() && document.basic_auth_users.is_none());
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = Document::parse(&text, Path::new("web.yml"));
        }
    }
}
