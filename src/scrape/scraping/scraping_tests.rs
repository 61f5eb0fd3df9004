//! Whole scraping over real sockets, with targets that behave badly.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use exposition::Gzip;
use model::Labels;

use super::fake_target::{Behaviour, FakeTarget, answer, ok};
use super::intake::Stores;
use super::memory_appender::MemoryAppender;
use super::pool::Pool;
use super::target_loop::Shop;
use super::workshop::Workshop;
use super::{Health, ScrapeOptions, Scraping, TargetStatus};
use crate::config::Config;
use crate::discovery::Target;

const OPTIONS: ScrapeOptions = ScrapeOptions { workers: 2, seed: 1 };

/// One job named `j` with these targets; `settings` are further keys, each on its own line.
fn config(targets: &[&FakeTarget], settings: &str) -> Config {
    let addresses: Vec<_> = targets.iter().map(|target| format!("{:?}", target.address.to_string())).collect();
    let settings: String = settings.lines().map(|line| format!("    {line}\n")).collect();
    let yaml = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n  - job_name: j\n{settings}    \
         static_configs: [{{targets: [{}]}}]\n",
        addresses.join(", ")
    );
    Config::parse(&yaml, Path::new("test.yml")).unwrap()
}

async fn start(config: &Config) -> (Arc<Scraping>, Arc<MemoryAppender>) {
    let appender = MemoryAppender::new();
    (Scraping::start(config, appender.clone(), OPTIONS).await, appender)
}

/// Waits until it is so; fails after a time that is long even for a busy machine.
async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never came: {what}");
}

fn status(scraping: &Scraping, target: &FakeTarget) -> TargetStatus {
    let address = target.address.to_string();
    let targets = scraping.active_targets();
    targets.into_iter().find(|status| status.url.contains(&address)).expect("an active target")
}

