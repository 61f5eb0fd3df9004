//! One response as handlers return it: status, headers, whole body.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, X_CONTENT_TYPE_OPTIONS};
use hyper::{HeaderMap, StatusCode};

#[derive(Clone, Debug)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The server may compress the body when the client accepts that and it is worth it.
    pub compressible: bool,
}

impl Response {
    pub fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Response { status, headers, body: body.into(), compressible: false }
    }

    /// An error is never to be taken for anything but text, whatever it repeats of the request.
    pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Response {
        let mut response = Response::new(status, "text/plain; charset=utf-8", body);
        if status.is_client_error() || status.is_server_error() {
            response.headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        }
        response
    }

    pub fn html(body: impl Into<Bytes>) -> Response {
        Response::new(StatusCode::OK, "text/html; charset=utf-8", body).compressible()
    }

    pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Response {
        Response::new(status, "application/json", body).compressible()
    }

    pub fn empty(status: StatusCode) -> Response {
        Response { status, headers: HeaderMap::new(), body: Bytes::new(), compressible: false }
    }

    /// 302 to another address.
    pub fn redirect(location: &str) -> Response {
        Response::empty(StatusCode::FOUND).header(LOCATION, location)
    }

    /// Sets a header; a value that HTTP cannot carry (control characters) is left out.
    pub fn header(mut self, name: HeaderName, value: &str) -> Response {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    pub fn compressible(mut self) -> Response {
        self.compressible = true;
        self
    }
}
