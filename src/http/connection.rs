//! The client: one kept-alive connection, owned by whoever calls (a scrape loop, a runtime's API).
//!
//! The connection has no task of its own: it makes progress while a call is awaited and sleeps in between, so a
//! hundred idle targets cost a hundred sockets and nothing else. The body lands in the caller's buffer; between the
//! socket and there it is copied once.

use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, COOKIE, HOST, HeaderValue, LOCATION};
use hyper::{HeaderMap, Method, StatusCode};
use hyper_util::rt::TokioIo;

use crate::dial::{Stream, dial_unix, dial_url};
use crate::{CallError, TlsClient, Url};

/// Bytes of one read, and the bound on the head of a response. Each kept connection holds such a buffer: four times as
/// much would make a scrape of 200 KB 10 µs cheaper and cost 80 KB for each target.
const READ_BUFFER_BYTES: usize = 16 << 10;

/// One request. The defaults are a GET without headers, 10 s, 64 MiB, no redirects.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    /// `Host` is set from the URL where it is not given here.
    pub headers: HeaderMap,
    pub body: Bytes,
    /// For everything: connecting, sending, receiving the last byte, following redirects.
    pub timeout: Duration,
    /// Bytes of the response's body as sent (before any decompression).
    pub body_limit_bytes: usize,
    /// How many redirects are followed; 0 returns the redirect itself.
    pub redirects: usize,
}

/// The head of a response.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
}

pub struct Connection {
    way: Way,
    live: Option<Live>,
    opened: u64,
}

enum Way {
    Url(TlsClient),
    Unix(PathBuf),
}

/// An established connection and the origin that it leads to.
struct Live {
    origin: Url,
    sender: http1::SendRequest<Full<Bytes>>,
    driver: http1::Connection<TokioIo<Box<dyn Stream>>, Full<Bytes>>,
    /// The other side has closed, or what it sent cannot be followed by another response.
    finished: bool,
}

impl Connection {
    /// To whatever the URL of a call names, over TCP or TLS.
    pub fn new(tls: TlsClient) -> Connection {
        Connection { way: Way::Url(tls), live: None, opened: 0 }
    }

    /// Through a unix socket; the URL of a call then only gives host header, path and query.
    pub fn unix(socket: impl Into<PathBuf>) -> Connection {
        Connection { way: Way::Unix(socket.into()), live: None, opened: 0 }
    }

    /// How many connections were opened so far: 1 while keep-alive works.
    pub fn opened(&self) -> u64 {
        self.opened
    }

    /// Sends one request and appends the body of its response to `body`, which is cleared first.
    pub async fn call(&mut self, url: &Url, call: &Call, body: &mut Vec<u8>) -> Result<Reply, CallError> {
        match tokio::time::timeout(call.timeout, self.follow(url, call, body)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(CallError::TimedOut(call.timeout)),
        }
    }

    async fn follow(&mut self, url: &Url, call: &Call, body: &mut Vec<u8>) -> Result<Reply, CallError> {
        let reply = self.exchange(url, call, body).await?;
        let Some(mut next) = redirection(url, &reply, call.redirects)? else { return Ok(reply) };
        // The kept connection stays with the target's own address; redirects travel on one of their own.
        let mut away = match &self.way {
            Way::Url(tls) => Connection::new(tls.clone()),
            Way::Unix(socket) => Connection::unix(socket),
        };
        let mut call = call.clone();
        for followed in 1.. {
            if !next.same_origin(url) {
                call.headers.remove(AUTHORIZATION);
                call.headers.remove(COOKIE);
            }
            call.headers.remove(HOST);
            let reply = away.exchange(&next, &call, body).await?;
            match redirection(&next, &reply, call.redirects)? {
                None => return Ok(reply),
                Some(_) if followed == call.redirects => break,
                Some(location) => next = location,
            }
        }
        Err(CallError::TooManyRedirects(call.redirects))
    }

    /// One request on the kept connection, or on a new one where that has gone stale meanwhile.
    async fn exchange(&mut self, url: &Url, call: &Call, body: &mut Vec<u8>) -> Result<Reply, CallError> {
        // Taken out, so that a call that is dropped half-way takes its connection with it.
        if let Some(mut live) = self.live.take()
            && live.origin.same_origin(url)
            && live.is_ready().await
        {
            match live.exchange(url, call, body).await {
                Ok(reply) => {
                    self.keep(live);
                    return Ok(reply);
                }
                Err(error) if error.is_stale() && call.method.is_idempotent() => {}
                Err(error) => return Err(error),
            }
        }
        let stream = match &self.way {
            Way::Url(tls) => dial_url(url, tls).await?,
            Way::Unix(socket) => dial_unix(socket).await?,
        };
        self.opened += 1;
        let mut live = Live::new(stream, url.clone()).await?;
        let reply = live.exchange(url, call, body).await?;
        self.keep(live);
        Ok(reply)
    }

    fn keep(&mut self, live: Live) {
        if !live.finished {
            self.live = Some(live);
        }
    }
}

