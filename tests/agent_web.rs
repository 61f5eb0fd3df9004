//! `--web.config.file` as its users meet it: with curl and with a real Prometheus, while files change, and beside a real
//! node_exporter that is given the same file.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rig::{Authority, Curled, Program, curl, free_port, has_curl, peer, wait_until};

/// bcrypt of "friend" and of "open sesame", at the least cost.
const FRIEND: &str = "$2y$04$7p8AS7BdNS7stwzya9Qq7.ahGZWw5Hjae1fvikM5fZ2upxl25bQfS";
const SESAME: &str = "$2y$04$wVdGp4rs.2UXG69pP9QGqOGFZpIolrZXYCW4SYPasBT.aoHPcQotS";

const TLS: &str = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n";

/// A folder with an authority, a server's certificate and a `web.yml`.
struct Place {
    folder: tempfile::TempDir,
    authority: Authority,
}

/// A program under test that serves by a `web.yml`.
struct Served {
    program: Program,
    port: u16,
}

impl Place {
    fn new() -> Option<Place> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let Some(authority) = Authority::new(folder.path()).filter(|_| has_curl()) else {
            rig::skip("TLS and authentication", "neither openssl nor curl may be missing (tests/setup installs them)");
            return None;
        };
        authority.issue("server", "DNS:localhost,IP:127.0.0.1");
        Some(Place { folder, authority })
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn configure(&self, text: &str) {
        // As careful people replace a file: whoever reads it sees the old or the new one.
        fs::write(self.file("web.yml.new"), text).expect("written");
        fs::rename(self.file("web.yml.new"), self.file("web.yml")).expect("renamed");
    }

    fn agent(&self, text: &str) -> Served {
        self.configure(text);
        self.start(Path::new(env!("CARGO_BIN_EXE_vitals-agent")), "msg=listening")
    }

    fn node_exporter(&self) -> Option<Served> {
        let Some(peer) = peer("prometheus-node-exporter") else {
            rig::skip("answers beside node_exporter's", "the peer is not there (tests/setup fetches it)");
            return None;
        };
        Some(self.start(&peer.path, "TLS is"))
    }

    fn start(&self, program: &Path, sign: &str) -> Served {
        let port = free_port();
        let arguments = [
            format!("--web.listen-address=127.0.0.1:{port}"),
            format!("--web.config.file={}", self.file("web.yml")),
            "--collector.disable-defaults".to_owned(),
            "--collector.loadavg".to_owned(),
        ];
        let mut program = Program::start(program, arguments);
        wait_until("the program to listen", Duration::from_secs(20), || {
            assert!(program.is_running(), "it ended: {}", program.output());
            program.output().contains(sign).then_some(())
        });
        Served { program, port }
    }

    /// Over TLS, trusting the authority.
    fn https(&self, served: &Served, path: &str, more: &[&str]) -> Result<Curled, String> {
        let url = format!("https://localhost:{}{path}", served.port);
        let ca = self.file("ca.pem");
        curl(&[&["--cacert", &ca, &url], more].concat())
    }

    /// With a certificate of the client.
    fn https_as(&self, served: &Served, client: &str) -> Result<Curled, String> {
        let (pem, key) = (self.file(&format!("{client}.pem")), self.file(&format!("{client}.key")));
        self.https(served, "/metrics", &["--cert", &pem, "--key", &key])
    }
}

impl Served {
    fn http(&self, path: &str, more: &[&str]) -> Curled {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        curl(&[&[url.as_str()], more].concat()).expect("an answer")
    }

    fn count(&self, text: &str) -> usize {
        self.program.output().matches(text).count()
    }
}

fn status(answer: &Result<Curled, String>) -> Option<u16> {
    answer.as_ref().ok().map(|answer| answer.status)
}

