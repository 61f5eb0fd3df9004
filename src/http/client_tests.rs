//! The client against real sockets: honest servers, broken ones, and TLS.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::{Call, CallError, Connection, TlsClient, TlsOptions, Url};

/// Answers every connection with these bytes after a request's head came, then closes or waits for the next request.
async fn serve(reply: &'static str, keep: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = [0; 4096];
                while stream.read(&mut head).await.is_ok_and(|n| n > 0) {
                    let _ = stream.write_all(reply.as_bytes()).await;
                    if !keep {
                        break;
                    }
                }
            });
        }
    });
    address
}

fn url(address: &str) -> Url {
    Url::parse(&format!("http://{address}/metrics")).expect("a valid URL")
}

async fn fetch(address: &str, call: &Call) -> (Result<u16, CallError>, String) {
    let mut body = Vec::new();
    let reply = Connection::new(TlsClient::system()).call(&url(address), call, &mut body).await;
    (reply.map(|reply| reply.status.as_u16()), String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn a_connection_is_kept_and_the_buffer_used_again() {
    let address = serve("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true).await;
    let mut connection = Connection::new(TlsClient::system());
    let mut body = b"left from before".to_vec();
    for _ in 0..3 {
        let reply = connection.call(&url(&address), &Call::default(), &mut body).await.expect("an answer");
        assert_eq!((reply.status.as_u16(), body.as_slice()), (200, b"hello".as_slice()));
    }
    assert_eq!(connection.opened(), 1);
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_opened_again() {
    for head in ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.0 200 OK\r\n\r\nok"] {
        let address = serve(head, false).await;
        let mut connection = Connection::new(TlsClient::system());
        let mut body = Vec::new();
        for round in 1..=3 {
            connection.call(&url(&address), &Call::default(), &mut body).await.expect("an answer");
            assert_eq!((body.as_slice(), connection.opened()), (b"ok".as_slice(), round));
        }
    }
}

#[tokio::test]
async fn chunked_bodies_arrive_whole() {
    let address =
        serve("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", true).await;
    assert_eq!(fetch(&address, &Call::default()).await, (Ok(200), "abcde".to_owned()));
}

#[tokio::test]
async fn an_early_end_of_the_body_is_an_error() {
    let address = serve("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", false).await;
    let error = fetch(&address, &Call::default()).await.0.expect_err("cut short");
    assert_eq!(error.to_string(), "the connection was closed after 9 of 100 bytes of the body");
    let address = serve("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n", false).await;
    let error = fetch(&address, &Call::default()).await.0.expect_err("cut short");
    assert_eq!(error.to_string(), "the connection was closed after 9 bytes of the body");
}

#[tokio::test]
async fn bytes_after_the_promised_length_do_not_poison_the_next_call() {
    let address = serve("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more", true).await;
    let mut connection = Connection::new(TlsClient::system());
    let mut body = Vec::new();
    for _ in 0..3 {
        connection.call(&url(&address), &Call::default(), &mut body).await.expect("an answer");
        assert_eq!(body, b"ok");
    }
}

#[tokio::test]
async fn bodies_over_the_limit_are_refused_announced_or_not() {
    let call = Call { body_limit_bytes: 8, ..Call::default() };
    for head in ["Content-Length: 9\r\n\r\n", "\r\n", "Transfer-Encoding: chunked\r\n\r\n9\r\n"] {
        let reply: &'static str =
            Box::leak(format!("HTTP/1.1 200 OK\r\n{head}123456789\r\n0\r\n\r\n").into_boxed_str());
        let error = fetch(&serve(reply, false).await, &call).await.0.expect_err("too large");
        assert_eq!(error.to_string(), "the body is larger than the limit of 8 bytes", "{head}");
    }
}

#[tokio::test]
async fn a_server_that_never_ends_its_body_runs_into_the_timeout() {
    let address = serve("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", true).await;
    let call = Call { timeout: Duration::from_millis(50), ..Call::default() };
    assert_eq!(fetch(&address, &call).await.0.expect_err("hangs").to_string(), "timed out after 50ms");
}

#[tokio::test]
async fn failures_to_connect_name_the_address_and_the_reason() {
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    drop(taken);
    let error = fetch(&address, &Call::default()).await.0.expect_err("nobody listens");
    assert_eq!(error.to_string(), format!("cannot connect to {address}: connection refused"));
    let mut connection = Connection::unix("/nonexistent/docker.sock");
    let error = connection.call(&url("docker"), &Call::default(), &mut Vec::new()).await.expect_err("no socket");
    assert_eq!(error.to_string(), "cannot connect to /nonexistent/docker.sock: no such file or directory");
}

#[tokio::test]
async fn servers_that_do_not_speak_http_are_told_apart_from_silent_ones() {
    let address = serve("SSH-2.0-OpenSSH_9.6\r\n\r\n", false).await;
    let error = fetch(&address, &Call::default()).await.0.expect_err("not HTTP");
    assert!(error.to_string().starts_with("the response is not valid HTTP: "), "{error}");
    let error = fetch(&serve("", false).await, &Call::default()).await.0.expect_err("no answer");
    assert_eq!(error, CallError::NoResponse);
}

#[tokio::test]
async fn redirects_are_followed_as_often_as_asked() {
    let last = serve("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere", true).await;
    let head = format!("HTTP/1.1 302 Found\r\nLocation: http://{last}/x\r\nContent-Length: 0\r\n\r\n");
    let first = serve(Box::leak(head.into_boxed_str()), true).await;
    assert_eq!(fetch(&first, &Call::default()).await.0, Ok(302));
    let call = Call { redirects: 10, ..Call::default() };
    assert_eq!(fetch(&first, &call).await, (Ok(200), "here".to_owned()));
    let circle = serve("HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n", true).await;
    assert_eq!(fetch(&circle, &call).await.0, Err(CallError::TooManyRedirects(10)));
}

#[tokio::test]
async fn unix_sockets_speak_the_same_protocol() {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("api.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut head = vec![0; 4096];
        let read = stream.read(&mut head).await.expect("a request");
        assert!(head[..read].starts_with(b"GET /containers/json?all=1 HTTP/1.1\r\nhost: docker\r\n"));
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]").await.expect("write");
    });
    let url = Url::parse("http://docker/containers/json?all=1").expect("valid");
    let mut body = Vec::new();
    Connection::unix(&socket).call(&url, &Call::default(), &mut body).await.expect("an answer");
    assert_eq!(body, b"[]");
}

fn testdata(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

/// A TLS server for `localhost` that demands a client certificate when told to.
async fn serve_tls(demands_certificate: bool) -> Url {
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().expect("versions");
    let builder = if demands_certificate {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(testdata("ca.pem")).expect("a certificate")).expect("a root");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().expect("roots");
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let chain = vec![CertificateDer::from_pem_file(testdata("server.pem")).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(testdata("server.key")).expect("a key");
    let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).expect("a pair")));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret").await;
            let _ = stream.shutdown().await;
        }
    });
    Url::parse(&format!("https://127.0.0.1:{port}/")).expect("valid")
}

