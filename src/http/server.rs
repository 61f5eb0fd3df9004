//! The server of both programs: HTTP/1.1 over several listening sockets, with a bound on everything a client can make
//! it hold: connections, header bytes and time, body bytes and time, idle time, and time without taking the response.
//! Bodies and responses are bounded one by one and all together.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::account::Account;
use crate::idle::{Idle, Waiting};
use crate::listen::{ListenError, listen};
use crate::patience::{Patience, Progress};
use crate::reason::reason;
use crate::request_target::EncodedTargets;
use crate::responder::Responder;
use crate::{Exchange, Router};

/// What clients may use of the server.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections; further ones wait in the kernel's queue, or take the place of one that waits for a request.
    pub connections: usize,
    /// Request line and headers together; more is answered with 431.
    pub head_bytes: usize,
    /// From the first byte of a request until its head is complete.
    pub head_timeout: Duration,
    /// Without a request on an open connection.
    pub idle_timeout: Duration,
    /// Body of a request; more is answered with 413.
    pub body_bytes: usize,
    /// Bodies of all requests together; more is answered with 503.
    pub bodies_bytes: usize,
    pub body_timeout: Duration,
    /// Responses that have not been taken yet, all together; more is answered with 503. One alone may be larger.
    pub responses_bytes: usize,
    /// Without the client taking a megabyte of its response, or all of it.
    pub write_timeout: Duration,
    /// For requests in flight when the server is told to stop.
    pub shutdown_grace: Duration,
}

/// Counters of the server; read at any time.
#[derive(Debug, Default)]
pub struct ServerStats {
    connections_open: AtomicUsize,
    connections_total: AtomicU64,
    connections_delayed_total: AtomicU64,
    connections_dismissed_total: AtomicU64,
    accept_errors_total: AtomicU64,
    pub(crate) bodies: Arc<Account>,
    pub(crate) responses: Arc<Account>,
    pub(crate) requests_in_flight: AtomicUsize,
    pub(crate) panics_total: AtomicU64,
}

pub struct Server {
    listeners: Vec<TcpListener>,
    limits: Limits,
    stats: Arc<ServerStats>,
    observer: Observer,
}

/// What all connections share.
#[derive(Clone)]
pub(crate) struct Service {
    pub router: Arc<Router>,
    pub limits: Limits,
    pub stats: Arc<ServerStats>,
    pub observer: Observer,
    pub waiting: Arc<Waiting>,
}

pub(crate) type Observer = Arc<dyn Fn(&Exchange<'_>) + Send + Sync>;

/// What connections are told when the server stops.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Serving,
    /// Finish the request in flight, take no further one.
    Draining,
    /// The grace is over.
    Closed,
}

impl Server {
    /// Binds all addresses; nothing is accepted before `serve`.
    pub async fn bind(addresses: &[String], limits: Limits) -> Result<Server, ListenError> {
        let mut listeners = Vec::with_capacity(addresses.len());
        for address in addresses {
            listeners.push(listen(address).await?);
        }
        Ok(Server { listeners, limits, stats: Arc::default(), observer: Arc::new(|_| {}) })
    }

    /// Called after each response, on the thread that serves the connection: keep it short.
    pub fn observe(mut self, observer: impl Fn(&Exchange<'_>) + Send + Sync + 'static) -> Server {
        self.observer = Arc::new(observer);
        self
    }

    /// The addresses really bound, with the ports that the kernel chose for port 0.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    pub fn stats(&self) -> Arc<ServerStats> {
        self.stats.clone()
    }

