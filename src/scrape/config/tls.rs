//! The `tls_config` of a client.

use std::path::PathBuf;

use super::Secret;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TlsConfig {
    /// Authorities that may sign the server's certificate; `None` for those of the system.
    pub ca: Option<PemSource>,
    /// The client's own certificate; `cert` and `key` are both set or both not.
    pub cert: Option<PemSource>,
    pub key: Option<PemSource>,
    /// The name expected in the server's certificate, instead of the host of the address.
    pub server_name: Option<String>,
    /// Takes any certificate of the server.
    pub insecure_skip_verify: bool,
    pub min_version: Option<TlsVersion>,
    pub max_version: Option<TlsVersion>,
}

/// PEM text in the configuration or in a file. Files are read again for new connections, so rotated certificates need
/// no reload.
#[derive(Clone, Debug, PartialEq)]
pub enum PemSource {
    Inline(Secret),
    File(PathBuf),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    Tls1_0,
    Tls1_1,
    Tls1_2,
    Tls1_3,
}