#[test]
fn both_versions_of_http_and_of_tls_are_spoken_and_nothing_older() {
    let Some(place) = Place::new() else { return };
    let headers =
        "http_server_config:\n  headers:\n    X-Frame-Options: deny\n    Strict-Transport-Security: max-age=60\n";
    let agent = place.agent(&format!("{TLS}{headers}"));
    for (options, version) in [(&["--http2"][..], "2"), (&["--http1.1"], "1.1"), (&["--tls-max", "1.2"], "2")] {
        let answer = place.https(&agent, "/metrics", options).expect("an answer");
        assert_eq!((answer.status, answer.version.as_str()), (200, version), "{options:?}");
        assert!(answer.body.contains("node_load1 "), "{options:?}");
        assert!(answer.headers.contains("x-frame-options: deny"), "{}", answer.headers);
        assert!(answer.headers.contains("strict-transport-security: max-age=60"), "{}", answer.headers);
    }
    assert!(place.https(&agent, "/metrics", &["--tls-max", "1.1"]).is_err(), "TLS 1.1 is long broken");
    let plain = agent.http("/metrics", &["--http0.9"]);
    assert_eq!((plain.status, plain.body.as_str()), (400, "Client sent an HTTP request to an HTTPS server.\n"));

    let narrow =
        format!("{TLS}  min_version: TLS13\n  curve_preferences: [CurveP384]\nhttp_server_config:\n  http2: false\n");
    let agent = place.agent(&narrow);
    assert_eq!(place.https(&agent, "/", &["--http2"]).expect("an answer").version, "1.1");
    assert!(place.https(&agent, "/", &["--tls-max", "1.2"]).is_err());
    assert!(place.https(&agent, "/", &["--curves", "X25519"]).is_err());
    let suite = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384";
    let agent = place.agent(&format!("{TLS}  max_version: TLS12\n  cipher_suites: [{suite}]\n"));
    assert_eq!(status(&place.https(&agent, "/", &["--ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384"])), Some(200));
    assert!(place.https(&agent, "/", &["--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256"]).is_err());
}

#[test]
fn clients_show_their_certificate_as_each_of_gos_kinds_wants_it() {
    let Some(place) = Place::new() else { return };
    place.authority.issue("friend", "DNS:friend.test");
    place.authority.self_signed("stranger", "subjectAltName=DNS:friend.test");
    for (kind, with_none, with_strange) in [
        ("NoClientCert", true, true),
        ("RequestClientCert", true, true),
        ("RequireAnyClientCert", false, true),
        ("VerifyClientCertIfGiven", true, false),
        ("RequireAndVerifyClientCert", false, false),
    ] {
        let authority = if kind == "NoClientCert" { "" } else { "  client_ca_file: ca.pem\n" };
        let agent = place.agent(&format!("{TLS}  client_auth_type: {kind}\n{authority}"));
        let mut programs = vec![agent];
        programs.extend(place.node_exporter());
        for served in &programs {
            let of = |answer: Result<Curled, String>| status(&answer) == Some(200);
            assert_eq!(of(place.https(served, "/metrics", &[])), with_none, "{kind}, no certificate");
            assert_eq!(of(place.https_as(served, "stranger")), with_strange, "{kind}, a stranger's");
            assert!(of(place.https_as(served, "friend")), "{kind}, a friend's");
        }
    }
    // A certificate that is its own authority, as the simplest of set-ups has it.
    let agent =
        place.agent(&format!("{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: stranger.pem\n"));
    assert_eq!(status(&place.https_as(&agent, "stranger")), Some(200));
    assert_eq!(status(&place.https_as(&agent, "friend")), None);
}

