//! The endpoints when somebody asks for too much, goes away in the middle, or asks for what makes no sense.

use std::future::poll_fn;
use std::task::Poll;

use http::{Method, percent_encode};

use crate::shape_tests::{Rig, running, running_with};

async fn eventually(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

fn write_config(rig: &Rig, text: &str) {
    std::fs::write(rig.folder.path().join("prometheus.yml"), text).expect("written");
}

const TWO_JOBS: &str = "scrape_configs: [{job_name: a}, {job_name: b}]\n";
const THREE_JOBS: &str = "scrape_configs: [{job_name: c}, {job_name: d}, {job_name: e}]\n";

#[tokio::test]
async fn a_client_that_goes_away_during_its_reload_does_not_stop_it_half_way() {
    let rig = running_with(TWO_JOBS, &["--web.enable-lifecycle"]).await;
    write_config(&rig, THREE_JOBS);
    {
        let mut request = Box::pin(rig.ask(Method::POST, "/-/reload"));
        poll_fn(|cx| {
            assert!(request.as_mut().poll(cx).is_pending(), "the file is not read yet");
            Poll::Ready(())
        })
        .await;
    }
    let pools = || rig.aggregator.running().expect("running").scraping.scrape_pools();
    eventually(|| pools() == ["c", "d", "e"]).await;
    eventually(|| rig.aggregator.config().config.scrape_configs.len() == 3).await;
}

#[tokio::test]
async fn reloads_at_once_come_one_after_the_other_and_no_more_than_a_few_wait() {
    let rig = running_with(TWO_JOBS, &["--web.enable-lifecycle"]).await;
    let held = rig.aggregator.reloading.lock().await;
    write_config(&rig, THREE_JOBS);
    let mut reloads = Vec::new();
    for _ in 0..20 {
        let aggregator = rig.aggregator.clone();
        reloads.push(tokio::spawn(async move { aggregator.reload().await }));
    }
    eventually(|| reloads.iter().filter(|reload| reload.is_finished()).count() == 12).await;
    drop(held);
    let mut refused = 0;
    for reload in reloads {
        if let Err(reason) = reload.await.expect("no panic") {
            assert_eq!(reason, "8 reloads are waiting already");
            refused += 1;
        }
    }
    assert_eq!(refused, 12);
    assert_eq!(rig.ask(Method::POST, "/-/reload").await.status.as_u16(), 200, "none is counted any more");
    assert!(rig.data("/api/v1/scrape_pools").await.contains(r#"["c","d","e"]"#));
}

#[tokio::test]
async fn at_the_end_nothing_is_reloaded_any_more() {
    let rig = running_with(TWO_JOBS, &["--web.enable-lifecycle"]).await;
    rig.aggregator.set_stopping();
    write_config(&rig, THREE_JOBS);
    let refused = rig.ask(Method::POST, "/-/reload").await;
    assert_eq!(refused.status.as_u16(), 500);
    assert_eq!(refused.body.as_ref(), b"failed to reload config: the program is ending\n");
    assert_eq!(rig.aggregator.running().expect("running").scraping.scrape_pools(), ["a", "b"]);
}

#[tokio::test]
async fn queries_that_find_no_memory_are_refused_and_later_answered() {
    let rig = running(&[]).await;
    let stats = rig.aggregator.queries.stats();
    let others = rig.aggregator.queries.lease();
    others.cover(stats.memory_limit_bytes).expect("all of it");
    let asked = ["query?query=up", "query_range?query=up&start=0&end=1&step=1", "series?match[]=up", "labels"];
    let asked = asked.into_iter().chain(["label/job/values", "label/job/values?match[]=up&match[]=up", "status/tsdb"]);
    let asked =
        asked.chain(["format_query?query=up", "query_exemplars?query=up", "targets/metadata?match_target={a='b'}"]);
    for target in asked.clone() {
        let (status, text) = rig.error(&format!("/api/v1/{target}")).await;
        assert_eq!(status, 422, "{target}");
        assert!(text.starts_with("execution: the ") && text.ends_with("memory for all queries are taken"), "{text}");
    }
    let refused = format!("\nvitals_query_memory_refused_total {}\n", asked.clone().count());
    let page = rig.get("/metrics").await.1;
    assert!(page.contains(&refused), "{refused} is not in {page}");
    assert!(page.contains(&format!("\nvitals_query_memory_bytes {}\n", stats.memory_limit_bytes)), "{page}");
    drop(others);
    for target in asked {
        rig.data(&format!("/api/v1/{target}")).await;
    }
    assert_eq!(rig.aggregator.queries.stats().memory_bytes, 0);
}

#[tokio::test]
async fn a_text_is_refused_before_it_takes_a_thousand_times_its_size() {
    let rig = running(&[]).await;
    let long = format!("{{{}}}", "a=\"b\",".repeat(200_000));
    for (target, parameter) in
        [("query?query=", "query"), ("series?match[]=", "match[]"), ("labels?match[]=", "match[]")]
    {
        let (status, text) = rig.error(&format!("/api/v1/{target}{}", percent_encode(&long))).await;
        let wanted = format!("bad_data: invalid parameter \"{parameter}\": longer than 1048576 bytes");
        assert_eq!((status, text), (400, wanted), "{target}");
    }
    let (status, text) = rig.error(&format!("/api/v1/labels?{}", "x&".repeat(10_001))).await;
    assert_eq!((status, text.as_str()), (400, "bad_data: error parsing form values: more than 10000 values"));
}

#[tokio::test]
async fn times_steps_and_limits_of_any_size_get_an_answer() {
    let rig = running(&[]).await;
    const NUMBERS: &[&str] = &[
        "NaN",
        "Inf",
        "-Inf",
        "0",
        "-0",
        "-1",
        "1",
        "0.0001",
        "1e-300",
        "1e300",
        "1e18",
        "-1e18",
        "9.2e15",
        "-9.2e15",
        "1700000000",
        "9223372036854775807",
        "-9223372036854775808",
        "99999999999999999999",
        "1y",
        "292y",
        "-1s",
        "x",
        "2023-11-14T22:13:20Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999999Z",
        "292277025-08-18T07:12:54Z",
        "-292273086-05-16T16:47:06Z",
        "292277025-08-18T07:12:54.999999999Z",
        "%F0%9F%92%A9",
    ];
    const QUERIES: &[&str] = &[
        "up",
        "up offset 290y",
        "up offset -290y",
        "rate(up[290y])",
        "max_over_time(up[290y:1d] offset -290y)",
        "up @ 9e15",
        "up @ -9e15",
        "timestamp(up)",
        "vector(time())",
        "count_over_time(up[1h:1ms])",
        "max_over_time(up[290y:1ms])",
    ];
    let mut targets = Vec::new();
    for number in NUMBERS {
        for parameter in ["time", "timeout", "limit", "lookback_delta"] {
            targets.push(format!("query?query=up&{parameter}={number}"));
        }
        for query in QUERIES {
            let query = percent_encode(query);
            targets.push(format!("query?query={query}&time={number}&timeout=1s"));
            targets.push(format!("query_range?query={query}&start={number}&end={number}&step=1&timeout=1s"));
        }
        for other in NUMBERS {
            targets.push(format!("query_range?query=up&start={number}&end={other}&step=1e15"));
            targets.push(format!("query_range?query=up&start=0&end={number}&step={other}&timeout=1s"));
        }
        for endpoint in ["series?match[]=up&", "labels?", "label/job/values?", "query_exemplars?query=up&"] {
            for parameter in ["start", "end", "limit"] {
                targets.push(format!("{endpoint}{parameter}={number}"));
            }
        }
        for endpoint in ["metadata", "targets/metadata", "status/tsdb"] {
            targets.push(format!("{endpoint}?limit={number}&limit_per_metric={number}"));
        }
    }
    for target in targets {
        let (status, body) = rig.get(&format!("/api/v1/{target}")).await;
        assert!(matches!(status, 200 | 400 | 422 | 503), "{target}: {status} {body}");
        assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok(), "{target}: {body}");
    }
    assert_eq!(rig.aggregator.queries.stats().panics_total, 0);
}

#[tokio::test]
async fn a_range_has_at_most_eleven_thousand_steps() {
    let rig = running(&[]).await;
    let range = |end: &str| format!("/api/v1/query_range?query=vector(1)&start=0&end={end}&step=1");
    assert!(rig.data(&range("11000")).await.contains(r#"[11000,"1"]"#));
    assert_eq!(rig.error(&range("11001")).await.0, 400);
    assert_eq!(rig.error("/api/v1/query_range?query=1&start=-9e15&end=9e15&step=1").await.0, 400);
}
