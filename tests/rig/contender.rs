//! A program that answers scrapes, and what that costs it. Two of them are compared by turns in one run.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{Cost, Group, Peer, Program, cost_of, free_port, get, median, series};

pub struct Contender {
    pub name: &'static str,
    program: Program,
    address: String,
    group: Option<Group>,
    milliseconds_per_scrape: Vec<f64>,
    scrapes: usize,
}

/// What a contender has cost so far.
#[derive(Clone, Copy, Debug)]
pub struct Bill {
    /// Median over rounds.
    pub cpu_milliseconds: f64,
    pub cost: Cost,
    /// Charged to its cgroup for open files, sockets and page tables; NaN where that cannot be read.
    pub kernel_bytes: f64,
    /// Of one answer.
    pub series: usize,
    pub scrapes: usize,
}

impl Contender {
    pub fn start(name: &'static str, path: &Path, arguments: &[String]) -> Contender {
        Self::start_with(name, path, arguments, &[])
    }

    pub fn start_peer(name: &'static str, peer: &Peer, arguments: &[String]) -> Contender {
        let environment: Vec<_> =
            peer.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Self::start_with(name, &peer.path, arguments, &environment)
    }

    fn start_with(name: &'static str, path: &Path, arguments: &[String], environment: &[(&str, &str)]) -> Contender {
        let address = format!("127.0.0.1:{}", free_port());
        let listen = format!("--web.listen-address={address}");
        let arguments: Vec<&str> = arguments.iter().chain([&listen]).map(String::as_str).collect();
        let mut program = Program::start_with(path, arguments, environment);
        let group = Group::new(&format!("vitals-bench-{name}")).filter(|group| group.add(program.pid()));
        program.wait_ready(&address, "/");
        Contender { name, program, address, group, milliseconds_per_scrape: Vec::new(), scrapes: 0 }
    }

    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// Scrapes so many times and remembers the processor time of one.
    pub fn round(&mut self, scrapes: usize) {
        let before = self.cost().cpu_seconds;
        self.scrape(scrapes);
        self.milliseconds_per_scrape.push((self.cost().cpu_seconds - before) * 1000.0 / scrapes as f64);
    }

    pub fn scrape(&mut self, scrapes: usize) {
        for _ in 0..scrapes {
            let answer = get(&self.address, "/metrics").expect("an answer");
            assert_eq!(answer.status, 200, "{}", self.name);
        }
        self.scrapes += scrapes;
    }

    fn cost(&self) -> Cost {
        cost_of(self.program.pid()).expect("the program runs")
    }

    pub fn bill(&self) -> Bill {
        let kernel_bytes = self.group.as_ref().and_then(Group::kernel_bytes).map_or(f64::NAN, |bytes| bytes as f64);
        let cost = self.cost();
        let page = get(&self.address, "/metrics").expect("an answer").text();
        Bill {
            cpu_milliseconds: median(&mut self.milliseconds_per_scrape.clone()),
            cost,
            kernel_bytes,
            series: series(&page).len(),
            scrapes: self.scrapes,
        }
    }

    /// System calls of one scrape, the median of some, counted by strace; `None` where that program is not to be had.
    pub fn system_calls(&mut self) -> Option<f64> {
        let mut counts: Vec<f64> = (0..5).map(|_| self.count_system_calls()).collect::<Option<_>>()?;
        Some(median(&mut counts))
    }

    fn count_system_calls(&mut self) -> Option<f64> {
        const SCRAPES: usize = 10;
        let table = tempfile::NamedTempFile::new().ok()?;
        let mut strace = Command::new("strace")
            .args(["-f", "-c", "-o"])
            .arg(table.path())
            .args(["-p", &self.pid().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        wait_for_tracer(self.pid(), &mut strace)?;
        self.scrape(SCRAPES);
        kill(Pid::from_raw(strace.id() as i32), Signal::SIGINT).ok()?;
        strace.wait().ok()?;
        let table = std::fs::read_to_string(table.path()).ok()?;
        // "100.00    0.001234           2       520         3 total"
        let total = table.lines().find(|line| line.ends_with(" total"))?;
        let calls: f64 = total.split_whitespace().nth(3)?.parse().ok()?;
        Some(calls / SCRAPES as f64)
    }
}

/// Waits until the process is traced; `None` when strace ended instead.
fn wait_for_tracer(pid: u32, strace: &mut Child) -> Option<()> {
    loop {
        if strace.try_wait().ok()?.is_some() {
            return None;
        }
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        if status.lines().any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0")) {
            // All threads are attached a moment after the first.
            std::thread::sleep(std::time::Duration::from_millis(200));
            return Some(());
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
