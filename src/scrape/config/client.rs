//! How a scrape speaks HTTP: who it says it is, by which certificates, with which headers.

use std::path::{Path, PathBuf};

use super::section::{Field, Section};
use super::{Secret, TlsConfig};

#[derive(Clone, Debug, PartialEq)]
pub struct HttpClientConfig {
    pub authorization: Option<Authorization>,
    pub tls: TlsConfig,
    pub follow_redirects: bool,
    /// HTTP/2 over TLS when the target offers it.
    pub enable_http2: bool,
    /// Further headers of each request, in the order of the file.
    pub headers: Vec<HttpHeader>,
}

/// What the `Authorization` header is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Authorization {
    Basic {
        username: Credentials,
        password: Credentials,
    },
    /// `Bearer` or any other scheme that is followed by the credentials as they are.
    Scheme {
        scheme: String,
        credentials: Credentials,
    },
}

/// Where a name, password or token comes from. Files are read for each request, so that rotated tokens need no reload.
#[derive(Clone, Debug, PartialEq)]
pub enum Credentials {
    /// Not given: the empty text.
    Absent,
    Inline(Secret),
    File(PathBuf),
}

/// One header; several values make several lines.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpHeader {
    pub name: String,
    pub values: Vec<HeaderValue>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum HeaderValue {
    Plain(String),
    Secret(Secret),
    /// Read for each request.
    File(PathBuf),
}

/// A file that credentials should come from cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct CredentialsError {
    pub path: PathBuf,
    pub reason: std::io::Error,
}

/// Headers that a scrape sets by itself.
const RESERVED_HEADERS: [&str; 18] = [
    "authorization",
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "accept-encoding",
    "x-prometheus-remote-write-version",
    "x-prometheus-remote-read-version",
    "x-prometheus-scrape-timeout-seconds",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
];

impl Default for HttpClientConfig {
    fn default() -> Self {
        HttpClientConfig {
            authorization: None,
            tls: TlsConfig::default(),
            follow_redirects: true,
            enable_http2: true,
            headers: Vec::new(),
        }
    }
}

impl HttpClientConfig {
    /// The keys of a client stand among those of the job.
    pub(super) fn read(job: &mut Section<'_>) -> HttpClientConfig {
        for key in ["oauth2", "proxy_url", "no_proxy", "proxy_connect_header"] {
            job.unsupported(key);
        }
        job.unsupported_if_true("proxy_from_environment");
        HttpClientConfig {
            authorization: Authorization::read(job),
            tls: job.section("tls_config").map(TlsConfig::read).unwrap_or_default(),
            follow_redirects: job.bool("follow_redirects").unwrap_or(true),
            enable_http2: job.bool("enable_http2").unwrap_or(true),
            headers: job
                .pairs("http_headers")
                .iter()
                .filter_map(|(name, field)| HttpHeader::read(name, field))
                .collect(),
        }
    }
}

impl Authorization {
    fn read(job: &mut Section<'_>) -> Option<Authorization> {
        let basic = job.section("basic_auth").map(Authorization::read_basic);
        let scheme = job.section("authorization").map(Authorization::read_scheme);
        let token = Credentials::read(job, "bearer_token", "bearer_token_file");
        let bearer = (token != Credentials::Absent)
            .then(|| Authorization::Scheme { scheme: "Bearer".to_owned(), credentials: token });
        let given = [("basic_auth", &basic), ("authorization", &scheme), ("bearer_token", &bearer)];
        let given: Vec<&str> = given.iter().filter(|(_, value)| value.is_some()).map(|(key, _)| *key).collect();
        if let [first, second, ..] = given[..] {
            job.wrong(second, format!("give {first} or {second}, not both"));
        }
        basic.or(scheme).or(bearer)
    }

    fn read_basic(mut section: Section<'_>) -> Authorization {
        let username = Credentials::read(&mut section, "username", "username_file");
        let password = Credentials::read(&mut section, "password", "password_file");
        section.unsupported("username_ref");
        section.unsupported("password_ref");
        section.finish();
        Authorization::Basic { username, password }
    }

    fn read_scheme(mut section: Section<'_>) -> Authorization {
        let scheme = section.text("type").map(str::trim).filter(|text| !text.is_empty()).unwrap_or("Bearer").to_owned();
        if scheme.eq_ignore_ascii_case("basic") {
            section.wrong("type", "use basic_auth instead of the type \"basic\"");
        }
        let credentials = Credentials::read(&mut section, "credentials", "credentials_file");
        section.unsupported("credentials_ref");
        section.finish();
        Authorization::Scheme { scheme, credentials }
    }

