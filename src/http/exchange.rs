//! What the server tells its observer about each finished request, for the program's own metrics and access log.

use std::time::Duration;

use hyper::{Method, StatusCode};

#[derive(Clone, Debug)]
pub struct Exchange<'a> {
    pub method: &'a Method,
    /// Percent-decoded path.
    pub path: &'a str,
    /// The pattern that matched (`/api/v1/label/:name/values`); `None` when no route did.
    pub route: Option<&'a str>,
    pub status: StatusCode,
    /// From the complete head of the request until the response was handed to the socket.
    pub duration: Duration,
    /// Length of the body as sent, after compression.
    pub response_bytes: usize,
}
