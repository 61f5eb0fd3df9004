//! `tls_server_config`, checked and in rustls' terms. Names of versions, suites and curves are those of Go.

use std::path::{Path, PathBuf};

use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{NamedGroup, SupportedProtocolVersion};

use super::WebConfigError;
use super::document::TlsKeys;
use super::node::Given;
use super::settings::beside;

#[derive(Debug, PartialEq)]
pub(super) struct TlsSettings {
    pub certificate: Pem,
    pub key: Pem,
    /// Authorities of clients' certificates; the machine's own where there are none.
    pub client_ca: Option<Pem>,
    pub client_auth: ClientAuth,
    /// One of these names has to stand in a client's certificate; `None` for no such condition.
    pub client_names: Option<Vec<String>>,
    pub versions: Vec<&'static SupportedProtocolVersion>,
    /// Suites of TLS 1.2 by Go's names, the preferred first; `None` for all that there are.
    pub suites: Option<Vec<String>>,
    /// The preferred first; `None` for all that there are.
    pub groups: Option<Vec<NamedGroup>>,
    pub prefers_own_order: bool,
}

/// A text in PEM format: in the file itself or in another.
#[derive(Debug, PartialEq)]
pub(super) struct Pem {
    pub key: &'static str,
    pub line: u64,
    pub source: PemSource,
}

#[derive(Debug, PartialEq)]
pub(super) enum PemSource {
    Inline(String),
    File(PathBuf),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientAuth {
    /// Nobody is asked for a certificate.
    No,
    /// Any will do, or none.
    Request,
    /// Any will do.
    RequireAny,
    /// One that an authority signed, or none.
    VerifyIfGiven,
    RequireAndVerify,
}

/// Suites that Go knows and we do not speak: their block mode or key exchange has been broken too often.
const SUITES_NOT_SPOKEN: [&str; 8] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
];
const SUITES: [&str; 6] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];
/// Always offered with TLS 1.3, listed or not; so it is with Go.
const SUITES_OF_TLS13: [&str; 3] = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/// Checks values; knows where they stand.
struct Checker<'a> {
    file: &'a Path,
    warnings: &'a mut Vec<String>,
}

impl TlsSettings {
    /// `None` where neither a certificate nor anything about clients is given: plain HTTP, as upstream has it.
    pub fn check(
        keys: TlsKeys,
        file: &Path,
        warnings: &mut Vec<String>,
    ) -> Result<Option<TlsSettings>, WebConfigError> {
        let mut checker = Checker { file, warnings };
        let versions = checker.versions(&keys)?;
        let suites = checker.suites(&keys, &versions)?;
        let groups = checker.groups(&keys)?;
        let client_auth = checker.client_auth(&keys)?;
        let certificate = checker.pem(("cert", keys.cert), ("cert_file", keys.cert_file));
        let key = checker.pem(("key", keys.key), ("key_file", keys.key_file));
        let client_ca = checker.pem(("client_ca", keys.client_ca), ("client_ca_file", keys.client_ca_file));
        if let Some(names) = &keys.client_allowed_sans
            && !matches!(client_auth, ClientAuth::RequireAny | ClientAuth::RequireAndVerify)
        {
            let reason = "needs client_auth_type RequireAnyClientCert or RequireAndVerifyClientCert";
            return Err(match names.first() {
                Some(name) => checker.at("client_allowed_sans", name, reason),
                None => checker.whole("client_allowed_sans", reason),
            });
        }
        if let (Some(ca), ClientAuth::No) = (&client_ca, client_auth) {
            return Err(ca.wrong(file, "there is an authority for clients, but no client_auth_type that asks for them"));
        }
        let (certificate, key) = match (certificate, key) {
            (Some(certificate), Some(key)) => (certificate, key),
            (None, None) if client_ca.is_none() && client_auth == ClientAuth::No => {
                if keys.min_version.is_some() || keys.cipher_suites.is_some() || keys.curve_preferences.is_some() {
                    let text = "tls_server_config has neither certificate nor key: serving plain HTTP";
                    checker.warnings.push(text.to_owned());
                }
                return Ok(None);
            }
            (None, _) => return Err(checker.whole("cert_file", "missing one of cert or cert_file")),
            (_, None) => return Err(checker.whole("key_file", "missing one of key or key_file")),
        };
        Ok(Some(TlsSettings {
            certificate,
            key,
            client_ca,
            client_auth,
            client_names: keys.client_allowed_sans.map(|names| names.into_iter().map(|name| name.value).collect()),
            versions,
            suites,
            groups,
            prefers_own_order: keys.prefer_server_cipher_suites,
        }))
    }

    /// The files that have to be looked at again.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        let pems = [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()];
        pems.into_iter().flatten().filter_map(|pem| match &pem.source {
            PemSource::File(path) => Some(path.clone()),
            PemSource::Inline(_) => None,
        })
    }
}

