//! TLS of the client: rustls with the ring provider, which is chosen here and nowhere else. The server's is in
//! `web_config`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use tokio_rustls::rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// What a client may be told about TLS; the default trusts the machine's certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// Trusts only the certificates of this PEM file.
    pub ca_file: Option<PathBuf>,
    /// Shows this certificate to servers that ask; needs `key_file`.
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    /// Expected in the server's certificate instead of the host of the URL.
    pub server_name: Option<String>,
    pub insecure_skip_verify: bool,
}

/// Ready to connect; cheap to clone. Files are read once, when it is made.
#[derive(Clone)]
pub struct TlsClient {
    config: Option<Arc<ClientConfig>>,
    server_name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    #[error("{}: {reason}", path.display())]
    File { path: PathBuf, reason: String },
    #[error("a client certificate needs both a certificate and a key file")]
    HalfCertificate,
    #[error("no trusted certificates on this machine: {0}")]
    NoRoots(String),
    #[error("TLS configuration: {0}")]
    Config(String),
    #[error("{0:?} is not a server name")]
    ServerName(String),
}

/// The one place that decides which cryptography we use, as client and as server.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(ring::default_provider())).clone()
}

impl TlsClient {
    /// Trusts the machine's certificates, which are not read before the first https call.
    pub fn system() -> TlsClient {
        TlsClient { config: None, server_name: None }
    }

    pub fn new(options: &TlsOptions) -> Result<TlsClient, TlsError> {
        if *options == TlsOptions::default() {
            return Ok(TlsClient::system());
        }
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Config(error.to_string()))?;
        let builder = if options.insecure_skip_verify {
            let trust = TrustAll(provider().signature_verification_algorithms);
            builder.dangerous().with_custom_certificate_verifier(Arc::new(trust))
        } else {
            let roots = match &options.ca_file {
                Some(path) => roots_of_file(path)?,
                None => system_roots()?,
            };
            builder.with_root_certificates(roots)
        };
        let config = match (&options.cert_file, &options.key_file) {
            (None, None) => builder.with_no_client_auth(),
            (Some(cert), Some(key)) => {
                let chain = certificates(cert)?;
                let key_bytes = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
                builder.with_client_auth_cert(chain, key_bytes).map_err(|error| unreadable(key, &error))?
            }
            _ => return Err(TlsError::HalfCertificate),
        };
        Ok(TlsClient { config: Some(Arc::new(config)), server_name: options.server_name.clone() })
    }

    pub(crate) async fn connector(&self, host: &str) -> Result<(TlsConnector, ServerName<'static>), TlsError> {
        let config = match &self.config {
            Some(config) => config.clone(),
            // The first time, this reads a few hundred certificates.
            None => match SYSTEM_CONFIG.get() {
                Some(known) => known.clone(),
                None => tokio::task::spawn_blocking(system_config)
                    .await
                    .map_err(|error| TlsError::Config(error.to_string()))??,
            },
        };
        let name = self.server_name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(name.to_owned()).map_err(|_| TlsError::ServerName(name.to_owned()))?;
        Ok((TlsConnector::from(config), name))
    }
}

impl Default for TlsClient {
    fn default() -> Self {
        TlsClient::system()
    }
}

static SYSTEM_CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();

/// Kept once it is there; a machine without certificates may get some later.
fn system_config() -> Result<Arc<ClientConfig>, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Config(error.to_string()))?;
    let config = Arc::new(builder.with_root_certificates(system_roots()?).with_no_client_auth());
    Ok(SYSTEM_CONFIG.get_or_init(|| config).clone())
}

pub(crate) fn system_roots() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let reason = found.errors.first().map_or("none found".to_owned(), ToString::to_string);
        return Err(TlsError::NoRoots(reason));
    }
    Ok(roots)
}

fn roots_of_file(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| unreadable(path, &error))?;
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let refused = |error: &dyn std::fmt::Display| unreadable(path, error);
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(|error| refused(&error))?
        .collect::<Result<_, _>>()
        .map_err(|error| refused(&error))?;
    if chain.is_empty() { Err(refused(&"no certificate in this file")) } else { Ok(chain) }
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> TlsError {
    TlsError::File { path: path.to_owned(), reason: error.to_string() }
}

/// For `insecure_skip_verify`: any certificate will do, but the server must hold its key.
#[derive(Debug)]
struct TrustAll(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for TrustAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
