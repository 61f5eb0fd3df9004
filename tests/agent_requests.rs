//! Requests of every kind to the agent and to a node_exporter beside it; what clients that misbehave may hold; sockets
//! that come from elsewhere.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rig::{Authority, Curled, Program, curl, free_port, get, get_with, has_curl, peer, series, wait_until};

const ONE_COLLECTOR: [&str; 2] = ["--collector.disable-defaults", "--collector.loadavg"];

fn start(program: impl AsRef<std::path::Path>, more: &[&str]) -> (Program, String) {
    let address = format!("127.0.0.1:{}", free_port());
    let listen = format!("--web.listen-address={address}");
    let all = ONE_COLLECTOR.iter().chain(more).copied().chain([listen.as_str()]);
    let mut program = Program::start(program, all);
    program.wait_ready(&address, "/");
    (program, address)
}

fn agent(more: &[&str]) -> (Program, String) {
    start(env!("CARGO_BIN_EXE_vitals-agent"), more)
}

/// What has to be the same: status, kind, where a redirect leads, and the body of an error.
fn essence(answer: &Curled, address: &str, is_head: bool) -> String {
    let header = |name: &str| {
        let line = answer.headers.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or("").replace(address, "")
    };
    let is_error = answer.status >= 400;
    let body = if is_error && !is_head { answer.body.as_str() } else { "" };
    // Our pages for people are compressed, theirs are not.
    let encoding = if header("content-type").contains("html") { String::new() } else { header("content-encoding") };
    let kind = if answer.status == 301 { String::new() } else { header("content-type") };
    format!("{} {kind} {} {} {body:?}", answer.status, header("location"), encoding)
}

fn is_untidy(path: &str) -> bool {
    path.contains("//") || path.contains("/..")
}

#[test]
fn every_method_path_and_filter_is_answered_as_node_exporter_answers() {
    let Some(peer) = peer("prometheus-node-exporter").filter(|_| has_curl()) else {
        rig::skip("answers beside node_exporter's", "curl or the peer is not there (tests/setup fetches them)");
        return;
    };
    for telemetry_path in ["/metrics", "/", "/deep/er", "/folder/"] {
        let flag = format!("--web.telemetry-path={telemetry_path}");
        let ((_ours, ours), (_theirs, theirs)) = (agent(&[&flag]), start(&peer.path, &[&flag]));
        let methods = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"];
        for method in &methods[..if telemetry_path == "/metrics" { methods.len() } else { 2 }] {
            for path in [
                "/",
                "/metrics",
                "/metrics/",
                "//metrics",
                "/x/../metrics",
                "/nowhere",
                "/deep/er",
                "/deep/er/",
                "/folder",
                "/folder/",
                "/folder/x",
                "/metrics?collect[]=loadavg",
                "/metrics?collect[]=nonsense",
                "/metrics?collect%5B%5D=cpu",
                "/metrics?collect[]=loadavg&exclude[]=cpu",
                "/metrics?exclude[]=nonsense",
                "/metrics?a;b&%zz&collect[]=nonsense",
            ] {
                if telemetry_path != "/metrics" && is_untidy(path) {
                    // Go redirects to the tidy path even where nothing is there.
                    continue;
                }
                let headers = [&[][..], &["-H", "Accept-Encoding: gzip"], &["-H", "Accept: text/html"]];
                for headers in &headers[..if *method == "GET" { headers.len() } else { 1 }] {
                    let of = |address: &str| {
                        let url = format!("http://{address}{path}");
                        let how = if *method == "HEAD" { vec!["-I"] } else { vec!["-X", method] };
                        let how = [&how[..], headers, &["-o", "/dev/null"][..if headers.is_empty() { 0 } else { 2 }]];
                        let answer = curl(&[&[url.as_str()], &how.concat()[..]].concat()).expect("an answer");
                        essence(&answer, address, *method == "HEAD").to_lowercase()
                    };
                    assert_eq!(of(&ours), of(&theirs), "{telemetry_path}: {method} {path} {headers:?}");
                }
            }
        }
    }
}

