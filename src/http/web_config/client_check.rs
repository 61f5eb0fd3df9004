//! Which certificates of clients are good enough. Signatures, authorities and dates are rustls' (webpki's) to judge;
//! Go's kinds of leniency and the list of allowed names are ours.

use std::fmt;
use std::sync::Arc;

use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};

use super::certificate::Certificate;

pub(super) struct ClientCheck {
    /// Judges chains; without it any certificate will do whose key the client holds.
    pub authorities: Option<Arc<dyn ClientCertVerifier>>,
    /// Certificates that are good in themselves: those of the authorities' file, as in Go.
    pub trusted: Vec<CertificateDer<'static>>,
    pub is_mandatory: bool,
    /// One of these has to be among the certificate's alternative names.
    pub allowed_names: Option<Vec<String>>,
    pub algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug, thiserror::Error)]
#[error("none of the names in the client's certificate is allowed: {found}")]
struct NotAllowed {
    found: String,
}

impl ClientCheck {
    fn check_names(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        let Some(allowed) = &self.allowed_names else { return Ok(()) };
        let names = Certificate::parse(certificate).ok_or(CertificateError::BadEncoding)?.names;
        if names.iter().any(|name| allowed.contains(name)) {
            return Ok(());
        }
        let found = NotAllowed { found: names.join(", ") };
        Err(CertificateError::Other(OtherError(Arc::new(found))).into())
    }

    /// A client may show the very certificate that stands in the authorities' file, though it is no authority.
    fn is_trusted_itself(&self, certificate: &CertificateDer<'_>, now: UnixTime) -> bool {
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let is_valid = |known: Certificate| (known.not_before..=known.not_after).contains(&now);
        self.trusted.iter().any(|trusted| trusted == certificate)
            && Certificate::parse(certificate).is_some_and(is_valid)
    }
}

impl fmt::Debug for ClientCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCheck").field("allowed_names", &self.allowed_names).finish_non_exhaustive()
    }
}

impl ClientCertVerifier for ClientCheck {
    fn client_auth_mandatory(&self) -> bool {
        self.is_mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.authorities.as_ref().map_or(&[], |authorities| authorities.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(authorities) = &self.authorities
            && !self.is_trusted_itself(certificate, now)
        {
            authorities.verify_client_cert(certificate, intermediates, now)?;
        }
        self.check_names(certificate)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
