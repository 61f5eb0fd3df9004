//! The agent beside node_exporter: processor time per scrape and memory after a thousand scrapes, in one run, by turns.
//! `cargo bench --bench agent`

use std::path::Path;

use rig::{Group, Program, cost_of, free_port, get, median, peer};

const ROUNDS: usize = 20;
const SCRAPES_PER_ROUND: usize = 50;

struct Contender {
    name: &'static str,
    program: Program,
    address: String,
    group: Option<Group>,
    milliseconds_per_scrape: Vec<f64>,
}

fn main() {
    // `cargo test --benches` runs this too; only `cargo bench` passes the flag.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let agent = Path::new(env!("CARGO_BIN_EXE_vitals-agent"));
    let mut contenders = vec![start("vitals-agent", agent, &["--no-collector.containers"])];
    match peer("prometheus-node-exporter") {
        Some(peer) => contenders.push(start("node_exporter", &peer.path, &[])),
        None => rig::skip("node_exporter beside the agent", "run tests/setup first"),
    }
    for _ in 0..ROUNDS {
        for contender in &mut contenders {
            contender.round();
        }
    }
    println!(
        "\n{} scrapes each, by turns, defaults of each (the agent without containers)\n",
        ROUNDS * SCRAPES_PER_ROUND
    );
    println!(
        "{:<16}{:>18}{:>14}{:>14}{:>14}{:>9}{:>9}",
        "", "CPU ms/scrape", "resident MB", "kernel MB", "series", "threads", "files"
    );
    for contender in &mut contenders {
        contender.report();
    }
    if let [ours, theirs] = contenders.as_slice() {
        let (ours, theirs) = (ours.total_milliseconds(), theirs.total_milliseconds());
        println!("\nprocessor time, ours to theirs: {:.2}", ours / theirs);
    }
}

fn start(name: &'static str, path: &Path, arguments: &[&str]) -> Contender {
    let address = format!("127.0.0.1:{}", free_port());
    let listen = format!("--web.listen-address={address}");
    let mut program = Program::start(path, arguments.iter().copied().chain([listen.as_str()]));
    let group = Group::new(&format!("vitals-bench-{name}")).filter(|group| group.add(program.pid()));
    program.wait_ready(&address, "/");
    Contender { name, program, address, group, milliseconds_per_scrape: Vec::new() }
}

impl Contender {
    fn round(&mut self) {
        let before = self.cpu_seconds();
        for _ in 0..SCRAPES_PER_ROUND {
            let answer = get(&self.address, "/metrics").expect("an answer");
            assert_eq!(answer.status, 200, "{}", self.name);
        }
        self.milliseconds_per_scrape.push((self.cpu_seconds() - before) * 1000.0 / SCRAPES_PER_ROUND as f64);
    }

    fn cpu_seconds(&self) -> f64 {
        cost_of(self.program.pid()).expect("the program runs").cpu_seconds
    }

    fn total_milliseconds(&self) -> f64 {
        self.milliseconds_per_scrape.iter().sum()
    }

    fn report(&mut self) {
        let cost = cost_of(self.program.pid()).expect("the program runs");
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        let kernel = self.group.as_ref().and_then(Group::kernel_bytes).map_or(f64::NAN, megabytes);
        let page = get(&self.address, "/metrics").expect("an answer").text();
        println!(
            "{:<16}{:>18.3}{:>14.1}{:>14.1}{:>14}{:>9}{:>9}",
            self.name,
            median(&mut self.milliseconds_per_scrape),
            megabytes(cost.resident_bytes),
            kernel,
            rig::series(&page).len(),
            cost.threads,
            cost.open_files
        );
    }
}
