//! The agent beside node_exporter on this machine, in one run, by turns: processor time and system calls of a scrape,
//! memory after ten thousand, the size of the program; and beside a loop that only preads the files that the agent
//! keeps open, below which no agent can get. `cargo bench --bench agent`

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use rig::{Bill, Contender, median, peer};

const ROUNDS: usize = 20;
const SCRAPES_PER_ROUND: usize = 500;

fn main() {
    // `cargo test --benches` runs this too; only `cargo bench` passes the flag.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let agent = Path::new(env!("CARGO_BIN_EXE_vitals-agent"));
    let mut contenders = vec![Contender::start("vitals-agent", agent, &["--no-collector.containers".to_owned()])];
    match peer("prometheus-node-exporter") {
        Some(peer) => contenders.push(Contender::start_peer("node_exporter", &peer, &[])),
        None => rig::skip("node_exporter beside the agent", "run tests/setup first"),
    }
    contenders.iter_mut().for_each(|contender| contender.scrape(1000));
    let early: Vec<Bill> = contenders.iter().map(Contender::bill).collect();
    let mut floor = Vec::new();
    for _ in 0..ROUNDS {
        for contender in &mut contenders {
            contender.round(SCRAPES_PER_ROUND);
        }
        floor.push(preads_only(contenders[0].pid(), SCRAPES_PER_ROUND));
    }
    println!("\nDefaults of each, the agent without containers; by turns\n");
    println!(
        "{:<16}{:>9}{:>14}{:>20}{:>18}{:>8}{:>9}{:>7}{:>13}",
        "", "scrapes", "CPU ms/scrape", "MB after 1,000", "MB at the end", "series", "threads", "files", "system calls"
    );
    for (contender, early) in contenders.iter_mut().zip(&early) {
        report(contender, early);
    }
    let cpu: Vec<f64> = contenders.iter().map(|contender| contender.bill().cpu_milliseconds).collect();
    let floor = median(&mut floor);
    println!("\npreads of the same files alone: {floor:.3} ms; ours to that: {:.2}", cpu[0] / floor);
    if let [ours, theirs] = cpu.as_slice() {
        println!("processor time, ours to theirs: {:.2}", ours / theirs);
    }
    match stripped_bytes(agent) {
        Some(bytes) => println!("the agent's program, stripped: {:.1} MB", bytes as f64 / 1e6),
        None => rig::skip("the size of the program", "no strip"),
    }
}

fn report(contender: &mut Contender, early: &Bill) {
    let bill = contender.bill();
    let memory =
        |bill: &Bill| format!("{:.1} + {:.1} kernel", bill.cost.resident_bytes as f64 / 1e6, bill.kernel_bytes / 1e6);
    let system_calls = contender.system_calls().map_or("no strace".to_owned(), |calls| format!("{calls:.0}"));
    println!(
        "{:<16}{:>9}{:>14.3}{:>20}{:>18}{:>8}{:>9}{:>7}{:>13}",
        contender.name,
        bill.scrapes,
        bill.cpu_milliseconds,
        memory(early),
        memory(&bill),
        bill.series,
        bill.cost.threads,
        bill.cost.open_files,
        system_calls,
    );
}

/// Processor time in milliseconds of reading each regular file that the process has open once, to its end.
fn preads_only(pid: u32, times: usize) -> f64 {
    let files: Vec<File> = fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("the program runs")
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter(|path| path.starts_with("/proc") || path.starts_with("/sys"))
        .filter_map(|path| File::open(path).ok())
        .filter(|file| file.metadata().is_ok_and(|metadata| metadata.is_file()))
        .collect();
    let mut buffer = vec![0; 1 << 20];
    let before = own_milliseconds();
    for _ in 0..times {
        for file in &files {
            // What cannot be read now costs a call all the same.
            let _ = file.read_at(&mut buffer, 0);
        }
    }
    (own_milliseconds() - before) / times as f64
}

fn own_milliseconds() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).expect("allowed");
    (usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 / 1000.0
}

fn stripped_bytes(program: &Path) -> Option<u64> {
    let folder = tempfile::tempdir().ok()?;
    let stripped = folder.path().join("stripped");
    let status = Command::new("strip").arg("-o").args([&stripped, &program.to_owned()]).status().ok()?;
    status.success().then(|| fs::metadata(&stripped).map(|metadata| metadata.len()).ok())?
}