    /// The value of the `Authorization` header now; files are read each time.
    pub fn header_value(&self) -> Result<Secret, CredentialsError> {
        match self {
            Authorization::Basic { username, password } => {
                let pair = format!("{}:{}", username.read_now()?, password.read_now()?);
                Ok(Secret::new(format!("Basic {}", base64(pair.as_bytes()))))
            }
            Authorization::Scheme { scheme, credentials } => {
                Ok(Secret::new(format!("{scheme} {}", credentials.read_now()?)))
            }
        }
    }
}

impl Credentials {
    fn read(section: &mut Section<'_>, inline_key: &'static str, file_key: &'static str) -> Credentials {
        let inline = section.secret(inline_key);
        let file = section.path(file_key);
        match (inline, file) {
            (Some(_), Some(_)) => {
                section.wrong(file_key, format!("give {inline_key} or {file_key}, not both"));
                Credentials::Absent
            }
            (Some(secret), None) => Credentials::Inline(secret),
            (None, Some(path)) => Credentials::File(path),
            (None, None) => Credentials::Absent,
        }
    }

    fn read_now(&self) -> Result<String, CredentialsError> {
        match self {
            Credentials::Absent => Ok(String::new()),
            Credentials::Inline(secret) => Ok(secret.reveal().to_owned()),
            Credentials::File(path) => read_text(path),
        }
    }
}

/// Without the blanks and line ends around the text, which editors leave behind.
fn read_text(path: &PathBuf) -> Result<String, CredentialsError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(reason) => Err(CredentialsError { path: path.clone(), reason }),
    }
}

impl HttpHeader {
    fn read(name: &str, field: &Field<'_>) -> Option<HttpHeader> {
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(is_token) {
            field.wrong(format!("{name:?} is not a valid header name"));
        } else if RESERVED_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            field.wrong("this header is set by the scrape itself");
        }
        let mut section = field.section()?;
        let texts = |field: Option<Field<'_>>| field.map(|field| field.texts()).unwrap_or_default();
        let plain = texts(section.field("values"));
        let secrets = texts(section.field("secrets"));
        let files = texts(section.field("files"));
        section.finish();
        let is_value = |text: &String| !text.bytes().any(|b| b < b' ' && b != b'\t' || b == 0x7f);
        if !plain.iter().chain(&secrets).all(is_value) {
            field.wrong("a value holds a line end or another control character");
        }
        let values = plain.into_iter().map(HeaderValue::Plain);
        let values = values.chain(secrets.into_iter().map(|secret| HeaderValue::Secret(Secret::new(secret))));
        let files = files.iter().map(|path| HeaderValue::File(field.reading().join(path)));
        Some(HttpHeader { name: name.to_owned(), values: values.chain(files).collect() })
    }
}

impl HeaderValue {
    pub fn plain(&self) -> Option<&str> {
        if let HeaderValue::Plain(text) = self { Some(text) } else { None }
    }

    pub fn file(&self) -> Option<&Path> {
        if let HeaderValue::File(path) = self { Some(path) } else { None }
    }

    /// The value now; files are read each time.
    pub fn read_now(&self) -> Result<Secret, CredentialsError> {
        match self {
            HeaderValue::Plain(text) => Ok(Secret::new(text)),
            HeaderValue::Secret(secret) => Ok(secret.clone()),
            HeaderValue::File(path) => Ok(Secret::new(read_text(path)?)),
        }
    }
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for letter in 0..4 {
            let index = (bits >> (18 - 6 * letter)) as usize & 63;
            text.push(if letter <= chunk.len() { char::from(LETTERS[index]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads_as_rfc_4648_does() {
        for (text, encoded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
    }

    #[test]
    fn a_rotated_file_is_read_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        let authorization =
            Authorization::Scheme { scheme: "Bearer".to_owned(), credentials: Credentials::File(path.clone()) };
        let error = authorization.header_value().expect_err("no file yet").to_string();
        assert!(error.starts_with(&path.display().to_string()), "{error}");
        for token in ["first", "second"] {
            std::fs::write(&path, format!("{token}\n")).expect("written");
            let header = authorization.header_value().expect("readable");
            assert_eq!(header.reveal(), format!("Bearer {token}"));
        }
    }

    #[test]
    fn basic_credentials_are_joined_by_a_colon() {
        let inline = |text: &str| Credentials::Inline(Secret::new(text));
        let authorization = Authorization::Basic { username: inline("Aladdin"), password: inline("open sesame") };
        let header = authorization.header_value().expect("inline");
        assert_eq!(header.reveal(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(format!("{header:?}"), "<secret>");
    }
}
