//! The aggregator behind `--web.config.file`.

use std::fs;
use std::time::Duration;

use rig::{Authority, Program, curl, free_port, has_curl, wait_until};

/// bcrypt of "friend", at the least cost.
const FRIEND: &str = "$2y$04$7p8AS7BdNS7stwzya9Qq7.ahGZWw5Hjae1fvikM5fZ2upxl25bQfS";

#[test]
fn the_api_is_behind_tls_and_a_password() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let Some(authority) = Authority::new(folder.path()).filter(|_| has_curl()) else {
        rig::skip("TLS of the aggregator", "neither openssl nor curl may be missing (tests/setup installs them)");
        return;
    };
    authority.issue("server", "DNS:localhost");
    let tls = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n";
    fs::write(authority.path("web.yml"), format!("{tls}basic_auth_users:\n  ali: {FRIEND}\n")).expect("written");
    fs::write(authority.path("empty.yml"), "scrape_configs: []\n").expect("written");
    let port = free_port();
    let arguments = [
        format!("--config.file={}", authority.path("empty.yml").display()),
        format!("--web.config.file={}", authority.path("web.yml").display()),
        format!("--web.listen-address=127.0.0.1:{port}"),
        format!("--storage.tsdb.path={}", authority.path("data").display()),
    ];
    let aggregator = Program::start(env!("CARGO_BIN_EXE_vitals-aggregator"), &arguments);
    wait_until("the aggregator to be ready", Duration::from_secs(30), || {
        aggregator.output().contains("ready").then_some(())
    });
    let ca = authority.path("ca.pem").display().to_string();
    let ask = |path: &str, more: &[&str]| {
        let url = format!("https://localhost:{port}{path}");
        curl(&[&["--cacert", &ca, &url], more].concat()).expect("an answer")
    };
    for path in ["/", "/-/ready", "/metrics", "/api/v1/query?query=1"] {
        assert_eq!(ask(path, &[]).status, 401, "{path}");
    }
    let answer = ask("/api/v1/query?query=1", &["-u", "ali:friend"]);
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("\"status\":\"success\""), "{}", answer.body);

    fs::write(authority.path("bad.yml"), "basic_auth_user:\n").expect("written");
    let bad = [format!("--web.config.file={}", authority.path("bad.yml").display())];
    let mut refused = Program::start(env!("CARGO_BIN_EXE_vitals-aggregator"), &bad);
    assert!(!refused.wait(Duration::from_secs(20)).success());
    assert!(refused.output().contains("bad.yml:1: basic_auth_user: unknown key"), "{}", refused.output());
}
