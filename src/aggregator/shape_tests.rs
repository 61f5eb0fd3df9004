//! Every endpoint with real parts behind it: a database in a temporary folder whose clock stands still, scraping
//! without targets, and the program's own router. Bodies are compared as text, since clients read them so.

use std::sync::Arc;

use http::{Limits, Method, Request, Response, Router, percent_encode};
use model::{Appender, Batch, Labels, Sample};
use scrape::{Config, ScrapeOptions, Scraping};
use tsdb::{Clock, Options, Tsdb};

use crate::budget::Budget;
use crate::flag_values::{CommandLine, FlagValues};
use crate::flags::Flags;
use crate::program::{Aggregator, Running};
use crate::run::router;

const NOW_MS: i64 = 1_700_000_000_000;

pub(crate) struct Rig {
    pub(crate) aggregator: Arc<Aggregator>,
    router: Router,
    pub(crate) folder: tempfile::TempDir,
}

const CONFIG: &str = "global: {scrape_interval: 7s}\n";

/// A program that does not answer queries yet.
fn starting(config: &str, arguments: &[&str]) -> Rig {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("prometheus.yml");
    std::fs::write(&file, config).expect("written");
    let config_file = format!("--config.file={}", file.display());
    let own = ["vitals-aggregator".to_owned(), config_file].into_iter();
    let given = arguments.iter().map(|argument| (*argument).to_owned());
    let CommandLine::Run(values) = FlagValues::parse(own.chain(given)).expect("readable") else { panic!("no flags") };
    let config = Config::load(&file).expect("a valid configuration");
    let flags = Flags::new(values).expect("valid");
    let limits = Limits { connections: flags.max_connections, ..Limits::default() };
    let aggregator = Aggregator::new(flags, Budget::of_this_machine(), limits, config, Arc::default());
    let router = router(&aggregator);
    Rig { aggregator, router, folder }
}

/// A program with `up{job="a"}` (1, at NOW and 15 s before) and `up{job="b",zone="<x>"}` (0.5, at NOW).
pub(crate) async fn running(arguments: &[&str]) -> Rig {
    running_with(CONFIG, arguments).await
}

pub(crate) async fn running_with(config: &str, arguments: &[&str]) -> Rig {
    let rig = starting(config, arguments);
    let clock = Clock::new(|| NOW_MS);
    let options = Options { background: false, clock, ..Options::new(rig.folder.path().join("data")) };
    let (tsdb, _) = Tsdb::open(options).expect("a database");
    let first = tsdb.resolve(&Labels::from_pairs([("__name__", "up"), ("job", "a")])).expect("a series");
    let second =
        tsdb.resolve(&Labels::from_pairs([("__name__", "up"), ("job", "b"), ("zone", "<x>")])).expect("a series");
    for (series, timestamp_ms, value) in [(first, NOW_MS - 15_000, 1.0), (first, NOW_MS, 1.0), (second, NOW_MS, 0.5)] {
        let mut batch = Batch::default();
        batch.push(series, Sample { timestamp_ms, value });
        assert_eq!(tsdb.commit(&batch).expect("committed").accepted, 1);
    }
    let options = ScrapeOptions { workers: 1, seed: 0 };
    let scraping = Scraping::start(&rig.aggregator.config().config, Arc::new(tsdb.clone()), options).await;
    rig.aggregator.start_answering(Running { tsdb, scraping });
    rig
}

impl Rig {
    pub(crate) async fn ask(&self, method: Method, target: &str) -> Response {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Request::get(path, query);
        request.method = method;
        self.router.answer(request).await
    }

    /// Status and body of a GET.
    pub(crate) async fn get(&self, target: &str) -> (u16, String) {
        let response = self.ask(Method::GET, target).await;
        (response.status.as_u16(), String::from_utf8_lossy(&response.body).into_owned())
    }

