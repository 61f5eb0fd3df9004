//! The YAML of `--web.config.file` as Prometheus' exporter-toolkit defines it: every key that there is, and nothing
//! else. Values that may turn out wrong later know their line.

use std::path::{Path, PathBuf};

use super::node::{Given, Keys};

#[derive(Debug, Default)]
pub(super) struct Document {
    pub tls: TlsKeys,
    pub http2: bool,
    /// `http_server_config.headers`.
    pub headers: Vec<(String, Given<String>)>,
    pub rate_interval: Option<Given<String>>,
    pub rate_burst: u32,
    /// Name to bcrypt hash.
    pub users: Vec<(String, Given<String>)>,
}

/// `tls_server_config`. All texts may be empty, which counts as not given.
#[derive(Debug, Default)]
pub(super) struct TlsKeys {
    pub cert: Option<Given<String>>,
    pub key: Option<Given<String>>,
    pub client_ca: Option<Given<String>>,
    pub cert_file: Option<Given<String>>,
    pub key_file: Option<Given<String>>,
    pub client_ca_file: Option<Given<String>>,
    pub client_auth_type: Option<Given<String>>,
    pub client_allowed_sans: Option<Vec<Given<String>>>,
    pub min_version: Option<Given<String>>,
    pub max_version: Option<Given<String>>,
    pub cipher_suites: Option<Vec<Given<String>>>,
    pub curve_preferences: Option<Vec<Given<String>>>,
    pub prefer_server_cipher_suites: bool,
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
        let mut root = Keys::parse(text, file)?;
        let tls = TlsKeys::take(root.section("tls_server_config")?)?;
        let mut http = root.section("http_server_config")?;
        let (http2, headers) = (http.switch("http2", true)?, http.section("headers")?.all_texts()?);
        http.finish()?;
        let mut rate = root.section("rate_limit")?;
        let rate_interval = rate.text("interval")?;
        let rate_burst = match rate.text("burst")? {
            None => 0,
            Some(text) => text
                .value
                .parse()
                .map_err(|_| rate.wrong("burst", text.line, &format!("expected a number, found {:?}", text.value)))?,
        };
        rate.finish()?;
        let users = root.section("basic_auth_users")?.all_texts()?;
        root.finish()?;
        Ok(Document { tls, http2, headers, rate_interval, rate_burst, users })
    }
}

impl TlsKeys {
    fn take(mut keys: Keys<'_>) -> Result<TlsKeys, WebConfigError> {
        let taken = TlsKeys {
            cert: keys.text("cert")?,
            key: keys.text("key")?,
            client_ca: keys.text("client_ca")?,
            cert_file: keys.text("cert_file")?,
            key_file: keys.text("key_file")?,
            client_ca_file: keys.text("client_ca_file")?,
            client_auth_type: keys.text("client_auth_type")?,
            client_allowed_sans: keys.texts("client_allowed_sans")?,
            min_version: keys.text("min_version")?,
            max_version: keys.text("max_version")?,
            cipher_suites: keys.texts("cipher_suites")?,
            curve_preferences: keys.texts("curve_preferences")?,
            prefer_server_cipher_suites: keys.switch("prefer_server_cipher_suites", true)?,
        };
        keys.finish()?;
        Ok(taken)
    }
}

impl WebConfigError {
    /// About the file as a whole.
    pub fn whole(file: &Path, reason: impl Into<String>) -> WebConfigError {
        WebConfigError { file: file.to_owned(), line: None, key: String::new(), reason: reason.into() }
    }

    pub(super) fn at<T>(file: &Path, key: &str, value: &Given<T>, reason: impl Into<String>) -> WebConfigError {
        WebConfigError { file: file.to_owned(), line: Some(value.line), key: key.to_owned(), reason: reason.into() }
    }
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
            (
                "tls_server_config:\n  cert_file: a\n  certfile: b\n",
                "web.yml:3: tls_server_config.certfile: unknown key",
            ),
            ("users: {}\n", "web.yml:1: users: unknown key"),
            ("basic_auth_users:\n  a: x\n  a: y\n", "web.yml:3: a: given twice"),
            (
                "http_server_config:\n  http2: perhaps\n",
                "web.yml:2: http_server_config.http2: expected true or false, found \"perhaps\"",
            ),
            ("rate_limit:\n  burst: -1\n", "web.yml:2: rate_limit.burst: expected a number, found \"-1\""),
            ("tls_server_config:\n  cert: [a]\n", "web.yml:2: tls_server_config.cert: expected a text"),
            ("tls_server_config:\n  cipher_suites: a\n", "web.yml:2: tls_server_config.cipher_suites: expected a list"),
            ("tls_server_config: on\n", "web.yml:1: tls_server_config: expected keys and values"),
            ("- a\n", "web.yml:1: expected keys and values"),
        ] {
            assert_eq!(refused(text), line);
        }
        assert!(refused("[1").starts_with("web.yml:1: not valid YAML: "), "{}", refused("[1"));
    }

    #[test]
    fn nothing_given_is_nothing_wanted() {
        for text in ["", "# a comment\n", "tls_server_config:\nhttp_server_config:\nbasic_auth_users:\nrate_limit:\n"] {
            let document = Document::parse(text, Path::new("web.yml")).expect(text);
            assert!(document.tls.cert.is_none() && document.users.is_empty() && document.http2);
        }
    }

    #[test]
    fn texts_may_look_like_something_else() {
        let text = "basic_auth_users:\n  12: 1e3\n  yes: 007\n  \"a b\": 'on'\nhttp_server_config: {http2: off}\n\
                    tls_server_config:\n  cert: |\n    one\n    two\n";
        let document = Document::parse(text, Path::new("web.yml")).expect("valid");
        let users: Vec<_> = document.users.iter().map(|(name, hash)| (name.as_str(), hash.value.as_str())).collect();
        assert_eq!(users, [("12", "1e3"), ("a b", "on"), ("yes", "007")]);
        assert_eq!(document.tls.cert.expect("given").value, "one\ntwo\n");
        assert!(!document.http2);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = Document::parse(&text, Path::new("web.yml"));
        }
    }
}
