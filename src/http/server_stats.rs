//! What the server counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::account::Account;

/// Counters of the server; read at any time.
#[derive(Debug, Default)]
pub struct ServerStats {
    pub(crate) connections_open: AtomicUsize,
    pub(crate) connections_total: AtomicU64,
    pub(crate) connections_delayed_total: AtomicU64,
    pub(crate) connections_dismissed_total: AtomicU64,
    pub(crate) accept_errors_total: AtomicU64,
    pub(crate) handshakes_failed_total: AtomicU64,
    pub(crate) bodies: Arc<Account>,
    pub(crate) responses: Arc<Account>,
    pub(crate) requests_in_flight: AtomicUsize,
    pub(crate) panics_total: AtomicU64,
}

impl ServerStats {
    pub fn connections_open(&self) -> usize {
        self.connections_open.load(Ordering::Relaxed)
    }

    /// Connections accepted so far.
    pub fn connections_total(&self) -> u64 {
        self.connections_total.load(Ordering::Relaxed)
    }

    /// Connections that had to wait because the limit was reached.
    pub fn connections_delayed_total(&self) -> u64 {
        self.connections_delayed_total.load(Ordering::Relaxed)
    }

    /// Connections that waited for a request and had to give their place to another.
    pub fn connections_dismissed_total(&self) -> u64 {
        self.connections_dismissed_total.load(Ordering::Relaxed)
    }

    pub fn accept_errors_total(&self) -> u64 {
        self.accept_errors_total.load(Ordering::Relaxed)
    }

    /// TLS handshakes that came to nothing: refused, broken off, too slow.
    pub fn handshakes_failed_total(&self) -> u64 {
        self.handshakes_failed_total.load(Ordering::Relaxed)
    }

    pub fn requests_in_flight(&self) -> usize {
        self.requests_in_flight.load(Ordering::Relaxed)
    }

    /// Bodies of requests that are held now.
    pub fn bodies_bytes(&self) -> usize {
        self.bodies.bytes()
    }

    /// Requests refused because of `Limits::bodies_bytes`.
    pub fn bodies_refused_total(&self) -> u64 {
        self.bodies.refused_total()
    }

    /// Responses that have not been taken yet.
    pub fn responses_bytes(&self) -> usize {
        self.responses.bytes()
    }

    /// Responses not given because of `Limits::responses_bytes`.
    pub fn responses_refused_total(&self) -> u64 {
        self.responses.refused_total()
    }

    /// Handlers that panicked; each cost only its own request.
    pub fn panics_total(&self) -> u64 {
        self.panics_total.load(Ordering::Relaxed)
    }
}
