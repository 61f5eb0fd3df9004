//! Why a call failed, in words that fit on a target's line of the status page.

use std::time::Duration;

use crate::{TlsError, UrlError};

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CallError {
    #[error("cannot resolve {host}: {reason}")]
    Resolve { host: String, reason: String },
    /// `address` is `host:port` or the path of a socket.
    #[error("cannot connect to {address}: {reason}")]
    Connect { address: String, reason: String },
    #[error("TLS handshake with {address} failed: {reason}")]
    Handshake { address: String, reason: String },
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The whole exchange: connecting, sending, receiving.
    #[error("timed out after {}", seconds(.0))]
    TimedOut(Duration),
    #[error("the body is larger than the limit of {limit_bytes} bytes")]
    BodyTooLarge { limit_bytes: usize },
    /// The server closed the connection; `expected_bytes` is what its Content-Length had promised.
    #[error("the connection was closed after {received_bytes}{} bytes of the body", of(.expected_bytes))]
    BodyCutShort { received_bytes: usize, expected_bytes: Option<u64> },
    #[error("the connection was closed before a response came")]
    NoResponse,
    #[error("the response is not valid HTTP: {0}")]
    Malformed(String),
    #[error("connection lost: {0}")]
    Lost(String),
    #[error("stopped after {0} redirects")]
    TooManyRedirects(usize),
    #[error("the request cannot be sent: {0}")]
    Request(String),
}

fn seconds(duration: &Duration) -> String {
    if duration.subsec_millis() == 0 && duration.as_secs() > 0 {
        format!("{}s", duration.as_secs())
    } else if duration.as_secs() == 0 {
        format!("{}ms", duration.as_millis())
    } else {
        format!("{}s", duration.as_secs_f64())
    }
}

fn of(expected_bytes: &Option<u64>) -> String {
    expected_bytes.map_or(String::new(), |expected| format!(" of {expected}"))
}

impl CallError {
    /// From what went wrong on an established connection before the head of the response was there.
    pub(crate) fn from_hyper(error: &hyper::Error) -> CallError {
        if error.is_parse() {
            return CallError::Malformed(error.to_string());
        }
        if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
            return CallError::NoResponse;
        }
        CallError::Lost(innermost(error))
    }

    /// Whether a kept connection had simply been closed by the server while it was idle.
    pub(crate) fn is_stale(&self) -> bool {
        matches!(self, CallError::NoResponse | CallError::Lost(_))
    }
}

pub(crate) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    match error.downcast_ref::<std::io::Error>() {
        Some(error) => crate::reason::reason(error),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        for (ms, text) in
            [(10_000, "timed out after 10s"), (500, "timed out after 500ms"), (4_500, "timed out after 4.5s")]
        {
            assert_eq!(CallError::TimedOut(Duration::from_millis(ms)).to_string(), text);
        }
    }
}
