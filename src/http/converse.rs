//! One connection of the server from its first byte to its last: TLS where that is configured, then HTTP/1.1, or HTTP/2
//! where the client has chosen it in the handshake (ALPN).

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::server::Acceptor;

use crate::WebConfig;
use crate::dial::Stream;
use crate::first_byte::FirstByte;
use crate::patience::Patience;
use crate::request_target::EncodedTargets;
use crate::responder::Responder;
use crate::server::Phase;

/// Requests at the same time on one connection of HTTP/2.
const STREAMS: u32 = 32;
/// An HTTP/2 client that does not answer within this time to being asked whether it lives, does not.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// What Go's servers say to those who speak plainly to a server of TLS.
const PLAIN_TO_TLS: &[u8] = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

struct Conversation {
    responder: Responder,
    phases: watch::Receiver<Phase>,
}

/// Serves until the connection ends. The place is held as long.
pub(crate) async fn converse(
    stream: Box<dyn Stream>,
    responder: Responder,
    phases: watch::Receiver<Phase>,
    place: OwnedSemaphorePermit,
) {
    let stats = responder.service.stats.clone();
    let web = responder.service.web.clone();
    stats.connections_open.fetch_add(1, Ordering::Relaxed);
    let mut conversation = Conversation { responder, phases };
    match web.filter(|web| web.speaks_tls()) {
        None => conversation.speak_http1(stream).await,
        Some(web) => match conversation.shake_hands(stream, &web).await {
            Some((stream, true)) => conversation.speak_http2(stream).await,
            Some((stream, false)) => conversation.speak_http1(stream).await,
            None => {
                stats.handshakes_failed_total.fetch_add(1, Ordering::Relaxed);
            }
        },
    }
    stats.connections_open.fetch_sub(1, Ordering::Relaxed);
    drop(place);
}

impl Conversation {
    /// The encrypted stream, and whether HTTP/2 was agreed upon. A handshake has a deadline, and only so many are under
    /// way at the same time.
    async fn shake_hands(&mut self, stream: Box<dyn Stream>, web: &Arc<WebConfig>) -> Option<(Box<dyn Stream>, bool)> {
        let deadline = Instant::now() + self.responder.service.limits.handshake_timeout;
        let handshakes = self.responder.service.handshakes.clone();
        let idle = self.responder.idle.clone();
        let shaking = async {
            let _place = handshakes.take(|| {}).await;
            let among_handshakes = handshakes.idle();
            tokio::select! {
                shaken = shake_hands(stream, web, &self.responder.peer) => shaken,
                () = among_handshakes.dismissed() => None,
                () = idle.dismissed() => None,
            }
        };
        tokio::select! {
            shaken = tokio::time::timeout_at(deadline, shaking) => shaken.ok().flatten(),
            () = until_draining(&mut self.phases) => None,
        }
    }

    async fn speak_http1(&mut self, stream: Box<dyn Stream>) {
        let limits = self.responder.service.limits;
        let stream = EncodedTargets::new(stream);
        let progress = self.responder.progress.clone();
        let patient = Patience::new(stream, progress, Some(limits.head_timeout), limits.write_timeout);
        let responder = self.responder.clone();
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
        let idle = self.responder.idle.clone();
        // A request that has come meanwhile is still answered.
        let dismissed = async { idle.dismissed().await };
        self.drive(connection.as_mut(), http1::Connection::graceful_shutdown, dismissed, None).await;
    }

    async fn speak_http2(&mut self, stream: Box<dyn Stream>) {
        let limits = self.responder.service.limits;
        // Frames come outside of requests, too; who sends half a head is idle and goes as such.
        let patient = Patience::new(stream, self.responder.progress.clone(), None, limits.write_timeout);
        let responder = self.responder.clone();
        let serve = service_fn(move |request| {
            let responder = responder.clone();
            async move { Ok::<hyper::Response<Full<Bytes>>, Infallible>(responder.respond(request).await) }
        });
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
            .keep_alive_interval(limits.idle_timeout.min(Duration::from_secs(60)))
            .keep_alive_timeout(PING_TIMEOUT);
        let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(patient), serve));
        let idle = self.responder.idle.clone();
        let dismissed = async {
            tokio::select! {
                () = idle.dismissed() => {}
                () = idle.expired(limits.idle_timeout) => {}
            }
        };
        // Such a client has to say goodbye itself, and may not.
        let patience = Some(limits.head_timeout);
        self.drive(connection.as_mut(), http2::Connection::graceful_shutdown, dismissed, patience).await;
    }

    /// Until the connection ends, or has to: `dismissed`, or the server's end. With `patience`, a connection that was
    /// asked to end is given that much time whenever no request is in flight.
    async fn drive<C: Future>(
        &mut self,
        mut connection: Pin<&mut C>,
        ask_to_end: fn(Pin<&mut C>),
        dismissed: impl Future<Output = ()>,
        patience: Option<Duration>,
    ) {
        let mut dismissed = std::pin::pin!(dismissed);
        let mut is_asked = false;
        let mut impatience = std::pin::pin!(sleep(Duration::ZERO));
        loop {
            let mut asks = false;
            tokio::select! {
                // First, so that a request that is there already is taken before anything ends.
                biased;
                // An error here concerns this client alone: it went away or sent what is not HTTP.
                _ = connection.as_mut() => return,
                changed = self.phases.changed() => match (changed, *self.phases.borrow()) {
                    (Ok(()), Phase::Draining) => asks = true,
                    (Ok(()), Phase::Serving) => {}
                    (Ok(()), Phase::Closed) | (Err(_), _) => return,
                },
                () = dismissed.as_mut(), if !is_asked => asks = true,
                () = impatience.as_mut(), if is_asked && patience.is_some() => {
                    if self.responder.idle.is_waiting() {
                        return;
                    }
                    impatience.as_mut().reset(Instant::now() + patience.unwrap_or_default());
                }
            }
            if asks {
                self.responder.progress.end();
                ask_to_end(connection.as_mut());
                is_asked = true;
                impatience.as_mut().reset(Instant::now() + patience.unwrap_or_default());
            }
        }
    }
}

async fn shake_hands(stream: Box<dyn Stream>, web: &Arc<WebConfig>, peer: &str) -> Option<(Box<dyn Stream>, bool)> {
    let mut stream = FirstByte::look(stream).await.ok()?;
    if !stream.begins_tls() {
        // What is left unread when a socket is closed would make the kernel throw the answer away.
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(PLAIN_TO_TLS).await;
        let _ = stream.shutdown().await;
        return None;
    }
    let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await.ok()?;
    // Only now: a certificate that was replaced since the connection was made is the new one.
    let config = web.handshake()?;
    match start.into_stream(config).await {
        Ok(stream) => {
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            Some((Box::new(stream), is_http2))
        }
        Err(error) => {
            tracing::debug!(%error, peer, "TLS handshake failed");
            None
        }
    }
}

async fn until_draining(phases: &mut watch::Receiver<Phase>) {
    while phases.changed().await.is_ok() && *phases.borrow() == Phase::Serving {}
}
