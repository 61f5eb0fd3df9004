//! From checked settings to what rustls serves with: reads certificates, keys and authorities.

use std::borrow::Cow;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{NamedGroup, RootCertStore, ServerConfig, SupportedCipherSuite};

use super::WebConfigError;
use super::client_check::ClientCheck;
use super::tls_settings::{ClientAuth, Pem, PemSource, TlsSettings};
use crate::reason::reason;
use crate::tls::{provider, system_roots};

/// `file` is the one to complain about.
pub(super) fn server_config(
    settings: &TlsSettings,
    speaks_http2: bool,
    file: &Path,
) -> Result<Arc<ServerConfig>, WebConfigError> {
    let whole = |error: &dyn std::fmt::Display| WebConfigError {
        key: "tls_server_config".to_owned(),
        ..WebConfigError::whole(file, error.to_string())
    };
    let builder = ServerConfig::builder_with_provider(narrowed(settings))
        .with_protocol_versions(&settings.versions)
        .map_err(|error| whole(&error))?;
    let builder = match client_check(settings, file)? {
        None => builder.with_no_client_auth(),
        Some(check) => builder.with_client_cert_verifier(check),
    };
    let chain = certificates(&settings.certificate, file)?;
    let key = PrivateKeyDer::from_pem_slice(&read(&settings.key, file)?)
        .map_err(|error| settings.key.wrong(file, format!("no private key: {error}")))?;
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|error| settings.key.wrong(file, format!("does not go with the certificate: {error}")))?;
    config.ignore_client_order = settings.prefers_own_order;
    if speaks_http2 {
        config.alpn_protocols.push(b"h2".to_vec());
    }
    config.alpn_protocols.push(b"http/1.1".to_vec());
    Ok(Arc::new(config))
}

/// The cryptography without what the settings leave out.
fn narrowed(settings: &TlsSettings) -> Arc<CryptoProvider> {
    let mut narrowed = CryptoProvider::clone(&provider());
    if let Some(names) = &settings.suites {
        let all = std::mem::take(&mut narrowed.cipher_suites);
        let is_of_tls13 = |suite: &SupportedCipherSuite| matches!(suite, SupportedCipherSuite::Tls13(_));
        narrowed.cipher_suites = all.iter().copied().filter(is_of_tls13).collect();
        let named = |name: &String| all.iter().copied().find(|suite| suite.suite().as_str() == Some(name));
        narrowed.cipher_suites.extend(names.iter().filter_map(named));
    }
    if let Some(groups) = &settings.groups {
        let all = std::mem::take(&mut narrowed.kx_groups);
        let named = |group: &NamedGroup| all.iter().copied().find(|known| known.name() == *group);
        narrowed.kx_groups = groups.iter().filter_map(named).collect();
    }
    Arc::new(narrowed)
}

/// `None` where clients are not asked for a certificate.
fn client_check(settings: &TlsSettings, file: &Path) -> Result<Option<Arc<dyn ClientCertVerifier>>, WebConfigError> {
    let is_verified = matches!(settings.client_auth, ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify);
    if settings.client_auth == ClientAuth::No {
        return Ok(None);
    }
    let trusted = match &settings.client_ca {
        Some(pem) if is_verified => certificates(pem, file)?,
        _ => Vec::new(),
    };
    let authorities = is_verified.then(|| authorities(settings.client_ca.as_ref(), &trusted, file)).transpose()?;
    Ok(Some(Arc::new(ClientCheck {
        authorities,
        trusted,
        is_mandatory: matches!(settings.client_auth, ClientAuth::RequireAny | ClientAuth::RequireAndVerify),
        allowed_names: settings.client_names.clone(),
        algorithms: provider().signature_verification_algorithms,
    })))
}

fn authorities(
    pem: Option<&Pem>,
    trusted: &[CertificateDer<'static>],
    file: &Path,
) -> Result<Arc<dyn ClientCertVerifier>, WebConfigError> {
    let refused = |reason: String| match pem {
        Some(pem) => pem.wrong(file, reason),
        None => WebConfigError::whole(file, reason),
    };
    let roots = match pem {
        Some(_) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(trusted.iter().cloned());
            roots
        }
        // As with Go: without authorities of its own, a server asks the machine's.
        None => system_roots().map_err(|error| refused(error.to_string()))?,
    };
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    builder.build().map_err(|error| refused(error.to_string()))
}

fn certificates(pem: &Pem, file: &Path) -> Result<Vec<CertificateDer<'static>>, WebConfigError> {
    let bytes = read(pem, file)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match all {
        Ok(all) if all.is_empty() => Err(pem.wrong(file, "no certificate in it")),
        Ok(all) => Ok(all),
        Err(error) => Err(pem.wrong(file, format!("no certificate: {error}"))),
    }
}

fn read<'a>(pem: &'a Pem, file: &Path) -> Result<Cow<'a, [u8]>, WebConfigError> {
    match &pem.source {
        PemSource::Inline(text) => Ok(text.as_bytes().into()),
        PemSource::File(path) => match fs::read(path) {
            Ok(bytes) => Ok(bytes.into()),
            Err(error) => Err(pem.wrong(file, format!("{}: {}", path.display(), reason(&error)))),
        },
    }
}
