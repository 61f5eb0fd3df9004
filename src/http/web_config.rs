//! `--web.config.file`: TLS, client certificates, basic authentication, headers and a limit of requests, in the format
//! of Prometheus' exporter-toolkit. The file, and the certificates that it names, may change while the server runs.
//!
//! Cost: one `stat` a request for the file itself, and one for each file of certificates a handshake. Whatever cannot
//! be read or understood refuses everybody until it can be again; nothing is ever opened up by a mistake.

mod certificate;
mod client_check;
mod document;
mod duration;
mod node;
mod rate;
mod settings;
mod source;
mod tls;
mod tls_settings;
mod users;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::{ArcSwap, ArcSwapOption};
use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use tokio_rustls::rustls::ServerConfig;

pub use document::WebConfigError;

use crate::Response;
use crate::reason::reason;
use rate::{Bucket, Rate};
use settings::Settings;
use source::Sources;
use users::{Doorkeeper, Verdict};

/// A configuration that is read again when its files have changed.
pub struct WebConfig {
    path: PathBuf,
    settings: ArcSwap<Read<Settings>>,
    tls: ArcSwapOption<TlsRead>,
    /// Held while files are read again, so that it is done and logged once.
    reading: Mutex<()>,
    bucket: Mutex<Option<Bucket>>,
    doorkeeper: Doorkeeper,
    /// Decided by the file as it was at the start.
    speaks_tls: bool,
}

/// What came of reading some files.
struct Read<T> {
    sources: Sources,
    outcome: Result<Arc<T>, WebConfigError>,
}

struct TlsRead {
    /// The settings that it was made from.
    settings: Arc<Settings>,
    read: Read<ServerConfig>,
}

/// What goes onto the answer of a request.
#[derive(Default)]
pub(crate) struct Admission(Option<Arc<Settings>>);

impl WebConfig {
    /// Reads the file and everything that it names.
    pub fn open(path: &Path) -> Result<WebConfig, WebConfigError> {
        let read = Read::settings(path);
        let settings = read.outcome.clone()?;
        let doorkeeper = Doorkeeper::new().ok_or_else(|| WebConfigError::whole(path, "no source of randomness"))?;
        let config = WebConfig {
            path: path.to_owned(),
            settings: ArcSwap::from_pointee(read),
            tls: ArcSwapOption::empty(),
            reading: Mutex::default(),
            bucket: Mutex::default(),
            doorkeeper,
            speaks_tls: settings.tls.is_some(),
        };
        if config.speaks_tls {
            let read = TlsRead::new(settings.clone(), path);
            read.read.outcome.clone()?;
            config.tls.store(Some(Arc::new(read)));
        }
        config.warn(&settings);
        Ok(config)
    }

    pub fn speaks_tls(&self) -> bool {
        self.speaks_tls
    }

    /// What a handshake is to be made with now; `None` for plain HTTP, and the error has been logged.
    pub(crate) fn handshake(&self) -> Option<Arc<ServerConfig>> {
        let settings = self.settings()?;
        let is_current =
            |read: &Arc<TlsRead>| Arc::ptr_eq(&read.settings, &settings) && !read.read.sources.may_have_changed();
        let known = self.tls.load_full();
        if let Some(known) = known.filter(is_current) {
            return known.read.outcome.clone().ok();
        }
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.tls.load_full();
        if let Some(before) = before.as_ref().filter(|before| is_current(before)) {
            return before.read.outcome.clone().ok();
        }
        let now = Arc::new(TlsRead::new(settings, &self.path));
        let error_before = before.as_ref().and_then(|before| before.read.outcome.as_ref().err());
        self.tell(error_before, now.read.outcome.as_ref().err());
        self.tls.store(Some(now.clone()));
        now.read.outcome.clone().ok()
    }