fn series(name: &str, target: &FakeTarget) -> String {
    format!(r#"{name}{{instance="{}", job="j"}}"#, target.address)
}

#[tokio::test]
async fn a_good_target_is_scraped_over_one_connection() {
    let target = FakeTarget::page("# TYPE a counter\na 1\n").await;
    let (scraping, appender) = start(&config(&[&target], "")).await;
    eventually("three scrapes", || appender.values(&series("a", &target)).len() >= 3).await;
    assert_eq!(status(&scraping, &target).health, Health::Up);
    assert_eq!(target.connections(), 1);
    assert_eq!(scraping.metadata()["a"].len(), 1);
    let stats = scraping.stats();
    assert_eq!((stats.targets, stats.cache_entries), (1, 1));
    assert!(stats.scrapes_total >= 3 && stats.samples_accepted_total >= 18 && stats.failures_total.is_empty());
    scraping.stop(false).await;
    assert!(!appender.values(&series("a", &target)).contains(&"stale".to_owned()));
    assert!(scraping.active_targets().is_empty());
}

#[tokio::test]
async fn a_request_says_who_asks_and_how_long_it_waits() {
    let target = FakeTarget::page("a 1\n").await;
    let settings = "basic_auth: {username: u, password: p}\nparams: {x: [y]}\nmetrics_path: /m";
    let (scraping, _) = start(&config(&[&target], settings)).await;
    eventually("a request", || !target.requests().is_empty()).await;
    scraping.stop(false).await;
    let request = target.requests()[0].to_lowercase();
    for part in [
        "get /m",
        concat!("user-agent: vitals/", env!("CARGO_PKG_VERSION"), "\r\n"),
        "x-prometheus-scrape-timeout-seconds: 1\r\n",
        "accept-encoding: gzip\r\n",
        "accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,",
        "authorization: basic dtpw\r\n",
    ] {
        assert!(request.contains(part), "{part:?} is not in {request}");
    }
}

#[tokio::test]
async fn a_compressed_page_is_read() {
    let mut packed = Vec::new();
    Gzip::default().compress(b"a 1\n", &mut packed);
    let bytes = answer("200 OK", "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n", &packed);
    let target = FakeTarget::new(Behaviour::Answer(bytes)).await;
    let (scraping, appender) = start(&config(&[&target], "")).await;
    eventually("a sample", || !appender.values(&series("a", &target)).is_empty()).await;
    scraping.stop(false).await;
}

#[tokio::test]
async fn every_kind_of_bad_target_costs_only_itself() {
    let text = "Content-Type: text/plain\r\n";
    let gzip = "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n";
    let mut bomb = Vec::new();
    Gzip::default().compress(&vec![b'\n'; 10_000_000], &mut bomb);
    let short = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\na 1\n".to_vec();
    let long = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\na 1\nb 1\n".to_vec();
    let huge = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 99999999999\r\n\r\na 1\n".to_vec();
    let cases = [
        (Behaviour::Hang, "no complete answer within 1000 ms"),
        (Behaviour::Drip, "no complete answer within 1000 ms"),
        (Behaviour::Flood, "body size limit exceeded (100000 bytes)"),
        (Behaviour::AnswerAndClose(short), "the connection was closed after 4 of 1000 bytes of the body"),
        (Behaviour::AnswerAndClose(long), "line 2: expected a number, found the end of the line"),
        (Behaviour::Answer(huge), "body size limit exceeded (100000 bytes)"),
        (Behaviour::AnswerAndClose(Vec::new()), "the connection was closed before a response came"),
        (Behaviour::AnswerAndClose(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), "the response is not valid HTTP"),
        (Behaviour::Answer(answer("503 Service Unavailable", text, b"a 1\n")), "server returned HTTP status 503"),
        (Behaviour::Answer(answer("200 OK", "Content-Type: text/html\r\n", b"")), "the target sent the unsupported"),
        (Behaviour::Answer(answer("200 OK", "", b"a 1\n")), "the target sent no Content-Type"),
        (Behaviour::Answer(answer("200 OK", gzip, b"a 1\n")), "the compressed body is broken"),
        (Behaviour::Answer(answer("200 OK", gzip, &bomb[..2000])), "body size limit exceeded (100000 bytes)"),
        (
            Behaviour::Answer(answer("200 OK", "Content-Type: text/plain\r\nContent-Encoding: br\r\n", b"")),
            "unsupported",
        ),
        (Behaviour::Answer(ok("a 1\nb{x=\"1\" 2\n")), "line 2: expected a comma"),
    ];
    let good = FakeTarget::page("a 1\n").await;
    let mut bad = Vec::new();
    for (behaviour, _) in &cases {
        bad.push(FakeTarget::new(behaviour.clone()).await);
    }
    let mut targets: Vec<&FakeTarget> = bad.iter().collect();
    targets.push(&good);
    let (scraping, appender) = start(&config(&targets, "body_size_limit: 100000B")).await;
    eventually("all were scraped", || scraping.active_targets().iter().all(|status| status.health != Health::Unknown))
        .await;
    let before = appender.values(&series("a", &good)).len();
    eventually("the good one goes on", || appender.values(&series("a", &good)).len() >= before + 3).await;
    for (target, (behaviour, error)) in bad.iter().zip(&cases) {
        let status = status(&scraping, target);
        assert_eq!(status.health, Health::Down, "{behaviour:?}");
        assert!(status.last_error.starts_with(error), "{error} is not the start of {}", status.last_error);
        assert!(appender.values(&series("up", target)).iter().all(|value| value == "0"));
        assert_eq!(appender.values(&series("a", target)), Vec::<String>::new());
    }
    let failures = scraping.stats().failures_total;
    for reason in ["timeout", "body_size_limit", "connection", "http_status", "content_type", "compression", "parse"] {
        assert!(failures.contains_key(reason), "{reason}: {failures:?}");
    }
    scraping.stop(false).await;
}

#[tokio::test]
async fn a_target_that_recovers_is_up_again() {
    let target = FakeTarget::page("a 1\n").await;
    let (scraping, appender) = start(&config(&[&target], "")).await;
    eventually("up", || status(&scraping, &target).health == Health::Up).await;
    target.behave(Behaviour::AnswerAndClose(Vec::new()));
    eventually("down", || status(&scraping, &target).health == Health::Down).await;
    target.behave(Behaviour::Answer(ok("a 2\n")));
    eventually("up again", || status(&scraping, &target).health == Health::Up).await;
    scraping.stop(false).await;
    let mut values = appender.values(&series("a", &target));
    values.dedup();
    assert_eq!(values, ["1", "stale", "2"]);
}

#[tokio::test]
async fn a_reload_leaves_unchanged_targets_alone_and_ends_the_others() {
    let (kept, gone) = (FakeTarget::page("a 1\n").await, FakeTarget::page("a 1\n").await);
    let (scraping, appender) = start(&config(&[&kept, &gone], "")).await;
    eventually("both are up", || scraping.active_targets().iter().all(|status| status.health == Health::Up)).await;
    scraping.reload(&config(&[&kept], "")).await;
    assert_eq!(scraping.active_targets().len(), 1);
    assert_eq!(appender.values(&series("a", &gone)).last().map(String::as_str), Some("stale"));
    assert_eq!(appender.values(&series("up", &gone)).last().map(String::as_str), Some("stale"));
    let before = appender.values(&series("a", &kept)).len();
    eventually("the other goes on", || appender.values(&series("a", &kept)).len() >= before + 2).await;
    assert_eq!(kept.connections(), 1);

    let resolved = appender.resolved();
    scraping.reload(&config(&[&kept], "scrape_timeout: 999ms")).await;
    let before = appender.values(&series("a", &kept)).len();
    eventually("it goes on under new settings", || appender.values(&series("a", &kept)).len() >= before + 2).await;
    assert_eq!((kept.connections(), appender.resolved()), (2, resolved));

    scraping.stop(true).await;
    let values = appender.values(&series("a", &kept));
    assert_eq!(values.iter().position(|value| value == "stale"), Some(values.len() - 1));
    assert_eq!(appender.values(&series("up", &kept)).last().map(String::as_str), Some("stale"));
}

#[tokio::test]
async fn beyond_the_target_limit_no_target_is_asked() {
    let (one, two) = (FakeTarget::page("a 1\n").await, FakeTarget::page("a 1\n").await);
    let (scraping, appender) = start(&config(&[&one, &two], "target_limit: 1")).await;
    eventually("both are down", || scraping.active_targets().iter().all(|status| status.health == Health::Down)).await;
    let error = "target_limit exceeded (number of targets: 2, limit: 1)";
    assert_eq!((status(&scraping, &one).last_error.as_str(), one.requests().len()), (error, 0));
    assert!(!appender.values(&series("up", &two)).is_empty());
    scraping.reload(&config(&[&one], "target_limit: 1")).await;
    eventually("the one that is left is up", || status(&scraping, &one).health == Health::Up).await;
    scraping.stop(false).await;
}

#[tokio::test]
async fn a_changed_target_file_is_followed() {
    let (first, second) = (FakeTarget::page("a 1\n").await, FakeTarget::page("a 2\n").await);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("targets.json");
    let list = |target: &FakeTarget| format!("[{{\"targets\": [\"{}\"]}}]", target.address);
    std::fs::write(&file, list(&first)).unwrap();
    let settings = format!("file_sd_configs: [{{files: [{:?}]}}]", file.display().to_string());
    let (scraping, appender) = start(&config(&[], &settings)).await;
    eventually("the first is up", || status(&scraping, &first).health == Health::Up).await;
    std::fs::write(&file, list(&second)).unwrap();
    eventually("the second is there", || !appender.values(&series("a", &second)).is_empty()).await;
    assert_eq!(scraping.active_targets().len(), 1);
    assert_eq!(appender.values(&series("a", &first)).last().map(String::as_str), Some("stale"));
    scraping.stop(false).await;
}

#[tokio::test]
async fn dropped_targets_are_listed_with_their_labels() {
    let target = FakeTarget::page("a 1\n").await;
    let settings = "relabel_configs: [{action: drop, source_labels: [__address__], regex: '.*'}]";
    let (scraping, _) = start(&config(&[&target], settings)).await;
    let dropped = scraping.dropped_targets();
    assert_eq!((dropped.len(), dropped[0].scrape_pool.as_str(), &dropped[0].error), (1, "j", &None));
    assert_eq!(dropped[0].discovered.get("__address__"), Some(target.address.to_string().as_str()));
    assert_eq!((scraping.active_targets().len(), scraping.scrape_pools()), (0, vec!["j".to_owned()]));
    scraping.stop(false).await;
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_target_that_hangs() {
    let fake = FakeTarget::new(Behaviour::Hang).await;
    let target = Target {
        labels: Labels::from_pairs([("instance", "i")]),
        discovered: Labels::empty(),
        url: format!("http://{}/metrics", fake.address),
        scrape_interval_ms: 10,
        scrape_timeout_ms: 3_600_000,
    };
    let stores = Stores { appender: MemoryAppender::new(), counters: Default::default(), metadata: Default::default() };
    let shop = Arc::new(Shop { stores, workshop: Workshop::new(1), seed: 0 });
    let config = Arc::new(config(&[], "").scrape_configs[0].clone());
    let mut pool = Pool::new(config.clone(), shop);
    pool.sync(config, vec![target], Vec::new()).await;
    eventually("a request", || !fake.requests().is_empty()).await;
    let stopped = tokio::time::timeout(Duration::from_secs(600), pool.stop(true)).await;
    assert!(stopped.is_ok());
}