#[test]
fn names_in_a_clients_certificate_decide_where_they_are_listed() {
    let Some(place) = Place::new() else { return };
    let names = [
        ("by-dns", "DNS:scraper.test", "scraper.test"),
        ("by-ip", "IP:2001:db8::5", "2001:db8::5"),
        ("by-uri", "URI:spiffe://scraper/one", "spiffe://scraper/one"),
        ("by-mail", "email:scraper@host.test", "scraper@host.test"),
    ];
    for (client, alternative, _) in names {
        place.authority.issue(client, alternative);
    }
    place.authority.issue("other", "DNS:other.test,IP:2001:db8::6");
    let list = names.map(|(_, _, name)| format!("  - {name:?}\n")).concat();
    let config = format!(
        "{TLS}  client_ca_file: ca.pem\n  client_auth_type: RequireAndVerifyClientCert\n  client_allowed_sans:\n{list}"
    );
    let agent = place.agent(&config);
    let mut programs = vec![agent];
    programs.extend(place.node_exporter());
    for served in &programs {
        for (client, ..) in names {
            assert_eq!(status(&place.https_as(served, client)), Some(200), "{client}");
        }
        assert_eq!(status(&place.https_as(served, "other")), None);
        assert_eq!(status(&place.https(served, "/metrics", &[])), None);
    }
}

#[test]
fn a_password_covers_every_path_and_changes_take_effect_at_once() {
    let Some(place) = Place::new() else { return };
    let agent = place.agent(&format!("basic_auth_users:\n  ali: {FRIEND}\n"));
    let mut programs = vec![agent];
    programs.extend(place.node_exporter());
    let all = ["/", "/metrics", "/metrics?collect[]=x", "/nowhere", "/%zz"];
    for served in &programs {
        for path in all.iter().take(if served.count("vitals") > 0 { 5 } else { 4 }) {
            for who in
                [&[][..], &["-u", "ali:foe"], &["-u", "eve:friend"], &["-u", "ali:"], &["-H", "Authorization: Basic x"]]
            {
                let answer = served.http(path, who);
                assert_eq!((answer.status, answer.body.as_str()), (401, "Unauthorized\n"), "{path} {who:?}");
                assert!(answer.headers.contains("www-authenticate: basic\r\n"), "{}", answer.headers);
            }
        }
        assert_eq!(served.http("/metrics", &["-u", "ali:friend"]).status, 200);
        assert_eq!(served.http("/nowhere", &["-u", "ali:friend"]).status, 404);
    }
    for path in ["/status", "/healthz", "/readyz", "/metrics/cadvisor"] {
        assert_eq!(programs[0].http(path, &[]).status, 401, "{path}");
    }
    place.configure(&format!("basic_auth_users:\n  ali: {SESAME}\n"));
    for served in &programs {
        assert_eq!(served.http("/metrics", &["-u", "ali:friend"]).status, 401, "no longer");
        assert_eq!(served.http("/metrics", &["-u", "ali:open sesame"]).status, 200);
    }
    place.configure("");
    assert_eq!(programs[0].http("/metrics", &[]).status, 200, "no users, no passwords: as the file says");
}

#[test]
fn a_certificate_is_replaced_under_the_running_agent() {
    let Some(place) = Place::new() else { return };
    let agent = place.agent(TLS);
    let shown = |agent: &Served| {
        let answer = place.https(agent, "/healthz", &["-w", "%{certs}\n--curl--%{http_code} %{http_version}"]);
        assert_eq!(status(&answer), Some(200), "{answer:?}");
        answer.expect("checked").body
    };
    let before = shown(&agent);
    place.authority.issue("server", "DNS:localhost,DNS:renewed.test");
    let after = shown(&agent);
    assert!(before.contains("BEGIN CERTIFICATE") && after.contains("BEGIN CERTIFICATE"), "{before}");
    assert_ne!(before, after);

    // In between, certificate and key do not go together: nobody is served, and it is said once.
    let kept = fs::read(place.file("server.key")).expect("a key");
    place.authority.issue("another", "DNS:localhost");
    fs::copy(place.file("another.key"), place.file("server.key")).expect("copied");
    for _ in 0..3 {
        assert_eq!(status(&place.https(&agent, "/healthz", &[])), None);
    }
    assert_eq!(agent.count("web configuration is broken"), 1, "{}", agent.program.output());
    assert!(agent.program.output().contains("web.yml:3: tls_server_config.key_file"), "{}", agent.program.output());
    fs::write(place.file("server.key"), kept).expect("written");
    shown(&agent);
    assert_eq!(agent.count("in order again"), 1);
}

