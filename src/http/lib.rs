//! HTTP for both programs: a server with a small router and firm limits, a client that keeps one connection per
//! target, and unary gRPC calls to runtimes on this machine. HTTP/1.1 (RFC 9112); HTTP/2 (RFC 9113) for clients that
//! choose it in a TLS handshake, and with prior knowledge for gRPC. Knows none of our other crates.

mod account;
mod client_error;
mod compress;
mod connection;
mod converse;
mod dial;
mod encoding;
mod exchange;
mod first_byte;
mod form;
mod grpc;
mod idle;
mod listen;
mod listener;
mod patience;
mod percent;
mod places;
mod reason;
mod request;
mod request_target;
mod responder;
mod response;
mod router;
mod server;
mod server_stats;
mod tls;
mod url;
mod web_config;
#[cfg(feature = "zstd")]
mod zstd;

#[cfg(test)]
mod client_tests;
#[cfg(test)]
mod grpc_tests;
#[cfg(test)]
mod overload_tests;
#[cfg(test)]
mod request_target_tests;
#[cfg(test)]
mod server_tests;

pub use bytes::Bytes;
pub use client_error::CallError;
pub use connection::{Call, Connection, Reply};
pub use encoding::Encoding;
pub use exchange::Exchange;
pub use form::{Form, FormError};
pub use grpc::{GrpcChannel, GrpcError};
pub use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
pub use hyper::{Method, StatusCode};
pub use listen::ListenError;
pub use percent::{percent_decode, percent_encode};
pub use request::Request;
pub use response::Response;
pub use router::Router;
pub use server::{Limits, Server};
pub use server_stats::ServerStats;
pub use tls::{TlsClient, TlsError, TlsOptions};
pub use url::{Scheme, Url, UrlError};
pub use web_config::{WebConfig, WebConfigError};
#[cfg(feature = "zstd")]
pub use zstd::Zstd;
