//! The gRPC channel against a real HTTP/2 server on a unix socket.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixListener;

use crate::{CallError, GrpcChannel, GrpcError};

const WAIT: Duration = Duration::from_secs(10);

/// `/test.Echo/Echo` sends the message back with the namespace before it; `/test.Echo/Hang` never answers; anything
/// else is not implemented.
async fn answer(request: Request<Incoming>) -> Response<http_body_util::combinators::BoxBody<Bytes, Infallible>> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let mut trailers = HeaderMap::new();
    let body = if path == "/test.Echo/Echo" {
        let sent = body.collect().await.expect("a body").to_bytes();
        let namespace = head.headers["containerd-namespace"].as_bytes();
        let mut reply = vec![0];
        reply.extend_from_slice(&((sent.len() - 5 + namespace.len()) as u32).to_be_bytes());
        reply.extend_from_slice(namespace);
        reply.extend_from_slice(&sent[5..]);
        trailers.insert("grpc-status", "0".parse().expect("a header"));
        Bytes::from(reply)
    } else if path == "/test.Echo/Hang" {
        std::future::pending().await
    } else {
        trailers.insert("grpc-status", "12".parse().expect("a header"));
        trailers.insert("grpc-message", "unknown%20method".parse().expect("a header"));
        Bytes::new()
    };
    Response::new(Full::new(body).with_trailers(async { Some(Ok(trailers)) }).boxed())
}

fn serve(directory: &Path) -> PathBuf {
    let socket = directory.join("containerd.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(|request| async { Ok::<_, Infallible>(answer(request).await) });
            let connection = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    socket
}

#[tokio::test]
async fn messages_go_and_come_and_errors_have_their_status() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut channel = GrpcChannel::unix(serve(directory.path()));
    let namespace = [("containerd-namespace", "k8s.io")];
    for _ in 0..2 {
        let reply = channel.unary("/test.Echo/Echo", &namespace, b"hello", WAIT, 100).await;
        assert_eq!(reply.expect("an answer"), b"k8s.iohello");
    }
    let error = channel.unary("/test.Echo/Other", &[], b"", WAIT, 100).await.expect_err("not implemented");
    assert_eq!(error.to_string(), "/test.Echo/Other failed with status 12: unknown method");
    let error = channel.unary("/test.Echo/Echo", &namespace, &[0; 200], WAIT, 100).await.expect_err("too large");
    assert_eq!(error, GrpcError::Call(CallError::BodyTooLarge { limit_bytes: 100 }));
    let short = Duration::from_millis(50);
    let error = channel.unary("/test.Echo/Hang", &[], b"", short, 100).await.expect_err("never answers");
    assert_eq!(error.to_string(), "timed out after 50ms");
}

#[tokio::test]
async fn a_channel_without_a_server_says_which_socket() {
    let error = GrpcChannel::unix("/nonexistent.sock").unary("/a/B", &[], b"", WAIT, 1).await.expect_err("no socket");
    assert_eq!(error.to_string(), "cannot connect to /nonexistent.sock: no such file or directory");
}
