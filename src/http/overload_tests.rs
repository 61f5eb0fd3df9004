//! The server when clients want more than there is: over real sockets.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::server_tests::{Running, get, start, status, talk};
use crate::{Limits, Method, Request, Response, Router, StatusCode};

async fn hello(_: Request) -> Response {
    Response::text(StatusCode::OK, "hello")
}

/// `/slow` answers when it is told to, and tells when it was asked.
fn slow(router: Router) -> (Router, Arc<Notify>, Arc<Notify>) {
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (entered.clone(), release.clone());
    let handler = move |request: Request| {
        let (tell, wait) = (tell.clone(), wait.clone());
        async move {
            tell.notify_one();
            wait.notified().await;
            Response::text(StatusCode::OK, format!("took {} bytes", request.body.len()))
        }
    };
    (router.route(&[Method::GET, Method::POST], "/slow", handler), entered, release)
}

async fn eventually(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn clients_that_say_nothing_give_their_place_to_those_that_ask() {
    let (router, entered, release) = slow(Router::new().get("/", hello));
    let running = start(router, Limits { connections: 3, ..Limits::default() }).await;
    let address = running.address.clone();
    let busy = tokio::spawn(async move { get(&address, "/slow", "").await });
    entered.notified().await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(TcpStream::connect(&running.address).await.expect("connect"));
    }
    assert_eq!(status(&get(&running.address, "/", "").await), "200");
    assert!(running.stats.connections_dismissed_total() >= 1);
    release.notify_one();
    assert!(busy.await.expect("no panic").ends_with("took 0 bytes"), "who is being answered stays");
}

#[tokio::test]
async fn clients_that_send_half_a_request_give_their_place_to_those_that_ask() {
    let patient = Limits { connections: 2, head_timeout: Duration::from_secs(3600), ..Limits::default() };
    let running = start(Router::new().get("/", hello), patient).await;
    let mut halves = Vec::new();
    for _ in 0..3 {
        let mut half = TcpStream::connect(&running.address).await.expect("connect");
        half.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-").await.expect("write");
        halves.push(half);
    }
    assert_eq!(status(&get(&running.address, "/", "").await), "200");
}

#[tokio::test]
async fn a_connection_that_is_dismissed_ends_cleanly() {
    let running = start(Router::new().get("/", hello), Limits { connections: 1, ..Limits::default() }).await;
    let mut kept = TcpStream::connect(&running.address).await.expect("connect");
    kept.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("write");
    let mut reply = vec![0; 4096];
    let read = kept.read(&mut reply).await.expect("read");
    assert!(reply[..read].ends_with(b"hello"));
    assert_eq!(status(&get(&running.address, "/", "").await), "200");
    assert_eq!(kept.read(&mut reply).await.expect("no reset"), 0);
    assert_eq!(running.stats.connections_dismissed_total(), 1);
}

#[tokio::test]
async fn all_bodies_together_are_bounded() {
    let (router, entered, release) = slow(Router::new());
    let running = start(router, Limits { body_bytes: 100, bodies_bytes: 100, ..Limits::default() }).await;
    let post = |bytes: usize| {
        let head = "POST /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
        format!("{head}Content-Length: {bytes}\r\n\r\n{}", "x".repeat(bytes))
    };
    let (address, request) = (running.address.clone(), post(60));
    let first = tokio::spawn(async move { talk(&address, &request).await });
    entered.notified().await;
    assert_eq!(running.stats.bodies_bytes(), 60);
    let refused = talk(&running.address, &post(60)).await;
    assert!(status(&refused) == "503" && refused.contains("Retry-After: 1"), "{refused}");
    assert_eq!(running.stats.bodies_refused_total(), 1);
    release.notify_one();
    assert!(first.await.expect("no panic").ends_with("took 60 bytes"));
    release.notify_one();
    assert!(talk(&running.address, &post(60)).await.ends_with("took 60 bytes"));
    eventually(|| running.stats.bodies_bytes() == 0).await;
}

/// A server with answers of 64 MB, more than the kernel takes.
async fn huge(limits: Limits) -> Running {
    let body = bytes::Bytes::from(vec![b'x'; 64 << 20]);
    let huge = move |_: Request| {
        let body = body.clone();
        async { Response::text(StatusCode::OK, body) }
    };
    start(Router::new().get("/huge", huge).get("/", hello), limits).await
}

#[tokio::test]
async fn responses_that_nobody_takes_are_bounded_together() {
    let running = huge(Limits { responses_bytes: 100 << 20, ..Limits::default() }).await;
    let mut idle = TcpStream::connect(&running.address).await.expect("connect");
    idle.write_all(b"GET /huge HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("write");
    eventually(|| running.stats.responses_bytes() == 64 << 20).await;
    let refused = get(&running.address, "/huge", "").await;
    assert!(status(&refused) == "503" && refused.contains("Retry-After: 1"), "{refused}");
    assert_eq!(status(&get(&running.address, "/", "").await), "200", "small ones are not concerned");
    drop(idle);
    eventually(|| running.stats.responses_bytes() == 0).await;
    assert!(get(&running.address, "/huge", "").await.len() > 64 << 20);
    assert_eq!(running.stats.responses_refused_total(), 1);
}

#[tokio::test]
async fn a_client_that_takes_its_response_in_drops_is_cut_off() {
    let running = huge(Limits { write_timeout: Duration::from_millis(100), ..Limits::default() }).await;
    let mut stream = TcpStream::connect(&running.address).await.expect("connect");
    stream.write_all(b"GET /huge HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("write");
    let mut drop_of_it = [0; 512];
    while running.stats.connections_total() == 0 || running.stats.connections_open() > 0 {
        stream.read_exact(&mut drop_of_it).await.expect("there is more");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