    /// Whether a request may pass. The order is upstream's: a broken file, too many requests, an unknown client.
    pub(crate) async fn admit(&self, headers: &HeaderMap) -> (Admission, Result<(), Response>) {
        let Some(settings) = self.settings() else {
            let refusal = Response::text(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error\n");
            return (Admission(None), Err(refusal));
        };
        if !self.has_token(settings.rate) {
            let refusal = Response::text(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests\n");
            return (Admission(None), Err(refusal));
        }
        let verdict = if settings.users.is_empty() {
            Verdict::Welcome
        } else {
            self.doorkeeper.judge(&settings.users, headers.get(AUTHORIZATION)).await
        };
        let outcome = match verdict {
            Verdict::Welcome => Ok(()),
            Verdict::Stranger => {
                let refusal = Response::text(StatusCode::UNAUTHORIZED, "Unauthorized\n");
                Err(refusal.header(WWW_AUTHENTICATE, "Basic"))
            }
            Verdict::Busy => {
                let refusal = Response::text(StatusCode::SERVICE_UNAVAILABLE, "too many others are being looked at\n");
                Err(refusal.header(RETRY_AFTER, "1"))
            }
        };
        (Admission(Some(settings)), outcome)
    }

    /// `None` while the file is broken.
    fn settings(&self) -> Option<Arc<Settings>> {
        let known = self.settings.load();
        if !known.sources.may_have_changed() {
            return known.outcome.clone().ok();
        }
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.settings.load_full();
        if !before.sources.may_have_changed() {
            return before.outcome.clone().ok();
        }
        let mut now = Read::settings(&self.path);
        // The same settings stay the same object: what was made from them goes on.
        match (&before.outcome, &now.outcome) {
            (Ok(same), Ok(read)) if same == read => now.outcome = Ok(same.clone()),
            (before, now) => {
                self.tell(before.as_ref().err(), now.as_ref().err());
                if let Ok(settings) = now {
                    self.warn(settings);
                }
            }
        }
        let outcome = now.outcome.clone();
        self.settings.store(Arc::new(now));
        outcome.ok()
    }

    fn has_token(&self, rate: Option<Rate>) -> bool {
        let Some(rate) = rate else { return true };
        let now = Instant::now();
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *bucket {
            Some(bucket) if bucket.rate() == rate => bucket.take(now),
            _ => bucket.insert(Bucket::full(rate, now)).take(now),
        }
    }

    /// Each problem once, and when it is over.
    fn tell(&self, before: Option<&WebConfigError>, now: Option<&WebConfigError>) {
        match (before, now) {
            (before, Some(error)) if before != Some(error) => {
                tracing::error!(%error, "web configuration is broken: refusing everybody until it is mended");
            }
            (Some(_), None) => tracing::info!(file = %self.path.display(), "web configuration is in order again"),
            _ => {}
        }
    }

    fn warn(&self, settings: &Settings) {
        let file = self.path.display();
        for warning in &settings.warnings {
            tracing::warn!(%file, warning, "web configuration");
        }
        if settings.tls.is_some() && !self.speaks_tls {
            tracing::warn!(%file, "web configuration: TLS was added; it takes effect with the next start");
        }
    }
}

impl Read<Settings> {
    fn settings(path: &Path) -> Read<Settings> {
        let sources = Sources::mark([path.to_owned()]);
        let outcome = match fs::read(path).map(String::from_utf8) {
            Ok(Ok(text)) => Settings::parse(&text, path).map(Arc::new),
            Ok(Err(_)) => Err(WebConfigError::whole(path, "the text is not valid UTF-8")),
            Err(error) => Err(WebConfigError::whole(path, reason(&error))),
        };
        Read { sources, outcome }
    }
}

impl TlsRead {
    fn new(settings: Arc<Settings>, path: &Path) -> TlsRead {
        let files = settings.tls.iter().flat_map(|tls| tls.files());
        let sources = Sources::mark(files);
        let outcome = match &settings.tls {
            Some(tls) => tls::server_config(tls, settings.http2, path),
            None => Err(WebConfigError::whole(path, "there was TLS at the start and there is none any more")),
        };
        TlsRead { settings, read: Read { sources, outcome } }
    }
}

impl Admission {
    pub fn put_headers(&self, headers: &mut HeaderMap) {
        let configured: &[(HeaderName, HeaderValue)] = self.0.as_ref().map_or(&[], |settings| &settings.headers);
        for (name, value) in configured {
            headers.insert(name, value.clone());
        }
    }
}