async fn fetch_tls(url: &Url, options: &TlsOptions) -> Result<u16, CallError> {
    let mut connection = Connection::new(TlsClient::new(options).expect("readable files"));
    connection.call(url, &Call::default(), &mut Vec::new()).await.map(|reply| reply.status.as_u16())
}

#[tokio::test]
async fn certificates_are_checked_unless_told_otherwise() {
    let url = serve_tls(false).await;
    let ca = TlsOptions { ca_file: Some(testdata("ca.pem")), ..TlsOptions::default() };
    let named = TlsOptions { server_name: Some("vitals.test".to_owned()), ..ca.clone() };
    assert_eq!(fetch_tls(&url, &named).await, Ok(200));
    assert_eq!(fetch_tls(&url, &TlsOptions { insecure_skip_verify: true, ..TlsOptions::default() }).await, Ok(200));
    let error = fetch_tls(&url, &ca).await.expect_err("the certificate is for other names");
    assert!(error.to_string().contains("not valid for"), "{error}");
    let stranger = TlsOptions { ca_file: Some(testdata("server.pem")), ..named };
    let error = fetch_tls(&url, &stranger).await.expect_err("another authority");
    assert!(error.to_string().starts_with("TLS handshake with 127.0.0.1:"), "{error}");
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_servers_that_ask() {
    let url = serve_tls(true).await;
    let without = TlsOptions {
        ca_file: Some(testdata("ca.pem")),
        server_name: Some("localhost".to_owned()),
        ..TlsOptions::default()
    };
    assert!(fetch_tls(&url, &without).await.is_err());
    let with = TlsOptions {
        cert_file: Some(testdata("client.pem")),
        key_file: Some(testdata("client.key")),
        ..without.clone()
    };
    assert_eq!(fetch_tls(&url, &with).await, Ok(200));
    let half = TlsOptions { key_file: None, ..with };
    assert!(TlsClient::new(&half).is_err());
}
