//! Raw bytes in request targets: what hyper gets to see, and what handlers get over real sockets.

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::request_target::Follower;
use crate::server_tests::{Running, get, start, status, talk};
use crate::{Limits, Method, Request, Response, Router, StatusCode};

/// What hyper sees of a connection whose bytes arrive in these parts.
fn seen<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut follower = Follower::default();
    let see = |part: &'a [u8]| follower.encode(part).unwrap_or_else(|| part.to_vec());
    parts.into_iter().flat_map(see).collect()
}

fn seen_text(text: &str) -> String {
    String::from_utf8(seen([text.as_bytes()])).expect("text stays text")
}

/// Requests of every kind that the follower tells apart, with what hyper shall see of each.
const REQUESTS: &[(&str, &str)] = &[
    ("GET /q?a={b=\"c\"} HTTP/1.1\r\nHost: x\r\n\r\n", "GET /q?a={b=%22c%22} HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("\r\n\nGET /a<b>`ü# HTTP/1.0\n\n", "\r\n\nGET /a%3Cb%3E%60%C3%BC%23 HTTP/1.0\n\n"),
    (
        "POST /p?\" HTTP/1.1\r\ncontent-LENGTH:\t 17 \r\nX: \"<>\"\r\n\r\nGET /\" HTTP/1.1\r\nGET / HTTP/1.1\r\n\r\n",
        "POST /p?%22 HTTP/1.1\r\ncontent-LENGTH:\t 17 \r\nX: \"<>\"\r\n\r\nGET /\" HTTP/1.1\r\nGET / HTTP/1.1\r\n\r\n",
    ),
    (
        "PUT /\"\" HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "PUT /%22%22 HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
    ),
];

/// Behind any of these nothing is changed any more.
const ENDINGS: &[&str] = &[
    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nTRANSFER-ENCODING:identity\r\nContent-Length: 0\r\n\r\n",
    "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
    "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n",
];

#[test]
fn requests_on_one_connection_are_told_from_their_bodies_wherever_reads_end() {
    let sent: String = REQUESTS.iter().map(|(sent, _)| *sent).collect();
    let wanted: String = REQUESTS.iter().map(|(_, wanted)| *wanted).collect();
    assert_eq!(seen_text(&sent), wanted);
    for at in 0..=sent.len() {
        let (first, second) = sent.as_bytes().split_at(at);
        assert_eq!(String::from_utf8_lossy(&seen([first, second])), wanted, "split at {at}");
    }
    assert_eq!(seen(sent.as_bytes().chunks(1)), wanted.as_bytes());
}

#[test]
fn after_a_body_whose_end_is_not_known_everything_passes_unchanged() {
    for ending in ENDINGS {
        let rest = format!("{ending}GET /?\" HTTP/1.1\r\n\r\n");
        assert_eq!(seen_text(&rest), rest);
        assert_eq!(seen(rest.as_bytes().chunks(1)), rest.as_bytes());
    }
}

#[test]
fn a_header_line_without_end_is_not_collected() {
    let mut follower = Follower::default();
    assert_eq!(follower.encode(b"GET / HTTP/1.1\r\nX: "), None);
    for _ in 0..1000 {
        assert_eq!(follower.encode(&[b'y'; 1000]), None);
    }
    assert!(follower.held_bytes() <= 64);
}

#[test]
fn only_bytes_that_hyper_would_not_take_everywhere_are_encoded() {
    let is_taken = |target: &str| {
        let uri = target.parse::<hyper::Uri>();
        uri.is_ok_and(|uri| uri.path_and_query().is_some_and(|seen| seen.as_str() == target))
    };
    for byte in 0x21..=0x7eu8 {
        let targets = ["/x", "/x?y="].map(|place| format!("{place}{}z", char::from(byte)));
        let is_ordinary = targets.iter().all(|target| is_taken(target));
        for target in &targets {
            let head = seen_text(&format!("GET {target} HTTP/1.1\r\n\r\n"));
            let seen = head.split(' ').nth(1).expect("a target");
            assert!(is_taken(seen), "{target} must be encoded");
            assert_eq!(seen == target, is_ordinary, "{target}");
        }
    }
}

proptest! {
    #[test]
    fn ordinary_requests_pass_unchanged(
        requests in prop::collection::vec(("(GET|POST|PUT|HEAD)", "/[!$-;=?-_a-z{|}~]{0,40}", "[ -~]{0,80}", ".{0,60}"), 1..5),
        split in 0usize..2000,
    ) {
        let sent: String = requests.iter().map(|(method, target, header, body)| {
            format!("{method} {target} HTTP/1.1\r\nX: {header}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        }).collect();
        let (first, second) = sent.as_bytes().split_at(split.min(sent.len()));
        let mut follower = Follower::default();
        prop_assert_eq!(follower.encode(first), None);
        prop_assert_eq!(follower.encode(second), None);
    }

    #[test]
    fn where_reads_end_makes_no_difference(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40),
        cuts in prop::collection::vec(1usize..30, 1..20),
    ) {
        let sent = pieces.concat();
        let mut rest = sent.as_bytes();
        let mut parts = Vec::new();
        for cut in cuts.iter().cycle() {
            let (part, others) = rest.split_at((*cut).min(rest.len()));
            parts.push(part);
            rest = others;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(seen(parts), seen([sent.as_bytes()]));
    }
}

/// What connections of all sorts are made of, in any order.
const PIECES: &[&str] = &[
    "GET ",
    "POST ",
    "/",
    "?q=\"",
    "\"<>`#",
    "ü",
    " HTTP/1.1\r\n",
    " HTTP/1.1\n",
    "\r\n",
    "\n",
    "\r",
    " ",
    "Content-Length: 3\r\n",
    "content-length:",
    "12",
    "Host: x\r\n",
    "Transfer-Encoding: chunked\r\n",
    "X: ",
    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
    "\r\n\r\n",
    "\0",
];

/// Answers with the decoded value of `q`, then the body.
async fn echo() -> Running {
    let echo = |request: Request| async move {
        let form = crate::Form::parse(&request.query);
        let query = form.map_or_else(|error| error.to_string(), |form| form.text("q").to_owned());
        let body = String::from_utf8_lossy(&request.body).into_owned();
        Response::text(StatusCode::OK, format!("[{}|{query}|{body}]", request.path))
    };
    let router = Router::new().route(&[Method::GET, Method::POST], "/*path", echo);
    start(router, Limits { head_bytes: 8 << 10, ..Limits::default() }).await
}

/// The bodies of all answers on one connection.
fn answers(reply: &str) -> Vec<&str> {
    let starts = reply.match_indices("\r\n\r\n[").map(|(at, _)| at + 5);
    starts.map(|start| reply[start..].split(']').next().unwrap_or("")).collect()
}

#[tokio::test]
async fn queries_may_hold_the_bytes_that_people_type() {
    let running = echo().await;
    for (target, answer) in [
        ("/q?q=up{job=\"x\"}", "/q|up{job=\"x\"}|"),
        ("/q?q=up>0", "/q|up>0|"),
        ("/q?q=a<b`|^\\~'#c", "/q|a<b`|^\\~'#c|"),
        ("/q?q=ü%C3%BC日", "/q|üü日|"),
        ("/a\"<ü>?q=", "/a\"<ü>||"),
        ("http://other:1/p?q=\"", "/p|\"|"),
    ] {
        let reply = get(&running.address, target, "").await;
        assert_eq!(answers(&reply), [answer], "{target}: {reply}");
    }
    let broken = talk(&running.address, "GET /q?q=a > 0 HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(status(&broken), "400", "a space ends the target");
    let control = talk(&running.address, "GET /q?q=\"\x01 HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(status(&control), "400");
}

#[tokio::test]
async fn bytes_that_are_no_utf8_are_an_error_in_words() {
    let running = echo().await;
    let mut stream = TcpStream::connect(&running.address).await.expect("connect");
    stream.write_all(b"GET /q?q=\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.expect("write");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.expect("read");
    assert_eq!(answers(&reply), ["/q|\"%FF\" is not UTF-8|"], "{reply}");
}

#[tokio::test]
async fn pipelined_requests_with_bodies_that_look_like_requests_are_answered_in_turn() {
    let running = echo().await;
    let body = "GET /\"?q=\" HTTP/1.1\r\nHost: x\r\n\r\n";
    let length = body.len();
    let mut sent = format!("POST /1?q=\"1\" HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}").repeat(20);
    sent.push_str("GET /2?q=<2> HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let reply = talk(&running.address, &sent).await;
    let mut wanted = vec![format!("/1|\"1\"|{body}"); 20];
    wanted.push("/2|<2>|".to_owned());
    assert_eq!(answers(&reply), wanted, "{reply}");
}

#[tokio::test]
async fn a_head_may_arrive_byte_by_byte_on_a_kept_connection() {
    let running = echo().await;
    let mut stream = TcpStream::connect(&running.address).await.expect("connect");
    stream.set_nodelay(true).expect("a socket");
    for round in ["\"", "<ü>"] {
        let request = format!("POST /k?q={round} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n\"ü");
        for byte in request.bytes() {
            stream.write_all(&[byte]).await.expect("write");
            tokio::task::yield_now().await;
        }
        let mut reply = vec![0; 4096];
        let read = stream.read(&mut reply).await.expect("read");
        let reply = String::from_utf8_lossy(&reply[..read]).into_owned();
        assert_eq!(answers(&reply), [format!("/k|{round}|\"ü")], "{reply}");
    }
    assert_eq!(running.stats.connections_total(), 1);
}

#[tokio::test]
async fn a_target_that_grows_beyond_the_limit_is_refused_like_any_long_head() {
    let running = echo().await;
    let reply = get(&running.address, &format!("/q?q={}", "\"".repeat(6000)), "").await;
    assert_eq!(status(&reply), "431");
    let reply = get(&running.address, &format!("/q?q={}", "\"".repeat(2000)), "").await;
    assert_eq!(answers(&reply), [format!("/q|{}|", "\"".repeat(2000))]);
}
