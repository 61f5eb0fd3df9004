//! One request from its head to its response: route, read the body, call the handler, compress, tell the observer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::{Method, StatusCode};

use crate::compress::{accepts_gzip, compress};
use crate::patience::Progress;
use crate::percent::percent_decode;
use crate::router::{Found, Handler, not_found, other_methods};
use crate::server::{Limits, Observer, ServerStats};
use crate::{Exchange, Request, Response, Router};

#[derive(Clone)]
pub(crate) struct Responder {
    pub router: Arc<Router>,
    pub limits: Limits,
    pub stats: Arc<ServerStats>,
    pub observer: Observer,
    pub progress: Progress,
    pub peer: String,
}

/// Counts a request as in flight until it is dropped: also when the client goes away in the middle.
struct InFlight<'a>(&'a Responder);

impl Responder {
    pub async fn respond(&self, request: hyper::Request<Incoming>) -> hyper::Response<Full<Bytes>> {
        let started = Instant::now();
        let _in_flight = InFlight::enter(self);
        let gzip = accepts_gzip(request.headers());
        let method = request.method().clone();
        let path = percent_decode(request.uri().path()).map(|path| path.into_owned());
        let mut route = None;
        let response = match &path {
            Some(path) => self.route(request, path, &mut route).await,
            None => Response::text(StatusCode::BAD_REQUEST, "invalid escape in the path\n"),
        };
        let response = compress(response, gzip && method != Method::HEAD).await;
        (self.observer)(&Exchange {
            method: &method,
            path: path.as_deref().unwrap_or(""),
            route,
            status: response.status,
            duration: started.elapsed(),
            response_bytes: response.body.len(),
        });
        let mut reply = hyper::Response::new(Full::new(response.body));
        *reply.status_mut() = response.status;
        *reply.headers_mut() = response.headers;
        reply
    }

    async fn route<'a>(
        &'a self,
        request: hyper::Request<Incoming>,
        path: &str,
        route: &mut Option<&'a str>,
    ) -> Response {
        let Some(inner) = self.router.strip_prefix(path) else { return self.router.outside(path) };
        match self.router.find(request.method(), inner) {
            Found::Handler { pattern, params, handler } => {
                *route = Some(pattern);
                match self.read(request, inner, params).await {
                    Ok(request) => self.call(&handler, request).await,
                    Err(refusal) => refusal,
                }
            }
            Found::OtherMethods { pattern, allowed } => {
                *route = Some(pattern);
                other_methods(request.method(), allowed)
            }
            Found::Nothing => not_found(),
        }
    }

    async fn read(
        &self,
        request: hyper::Request<Incoming>,
        path: &str,
        params: Vec<(String, String)>,
    ) -> Result<Request, Response> {
        let (head, body) = request.into_parts();
        let limit = self.limits.body_bytes;
        let too_large = || Response::text(StatusCode::PAYLOAD_TOO_LARGE, "http: request body too large\n");
        if body.size_hint().lower() > limit as u64 {
            return Err(too_large());
        }
        let body = if body.is_end_stream() {
            Bytes::new()
        } else {
            match tokio::time::timeout(self.limits.body_timeout, Limited::new(body, limit).collect()).await {
                Ok(Ok(body)) => body.to_bytes(),
                Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => return Err(too_large()),
                Ok(Err(error)) => {
                    return Err(Response::text(StatusCode::BAD_REQUEST, format!("request body: {error}\n")));
                }
                Err(_) => {
                    return Err(Response::text(StatusCode::REQUEST_TIMEOUT, "request body: timed out\n"));
                }
            }
        };
        Ok(Request {
            method: head.method,
            path: path.to_owned(),
            query: head.uri.query().unwrap_or("").to_owned(),
            headers: head.headers,
            body,
            peer: self.peer.clone(),
            params,
        })
    }

    /// A panic in a handler costs its own request, not the connection.
    async fn call(&self, handler: &Handler, request: Request) -> Response {
        let Ok(mut answer) = catch_unwind(AssertUnwindSafe(|| handler(request))) else {
            return self.panicked();
        };
        let outcome = std::future::poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(response)) => Poll::Ready(Some(response)),
            Err(_) => Poll::Ready(None),
        });
        outcome.await.unwrap_or_else(|| self.panicked())
    }

    fn panicked(&self) -> Response {
        self.stats.panics_total.fetch_add(1, Ordering::Relaxed);
        Response::text(StatusCode::INTERNAL_SERVER_ERROR, "internal error: the request made its handler panic\n")
    }
}

impl<'a> InFlight<'a> {
    fn enter(responder: &'a Responder) -> Self {
        responder.progress.step();
        responder.stats.requests_in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(responder)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.progress.step();
        self.0.stats.requests_in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
