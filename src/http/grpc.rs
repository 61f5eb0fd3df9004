//! Unary gRPC calls over a unix socket: HTTP/2 with prior knowledge, one message each way, status in the trailers.
//! Messages are bytes here; who calls knows their protobuf.

use std::path::PathBuf;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::HeaderMap;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper::header::{CONTENT_TYPE, TE};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use crate::dial::dial_unix;
use crate::{CallError, percent_decode};

/// A compressed flag and a length come before each message.
const PREFIX_BYTES: usize = 5;

/// A connection that is opened when first used and again when it was lost.
pub struct GrpcChannel {
    socket: PathBuf,
    sender: Option<http2::SendRequest<Full<Bytes>>>,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GrpcError {
    #[error(transparent)]
    Call(#[from] CallError),
    /// The server's own refusal: code as gRPC numbers them (5 not found, 12 unimplemented, …).
    #[error("{method} failed with status {code}: {message}")]
    Status { method: String, code: u32, message: String },
    #[error("{method} answered with what is no gRPC message: {reason}")]
    Malformed { method: String, reason: String },
}

impl GrpcChannel {
    pub fn unix(socket: impl Into<PathBuf>) -> GrpcChannel {
        GrpcChannel { socket: socket.into(), sender: None }
    }

    /// Calls `/package.Service/Method` and returns the response message. `metadata` are further headers, such as
    /// `containerd-namespace`.
    pub async fn unary(
        &mut self,
        method: &str,
        metadata: &[(&str, &str)],
        message: &[u8],
        timeout: Duration,
        limit_bytes: usize,
    ) -> Result<Vec<u8>, GrpcError> {
        let exchange = self.exchange(method, metadata, message, limit_bytes);
        match tokio::time::timeout(timeout, exchange).await {
            Ok(outcome) => outcome,
            Err(_) => {
                // Whatever the server is busy with, the next call shall not wait behind it.
                self.sender = None;
                Err(CallError::TimedOut(timeout).into())
            }
        }
    }

    async fn exchange(
        &mut self,
        method: &str,
        metadata: &[(&str, &str)],
        message: &[u8],
        limit_bytes: usize,
    ) -> Result<Vec<u8>, GrpcError> {
        let request = request(method, metadata, message)?;
        let mut sender = self.sender().await?;
        let response = match sender.send_request(request).await {
            Ok(response) => response,
            Err(error) => {
                self.sender = None;
                return Err(CallError::from_hyper(&error).into());
            }
        };
        let (head, body) = response.into_parts();
        let (bytes, trailers) = collect(body, limit_bytes).await?;
        let malformed = |reason: String| GrpcError::Malformed { method: method.to_owned(), reason };
        if !head.status.is_success() {
            return Err(malformed(format!("HTTP status {}", head.status.as_u16())));
        }
        // A response without messages has its status in the head.
        let fields = if trailers.contains_key("grpc-status") { &trailers } else { &head.headers };
        let text = |name: &str| fields.get(name).and_then(|value| value.to_str().ok());
        let code: u32 = match text("grpc-status") {
            Some(code) => code.parse().map_err(|_| malformed(format!("grpc-status {code:?}")))?,
            None => return Err(malformed("no grpc-status".to_owned())),
        };
        if code != 0 {
            let message = text("grpc-message").unwrap_or("");
            let message = percent_decode(message).map_or(message.to_owned(), |message| message.into_owned());
            return Err(GrpcError::Status { method: method.to_owned(), code, message });
        }
        unframe(&bytes).map_err(malformed)
    }

    async fn sender(&mut self) -> Result<http2::SendRequest<Full<Bytes>>, CallError> {
        if let Some(sender) = &self.sender
            && !sender.is_closed()
        {
            return Ok(sender.clone());
        }
        let stream = dial_unix(&self.socket).await?;
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new());
        let (sender, driver) =
            builder.handshake(TokioIo::new(stream)).await.map_err(|error| CallError::from_hyper(&error))?;
        // Ends by itself once all senders are dropped or the server closes.
        tokio::spawn(driver);
        self.sender = Some(sender.clone());
        Ok(sender)
    }
}

fn request(method: &str, metadata: &[(&str, &str)], message: &[u8]) -> Result<hyper::Request<Full<Bytes>>, CallError> {
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    framed.put_u8(0);
    framed.put_u32(message.len() as u32);
    framed.put_slice(message);
    let mut builder = hyper::Request::post(format!("http://localhost{method}"))
        .header(CONTENT_TYPE, "application/grpc")
        .header(TE, "trailers");
    for (name, value) in metadata {
        builder = builder.header(*name, *value);
    }
    builder.body(Full::new(framed.freeze())).map_err(|error| CallError::Request(error.to_string()))
}

async fn collect(mut body: Incoming, limit_bytes: usize) -> Result<(Vec<u8>, HeaderMap), CallError> {
    let mut bytes = Vec::new();
    let mut trailers = HeaderMap::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| CallError::Lost(crate::client_error::innermost(&error)))?;
        match frame.into_data() {
            Ok(data) if bytes.len() + data.len() > limit_bytes => return Err(CallError::BodyTooLarge { limit_bytes }),
            Ok(data) => bytes.extend_from_slice(&data),
            Err(frame) => trailers = frame.into_trailers().unwrap_or_default(),
        }
    }
    Ok((bytes, trailers))
}

fn unframe(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let Some((prefix, message)) = bytes.split_at_checked(PREFIX_BYTES) else {
        return Err(format!("{} bytes are too few for a message", bytes.len()));
    };
    let announced = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
    match (prefix[0], announced == message.len()) {
        (0, true) => Ok(message.to_vec()),
        (0, false) => Err(format!("message of {} bytes where {announced} were announced", message.len())),
        (flag, _) => Err(format!("compression flag {flag}, none was asked for")),
    }
}
