//! The same samples, the same questions: our answers beside those of a real Prometheus.
//!
//! The aggregator scrapes for a while; what it stored is written as OpenMetrics, turned into blocks by promtool and
//! served by Prometheus; then both answer the same queries at the same times.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use fleet::Fleet;
use rig::{Program, free_port, get, peer, post, wait_until};
use serde_json::Value;

const QUERIES: &[&str] = &[
    "up",
    "container_memory_usage_bytes{namespace=\"team-1\"}",
    "container_memory_rss{namespace!=\"team-1\",container=~\"c0|c1\"}",
    "{__name__=~\"container_cpu.+\",pod!~\"service-1.*\"}",
    "container_memory_cache offset 10s",
    "container_memory_cache offset -5s",
    "rate(container_cpu_usage_seconds_total[20s])",
    "irate(container_network_receive_bytes_total[20s])",
    "increase(container_fs_reads_bytes_total[15s])",
    "delta(container_memory_working_set_bytes[15s])",
    "sum(rate(container_cpu_usage_seconds_total[20s]))",
    "sum by (namespace) (rate(container_cpu_usage_seconds_total[20s]))",
    "sum without (id, name, series, pod, image, container) (container_memory_rss)",
    "avg by (container) (container_memory_rss)",
    "min(container_memory_rss) by (instance)",
    "max by (instance, namespace) (container_memory_rss)",
    "count by (image) (container_threads)",
    "topk(3, container_memory_rss)",
    "topk(2, container_memory_rss) by (instance)",
    "avg_over_time(container_memory_usage_bytes[20s])",
    "min_over_time(container_memory_usage_bytes[20s])",
    "max_over_time(container_memory_usage_bytes[20s])",
    "sum_over_time(container_memory_usage_bytes[20s])",
    "count_over_time(container_memory_usage_bytes[20s])",
    "last_over_time(container_memory_usage_bytes[20s])",
    "quantile_over_time(0.9, container_memory_usage_bytes[20s])",
    "stddev_over_time(container_memory_usage_bytes[20s])",
    "stdvar_over_time(container_memory_usage_bytes[20s])",
    "present_over_time(container_memory_usage_bytes[20s])",
    "container_memory_usage_bytes / 1024 ^ 2",
    "container_memory_usage_bytes > 1e9",
    "container_memory_usage_bytes > bool 1e9",
    "-container_threads % 7 + 2 * 3 - 1",
    "sum by (instance) (container_memory_rss) / on (instance) sum by (instance) (container_memory_usage_bytes)",
    "sum by (instance, namespace) (container_memory_rss) / ignoring (namespace) group_left sum by (instance) (container_memory_usage_bytes)",
    "1 + 2 == bool 3",
    "container_memory_usage_bytes{nothing=\"here\"}",
    "sum(container_memory_rss) by (nowhere)",
];

const FAULTS: &[&str] =
    &["sum(", "rate(up)", "up{", "foo bar", "up offset", "1 +", "sum by (a (up)", "up[5m] + 1", "{}"];

struct Sides {
    ours: String,
    theirs: String,
    _programs: [Program; 2],
    end_seconds: f64,
}

/// Both programs over the same samples.
fn both_sides(folder: &Path) -> Option<Sides> {
    let (Some(prometheus), Some(promtool)) = (peer("prometheus"), peer("promtool")) else {
        rig::skip("answers beside Prometheus'", "the peers are not there (tests/setup fetches them)");
        return None;
    };
    let fleet = Fleet::start("127.0.0.1:0", 4, 120).expect("a fleet");
    let config = folder.join("prometheus.yml");
    fs::write(&config, fleet.scrape_config("1s")).expect("written");
    let ours = format!("127.0.0.1:{}", free_port());
    let mut aggregator = Program::start(
        env!("CARGO_BIN_EXE_vitals-aggregator"),
        [
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", folder.join("ours").display()),
            format!("--web.listen-address={ours}"),
        ],
    );
    aggregator.wait_ready(&ours, "/-/ready");
    wait_until("45 samples of each series", Duration::from_secs(120), || {
        let answer = query(&ours, "/api/v1/query", &[("query", "min(count_over_time(up[5m]))")]);
        let count = answer["data"]["result"][0]["value"][1].as_str()?.parse::<f64>().ok()?;
        (count >= 45.0).then_some(())
    });
    // What is stored stands still from here on for the times that are asked about.
    let end_seconds = query(&ours, "/api/v1/query", &[("query", "max(timestamp(up))")])["data"]["result"][0]["value"]
        [1]
    .as_str()
    .and_then(|text| text.parse::<f64>().ok())
    .unwrap_or_else(now_seconds)
    .floor()
        - 8.0;

    let dump = folder.join("dump.om");
    fs::write(&dump, openmetrics(&ours, end_seconds + 7.0)).expect("written");
    let data = folder.join("theirs");
    let made = Command::new(&promtool.path)
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&dump, &data])
        .envs(promtool.environment)
        .output()
        .expect("promtool runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let empty = folder.join("empty.yml");
    fs::write(&empty, "global: {}\n").expect("written");
    let theirs = format!("127.0.0.1:{}", free_port());
    let mut program = Program::start(
        &prometheus.path,
        [
            format!("--config.file={}", empty.display()),
            format!("--storage.tsdb.path={}", data.display()),
            format!("--web.listen-address={theirs}"),
        ],
    );
    program.wait_ready(&theirs, "/-/ready");
    Some(Sides { ours, theirs, _programs: [aggregator, program], end_seconds })
}

fn now_seconds() -> f64 {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    elapsed.expect("a clock after 1970").as_secs_f64()
}