    /// Serves until `stop` completes; then finishes the requests in flight. Returns how many connections had to be cut
    /// off because they took longer than the grace.
    pub async fn serve(self, router: Arc<Router>, stop: impl Future<Output = ()>) -> usize {
        let Server { listeners, limits, stats, observer } = self;
        let slots = Arc::new(Semaphore::new(limits.connections));
        let waiting = Arc::new(Waiting::default());
        let (phase, phases) = watch::channel(Phase::Serving);
        let mut acceptors = JoinSet::new();
        for listener in listeners {
            let service = Service {
                router: router.clone(),
                limits,
                stats: stats.clone(),
                observer: observer.clone(),
                waiting: waiting.clone(),
            };
            acceptors.spawn(accept_all(listener, slots.clone(), service, phases.clone()));
        }
        stop.await;
        acceptors.shutdown().await;
        let _ = phase.send(Phase::Draining);
        let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
        if tokio::time::timeout(limits.shutdown_grace, slots.acquire_many(all)).await.is_ok() {
            return 0;
        }
        let cut = limits.connections - slots.available_permits();
        let _ = phase.send(Phase::Closed);
        cut
    }
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

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 512,
            head_bytes: 64 << 10,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(300),
            body_bytes: 10 << 20,
            bodies_bytes: 64 << 20,
            responses_bytes: 256 << 20,
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(60),
            shutdown_grace: Duration::from_secs(10),
        }
    }
}

async fn accept_all(
    listener: TcpListener,
    slots: Arc<Semaphore>,
    service: Service,
    phases: watch::Receiver<Phase>,
) -> Infallible {
    let stats = service.stats.clone();
    let mut is_failing = false;
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                if !is_failing {
                    tracing::warn!(error = reason(&error), "cannot accept connections");
                }
                is_failing = true;
                // Too many open files, or the client went away before we took it: try again, without spinning.
                stats.accept_errors_total.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        is_failing = false;
        stats.connections_total.fetch_add(1, Ordering::Relaxed);
        let slot = match slots.clone().try_acquire_owned() {
            Ok(slot) => slot,
            Err(_) => {
                stats.connections_delayed_total.fetch_add(1, Ordering::Relaxed);
                free_slot(&slots, &service).await
            }
        };
        let responder = Responder {
            service: service.clone(),
            progress: Progress::default(),
            idle: Arc::new(Idle::new(service.waiting.clone())),
            peer: peer.to_string(),
        };
        tokio::spawn(serve_connection(stream, responder, phases.clone(), slot));
    }
}

/// Waits for a place, and asks those to leave that hold one without need.
async fn free_slot(slots: &Arc<Semaphore>, service: &Service) -> OwnedSemaphorePermit {
    loop {
        if service.waiting.dismiss_longest() {
            service.stats.connections_dismissed_total.fetch_add(1, Ordering::Relaxed);
        }
        if let Ok(slot) = tokio::time::timeout(Duration::from_millis(100), slots.clone().acquire_owned()).await {
            return slot.expect("the semaphore is never closed");
        }
    }
}

async fn serve_connection(
    stream: TcpStream,
    responder: Responder,
    mut phases: watch::Receiver<Phase>,
    slot: OwnedSemaphorePermit,
) {
    let limits = responder.service.limits;
    let stats = responder.service.stats.clone();
    let idle = responder.idle.clone();
    stats.connections_open.fetch_add(1, Ordering::Relaxed);
    // Responses are written whole; waiting for more to fill a packet only adds latency.
    let _ = stream.set_nodelay(true);
    let stream = EncodedTargets::new(stream);
    let patient = Patience::new(stream, responder.progress.clone(), limits.head_timeout, limits.write_timeout);
    let serve = service_fn(move |request| {
        let responder = responder.clone();
        async move { Ok::<hyper::Response<Full<Bytes>>, Infallible>(responder.respond(request).await) }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // As Go's servers write them: scripts that read headers by eye expect it.
        .title_case_headers(true)
        .header_read_timeout(limits.idle_timeout)
        .max_header_size(limits.head_bytes)
        .max_buf_size(limits.head_bytes.max(16 << 10));
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(patient), serve));
    loop {
        tokio::select! {
            // First, so that a request that is there already is taken before anything ends.
            biased;
            // An error here concerns this client alone: it went away or sent what is not HTTP.
            _ = connection.as_mut() => break,
            changed = phases.changed() => match (changed, *phases.borrow()) {
                (Ok(()), Phase::Draining) => connection.as_mut().graceful_shutdown(),
                (Ok(()), Phase::Serving) => {}
                (Ok(()), Phase::Closed) | (Err(_), _) => break,
            },
            // A request that has come meanwhile is still answered.
            () = idle.dismissed() => connection.as_mut().graceful_shutdown(),
        }
    }
    stats.connections_open.fetch_sub(1, Ordering::Relaxed);
    drop(slot);
}
