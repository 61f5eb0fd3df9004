//! One request from its head to its response: route, read the body, call the handler, compress, tell the observer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{LOCATION, RETRY_AFTER};
use hyper::{Method, StatusCode};

use crate::account::Charge;
use crate::compress::compress;
use crate::idle::Idle;
use crate::patience::Progress;
use crate::percent::percent_decode;
use crate::router::{Found, Handler, not_found, other_methods};
use crate::server::Service;
use crate::web_config::Admission;
use crate::{Encoding, Exchange, Request, Response};

/// One connection's.
#[derive(Clone)]
pub(crate) struct Responder {
    pub service: Service,
    pub progress: Progress,
    pub idle: Arc<Idle>,
    pub peer: String,
}

/// A body, and its bytes on the account of all responses until the client has taken it.
struct Accounted {
    body: Bytes,
    _charge: Charge,
}

/// Responses below this many bytes are not accounted for: the number of connections bounds them well enough.
const SMALL_BYTES: usize = 64 << 10;

/// Counts a request as in flight until it is dropped: also when the client goes away in the middle.
struct InFlight<'a>(&'a Responder);

impl Responder {
    pub async fn respond(&self, request: hyper::Request<Incoming>) -> hyper::Response<Full<Bytes>> {
        let started = Instant::now();
        let _in_flight = InFlight::enter(self);
        let is_head = request.method() == Method::HEAD;
        let encoding = if is_head { Encoding::Identity } else { Encoding::negotiate(request.headers()) };
        let method = request.method().clone();
        let path = percent_decode(request.uri().path()).map(|path| path.into_owned());
        let mut route = None;
        let (admission, admitted) = match &self.service.web {
            Some(web) => web.admit(request.headers()).await,
            None => (Admission::default(), Ok(())),
        };
        let mut response = match (admitted, &path) {
            (Err(refusal), _) => refusal,
            (Ok(()), Some(path)) => self.route(request, path, &mut route).await,
            (Ok(()), None) => Response::text(StatusCode::BAD_REQUEST, "invalid escape in the path\n"),
        };
        admission.put_headers(&mut response.headers);
        let response = compress(response, encoding).await;
        let response = self.account_for(response);
        (self.service.observer)(&Exchange {
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
        // Nobody is a proxy here; 200 would say so.
        if request.method() == Method::CONNECT {
            return not_found();
        }
        if let Some(tidied) = self.service.router.tidied(request.method(), request.uri().path()) {
            let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
            return Response::empty(StatusCode::MOVED_PERMANENTLY).header(LOCATION, &format!("{tidied}{query}"));
        }
        let Some(inner) = self.service.router.strip_prefix(path) else { return self.service.router.outside(path) };
        match self.service.router.find(request.method(), inner) {
            Found::Handler { pattern, params, handler } => {
                *route = Some(pattern);
                match self.read(request, inner, params).await {
                    // The body stays on the account until the handler is done with it.
                    Ok((request, _charge)) => self.call(&handler, request).await,
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
    ) -> Result<(Request, Charge), Response> {
        let (head, mut body) = request.into_parts();
        let limit = self.service.limits.body_bytes;
        let too_large = || Response::text(StatusCode::PAYLOAD_TOO_LARGE, "http: request body too large\n");
        if body.size_hint().lower() > limit as u64 {
            return Err(too_large());
        }
        let mut charge = self.service.stats.bodies.open();
        let mut bytes = Vec::new();
        let read = async {
            while let Some(frame) = body.frame().await {
                let frame = frame
                    .map_err(|error| Response::text(StatusCode::BAD_REQUEST, format!("request body: {error}\n")))?;
                let Some(data) = frame.data_ref() else { continue };
                if bytes.len() + data.len() > limit {
                    return Err(too_large());
                }
                if !charge.grow(data.len(), self.service.limits.bodies_bytes) {
                    return Err(overloaded("other requests have too large bodies at the moment\n"));
                }
                bytes.extend_from_slice(data);
            }
            Ok(())
        };
        match tokio::time::timeout(self.service.limits.body_timeout, read).await {
            Ok(outcome) => outcome?,
            Err(_) => return Err(Response::text(StatusCode::REQUEST_TIMEOUT, "request body: timed out\n")),
        }
        let request = Request {
            method: head.method,
            path: path.to_owned(),
            query: head.uri.query().unwrap_or("").to_owned(),
            headers: head.headers,
            body: bytes.into(),
            peer: self.peer.clone(),
            params,
        };
        Ok((request, charge))
    }

    /// A large response counts until the client has taken it; where all of them are too many, there is none.
    fn account_for(&self, mut response: Response) -> Response {
        if response.body.len() < SMALL_BYTES {
            return response;
        }
        let mut charge = self.service.stats.responses.open();
        if !charge.grow(response.body.len(), self.service.limits.responses_bytes) {
            return overloaded("other clients have not taken their responses yet\n");
        }
        response.body = Bytes::from_owner(Accounted { body: response.body, _charge: charge });
        response
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
        self.service.stats.panics_total.fetch_add(1, Ordering::Relaxed);
        Response::text(StatusCode::INTERNAL_SERVER_ERROR, "internal error: the request made its handler panic\n")
    }
}

impl AsRef<[u8]> for Accounted {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

/// The server could answer this at another time.
fn overloaded(reason: &'static str) -> Response {
    Response::text(StatusCode::SERVICE_UNAVAILABLE, reason).header(RETRY_AFTER, "1")
}

impl<'a> InFlight<'a> {
    fn enter(responder: &'a Responder) -> Self {
        responder.idle.work();
        responder.progress.step();
        responder.service.stats.requests_in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(responder)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.idle.wait();
        self.0.progress.step();
        self.0.service.stats.requests_in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