#[test]
fn a_form_in_the_body_filters_nothing_as_with_node_exporter() {
    let (_agent, address) = agent(&[]);
    let page = rig::post(&address, "/metrics", "collect[]=nonsense").expect("an answer");
    assert_eq!(page.status, 200);
}

#[test]
fn compression_is_what_the_client_weighs_highest() {
    let (_agent, address) = agent(&[]);
    for (accept, name, magic) in [
        ("zstd", Some("zstd"), &[0x28, 0xb5, 0x2f, 0xfd][..]),
        ("gzip, deflate, br, zstd", Some("zstd"), &[0x28, 0xb5]),
        ("zstd;q=0.5, gzip", Some("gzip"), &[0x1f, 0x8b]),
        ("br", None, b"# "),
        ("gzip;q=0, zstd;q=0", None, b"# "),
    ] {
        let answer = get_with(&address, "/metrics", &format!("Accept-Encoding: {accept}\r\n")).expect("an answer");
        assert_eq!(answer.header("content-encoding"), name, "{accept}");
        assert!(answer.body.starts_with(magic), "{accept}");
    }
}

#[test]
fn the_agent_counts_its_scrapes_as_prometheus_go_library_does() {
    let Some(peer) = peer("prometheus-node-exporter") else {
        rig::skip("own metrics beside node_exporter's", "the peer is not there (tests/setup fetches it)");
        return;
    };
    let own = |address: &str| -> BTreeMap<String, f64> {
        let page = series(&get(address, "/metrics").expect("an answer").text());
        let is_own =
            |key: &str| ["promhttp_", "process_", "node_exporter_build_info"].iter().any(|own| key.starts_with(own));
        page.into_iter().filter(|(key, _)| is_own(key)).collect()
    };
    let ((_ours, ours), (_theirs, theirs)) = (agent(&[]), start(&peer.path, &[]));
    let (first, their_first) = (own(&ours), own(&theirs));
    let (second, their_second) = (own(&ours), own(&theirs));
    let labels = |page: &BTreeMap<String, f64>| -> Vec<String> {
        page.keys().map(|key| key.split('"').step_by(2).collect::<Vec<_>>().join("\"")).collect()
    };
    assert_eq!(labels(&second), labels(&their_second), "names and label names");
    for key in second.keys().filter(|key| key.starts_with("promhttp_")) {
        assert_eq!((first[key], second[key]), (their_first[key], their_second[key]), "{key}");
    }
    let (_agent, bare) = agent(&["--web.disable-exporter-metrics"]);
    assert!(own(&bare).keys().all(|key| key.starts_with("node_exporter_build_info")), "{:?}", own(&bare));
}

#[test]
fn half_open_handshakes_keep_nobody_out() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let Some(authority) = Authority::new(folder.path()).filter(|_| has_curl()) else {
        rig::skip("half-open handshakes", "neither openssl nor curl may be missing (tests/setup installs them)");
        return;
    };
    authority.issue("server", "DNS:localhost");
    let config = authority.path("web.yml");
    std::fs::write(&config, "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n").expect("written");
    let port = free_port();
    let flags = [format!("--web.listen-address=127.0.0.1:{port}"), format!("--web.config.file={}", config.display())];
    let agent =
        Program::start(env!("CARGO_BIN_EXE_vitals-agent"), ONE_COLLECTOR.map(str::to_owned).iter().chain(&flags));
    wait_until("the agent to listen", Duration::from_secs(20), || {
        agent.output().contains("msg=listening").then_some(())
    });
    // More than may shake hands at the same time: some say nothing, some say the beginning of a hello.
    let mut silent: Vec<TcpStream> =
        (0..200).map(|_| TcpStream::connect(("127.0.0.1", port)).expect("connected")).collect();
    for stream in silent.iter_mut().step_by(2) {
        stream.write_all(&[0x16, 3, 1, 1, 0, 1]).expect("written");
    }
    let ca = authority.path("ca.pem").display().to_string();
    let answer = curl(&["--cacert", &ca, &format!("https://localhost:{port}/healthz")]).expect("an answer");
    assert_eq!(answer.status, 200);
    // And all of them are let go, sooner or later.
    for stream in &mut silent {
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
        let mut rest = Vec::new();
        // An alert of TLS or nothing; what counts is that it ends.
        let ended = stream.read_to_end(&mut rest);
        assert!(ended.is_ok() || ended.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset));
    }
}