#[test]
fn a_file_that_breaks_later_refuses_everybody_until_it_is_mended() {
    let Some(place) = Place::new() else { return };
    let good = format!("basic_auth_users:\n  ali: {FRIEND}\n");
    let agent = place.agent(&good);
    let mut programs = vec![agent];
    programs.extend(place.node_exporter());
    for broken in ["basic_auth_user:\n", "[", "http_server_config:\n  headers:\n    Server: x\n"] {
        place.configure(broken);
        for served in &programs {
            for _ in 0..2 {
                let answer = served.http("/metrics", &["-u", "ali:friend"]);
                assert_eq!((answer.status, answer.body.as_str()), (500, "Internal Server Error\n"), "{broken}");
            }
        }
    }
    fs::remove_file(place.file("web.yml")).expect("removed");
    assert!(programs.iter().all(|served| served.http("/metrics", &[]).status == 500), "no file is no permission");
    place.configure(&good);
    assert!(programs.iter().all(|served| served.http("/metrics", &["-u", "ali:friend"]).status == 200));
    assert_eq!(programs[0].count("web configuration is broken"), 4, "{}", programs[0].program.output());

    place.configure(TLS);
    let agent = place.agent(TLS);
    assert_eq!(status(&place.https(&agent, "/", &[])), Some(200));
    for broken in ["", "tls_server_config:\n  cert_file: nowhere.pem\n  key_file: server.key\n"] {
        place.configure(broken);
        assert_eq!(status(&place.https(&agent, "/", &[])), None, "{broken:?}");
        assert_eq!(agent.http("/", &["--http0.9"]).status, 400, "never in plain text");
    }
}

#[test]
fn what_node_exporter_refuses_at_the_start_we_refuse_with_file_line_and_key() {
    let Some(place) = Place::new() else { return };
    let theirs = peer("prometheus-node-exporter");
    for (text, complaint) in [
        (format!("{TLS}  certfile: x\n"), "web.yml:4: tls_server_config.certfile: unknown key"),
        ("basic_auth_users:\n  ali: friend\n".to_owned(), "web.yml:2: basic_auth_users.ali: not a bcrypt hash"),
        (
            "http_server_config:\n  http2: perhaps\n".to_owned(),
            "web.yml:2: http_server_config.http2: expected true or false",
        ),
        (
            "http_server_config:\n  headers:\n    Server: x\n".to_owned(),
            "web.yml:3: http_server_config.headers.Server: ",
        ),
        ("tls_server_config:\n  key_file: server.key\n".to_owned(), "missing one of cert or cert_file"),
        ("tls_server_config:\n  cert_file: server.pem\n".to_owned(), "missing one of key or key_file"),
        (format!("{TLS}  client_ca_file: ca.pem\n"), "web.yml:4: tls_server_config.client_ca_file: "),
        (format!("{TLS}  client_auth_type: Perhaps\n"), "web.yml:4: tls_server_config.client_auth_type: "),
        (format!("{TLS}  cipher_suites: [TLS_NULL]\n"), "web.yml:4: tls_server_config.cipher_suites: "),
        (format!("{TLS}  min_version: SSL3\n"), "web.yml:4: tls_server_config.min_version: "),
        (TLS.replace("server.pem", "nowhere.pem"), "nowhere.pem: no such file or directory"),
        (TLS.replace("server.key", "ca.key"), "web.yml:3: tls_server_config.key_file: "),
        (TLS.replace("server.pem", "server.key"), "web.yml:2: tls_server_config.cert_file: no certificate in it"),
        ("rate_limit:\n  interval: often\n".to_owned(), "web.yml:2: rate_limit.interval: "),
    ] {
        place.configure(&text);
        let flags = [
            format!("--web.config.file={}", place.file("web.yml")),
            format!("--web.listen-address=127.0.0.1:{}", free_port()),
        ];
        let mut ours = Program::start(env!("CARGO_BIN_EXE_vitals-agent"), &flags);
        assert!(!ours.wait(Duration::from_secs(20)).success(), "{text}");
        let said = ours.output();
        assert!(said.lines().last().is_some_and(|line| line.contains(complaint)), "{text}\n{said}");
        if let Some(theirs) = &theirs {
            let mut theirs = Program::start(&theirs.path, &flags);
            assert!(!theirs.wait(Duration::from_secs(20)).success(), "{text}");
        }
    }
}