impl Pem {
    pub fn wrong(&self, file: &Path, reason: impl Into<String>) -> WebConfigError {
        WebConfigError {
            file: file.to_owned(),
            line: Some(self.line),
            key: format!("tls_server_config.{}", self.key),
            reason: reason.into(),
        }
    }
}

impl Checker<'_> {
    fn at<T>(&self, key: &str, value: &Given<T>, reason: impl Into<String>) -> WebConfigError {
        WebConfigError::at(self.file, &format!("tls_server_config.{key}"), value, reason)
    }

    fn whole(&self, key: &str, reason: &str) -> WebConfigError {
        WebConfigError { key: format!("tls_server_config.{key}"), ..WebConfigError::whole(self.file, reason) }
    }

    /// A file wins over a text beside it.
    fn pem(
        &self,
        (inline_key, inline): (&'static str, Option<Given<String>>),
        (file_key, path): (&'static str, Option<Given<String>>),
    ) -> Option<Pem> {
        let given = |value: Option<Given<String>>| value.filter(|value| !value.value.is_empty());
        if let Some(path) = given(path) {
            let source = PemSource::File(beside(self.file, &path.value));
            return Some(Pem { key: file_key, line: path.line, source });
        }
        let inline = given(inline)?;
        Some(Pem { key: inline_key, line: inline.line, source: PemSource::Inline(inline.value) })
    }

    fn client_auth(&self, keys: &TlsKeys) -> Result<ClientAuth, WebConfigError> {
        let Some(name) = &keys.client_auth_type else { return Ok(ClientAuth::No) };
        match name.value.as_str() {
            "" | "NoClientCert" => Ok(ClientAuth::No),
            "RequestClientCert" => Ok(ClientAuth::Request),
            // The second is an older name of the first.
            "RequireAnyClientCert" | "RequireClientCert" => Ok(ClientAuth::RequireAny),
            "VerifyClientCertIfGiven" => Ok(ClientAuth::VerifyIfGiven),
            "RequireAndVerifyClientCert" => Ok(ClientAuth::RequireAndVerify),
            other => Err(self.at("client_auth_type", name, format!("unknown type {other:?}"))),
        }
    }

    /// TLS 1.2 and 1.3 are spoken; older ones may be named as the least.
    fn versions(&mut self, keys: &TlsKeys) -> Result<Vec<&'static SupportedProtocolVersion>, WebConfigError> {
        let (min, max) =
            (self.version("min_version", &keys.min_version)?, self.version("max_version", &keys.max_version)?);
        if let Some(asked @ (10 | 11)) = min {
            let text = format!("tls_server_config.min_version: TLS{asked} is not spoken any more: TLS12 it is");
            self.warnings.push(text);
        }
        let (min, max) = (min.unwrap_or(12), max.unwrap_or(13));
        let spoken = [(12, &TLS12), (13, &TLS13)];
        let versions: Vec<_> =
            spoken.into_iter().filter(|(number, _)| (min..=max).contains(number)).map(|(_, version)| version).collect();
        match &keys.max_version {
            Some(max) if versions.is_empty() => {
                Err(self.at("max_version", max, "no version of TLS that is spoken here (1.2 and 1.3) is left"))
            }
            _ => Ok(versions),
        }
    }

    fn version(&self, key: &str, given: &Option<Given<String>>) -> Result<Option<u8>, WebConfigError> {
        let Some(name) = given else { return Ok(None) };
        match name.value.as_str() {
            "TLS10" => Ok(Some(10)),
            "TLS11" => Ok(Some(11)),
            "TLS12" => Ok(Some(12)),
            "TLS13" => Ok(Some(13)),
            other => Err(self.at(key, name, format!("{other:?} is not a version of TLS (TLS10 to TLS13)"))),
        }
    }

    fn suites(
        &mut self,
        keys: &TlsKeys,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<Option<Vec<String>>, WebConfigError> {
        let Some(given) = keys.cipher_suites.as_deref().filter(|given| !given.is_empty()) else { return Ok(None) };
        let mut suites = Vec::new();
        for name in given {
            match name.value.as_str() {
                known if SUITES.contains(&known) => suites.push(name.value.clone()),
                known if SUITES_OF_TLS13.contains(&known) => {}
                known if SUITES_NOT_SPOKEN.contains(&known) => {
                    let text = format!("tls_server_config.cipher_suites: {known} is not spoken here and left out");
                    self.warnings.push(text);
                }
                other => return Err(self.at("cipher_suites", name, format!("unknown cipher suite {other:?}"))),
            }
        }
        if suites.is_empty() && !versions.contains(&&TLS13) {
            return Err(self.at("cipher_suites", &given[0], "none of these can be spoken with TLS 1.2"));
        }
        Ok(Some(suites))
    }

    fn groups(&mut self, keys: &TlsKeys) -> Result<Option<Vec<NamedGroup>>, WebConfigError> {
        let Some(given) = keys.curve_preferences.as_deref().filter(|given| !given.is_empty()) else { return Ok(None) };
        let mut groups = Vec::new();
        for name in given {
            match name.value.as_str() {
                "X25519" => groups.push(NamedGroup::X25519),
                "CurveP256" => groups.push(NamedGroup::secp256r1),
                "CurveP384" => groups.push(NamedGroup::secp384r1),
                "CurveP521" => {
                    let text = "tls_server_config.curve_preferences: CurveP521 is not spoken here and left out";
                    self.warnings.push(text.to_owned());
                }
                other => return Err(self.at("curve_preferences", name, format!("unknown curve {other:?}"))),
            }
        }
        if groups.is_empty() {
            return Err(self.at("curve_preferences", &given[0], "none of these can be spoken"));
        }
        Ok(Some(groups))
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::Settings;
    use super::*;

    const PAIR: &str = "tls_server_config:\n  cert_file: s.pem\n  key_file: /abs/s.key\n";

    fn parse(more: &str) -> Result<Settings, String> {
        Settings::parse(&format!("{PAIR}{more}"), Path::new("etc/web.yml")).map_err(|error| error.to_string())
    }

    fn tls(more: &str) -> TlsSettings {
        parse(more).expect(more).tls.expect("TLS")
    }

    #[test]
    fn relative_paths_begin_beside_the_file() {
        let files: Vec<_> = tls("").files().collect();
        assert_eq!(files, [Path::new("etc/s.pem"), Path::new("/abs/s.key")]);
    }

    #[test]
    fn versions_are_those_that_are_spoken() {
        assert_eq!(tls("").versions, [&TLS12, &TLS13]);
        assert_eq!(tls("  min_version: TLS13\n").versions, [&TLS13]);
        assert_eq!(tls("  max_version: TLS12\n").versions, [&TLS12]);
        assert_eq!(parse("  min_version: TLS10\n").expect("valid").warnings.len(), 1);
    }

    #[test]
    fn suites_and_curves_have_gos_names_and_keep_their_order() {
        let more = "  cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, \
                    TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]\n  curve_preferences: [CurveP384, CurveP521, X25519]\n";
        let settings = parse(more).expect("valid");
        assert_eq!(settings.warnings.len(), 2, "{:?}", settings.warnings);
        let tls = settings.tls.expect("TLS");
        assert_eq!(tls.suites.expect("a list"), ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"]);
        assert_eq!(tls.groups.expect("a list"), [NamedGroup::secp384r1, NamedGroup::X25519]);
    }

    #[test]
    fn all_five_kinds_of_client_authentication() {
        for (name, kind) in [
            ("NoClientCert", ClientAuth::No),
            ("RequestClientCert", ClientAuth::Request),
            ("RequireAnyClientCert", ClientAuth::RequireAny),
            ("RequireClientCert", ClientAuth::RequireAny),
            ("VerifyClientCertIfGiven", ClientAuth::VerifyIfGiven),
            ("RequireAndVerifyClientCert", ClientAuth::RequireAndVerify),
        ] {
            assert_eq!(tls(&format!("  client_auth_type: {name}\n")).client_auth, kind);
        }
    }

    #[test]
    fn what_cannot_work_is_refused_with_its_line() {
        for (more, line) in [
            (
                "  min_version: TLS14\n",
                "4: tls_server_config.min_version: \"TLS14\" is not a version of TLS (TLS10 to TLS13)",
            ),
            (
                "  min_version: TLS13\n  max_version: TLS12\n",
                "5: tls_server_config.max_version: no version of TLS that is spoken here (1.2 and 1.3) is left",
            ),
            (
                "  cipher_suites:\n  - TLS_NULL\n",
                "5: tls_server_config.cipher_suites: unknown cipher suite \"TLS_NULL\"",
            ),
            ("  curve_preferences: [P1]\n", "4: tls_server_config.curve_preferences: unknown curve \"P1\""),
            ("  client_auth_type: Perhaps\n", "4: tls_server_config.client_auth_type: unknown type \"Perhaps\""),
            (
                "  client_ca_file: ca.pem\n",
                "4: tls_server_config.client_ca_file: there is an authority for clients, but no client_auth_type that \
                 asks for them",
            ),
            (
                "  client_allowed_sans: [a]\n  client_auth_type: VerifyClientCertIfGiven\n",
                "4: tls_server_config.client_allowed_sans: needs client_auth_type RequireAnyClientCert or \
                 RequireAndVerifyClientCert",
            ),
        ] {
            assert_eq!(parse(more).expect_err(more), format!("etc/web.yml:{line}"));
        }
        let half = |text: &str| Settings::parse(text, Path::new("web.yml")).expect_err(text).to_string();
        assert_eq!(
            half("tls_server_config:\n  key_file: a\n"),
            "web.yml: tls_server_config.cert_file: missing one of cert or cert_file"
        );
        assert_eq!(
            half("tls_server_config:\n  cert: a\n"),
            "web.yml: tls_server_config.key_file: missing one of key or key_file"
        );
    }
}