#[test]
fn sockets_of_systemd_are_served_instead_of_the_address() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tcp = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = tcp.local_addr().expect("an address").to_string();
    let path = folder.path().join("socket");
    let unix = std::os::unix::net::UnixListener::bind(&path).expect("bound");
    // systemd hands descriptors over from 3 on, and names the process that they are for.
    let script = "exec 3<&0 4<&1 </dev/null >&2; LISTEN_PID=$$ LISTEN_FDS=2 exec \"$@\"";
    let mut child = Command::new("sh")
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_vitals-agent"), "--web.systemd-socket"])
        .args(ONE_COLLECTOR)
        .arg("--web.listen-address=192.0.2.1:1")
        .stdin(Stdio::from(OwnedFd::from(tcp)))
        .stdout(Stdio::from(OwnedFd::from(unix)))
        .stderr(Stdio::null())
        .spawn()
        .expect("sh runs");
    let over_tcp = wait_until("an answer", Duration::from_secs(20), || get(&address, "/metrics").ok());
    let mut stream = std::os::unix::net::UnixStream::connect(&path).expect("connected");
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").expect("written");
    let mut over_unix = String::new();
    let heard = stream.read_to_string(&mut over_unix);
    let _ = child.kill();
    let _ = child.wait();
    assert!(over_tcp.text().contains("node_load1 "));
    heard.expect("read");
    assert!(over_unix.starts_with("HTTP/1.0 200") && over_unix.contains("node_load1 "), "{over_unix}");

    let mut alone = Program::start(env!("CARGO_BIN_EXE_vitals-agent"), ["--web.systemd-socket"]);
    assert!(!alone.wait(Duration::from_secs(20)).success());
    assert!(alone.output().contains("systemd has handed over no socket"), "{}", alone.output());
}

#[test]
fn every_listen_address_is_served_and_vsock_where_the_kernel_has_it() {
    let addresses = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    let flags = addresses.clone().map(|address| format!("--web.listen-address={address}"));
    let mut agent =
        Program::start(env!("CARGO_BIN_EXE_vitals-agent"), ONE_COLLECTOR.map(str::to_owned).iter().chain(&flags));
    for address in &addresses {
        agent.wait_ready(address, "/readyz");
    }
    let vsock = "--web.listen-address=vsock://:49218";
    let mut agent = Program::start(env!("CARGO_BIN_EXE_vitals-agent"), ONE_COLLECTOR.iter().copied().chain([vsock]));
    let begin = Instant::now();
    while agent.is_running() && !agent.output().contains("vsock:any:49218") {
        assert!(begin.elapsed() < Duration::from_secs(20), "{}", agent.output());
        std::thread::sleep(Duration::from_millis(20));
    }
    if !agent.is_running() {
        assert!(agent.output().contains("cannot listen on vsock://:49218: "), "{}", agent.output());
        rig::skip("vsock", "the kernel has none");
    }
}

#[test]
fn a_path_that_leads_nowhere_is_said_at_start() {
    let (agent, _) = agent(&["--path.procfs=/nowhere"]);
    let log = agent.output();
    assert!(log.contains("--path.procfs: nothing can be read there") && log.contains("path=/nowhere"), "{log}");
    assert!(!log.contains("--path.sysfs"), "{log}");
}
