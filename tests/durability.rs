//! What a query has shown survives `kill -9` and a torn log.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fleet::Fleet;
use rig::{Program, free_port, get, wait_until};
use serde_json::Value;

/// Series to its samples: milliseconds to the value as printed.
type Samples = BTreeMap<String, BTreeMap<u64, String>>;

struct Aggregator {
    program: Program,
    address: String,
}

fn start(folder: &Path, config: &Path) -> Aggregator {
    let address = format!("127.0.0.1:{}", free_port());
    let mut program = Program::start(
        env!("CARGO_BIN_EXE_vitals-aggregator"),
        [
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", folder.join("data").display()),
            format!("--web.listen-address={address}"),
        ],
    );
    program.wait_ready(&address, "/-/ready");
    Aggregator { program, address }
}

fn fleet_config(folder: &Path, fleet: &Fleet) -> PathBuf {
    let config = folder.join("prometheus.yml");
    fs::write(&config, fleet.scrape_config("1s")).expect("written");
    config
}

impl Aggregator {
    /// All samples of the fleet in the last ten minutes.
    fn samples(&self) -> Samples {
        let path = "/api/v1/query?query=%7Bjob%3D%22fleet%22%7D%5B10m%5D";
        let answer = get(&self.address, path).expect("an answer").json();
        assert_eq!(answer["status"], "success", "{answer}");
        let series = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        series.iter().map(|one| (one["metric"].to_string(), values(one))).collect()
    }
}

fn values(series: &Value) -> BTreeMap<u64, String> {
    let pairs = series["values"].as_array().cloned().unwrap_or_default();
    let milliseconds = |pair: &Value| (pair[0].as_f64().expect("a time") * 1000.0).round() as u64;
    pairs.iter().map(|pair| (milliseconds(pair), pair[1].as_str().expect("a value").to_owned())).collect()
}

fn assert_holds(later: &Samples, earlier: &Samples, when: &str) {
    for (series, samples) in earlier {
        let kept = later.get(series).unwrap_or_else(|| panic!("{when}: {series} is gone"));
        for (time, value) in samples {
            assert_eq!(kept.get(time), Some(value), "{when}: {series} at {time}");
        }
    }
}

fn sample_count(samples: &Samples) -> usize {
    samples.values().map(BTreeMap::len).sum()
}

#[test]
fn five_kills_in_a_row_lose_nothing_that_a_query_has_shown() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let fleet = Fleet::start("127.0.0.1:0", 20, 100).expect("a fleet");
    let config = fleet_config(folder.path(), &fleet);
    let mut seen = Samples::new();
    for round in 1..=5 {
        let aggregator = start(folder.path(), &config);
        assert_holds(&aggregator.samples(), &seen, &format!("after kill {}", round - 1));
        let before = sample_count(&seen);
        wait_until("new samples", Duration::from_secs(60), || {
            seen = aggregator.samples();
            (sample_count(&seen) > before + 4000).then_some(())
        });
        aggregator.program.kill();
    }
    let aggregator = start(folder.path(), &config);
    assert_holds(&aggregator.samples(), &seen, "after the last kill");
    assert!(aggregator.program.terminate().success());
}

#[test]
fn a_torn_and_then_damaged_log_costs_its_end_and_is_reported() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let fleet = Fleet::start("127.0.0.1:0", 2, 50).expect("a fleet");
    let config = fleet_config(folder.path(), &fleet);
    let aggregator = start(folder.path(), &config);
    let seen = wait_until("samples", Duration::from_secs(60), || {
        let samples = aggregator.samples();
        (sample_count(&samples) > 800).then_some(samples)
    });
    aggregator.program.kill();

    let segment = newest_file(&folder.path().join("data/wal"));
    let bytes = fs::read(&segment).expect("the log is readable");
    fs::write(&segment, &bytes[..bytes.len() - 7]).expect("torn");
    let aggregator = start(folder.path(), &config);
    let after = aggregator.samples();
    assert!(sample_count(&after) + 200 >= sample_count(&seen), "a torn record costs at most itself");
    assert!(aggregator.program.output().contains("wal"), "the loss is reported: {}", aggregator.program.output());
    assert!(aggregator.program.terminate().success());
}

fn newest_file(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = files.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    paths.sort();
    paths.pop().expect("the log has a segment")
}