#[test]
fn a_burst_of_requests_is_answered_and_more_are_turned_away() {
    let Some(place) = Place::new() else { return };
    let agent = place.agent("rate_limit:\n  interval: 1h\n  burst: 3\n");
    let mut programs = vec![agent];
    programs.extend(place.node_exporter());
    for served in &programs {
        let statuses: Vec<u16> = (0..5).map(|_| served.http("/metrics", &[]).status).collect();
        assert_eq!(statuses, [200, 200, 200, 429, 429]);
        assert_eq!(served.http("/", &[]).body, "Too Many Requests\n");
    }
}

#[test]
fn a_real_prometheus_scrapes_with_certificate_and_password() {
    let Some(place) = Place::new() else { return };
    let Some(prometheus) = peer("prometheus") else {
        rig::skip("a real Prometheus scrapes over TLS", "the peer is not there (tests/setup fetches it)");
        return;
    };
    place.authority.issue("prometheus", "DNS:prometheus.test");
    let agent = place.agent(&format!(
        "{TLS}  client_ca_file: ca.pem\n  client_auth_type: RequireAndVerifyClientCert\n  client_allowed_sans: \
         [prometheus.test]\nbasic_auth_users:\n  ali: {FRIEND}\n"
    ));
    let job = |name: &str, password: &str, certificate: &str| {
        format!(
            "- job_name: {name}\n  scheme: https\n  scrape_interval: 1s\n  static_configs:\n  - targets: \
             ['localhost:{}']\n  basic_auth:\n    username: ali\n    password: {password}\n  tls_config:\n    ca_file: \
             {}\n{certificate}",
            agent.port,
            place.file("ca.pem")
        )
    };
    let certificate =
        format!("    cert_file: {}\n    key_file: {}\n", place.file("prometheus.pem"), place.file("prometheus.key"));
    let jobs = [job("good", "friend", &certificate), job("wrong", "foe", &certificate), job("bare", "friend", "")];
    fs::write(place.file("prometheus.yml"), format!("scrape_configs:\n{}", jobs.concat())).expect("written");
    let address = format!("127.0.0.1:{}", free_port());
    let arguments = [
        format!("--config.file={}", place.file("prometheus.yml")),
        format!("--storage.tsdb.path={}", place.file("data")),
        format!("--web.listen-address={address}"),
    ];
    let mut program = Program::start(&prometheus.path, &arguments);
    program.wait_ready(&address, "/-/ready");
    let errors = wait_until("a scrape of each job", Duration::from_secs(30), || {
        let targets = rig::get(&address, "/api/v1/targets").ok()?.json();
        let targets = targets["data"]["activeTargets"].as_array()?.clone();
        let is_done = targets.len() == 3 && targets.iter().all(|one| one["health"] != "unknown");
        is_done.then(|| {
            let error = |one: &serde_json::Value| one["lastError"].as_str().unwrap_or("?").to_owned();
            targets.iter().map(|one| (one["labels"]["job"].as_str().unwrap_or("").to_owned(), error(one))).collect()
        })
    });
    let errors: std::collections::BTreeMap<String, String> = errors;
    assert_eq!(errors["good"], "");
    assert!(errors["wrong"].contains("401"), "{errors:?}");
    assert!(!errors["bare"].is_empty(), "no certificate, no answer: {errors:?}");
}
