//! The aggregator beside Prometheus and VictoriaMetrics: all scrape the same fleet of 100 targets with 1,500 series
//! every 5 s, at the same time. Processor time per sample, memory per active series, medians over windows of 30 s.
//! `cargo bench --bench aggregator`; VITALS_BENCH_WINDOWS sets the number of windows (default 10).

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use fleet::Fleet;
use rig::{Peer, Program, cost_of, free_port, median, peer};

const TARGETS: usize = 100;
const SERIES: u64 = 1500;
const INTERVAL_SECONDS: f64 = 5.0;
const WARM_UP: Duration = Duration::from_secs(60);
const WINDOW: Duration = Duration::from_secs(30);

struct Contender {
    name: &'static str,
    program: Program,
    last_cpu_seconds: f64,
    microseconds_per_sample: Vec<f64>,
    kilobytes_per_series: Vec<f64>,
}

fn main() {
    // `cargo test --benches` runs this too; only `cargo bench` passes the flag.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let windows = std::env::var("VITALS_BENCH_WINDOWS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let fleet = Fleet::start("127.0.0.1:0", TARGETS, SERIES).expect("a loopback port for the fleet");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = folder.path().join("prometheus.yml");
    fs::write(&config, fleet.scrape_config("5s")).expect("the configuration is written");

    let mut contenders = start_all(&config, folder.path());
    println!("warming up for {} s", WARM_UP.as_secs());
    sleep(WARM_UP);
    contenders.iter_mut().for_each(|contender| contender.last_cpu_seconds = contender.cpu_seconds());
    for window in 1..=windows {
        let begin = Instant::now();
        sleep(WINDOW);
        let elapsed = begin.elapsed().as_secs_f64();
        contenders.iter_mut().for_each(|contender| contender.measure(elapsed));
        println!("window {window} of {windows}");
    }
    println!(
        "\n{TARGETS} targets x {SERIES} series every {INTERVAL_SECONDS} s, medians of {windows} windows of 30 s\n"
    );
    println!("{:<20}{:>18}{:>18}{:>16}", "", "CPU us/sample", "RSS KB/series", "RSS MB");
    for contender in &mut contenders {
        contender.report();
    }
}

fn start_all(config: &Path, folder: &Path) -> Vec<Contender> {
    let data = |name: &str| folder.join(name).display().to_string();
    let listen = || format!("127.0.0.1:{}", free_port());
    let config = config.display();
    let ours = Peer { path: env!("CARGO_BIN_EXE_vitals-aggregator").into(), environment: Vec::new() };
    let mut contenders = vec![start(
        "vitals-aggregator",
        &ours,
        &[
            format!("--config.file={config}"),
            format!("--storage.tsdb.path={}", data("vitals")),
            format!("--web.listen-address={}", listen()),
        ],
    )];
    match peer("prometheus") {
        Some(peer) => contenders.push(start(
            "Prometheus",
            &peer,
            &[
                format!("--config.file={config}"),
                format!("--storage.tsdb.path={}", data("prometheus")),
                format!("--web.listen-address={}", listen()),
            ],
        )),
        None => rig::skip("Prometheus beside the aggregator", "run tests/setup first"),
    }
    match peer("victoria-metrics") {
        Some(peer) => contenders.push(start(
            "VictoriaMetrics",
            &peer,
            &[
                format!("-promscrape.config={config}"),
                format!("-storageDataPath={}", data("victoria")),
                format!("-httpListenAddr={}", listen()),
            ],
        )),
        None => rig::skip("VictoriaMetrics beside the aggregator", "run tests/setup first"),
    }
    contenders
}

fn start(name: &'static str, peer: &Peer, arguments: &[String]) -> Contender {
    let environment: Vec<_> = peer.environment.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let program = Program::start_with(&peer.path, arguments, &environment);
    Contender {
        name,
        program,
        last_cpu_seconds: 0.0,
        microseconds_per_sample: Vec::new(),
        kilobytes_per_series: Vec::new(),
    }
}

impl Contender {
    fn cpu_seconds(&self) -> f64 {
        let cost = cost_of(self.program.pid());
        cost.unwrap_or_else(|| panic!("{} ended:\n{}", self.name, self.program.output())).cpu_seconds
    }

    fn resident_bytes(&self) -> f64 {
        cost_of(self.program.pid()).map_or(f64::NAN, |cost| cost.resident_bytes as f64)
    }

    fn measure(&mut self, elapsed_seconds: f64) {
        let samples = TARGETS as f64 * SERIES as f64 * elapsed_seconds / INTERVAL_SECONDS;
        let cpu = self.cpu_seconds();
        self.microseconds_per_sample.push((cpu - self.last_cpu_seconds) * 1e6 / samples);
        self.last_cpu_seconds = cpu;
        self.kilobytes_per_series.push(self.resident_bytes() / 1000.0 / (TARGETS as f64 * SERIES as f64));
    }

    fn report(&mut self) {
        println!(
            "{:<20}{:>18.2}{:>18.2}{:>16.0}",
            self.name,
            median(&mut self.microseconds_per_sample),
            median(&mut self.kilobytes_per_series),
            self.resident_bytes() / 1e6
        );
    }
}
