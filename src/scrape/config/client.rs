//! How a scrape speaks HTTP: who it says it is, by which certificates, with which headers.

use std::path::PathBuf;

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
    pub values: Vec<Credentials>,
}

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
