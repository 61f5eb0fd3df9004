//! The server of both programs: HTTP over several listening sockets, with a bound on everything a client can make
//! it hold: connections, header bytes and time, body bytes and time, idle time, and time without taking the response.
//! Bodies and responses are bounded one by one and all together.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::converse::converse;
use crate::listen::{ListenError, listen};
use crate::listener::Listener;
use crate::patience::Progress;
use crate::places::Places;
use crate::reason::reason;
use crate::responder::Responder;
use crate::{Exchange, Router, ServerStats, WebConfig};

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
    /// TLS handshakes under way; further ones wait, or take the place of one that takes long.
    pub handshakes: usize,
    /// From the connection until its handshake is complete.
    pub handshake_timeout: Duration,
    /// For requests in flight when the server is told to stop.
    pub shutdown_grace: Duration,
}

pub struct Server {
    listeners: Vec<Listener>,
    limits: Limits,
    stats: Arc<ServerStats>,
    observer: Observer,
    web: Option<Arc<WebConfig>>,
}

/// What all connections share.
#[derive(Clone)]
pub(crate) struct Service {
    pub router: Arc<Router>,
    pub limits: Limits,
    pub stats: Arc<ServerStats>,
    pub observer: Observer,
    pub web: Option<Arc<WebConfig>>,
    pub handshakes: Places,
}

pub(crate) type Observer = Arc<dyn Fn(&Exchange<'_>) + Send + Sync>;

/// What connections are told when the server stops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Phase {
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
        Ok(Server::new(listeners, limits))
    }

    /// Serves on sockets that somebody else has bound, such as systemd.
    pub fn adopt(sockets: Vec<OwnedFd>, limits: Limits) -> Result<Server, ListenError> {
        let adopt = |socket: OwnedFd| {
            let address = format!("{socket:?}");
            Listener::adopt(socket).map_err(|error| ListenError { address, reason: reason(&error) })
        };
        let listeners: Result<Vec<_>, _> = sockets.into_iter().map(adopt).collect();
        Ok(Server::new(listeners?, limits))
    }

    fn new(listeners: Vec<Listener>, limits: Limits) -> Server {
        Server { listeners, limits, stats: Arc::default(), observer: Arc::new(|_| {}), web: None }
    }

    /// Every connection and every request is subject to it.
    pub fn with_web_config(mut self, web: Option<Arc<WebConfig>>) -> Server {
        self.web = web;
        self
    }

    /// Called after each response, on the thread that serves the connection: keep it short.
    pub fn observe(mut self, observer: impl Fn(&Exchange<'_>) + Send + Sync + 'static) -> Server {
        self.observer = Arc::new(observer);
        self
    }

    /// The addresses of TCP really bound, with the ports that the kernel chose for port 0.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(Listener::address).collect()
    }

    /// What is listened on, of whatever family, for the log.
    pub fn names(&self) -> Vec<String> {
        self.listeners.iter().map(Listener::name).collect()
    }

    pub fn stats(&self) -> Arc<ServerStats> {
        self.stats.clone()
    }

    /// Serves until `stop` completes; then finishes the requests in flight. Returns how many connections had to be cut
    /// off because they took longer than the grace.
    pub async fn serve(self, router: Arc<Router>, stop: impl Future<Output = ()>) -> usize {
        let Server { listeners, limits, stats, observer, web } = self;
        let places = Places::new(limits.connections);
        let handshakes = Places::new(limits.handshakes);
        let (phase, phases) = watch::channel(Phase::Serving);
        let mut acceptors = JoinSet::new();
        for listener in listeners {
            let service = Service {
                router: router.clone(),
                limits,
                stats: stats.clone(),
                observer: observer.clone(),
                web: web.clone(),
                handshakes: handshakes.clone(),
            };
            acceptors.spawn(accept_all(listener, places.clone(), service, phases.clone()));
        }
        stop.await;
        acceptors.shutdown().await;
        let _ = phase.send(Phase::Draining);
        if tokio::time::timeout(limits.shutdown_grace, places.all_left()).await.is_ok() {
            return 0;
        }
        let cut = places.taken();
        let _ = phase.send(Phase::Closed);
        cut
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
            handshakes: 64,
            handshake_timeout: Duration::from_secs(10),
            shutdown_grace: Duration::from_secs(10),
        }
    }
}

async fn accept_all(
    listener: Listener,
    places: Places,
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
        let place = match places.try_take() {
            Some(place) => place,
            None => {
                stats.connections_delayed_total.fetch_add(1, Ordering::Relaxed);
                places.take(|| _ = stats.connections_dismissed_total.fetch_add(1, Ordering::Relaxed)).await
            }
        };
        let responder =
            Responder { service: service.clone(), progress: Progress::default(), idle: places.idle(), peer };
        tokio::spawn(converse(stream, responder, phases.clone(), place));
    }
}