/// Everything stored up to a time, as promtool reads it.
fn openmetrics(address: &str, end_seconds: f64) -> String {
    let time = end_seconds.to_string();
    let answer = query(address, "/api/v1/query", &[("query", "{__name__=~\".+\"}[5m]"), ("time", &time)]);
    let mut families: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for series in answer["data"]["result"].as_array().expect("a matrix") {
        let labels = series["metric"].as_object().expect("labels");
        let name = labels["__name__"].as_str().expect("a name").to_owned();
        let pairs: Vec<_> = labels
            .iter()
            .filter(|(label, _)| *label != "__name__")
            .map(|(label, value)| format!("{label}={value}"))
            .collect();
        let lines = families.entry(name.clone()).or_default();
        for pair in series["values"].as_array().expect("values") {
            lines.push(format!("{name}{{{}}} {} {}\n", pairs.join(","), pair[1].as_str().expect("a number"), pair[0]));
        }
    }
    let mut text = String::new();
    for (name, lines) in families {
        text.push_str(&format!("# TYPE {name} unknown\n"));
        text.extend(lines);
    }
    text + "# EOF\n"
}

fn query(address: &str, path: &str, parameters: &[(&str, &str)]) -> Value {
    let form: Vec<_> = parameters.iter().map(|(key, value)| format!("{key}={}", escape(value))).collect();
    post(address, path, &form.join("&")).expect("an answer").json()
}

fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { (byte as char).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Results by series, so that only an order that matters is compared.
fn by_series(answer: &Value, query: &str) -> BTreeMap<String, Vec<(f64, String)>> {
    assert_eq!(answer["status"], "success", "{query}: {answer}");
    let result = &answer["data"]["result"];
    let pair = |value: &Value| (value[0].as_f64().unwrap_or(f64::NAN), value[1].as_str().unwrap_or("").to_owned());
    if answer["data"]["resultType"] == "scalar" {
        return BTreeMap::from([("scalar".to_owned(), vec![pair(result)])]);
    }
    let points = |series: &Value| match series["values"].as_array() {
        Some(values) => values.iter().map(pair).collect(),
        None => vec![pair(&series["value"])],
    };
    result.as_array().expect("a list").iter().map(|series| (series["metric"].to_string(), points(series))).collect()
}

fn assert_same(ours: &Value, theirs: &Value, query: &str) {
    assert_eq!(ours["data"]["resultType"], theirs["data"]["resultType"], "{query}");
    let (ours, theirs) = (by_series(ours, query), by_series(theirs, query));
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "series of {query}");
    for (series, expected) in theirs {
        let found = &ours[&series];
        assert_eq!(found.len(), expected.len(), "{query}: points of {series}");
        for ((our_time, ours), (their_time, theirs)) in found.iter().zip(&expected) {
            assert_eq!(our_time, their_time, "{query}: {series}");
            assert!(is_close(ours, theirs), "{query}: {series} at {our_time}: {ours}, Prometheus has {theirs}");
        }
    }
}

/// Equal but for the last bits, which depend on the order of additions.
fn is_close(ours: &str, theirs: &str) -> bool {
    if ours == theirs {
        return true;
    }
    let (Ok(ours), Ok(theirs)) = (ours.parse::<f64>(), theirs.parse::<f64>()) else { return false };
    (ours - theirs).abs() <= 1e-12 * ours.abs().max(theirs.abs())
}

#[test]
fn queries_answer_as_prometheus_answers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let Some(sides) = both_sides(folder.path()) else { return };
    let at = sides.end_seconds.to_string();
    let start = (sides.end_seconds - 30.0).to_string();
    for text in QUERIES {
        let instant = [("query", *text), ("time", at.as_str())];
        assert_same(
            &query(&sides.ours, "/api/v1/query", &instant),
            &query(&sides.theirs, "/api/v1/query", &instant),
            text,
        );
        let range = [("query", *text), ("start", start.as_str()), ("end", at.as_str()), ("step", "3")];
        let path = "/api/v1/query_range";
        assert_same(&query(&sides.ours, path, &range), &query(&sides.theirs, path, &range), text);
    }
    for text in FAULTS {
        let instant = [("query", *text), ("time", at.as_str())];
        let (ours, theirs) =
            (query(&sides.ours, "/api/v1/query", &instant), query(&sides.theirs, "/api/v1/query", &instant));
        assert_eq!(ours["status"], "error", "{text}: {ours}");
        assert_eq!(ours["errorType"], theirs["errorType"], "{text}: {ours} {theirs}");
    }
    let matcher = "container_memory_rss{namespace=\"team-1\"}";
    let when = [("match[]", matcher), ("start", start.as_str()), ("end", at.as_str())];
    for path in ["/api/v1/series", "/api/v1/labels", "/api/v1/label/pod/values", "/api/v1/label/__name__/values"] {
        let (mut ours, mut theirs) = (get_query(&sides.ours, path, &when), get_query(&sides.theirs, path, &when));
        for answer in [&mut ours, &mut theirs] {
            assert_eq!(answer["status"], "success", "{path}: {answer}");
            if let Some(list) = answer["data"].as_array_mut() {
                list.sort_by_key(Value::to_string);
            }
        }
        assert_eq!(ours["data"], theirs["data"], "{path}");
    }
}

fn get_query(address: &str, path: &str, parameters: &[(&str, &str)]) -> Value {
    let pairs: Vec<_> = parameters.iter().map(|(key, value)| format!("{}={}", escape(key), escape(value))).collect();
    get(address, &format!("{path}?{}", pairs.join("&"))).expect("an answer").json()
}