    /// The `data` of an answer that has to be a success.
    pub(crate) async fn data(&self, target: &str) -> String {
        let (status, body) = self.get(target).await;
        let data = body.strip_prefix(r#"{"status":"success","data":"#).and_then(|rest| rest.strip_suffix('}'));
        assert_eq!(status, 200, "{target}: {body}");
        data.unwrap_or_else(|| panic!("{target}: {body}")).to_owned()
    }

    /// Status, type and text of an answer that has to be an error.
    pub(crate) async fn error(&self, target: &str) -> (u16, String) {
        let (status, body) = self.get(target).await;
        let value: serde_json::Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{target}: {body}"));
        assert_eq!(value["status"], "error", "{target}");
        (status, format!("{}: {}", value["errorType"].as_str().unwrap_or(""), value["error"].as_str().unwrap_or("")))
    }

    async fn query(&self, text: &str) -> String {
        self.data(&format!("/api/v1/query?time=1700000000&query={}", percent_encode(text))).await
    }
}

#[tokio::test]
async fn values_of_each_type_have_prometheus_form() {
    let rig = running(&[]).await;
    for (text, data) in [
        ("1.5", r#"{"resultType":"scalar","result":[1700000000,"1.5"]}"#),
        ("'a\"b'", r#"{"resultType":"string","result":[1700000000,"a\"b"]}"#),
        ("nothing", r#"{"resultType":"vector","result":[]}"#),
        (
            "up",
            "{\"resultType\":\"vector\",\"result\":[\
             {\"metric\":{\"__name__\":\"up\",\"job\":\"a\"},\"value\":[1700000000,\"1\"]},\
             {\"metric\":{\"__name__\":\"up\",\"job\":\"b\",\"zone\":\"<x>\"},\"value\":[1700000000,\"0.5\"]}]}",
        ),
        (
            "up{job='a'}[1m]",
            "{\"resultType\":\"matrix\",\"result\":[{\"metric\":{\"__name__\":\"up\",\"job\":\"a\"},\
             \"values\":[[1699999985,\"1\"],[1700000000,\"1\"]]}]}",
        ),
    ] {
        assert_eq!(rig.query(text).await, data, "{text}");
    }
    let range = "/api/v1/query_range?query=up{zone!=''}*2&start=1699999999.5&end=1700000001&step=0.75";
    assert_eq!(
        rig.data(range).await,
        "{\"resultType\":\"matrix\",\"result\":[{\"metric\":{\"job\":\"b\",\"zone\":\"<x>\"},\
         \"values\":[[1700000000.250,\"1\"],[1700000001,\"1\"]]}]}"
    );
}

#[tokio::test]
async fn a_posted_form_asks_as_well_as_a_query_string() {
    let rig = running(&[]).await;
    let mut request = Request::get("/api/v1/query", "query=ignored(");
    request.method = Method::POST;
    request.headers.insert("content-type", "application/x-www-form-urlencoded".parse().expect("a header"));
    request.body = "query=up%7Bjob%3D%22a%22%7D&time=1700000000".into();
    let body = rig.router.answer(request).await.body;
    assert!(String::from_utf8_lossy(&body).contains(r#""value":[1700000000,"1"]"#));
}

#[tokio::test]
async fn limits_warnings_infos_and_stats_are_told() {
    let rig = running(&[]).await;
    let limited = rig.data("/api/v1/query?query=up&time=1700000000&limit=1").await;
    assert!(
        limited.ends_with(r#""value":[1700000000,"1"]}]},"warnings":["results truncated due to limit"]"#),
        "{limited}"
    );
    let hinted = rig.query("rate(up[1m])").await;
    assert!(hinted.contains(r#","infos":["PromQL info: metric might not be a counter"#), "{hinted}");
    let stats = rig.data("/api/v1/query?query=up&time=1700000000&stats=all").await;
    let stats: serde_json::Value = serde_json::from_str(&stats).expect("JSON");
    let keys = |value: &serde_json::Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&stats["stats"]["samples"]), ["peakSamples", "totalQueryableSamples"]);
    assert_eq!(
        keys(&stats["stats"]["timings"]),
        ["evalTotalTime", "execQueueTime", "execTotalTime", "innerEvalTime", "queryPreparationTime", "resultSortTime"]
    );
}

#[tokio::test]
async fn errors_have_prometheus_status_type_and_text() {
    let rig = running(&[]).await;
    for (target, status, text) in [
        (
            "query",
            400,
            "bad_data: invalid parameter \"query\": unknown position: parse error: no expression found in input",
        ),
        ("query?query=sum(", 400, "bad_data: invalid parameter \"query\": 1:5: parse error: unclosed left parenthesis"),
        (
            "query?query=up&time=foo",
            400,
            "bad_data: invalid parameter \"time\": invalid time value for 'time': cannot parse \"foo\" to a valid timestamp",
        ),
        (
            "query?query=up&timeout=foo",
            400,
            "bad_data: invalid parameter \"timeout\": cannot parse \"foo\" to a valid duration",
        ),
        ("query?query=up&timeout=0", 503, "timeout: query timed out in query execution"),
        (
            "query?query=up&limit=x",
            400,
            "bad_data: invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax",
        ),
        ("query?query=up&limit=-1", 400, "bad_data: invalid parameter \"limit\": limit must be non-negative"),
        (
            "query?query=up&lookback_delta=x",
            400,
            "bad_data: error parsing lookback delta duration: cannot parse \"x\" to a valid duration",
        ),
        ("query?query=%zz", 400, "bad_data: error parsing form values: invalid URL escape \"%zz\""),
        (
            "query_range?query=up&start=1&end=0&step=1",
            400,
            "bad_data: invalid parameter \"end\": end timestamp must not be before start time",
        ),
        (
            "query_range?query=up&start=0&end=1&step=0",
            400,
            "bad_data: invalid parameter \"step\": zero or negative query resolution step widths are not accepted. \
             Try a positive integer",
        ),
        (
            "query_range?query=up&start=0&end=11001&step=1",
            400,
            "bad_data: exceeded maximum resolution of 11,000 points per timeseries. \
             Try decreasing the query resolution (?step=XX)",
        ),
        (
            "query_range?query=up[1m]&start=0&end=1&step=1",
            400,
            "bad_data: invalid parameter \"query\": invalid expression type \"range vector\" for range query, \
             must be Scalar or instant Vector",
        ),
        (
            "query_range?query=up&start=0&end=1",
            400,
            "bad_data: invalid parameter \"step\": cannot parse \"\" to a valid duration",
        ),
        ("series", 400, "bad_data: no match[] parameter provided"),
        (
            "series?match[]={}",
            400,
            "bad_data: invalid parameter \"match[]\": match[] must contain at least one non-empty matcher",
        ),
        ("labels?match[]={", 400, "bad_data: 1:2: parse error: unexpected end of input inside braces"),
        ("metadata?limit=x", 400, "bad_data: limit must be a number"),
        ("targets/metadata?limit=x", 400, "bad_data: limit must be a number"),
        ("status/tsdb?limit=0", 400, "bad_data: limit must be a positive number"),
        ("rules?type=foo", 400, "bad_data: invalid parameter \"type\": not supported value \"foo\""),
        ("query_exemplars?query=up&start=2&end=1", 400, "bad_data: end timestamp must not be before start timestamp"),
    ] {
        assert_eq!(rig.error(&format!("/api/v1/{target}")).await, (status, text.to_owned()), "{target}");
    }
    let (status, text) = rig.error("/api/v1/query?time=1700000000&query=up*on()up").await;
    assert_eq!(status, 422);
    assert!(text.starts_with("execution: found duplicate series for the match group {}"), "{text}");
    let admin = rig.ask(Method::POST, "/api/v1/admin/tsdb/snapshot").await;
    let refused = r#"{"status":"error","errorType":"unavailable","error":"admin APIs disabled"}"#;
    assert_eq!((admin.status.as_u16(), admin.body.as_ref()), (500, refused.as_bytes()));
}

#[tokio::test]
async fn queries_are_laid_out_as_prometheus_does() {
    let rig = running(&[]).await;
    for (query, laid_out) in [
        ("sum(rate(x{b='c',a='d'}[5m]))by(z)", r#"sum by (z) (rate(x{a="d",b="c"}[5m]))"#),
        (
            "histogram_quantile(0.9, sum by (le, job, namespace) (rate(http_request_duration_seconds_bucket{job='a'}[5m])))",
            "histogram_quantile(\n  0.9,\n  sum by (le, job, namespace) (rate(http_request_duration_seconds_bucket{job=\"a\"}[5m]))\n)",
        ),
        (
            "-topk(5, a_long_metric_name_to_fill_the_line{job='a'} > bool on(a) (b_long_metric_name_to_fill_the_line{job='a'}))",
            "-topk(\n  5,\n    a_long_metric_name_to_fill_the_line{job=\"a\"}\n  > bool on (a)\n    \
             (b_long_metric_name_to_fill_the_line{job=\"a\"})\n)",
        ),
        (
            "(a_really_long_metric_name_to_fill_the_line{job='a'} + b_really_long_metric_name_to_fill_the_line{job='a'})[1h:5m] offset 3m",
            "(\n    a_really_long_metric_name_to_fill_the_line{job=\"a\"}\n  +\n    \
             b_really_long_metric_name_to_fill_the_line{job=\"a\"}\n)[1h:5m] offset 3m",
        ),
    ] {
        let data = rig.data(&format!("/api/v1/format_query?query={}", percent_encode(query))).await;
        assert_eq!(serde_json::from_str::<String>(&data).expect("a text"), laid_out, "{query}");
    }
    let (status, text) = rig.error("/api/v1/format_query?query=sum(").await;
    assert_eq!(status, 400);
    assert_eq!(text, "bad_data: invalid parameter \"query\": 1:5: parse error: unclosed left parenthesis");
}

#[tokio::test]
async fn series_and_labels_are_found_and_cut_to_the_limit() {
    let rig = running(&[]).await;
    for (target, data) in [
        ("series?match[]=up{job='a'}", r#"[{"__name__":"up","job":"a"}]"#),
        (
            "series?match[]=up&match[]=up{job='a'}",
            r#"[{"__name__":"up","job":"a"},{"__name__":"up","job":"b","zone":"<x>"}]"#,
        ),
        ("series?match[]=up&limit=1", r#"[{"__name__":"up","job":"a"}],"warnings":["results truncated due to limit"]"#),
        ("series?match[]=up&start=5&end=1", "[]"),
        ("series?match[]=nothing", "[]"),
        ("labels", r#"["__name__","job","zone"]"#),
        ("labels?match[]=up{job='a'}", r#"["__name__","job"]"#),
        ("label/job/values", r#"["a","b"]"#),
        ("label/job/values?match[]=up{zone!=''}&match[]=up{job='a'}", r#"["a","b"]"#),
        ("label/job/values?limit=1", r#"["a"],"warnings":["results truncated due to limit"]"#),
        ("label/nothing/values", "[]"),
    ] {
        assert_eq!(rig.data(&format!("/api/v1/{target}")).await, data, "{target}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_an_empty_success() {
    let rig = running(&[]).await;
    for (target, data) in [
        ("targets", r#"{"activeTargets":[],"droppedTargets":[],"droppedTargetCounts":{}}"#),
        ("targets?state=active", r#"{"activeTargets":[],"droppedTargets":[],"droppedTargetCounts":null}"#),
        ("scrape_pools", r#"{"scrapePools":[]}"#),
        ("targets/metadata", "[]"),
        ("metadata", "{}"),
        ("rules", r#"{"groups":[]}"#),
        ("alerts", r#"{"alerts":[]}"#),
        ("alertmanagers", r#"{"activeAlertmanagers":[],"droppedAlertmanagers":[]}"#),
        ("notifications", "[]"),
        ("query_exemplars?query=up", "[]"),
    ] {
        assert_eq!(rig.data(&format!("/api/v1/{target}")).await, data, "{target}");
    }
}

#[tokio::test]
async fn dropped_targets_are_those_that_rules_dropped_and_all_of_them_are_counted() {
    let job = |limit: &str| {
        format!(
            "scrape_configs:\n- job_name: j\n  {limit}\n  static_configs: [{{targets: [a:1, b:1, '']}}]\n  \
             relabel_configs: [{{source_labels: [__address__], regex: '.+', action: drop}}]\n"
        )
    };
    let rig = running_with(&job(""), &[]).await;
    let answer: serde_json::Value = serde_json::from_str(&rig.data("/api/v1/targets").await).expect("JSON");
    let addresses = |answer: &serde_json::Value| {
        let dropped = answer["droppedTargets"].as_array().expect("a list");
        dropped.iter().map(|target| target["discoveredLabels"]["__address__"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(addresses(&answer), ["\"a:1\"", "\"b:1\""]);
    assert_eq!(answer["droppedTargetCounts"], serde_json::json!({ "j": 2 }));
    assert!(rig.get("/targets").await.1.contains("no address"));
    let rig = running_with(&job("keep_dropped_targets: 1"), &[]).await;
    let answer: serde_json::Value = serde_json::from_str(&rig.data("/api/v1/targets").await).expect("JSON");
    assert_eq!((addresses(&answer).len(), &answer["droppedTargetCounts"]["j"]), (1, &serde_json::json!(2)));
}

#[tokio::test]
async fn status_pages_tell_configuration_flags_and_numbers() {
    let rig = running(&["--web.enable-lifecycle"]).await;
    let json = |text: String| serde_json::from_str::<serde_json::Value>(&text).expect("JSON");
    assert!(rig.data("/api/v1/status/config").await.contains("scrape_interval: 7s"));
    let flags = json(rig.data("/api/v1/status/flags").await);
    assert_eq!((&flags["web.enable-lifecycle"], &flags["query.timeout"]), (&"true".into(), &"2m".into()));
    let tsdb = json(rig.data("/api/v1/status/tsdb?limit=1").await);
    let head = serde_json::json!({
        "numSeries": 2, "numLabelPairs": 4, "chunkCount": 2, "minTime": NOW_MS - 15_000, "maxTime": NOW_MS,
    });
    assert_eq!(tsdb["headStats"], head);
    assert_eq!(tsdb["seriesCountByMetricName"], serde_json::json!([{"name": "up", "value": 2}]));
    let runtime = json(rig.data("/api/v1/status/runtimeinfo").await);
    assert_eq!((&runtime["reloadConfigSuccess"], &runtime["storageRetention"]), (&true.into(), &"1d".into()));
    assert_eq!(json(rig.data("/api/v1/status/buildinfo").await)["version"], "3.5.3");
}

#[tokio::test]
async fn other_origins_may_ask_where_the_flag_allows_it() {
    let rig = running(&["--web.cors.origin=https://.*[.]example"]).await;
    for (origin, allowed) in [("https://a.example", true), ("https://a.example.org", false)] {
        for method in [Method::GET, Method::OPTIONS] {
            let mut request = Request::get("/api/v1/labels", "");
            request.method = method;
            request.headers.insert("origin", origin.parse().expect("a header"));
            let headers = rig.router.answer(request).await.headers;
            assert_eq!(headers.get("access-control-allow-origin").is_some(), allowed, "{origin}");
            assert_eq!(headers["vary"], "Origin");
        }
    }
}

#[tokio::test]
async fn before_the_replay_has_ended_only_health_and_pages_answer() {
    let rig = starting(CONFIG, &[]);
    for (target, status) in
        [("/-/healthy", 200), ("/-/ready", 503), ("/api/v1/query?query=up", 503), ("/metrics", 200), ("/", 200)]
    {
        assert_eq!(rig.get(target).await.0, status, "{target}");
    }
}

#[tokio::test]
async fn health_and_readiness_are_told_in_the_words_that_scripts_look_for() {
    let rig = running(&[]).await;
    assert_eq!(rig.get("/-/healthy").await, (200, "Prometheus Server is Healthy.\n".to_owned()));
    assert_eq!(rig.get("/-/ready").await, (200, "Prometheus Server is Ready.\n".to_owned()));
    rig.aggregator.set_stopping();
    assert_eq!(rig.get("/-/ready").await, (503, "Service Unavailable".to_owned()));
}

#[tokio::test]
async fn a_reload_keeps_the_former_configuration_before_a_bad_one() {
    let rig = running(&["--web.enable-lifecycle"]).await;
    let file = rig.folder.path().join("prometheus.yml");
    std::fs::write(&file, "global:\n  scrape_intervall: 5s\n").expect("written");
    let refused = rig.ask(Method::POST, "/-/reload").await;
    let text = String::from_utf8_lossy(&refused.body).into_owned();
    assert_eq!(refused.status.as_u16(), 500);
    assert!(text.contains("prometheus.yml:2") && text.contains("scrape_intervall"), "{text}");
    assert!(rig.data("/api/v1/status/config").await.contains("scrape_interval: 7s"));
    assert!(rig.get("/metrics").await.1.contains("\nprometheus_config_last_reload_successful 0\n"));

    std::fs::write(&file, "global:\n  scrape_interval: 9s\n").expect("written");
    assert_eq!(rig.ask(Method::PUT, "/-/reload").await.status.as_u16(), 200);
    assert!(rig.data("/api/v1/status/config").await.contains("scrape_interval: 9s"));
    assert!(rig.get("/metrics").await.1.contains("\nprometheus_config_last_reload_successful 1\n"));
}

#[tokio::test]
async fn lifecycle_needs_its_flag_and_a_method_that_changes_things() {
    let rig = running(&[]).await;
    for path in ["/-/reload", "/-/quit"] {
        let refused = rig.ask(Method::POST, path).await;
        assert_eq!(
            (refused.status.as_u16(), refused.body.as_ref()),
            (403, b"Lifecycle API is not enabled.".as_slice())
        );
        assert_eq!(rig.get(path).await, (405, "Only POST or PUT requests allowed".to_owned()));
    }
    let rig = running(&["--web.enable-lifecycle"]).await;
    assert_eq!(rig.ask(Method::POST, "/-/quit").await.status.as_u16(), 200);
    rig.aggregator.quit.notified().await;
}

#[tokio::test]
async fn own_metrics_have_prometheus_names_and_every_limit() {
    let rig = running(&["--query.max-concurrency=3"]).await;
    let (_, page) = rig.get("/metrics").await;
    for line in [
        "prometheus_tsdb_head_series 2",
        "prometheus_tsdb_head_samples_appended_total{type=\"float\"} 3",
        "prometheus_engine_queries_concurrent_max 3",
        "prometheus_ready 1",
        "vitals_http_connections_limit 512",
        "vitals_query_max_samples 50000000",
        "# TYPE process_cpu_seconds_total counter",
        "# TYPE vitals_tsdb_series_limit gauge",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
    }
    let mut request = Request::get("/metrics", "");
    let accept = "application/openmetrics-text;version=1.0.0".parse().expect("a header");
    request.headers.insert("accept", accept);
    assert!(rig.router.answer(request).await.body.ends_with(b"# EOF\n"));
}

#[tokio::test]
async fn everything_lies_below_the_route_prefix() {
    let rig = running(&["--web.external-url=http://example.com/vitals/"]).await;
    assert_eq!(rig.get("/vitals/api/v1/label/job/values").await.0, 200);
    assert_eq!(rig.get("/api/v1/label/job/values").await.0, 404);
    assert_eq!(rig.ask(Method::GET, "/").await.headers["location"], "/vitals/");
    assert!(rig.get("/vitals/").await.1.contains("href=\"/vitals/targets\""));
}
