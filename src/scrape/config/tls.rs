//! The `tls_config` of a client.

use std::path::PathBuf;

use super::section::Section;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TlsConfig {
    /// Authorities that may sign the server's certificate, as PEM; `None` for those of the system.
    pub ca_file: Option<PathBuf>,
    /// The client's own certificate; it and its key are both set or both not.
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    /// The name expected in the server's certificate, instead of the host of the address.
    pub server_name: Option<String>,
    /// Takes any certificate of the server.
    pub insecure_skip_verify: bool,
    /// `None`, and anything below 1.2, means 1.2: older versions are not spoken.
    pub min_version: Option<TlsVersion>,
    pub max_version: Option<TlsVersion>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    Tls1_0,
    Tls1_1,
    Tls1_2,
    Tls1_3,
}

impl TlsConfig {
    pub(super) fn read(mut section: Section<'_>) -> TlsConfig {
        let ca_file = file(&mut section, "ca", "ca_file");
        let cert_file = file(&mut section, "cert", "cert_file");
        let key_file = file(&mut section, "key", "key_file");
        match (&cert_file, &key_file) {
            (Some(_), None) => section.wrong("key_file", "a client certificate needs its key: give key_file"),
            (None, Some(_)) => section.wrong("cert_file", "a client key needs its certificate: give cert_file"),
            _ => {}
        }
        let min_version = TlsVersion::read(&mut section, "min_version");
        let max_version = TlsVersion::read(&mut section, "max_version");
        check_versions(&mut section, min_version, max_version);
        for key in ["ca_ref", "cert_ref", "key_ref"] {
            section.unsupported(key);
        }
        let tls = TlsConfig {
            ca_file,
            cert_file,
            key_file,
            server_name: section.filled_text("server_name").map(str::to_owned),
            insecure_skip_verify: section.bool("insecure_skip_verify").unwrap_or(false),
            min_version,
            max_version,
        };
        section.finish();
        tls
    }
}

/// Connections speak 1.2 and 1.3; they cannot be narrowed yet.
fn check_versions(section: &mut Section<'_>, min: Option<TlsVersion>, max: Option<TlsVersion>) {
    if min.zip(max).is_some_and(|(min, max)| min > max) {
        section.wrong("max_version", "the greatest version is below the least");
    } else if let Some(max) = max.filter(|max| *max < TlsVersion::Tls1_2) {
        section.wrong("max_version", format!("{} is no longer spoken; the oldest version is TLS12", max.as_str()));
    }
    if min > Some(TlsVersion::Tls1_2) {
        section.unsupported("min_version");
    }
    if max == Some(TlsVersion::Tls1_2) {
        section.unsupported("max_version");
    }
}

/// A file, or the same text in the configuration itself, which is not taken yet.
fn file(section: &mut Section<'_>, inline_key: &'static str, file_key: &'static str) -> Option<PathBuf> {
    let is_inline = section.filled_text(inline_key).is_some();
    let file = section.path(file_key);
    if is_inline && file.is_some() {
        section.wrong(file_key, format!("give {inline_key} or {file_key}, not both"));
    }
    section.unsupported(inline_key);
    file
}

impl TlsVersion {
    /// The name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            TlsVersion::Tls1_0 => "TLS10",
            TlsVersion::Tls1_1 => "TLS11",
            TlsVersion::Tls1_2 => "TLS12",
            TlsVersion::Tls1_3 => "TLS13",
        }
    }

    fn read(section: &mut Section<'_>, key: &'static str) -> Option<TlsVersion> {
        let field = section.field(key)?;
        let versions = [TlsVersion::Tls1_0, TlsVersion::Tls1_1, TlsVersion::Tls1_2, TlsVersion::Tls1_3];
        let text = field.text()?;
        let version = versions.into_iter().find(|version| version.as_str() == text);
        if version.is_none() {
            field.wrong(format!("expected TLS10, TLS11, TLS12 or TLS13, found {text:?}"));
        }
        version
    }
}
