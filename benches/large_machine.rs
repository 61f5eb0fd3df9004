//! The agent beside node_exporter on a large machine: 500 network devices, 1,000 disks, 256 CPUs, all made of files.
//! Processor time by turns, memory at the end. `cargo bench --bench large_machine`

mod machine;

use std::path::Path;

use machine::{Machine, Size};
use rig::{Contender, peer};

const SIZE: Size = Size { interfaces: 500, disks: 1000, cpus: 256 };
const ROUNDS: usize = 10;
const SCRAPES_PER_ROUND: usize = 10;
/// What the programs would ask the kernel for, and so learn of the real machine.
const NOT_FROM_FILES: &[&str] =
    &["--no-collector.filesystem", "--no-collector.netdev.netlink", "--no-collector.arp.netlink"];

fn main() {
    // `cargo test --benches` runs this too; only `cargo bench` passes the flag.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary folder");
    Machine::write(folder.path(), SIZE).expect("a machine made of files");
    let mut flags = Machine::flags(folder.path());
    flags.extend(NOT_FROM_FILES.iter().map(|flag| (*flag).to_owned()));
    let ours = [flags.clone(), vec!["--no-collector.containers".to_owned()]].concat();
    let mut contenders = vec![Contender::start("vitals-agent", Path::new(env!("CARGO_BIN_EXE_vitals-agent")), &ours)];
    match peer("prometheus-node-exporter") {
        Some(peer) => contenders.push(Contender::start_peer("node_exporter", &peer, &flags)),
        None => rig::skip("node_exporter beside the agent", "run tests/setup first"),
    }
    contenders.iter_mut().for_each(|contender| contender.scrape(3));
    for _ in 0..ROUNDS {
        for contender in &mut contenders {
            contender.round(SCRAPES_PER_ROUND);
        }
    }
    println!("\n{SIZE:?}, {} scrapes each, by turns\n", ROUNDS * SCRAPES_PER_ROUND);
    println!("{:<16}{:>14}{:>14}{:>12}{:>9}{:>9}", "", "CPU ms/scrape", "resident MB", "kernel MB", "series", "files");
    let bills: Vec<_> = contenders.iter().map(|contender| (contender.name, contender.bill())).collect();
    for (name, bill) in &bills {
        println!(
            "{:<16}{:>14.2}{:>14.1}{:>12.1}{:>9}{:>9}",
            name,
            bill.cpu_milliseconds,
            bill.cost.resident_bytes as f64 / 1e6,
            bill.kernel_bytes / 1e6,
            bill.series,
            bill.cost.open_files
        );
    }
    if let [(_, ours), (_, theirs)] = bills.as_slice() {
        println!("\nprocessor time, ours to theirs: {:.3}", ours.cpu_milliseconds / theirs.cpu_milliseconds);
    }
}
