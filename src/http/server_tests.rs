//! The server over real sockets, spoken to in bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::{Limits, Method, Request, Response, Router, Server, ServerStats, StatusCode};

pub(crate) struct Running {
    pub(crate) address: String,
    pub(crate) stats: Arc<ServerStats>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<usize>,
}

pub(crate) async fn start(router: Router, limits: Limits) -> Running {
    let server = Server::bind(&["127.0.0.1:0".to_owned()], limits).await.expect("a free port");
    let address = server.addresses()[0].to_string();
    let stats = server.stats();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(server.serve(Arc::new(router), async {
        let _ = stopped.await;
    }));
    Running { address, stats, stop, served }
}

/// Sends bytes and returns everything that comes back until the server closes.
pub(crate) async fn talk(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connect");
    stream.write_all(request.as_bytes()).await.expect("write");
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply).await;
    String::from_utf8_lossy(&reply).into_owned()
}

pub(crate) async fn get(address: &str, path: &str, headers: &str) -> String {
    talk(address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n")).await
}

pub(crate) fn status(reply: &str) -> &str {
    reply.split(' ').nth(1).unwrap_or("none")
}

async fn hello(request: Request) -> Response {
    Response::text(StatusCode::OK, format!("hello {}", request.param("name")))
}

#[tokio::test]
async fn paths_methods_and_bodies_reach_their_handler() {
    let echo = |request: Request| async move {
        let form = request.form().expect("a form");
        Response::text(StatusCode::OK, format!("{}:{}", request.method, form.all("q").collect::<Vec<_>>().join("+")))
    };
    let router = Router::under("/p").get("/hello/:name", hello).route(&[Method::GET, Method::POST], "/echo", echo);
    let running = start(router, Limits::default()).await;
    let a = &running.address;
    assert!(get(a, "/p/hello/a%20b", "").await.ends_with("hello a b"));
    assert!(get(a, "/p/echo?q=1&q=2", "").await.ends_with("GET:1+2"));
    let post = "POST /p/echo?q=2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
                Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\nq=1";
    assert!(talk(a, post).await.ends_with("POST:1+2"));
    assert_eq!(status(&get(a, "/hello/x", "").await), "404");
    assert_eq!(status(&get(a, "/p/nothing", "").await), "404");
    let refused = talk(a, "DELETE /p/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 405") && refused.contains("Allow: GET, HEAD, OPTIONS, POST"), "{refused}");
    let options = talk(a, "OPTIONS /p/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(options.starts_with("HTTP/1.1 204"), "{options}");
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let running = start(Router::new().get("/hello/:name", hello), Limits::default()).await;
    let reply = talk(&running.address, "HEAD /hello/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(reply.starts_with("HTTP/1.1 200") && reply.contains("Content-Length: 7"), "{reply}");
    assert!(reply.ends_with("\r\n\r\n"), "{reply}");
}

#[tokio::test]
async fn long_bodies_are_compressed_for_clients_that_accept_it() {
    let long = |_| async { Response::json(StatusCode::OK, "x".repeat(2000)) };
    let short = |_| async { Response::json(StatusCode::OK, "x") };
    let running = start(Router::new().get("/long", long).get("/short", short), Limits::default()).await;
    let accept = "Accept-Encoding: gzip\r\n";
    let packed = get(&running.address, "/long", accept).await;
    assert!(packed.contains("Content-Encoding: gzip") && packed.len() < 1000, "{packed}");
    assert!(get(&running.address, "/long", "").await.len() > 2000);
    assert!(!get(&running.address, "/short", accept).await.contains("Content-Encoding"));
}

#[tokio::test]
async fn a_panicking_handler_costs_only_its_request() {
    let panics = |_: Request| async { panic!("on purpose") };
    let running = start(Router::new().get("/panic", panics).get("/hello/:name", hello), Limits::default()).await;
    let mut stream = TcpStream::connect(&running.address).await.expect("connect");
    let both = "GET /panic HTTP/1.1\r\nHost: x\r\n\r\nGET /hello/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(both.as_bytes()).await.expect("write");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.expect("read");
    assert!(reply.starts_with("HTTP/1.1 500") && reply.ends_with("hello x"), "{reply}");
    assert_eq!(running.stats.panics_total(), 1);
}

#[tokio::test]
async fn oversized_heads_and_bodies_are_refused() {
    let limits = Limits { body_bytes: 10, head_bytes: 8 << 10, ..Limits::default() };
    let router = Router::new().route(&[Method::POST], "/", |_| async { Response::text(StatusCode::OK, "taken") });
    let running = start(router, limits).await;
    let post = |headers: &str, body: &str| {
        format!("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n\r\n{body}")
    };
    let a = &running.address;
    assert!(talk(a, &post("Content-Length: 10", "0123456789")).await.ends_with("taken"));
    assert_eq!(status(&talk(a, &post("Content-Length: 11", "01234567890")).await), "413");
    let chunked = post("Transfer-Encoding: chunked", "b\r\n01234567890\r\n0\r\n\r\n");
    assert_eq!(status(&talk(a, &chunked).await), "413");
    assert_eq!(status(&get(a, "/", &format!("X: {}\r\n", "y".repeat(20 << 10))).await), "431");
}

#[tokio::test]
async fn slow_heads_slow_bodies_and_idle_connections_are_cut_off() {
    let short = Duration::from_millis(50);
    let long = Duration::from_secs(300);
    let router = || Router::new().route(&[Method::GET, Method::POST], "/", hello);
    let head = start(router(), Limits { head_timeout: short, ..Limits::default() }).await;
    assert_eq!(talk(&head.address, "GET / HT").await, "");
    let body = start(router(), Limits { body_timeout: short, ..Limits::default() }).await;
    let reply = talk(&body.address, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12").await;
    assert_eq!(status(&reply), "408");
    let idle = start(router(), Limits { idle_timeout: short, head_timeout: long, ..Limits::default() }).await;
    assert_eq!(status(&talk(&idle.address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await), "200");
}

#[tokio::test]
async fn a_kept_connection_may_be_idle_for_longer_than_a_head_may_take() {
    let limits = Limits { head_timeout: Duration::from_millis(20), ..Limits::default() };
    let running = start(Router::new().get("/hello/:name", hello), limits).await;
    let mut stream = TcpStream::connect(&running.address).await.expect("connect");
    for _ in 0..3 {
        stream.write_all(b"GET /hello/x HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("write");
        let mut reply = vec![0; 4096];
        let read = stream.read(&mut reply).await.expect("read");
        assert!(reply[..read].ends_with(b"hello x"), "{}", String::from_utf8_lossy(&reply[..read]));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(running.stats.connections_total(), 1);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_off() {
    let huge = |_| async { Response::text(StatusCode::OK, vec![b'x'; 64 << 20]) };
    let limits = Limits { write_timeout: Duration::from_millis(100), ..Limits::default() };
    let running = start(Router::new().get("/", huge), limits).await;
    let mut stream = TcpStream::connect(&running.address).await.expect("connect");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("write");
    while running.stats.connections_total() == 0 || running.stats.connections_open() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(stream);
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_a_free_place() {
    let running = start(Router::new().get("/", hello), Limits { connections: 1, ..Limits::default() }).await;
    let first = TcpStream::connect(&running.address).await.expect("connect");
    let address = running.address.clone();
    let second = tokio::spawn(async move { get(&address, "/", "").await });
    while running.stats.connections_delayed_total() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(running.stats.connections_open(), 1);
    drop(first);
    assert_eq!(status(&second.await.expect("no panic")), "200");
}

#[tokio::test]
async fn stopping_finishes_the_request_in_flight_and_closes_idle_connections() {
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (handler_entered, handler_release) = (entered.clone(), release.clone());
    let slow = move |_| {
        let (entered, release) = (handler_entered.clone(), handler_release.clone());
        async move {
            entered.notify_one();
            release.notified().await;
            Response::text(StatusCode::OK, "finished")
        }
    };
    let running = start(Router::new().get("/slow", slow), Limits::default()).await;
    let _idle = TcpStream::connect(&running.address).await.expect("connect");
    let address = running.address.clone();
    let request = tokio::spawn(async move { get(&address, "/slow", "").await });
    entered.notified().await;
    running.stop.send(()).expect("the server listens");
    while TcpStream::connect(&running.address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    release.notify_one();
    assert!(request.await.expect("no panic").ends_with("finished"));
    assert_eq!(running.served.await.expect("no panic"), 0);
}

#[tokio::test]
async fn a_request_that_outlasts_the_grace_is_cut_off_and_counted() {
    let entered = Arc::new(Notify::new());
    let handler_entered = entered.clone();
    let stuck = move |_| {
        let entered = handler_entered.clone();
        async move {
            entered.notify_one();
            std::future::pending::<Response>().await
        }
    };
    let limits = Limits { shutdown_grace: Duration::from_millis(20), ..Limits::default() };
    let running = start(Router::new().get("/", stuck), limits).await;
    let address = running.address.clone();
    let request = tokio::spawn(async move { get(&address, "/", "").await });
    entered.notified().await;
    running.stop.send(()).expect("the server listens");
    assert_eq!(running.served.await.expect("no panic"), 1);
    assert_eq!(request.await.expect("no panic"), "");
}

#[tokio::test]
async fn a_handler_is_dropped_when_its_client_goes_away() {
    struct Dropped(Arc<AtomicBool>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let (entered, dropped) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
    let (handler_entered, handler_dropped) = (entered.clone(), dropped.clone());
    let stuck = move |_| {
        let (entered, guard) = (handler_entered.clone(), Dropped(handler_dropped.clone()));
        async move {
            let _guard = guard;
            entered.notify_one();
            std::future::pending::<Response>().await
        }
    };
    let running = start(Router::new().get("/", stuck), Limits::default()).await;
    let mut client = TcpStream::connect(&running.address).await.expect("connect");
    client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("write");
    entered.notified().await;
    drop(client);
    while !dropped.load(Ordering::SeqCst) || running.stats.requests_in_flight() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn nobody_is_connected_to_elsewhere() {
    let running = start(Router::new().any("/", hello), Limits::default()).await;
    let reply = talk(&running.address, "CONNECT other:80 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert_eq!(status(&reply), "404", "{reply}");
}
