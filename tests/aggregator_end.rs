//! The end of the aggregator, and what must not keep it from ending or answering.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use rig::{Program, free_port, get, wait_until};

const LONG: Duration = Duration::from_secs(30);

struct Aggregator {
    program: Program,
    address: String,
    config: PathBuf,
    _folder: tempfile::TempDir,
}

fn start(extra: &[&str]) -> Aggregator {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = folder.path().join("prometheus.yml");
    fs::write(&config, "global: {scrape_interval: 1s}\n").expect("written");
    let address = format!("127.0.0.1:{}", free_port());
    let mut arguments = vec![
        format!("--config.file={}", config.display()),
        format!("--storage.tsdb.path={}", folder.path().join("data").display()),
        format!("--web.listen-address={address}"),
    ];
    arguments.extend(extra.iter().map(|flag| (*flag).to_owned()));
    let mut program = Program::start(env!("CARGO_BIN_EXE_vitals-aggregator"), arguments);
    program.wait_ready(&address, "/-/ready");
    Aggregator { program, address, config, _folder: folder }
}

/// Reading this file never ends, as on a mount whose server is gone.
fn hang(aggregator: &Aggregator) {
    fs::remove_file(&aggregator.config).expect("it was there");
    mkfifo(&aggregator.config, Mode::S_IRWXU).expect("a pipe");
}

#[test]
fn a_reload_that_hangs_does_not_keep_the_program_from_ending() {
    let aggregator = start(&[]);
    hang(&aggregator);
    aggregator.program.signal(Signal::SIGHUP);
    aggregator.program.signal(Signal::SIGHUP);
    // Queries go on meanwhile.
    for _ in 0..10 {
        assert_eq!(get(&aggregator.address, "/api/v1/query?query=up").expect("an answer").status, 200);
    }
    assert!(aggregator.program.terminate().success());
}

#[test]
fn hangups_in_a_row_end_with_the_last_configuration() {
    let aggregator = start(&[]);
    for round in 1..=20 {
        fs::write(&aggregator.config, format!("global: {{scrape_interval: {round}s}}\n")).expect("written");
        aggregator.program.signal(Signal::SIGHUP);
    }
    wait_until("the last configuration", LONG, || {
        let config = get(&aggregator.address, "/api/v1/status/config").expect("an answer").text();
        config.contains("scrape_interval: 20s").then_some(())
    });
    assert!(aggregator.program.terminate().success());
}

#[test]
fn the_same_signal_again_ends_at_once() {
    let mut aggregator = start(&["--query.timeout=10m"]);
    // Half a request: the end waits for the rest of it.
    let mut slow = TcpStream::connect(&aggregator.address).expect("connect");
    slow.write_all(b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nquery=").expect("written");
    wait_until("the request is taken", LONG, || {
        let page = get(&aggregator.address, "/metrics").expect("an answer").text();
        page.contains("\nvitals_http_requests_in_flight 2\n").then_some(())
    });
    aggregator.program.signal(Signal::SIGTERM);
    wait_until("the end begins", LONG, || aggregator.program.output().contains("msg=ending").then_some(()));
    aggregator.program.signal(Signal::SIGINT);
    wait_until("the interrupt", LONG, || aggregator.program.output().contains("signal=SIGINT").then_some(()));
    assert!(aggregator.program.is_running(), "another signal is not the same one again");
    aggregator.program.signal(Signal::SIGTERM);
    assert!(aggregator.program.wait(LONG).success());
    assert!(aggregator.program.output().contains("told to end again"), "{}", aggregator.program.output());
}

#[test]
fn a_request_in_flight_is_finished_at_the_end() {
    let mut aggregator = start(&[]);
    let mut slow = TcpStream::connect(&aggregator.address).expect("connect");
    let head = "POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    slow.write_all(format!("{head}Content-Length: 16\r\n\r\nquery=").as_bytes()).expect("written");
    wait_until("the request is taken", LONG, || {
        let page = get(&aggregator.address, "/metrics").expect("an answer").text();
        page.contains("\nvitals_http_requests_in_flight 2\n").then_some(())
    });
    aggregator.program.signal(Signal::SIGTERM);
    wait_until("nobody else is let in", LONG, || TcpStream::connect(&aggregator.address).is_err().then_some(()));
    slow.write_all(b"vector(1)+").expect("written");
    let mut reply = String::new();
    slow.read_to_string(&mut reply).expect("an answer");
    assert!(reply.starts_with("HTTP/1.1 200") && reply.contains(r#""resultType":"vector""#), "{reply}");
    assert!(aggregator.program.wait(LONG).success());
}

#[test]
fn clients_that_connect_and_say_nothing_do_not_keep_others_out() {
    let aggregator = start(&["--web.max-connections=50"]);
    let silent: Vec<_> = (0..200).map(|_| TcpStream::connect(&aggregator.address).expect("connect")).collect();
    assert_eq!(get(&aggregator.address, "/-/healthy").expect("an answer").status, 200);
    let page = get(&aggregator.address, "/metrics").expect("an answer").text();
    let open = page.lines().find_map(|line| line.strip_prefix("vitals_http_connections ")).expect("a sample");
    assert!(open.parse::<usize>().expect("a number") <= 50, "{open}");
    drop(silent);
    assert!(aggregator.program.terminate().success());
}