impl Live {
    async fn new(stream: Box<dyn Stream>, origin: Url) -> Result<Live, CallError> {
        let mut builder = http1::Builder::new();
        builder.read_buf_exact_size(Some(READ_BUFFER_BYTES));
        let (sender, driver) =
            builder.handshake(TokioIo::new(stream)).await.map_err(|error| CallError::from_hyper(&error))?;
        Ok(Live { origin, sender, driver, finished: false })
    }

    /// Looks whether the server has closed the connection since the last call.
    async fn is_ready(&mut self) -> bool {
        poll_fn(|cx| {
            self.advance(cx);
            Poll::Ready(())
        })
        .await;
        !self.finished && self.sender.is_ready()
    }

    async fn exchange(&mut self, url: &Url, call: &Call, body: &mut Vec<u8>) -> Result<Reply, CallError> {
        body.clear();
        let request = self.request(url, call)?;
        let response = self.sender.send_request(request);
        let response = self.drive(response).await.unwrap_or_else(|| Err(CallError::NoResponse))?;
        let (head, incoming) = response.into_parts();
        self.read_body(incoming, call, body).await?;
        // Lets the driver see the end of the exchange, so that the next call finds it ready.
        poll_fn(|cx| {
            self.advance(cx);
            Poll::Ready(())
        })
        .await;
        Ok(Reply { status: head.status, headers: head.headers })
    }

    fn request(&self, url: &Url, call: &Call) -> Result<hyper::Request<Full<Bytes>>, CallError> {
        let unsendable = |error: &dyn std::fmt::Display| CallError::Request(error.to_string());
        let mut request = hyper::Request::new(Full::new(call.body.clone()));
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = url.target.parse().map_err(|error: hyper::http::uri::InvalidUri| unsendable(&error))?;
        *request.headers_mut() = call.headers.clone();
        if !request.headers().contains_key(HOST) {
            let host = HeaderValue::from_str(&url.authority()).map_err(|error| unsendable(&error))?;
            request.headers_mut().insert(HOST, host);
        }
        Ok(request)
    }

    async fn read_body(&mut self, mut incoming: Incoming, call: &Call, body: &mut Vec<u8>) -> Result<(), CallError> {
        let limit_bytes = call.body_limit_bytes;
        let expected_bytes = incoming.size_hint().exact();
        if let Some(expected) = expected_bytes {
            if expected > limit_bytes as u64 {
                return Err(CallError::BodyTooLarge { limit_bytes });
            }
            // A promise is not a body: only what is usual is reserved ahead.
            body.reserve(expected.min(1 << 20) as usize);
        }
        loop {
            let received_bytes = body.len();
            let cut_short = CallError::BodyCutShort { received_bytes, expected_bytes };
            match poll_fn(|cx| self.poll_with(cx, |cx| Pin::new(&mut incoming).poll_frame(cx))).await {
                None => return Err(cut_short),
                Some(None) => return Ok(()),
                Some(Some(Err(error))) if error.is_incomplete_message() || error.is_body_write_aborted() => {
                    return Err(cut_short);
                }
                Some(Some(Err(error))) if error.is_parse() => return Err(CallError::Malformed(error.to_string())),
                Some(Some(Err(error))) => {
                    let lost = crate::client_error::innermost(&error);
                    return Err(if lost.contains("end of") { cut_short } else { CallError::Lost(lost) });
                }
                Some(Some(Ok(frame))) => {
                    let Some(data) = frame.data_ref() else { continue };
                    if received_bytes + data.len() > limit_bytes {
                        return Err(CallError::BodyTooLarge { limit_bytes });
                    }
                    body.extend_from_slice(data);
                }
            }
        }
    }

    /// Awaits a response while moving bytes; `None` when the connection ended without one.
    async fn drive<T>(
        &mut self,
        response: impl Future<Output = Result<T, hyper::Error>>,
    ) -> Option<Result<T, CallError>> {
        let mut response = std::pin::pin!(response);
        let outcome = poll_fn(|cx| self.poll_with(cx, |cx| response.as_mut().poll(cx))).await?;
        Some(outcome.map_err(|error| CallError::from_hyper(&error)))
    }

    /// Polls something that depends on the connection, then the connection, then the thing again.
    fn poll_with<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<Option<T>> {
        if let Poll::Ready(output) = poll(cx) {
            return Poll::Ready(Some(output));
        }
        self.advance(cx);
        match poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.finished => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }

    fn advance(&mut self, cx: &mut Context<'_>) {
        if !self.finished && Pin::new(&mut self.driver).poll(cx).is_ready() {
            self.finished = true;
        }
    }
}

/// Where a response sends us on to, when it does and we follow.
fn redirection(url: &Url, reply: &Reply, redirects: usize) -> Result<Option<Url>, CallError> {
    if redirects == 0 || !matches!(reply.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    match reply.headers.get(LOCATION).and_then(|location| location.to_str().ok()) {
        Some(location) => Ok(Some(url.join(location)?)),
        None => Ok(None),
    }
}

impl Default for Call {
    fn default() -> Self {
        Call {
            method: Method::GET,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: Duration::from_secs(10),
            body_limit_bytes: 64 << 20,
            redirects: 0,
        }
    }
}
