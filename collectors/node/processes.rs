//! `/proc/<pid>/stat` of every process and `/proc/<pid>/task/<tid>/stat` of every thread: how many there are and in
//! which states; on request what each program uses.
//! Kernel: any. Privileges: none, unless `/proc` is mounted with hidepid. Cost: open, read and close for each process
//! and each thread, about 10 µs; threads of a process that has only one are not looked up. Nothing is kept open.

use std::path::{Path, PathBuf};
use std::time::Instant;

use exposition::{Family, Page, gauge};
use kernel::proc::pid_stat::{self, PidStat};
use kernel::{Error, Host, KeptFile, list_numbers, read_single_if_there, scan};
use nix::sys::statfs::{PROC_SUPER_MAGIC, statfs};

use super::process_groups::{self, ProcessGroups};
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, SettingsError, Spec};

const THREADS: Family = gauge("node_processes_threads", "Allocated threads in system");
const MAX_THREADS: Family = gauge("node_processes_max_threads", "Limit of threads in the system");
const STATE: Family = gauge("node_processes_state", "Number of processes in each state.");
const THREADS_STATE: Family = gauge("node_processes_threads_state", "Number of threads in each state.");
const PIDS: Family = gauge("node_processes_pids", "Number of PIDs");
const MAX_PROCESSES: Family = gauge("node_processes_max_processes", "Number of max PIDs limit");

const TOP: Flag = Flag {
    name: "collector.processes.top",
    kind: FlagKind::Text { default: "0" },
    help: "show so many programs by CPU time and as many by memory (vitals_process_*); 0 for none",
    aliases: &[],
};

pub const SPEC: Spec = Spec {
    name: "processes",
    is_on_by_default: false,
    help: "processes and threads by state, from /proc/<pid>/stat and every thread's",
    families: &[
        THREADS,
        MAX_THREADS,
        STATE,
        THREADS_STATE,
        PIDS,
        MAX_PROCESSES,
        process_groups::CPU,
        process_groups::RESIDENT,
        process_groups::PROCESSES,
        process_groups::THREADS,
    ],
    flags: &[TOP],
    build,
};

/// So many processes and threads are read between two looks at the clock.
const READS_BETWEEN_LOOKS: usize = 256;
const PIDS_TO_COME: usize = 64;

struct Processes {
    procfs: PathBuf,
    max_threads: KeptFile,
    max_processes: KeptFile,
    groups: Option<ProcessGroups>,
    /// A process that has one thread always shows it; in a fake machine it may not.
    has_all_threads: bool,
    pids: Vec<u32>,
    tids: Vec<u32>,
    path: PathBuf,
}

/// What is counted in one scrape.
struct Counts {
    pids: u64,
    threads: u64,
    /// By letter.
    states: [u32; LETTERS],
    thread_states: [u32; LETTERS],
    reads: usize,
    /// Those that could not be read, and why the first could not.
    unread: u64,
    first_problem: Option<Error>,
}

const LETTERS: usize = 128;

fn build(host: &Host, settings: &Settings) -> Result<Box<dyn Collector>, SettingsError> {
    let top = settings.text(TOP.name).parse().map_err(|_| SettingsError {
        flag: TOP.name.to_owned(),
        reason: format!("expected a number, found {:?}", settings.text(TOP.name)),
    })?;
    let procfs = host.roots.procfs.clone();
    Ok(Box::new(Processes {
        max_threads: host.proc_file("sys/kernel/threads-max"),
        max_processes: host.proc_file("sys/kernel/pid_max"),
        groups: (top > 0).then(|| ProcessGroups::new(top)),
        has_all_threads: statfs(&procfs).is_ok_and(|about| about.filesystem_type() == PROC_SUPER_MAGIC),
        procfs,
        pids: Vec::new(),
        tids: Vec::new(),
        path: PathBuf::new(),
    }))
}

impl Collector for Processes {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        list_numbers(&self.procfs, scrape.buffer, &mut self.pids)?;
        // Processes come and go; the list need not grow for each.
        self.pids.reserve(PIDS_TO_COME);
        let counts = self.count(scrape.buffer, scrape.deadline)?;
        if counts.pids == 0 && counts.unread == 0 {
            return Ok(Outcome::absent(format!("no processes in {}", self.procfs.display())));
        }
        if let Some(error) = &counts.first_problem {
            scrape.item_failed(format!("{} processes or threads could not be read, such as {error}", counts.unread));
        }
        let page = &mut *scrape.page;
        page.sample(&THREADS, &[], counts.threads as f64);
        page.sample(&PIDS, &[], counts.pids as f64);
        write_states(page, &STATE, "state", &counts.states);
        write_states(page, &THREADS_STATE, "thread_state", &counts.thread_states);
        for (family, file) in [(&MAX_THREADS, &mut self.max_threads), (&MAX_PROCESSES, &mut self.max_processes)] {
            match file.parse_single(scrape.buffer, scan::number) {
                Ok(limit) => scrape.page.sample(family, &[], limit as f64),
                Err(error) if error.is_absent() => {}
                Err(error) => scrape.item_failed(error),
            }
        }
        if let Some(groups) = &mut self.groups {
            groups.write(scrape.page);
        }
        Ok(Outcome::Collected)
    }
}

impl Processes {
    fn count(&mut self, buffer: &mut Vec<u8>, deadline: Instant) -> Result<Counts, Failure> {
        let mut counts = Counts::default();
        self.groups.iter_mut().for_each(ProcessGroups::begin);
        for index in 0..self.pids.len() {
            let pid = self.pids[index];
            counts.look_at_the_clock(deadline)?;
            go_to(&mut self.path, &self.procfs, pid, "stat");
            let bytes = match read_single_if_there(&self.path, buffer) {
                Ok(Some(bytes)) => bytes,
                // It has ended since it was listed.
                Ok(None) => continue,
                Err(error) => {
                    counts.note(error);
                    continue;
                }
            };
            let stat = match PidStat::parse(bytes) {
                Ok(stat) => stat,
                Err(problem) => {
                    counts.note(Error::parse(&self.path, problem));
                    continue;
                }
            };
            counts.pids += 1;
            counts.threads += stat.threads;
            counts.states[usize::from(stat.state) % LETTERS] += 1;
            if let Some(groups) = &mut self.groups {
                groups.add(pid, &stat);
            }
            let (state, threads) = (stat.state, stat.threads);
            if threads == 1 && self.has_all_threads {
                counts.thread_states[usize::from(state) % LETTERS] += 1;
            } else {
                self.count_threads(pid, state, &mut counts, buffer, deadline)?;
            }
        }
        Ok(counts)
    }

    fn count_threads(
        &mut self,
        pid: u32,
        state: u8,
        counts: &mut Counts,
        buffer: &mut Vec<u8>,
        deadline: Instant,
    ) -> Result<(), Failure> {
        go_to(&mut self.path, &self.procfs, pid, "task");
        match list_numbers(&self.path, buffer, &mut self.tids) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => {
                counts.note(error);
                return Ok(());
            }
        }
        let mut digits = itoa::Buffer::new();
        for tid in &self.tids {
            counts.look_at_the_clock(deadline)?;
            if *tid == pid {
                counts.thread_states[usize::from(state) % LETTERS] += 1;
                continue;
            }
            self.path.push(digits.format(*tid));
            self.path.push("stat");
            match read_single_if_there(&self.path, buffer) {
                Ok(Some(bytes)) => match pid_stat::state(bytes) {
                    Ok(state) => counts.thread_states[usize::from(state) % LETTERS] += 1,
                    Err(problem) => counts.note(Error::parse(&self.path, problem)),
                },
                Ok(None) => {}
                Err(error) => counts.note(error),
            }
            self.path.pop();
            self.path.pop();
        }
        Ok(())
    }
}

/// `<procfs>/<pid>/<name>`, in the room of the path before.
fn go_to(path: &mut PathBuf, procfs: &Path, pid: u32, name: &str) {
    path.clear();
    path.push(procfs);
    path.push(itoa::Buffer::new().format(pid));
    path.push(name);
}

fn write_states(page: &mut Page, family: &Family, label: &str, states: &[u32; LETTERS]) {
    for (letter, count) in (0u8..).zip(states).filter(|(_, count)| **count > 0) {
        let mut room = [0; 4];
        let state = char::from(letter).encode_utf8(&mut room);
        page.sample(family, &[(label, state)], f64::from(*count));
    }
}

impl Counts {
    fn note(&mut self, error: Error) {
        self.unread += 1;
        self.first_problem.get_or_insert(error);
    }

    /// A machine may have a million threads; half of them counted would be a lie.
    fn look_at_the_clock(&mut self, deadline: Instant) -> Result<(), Failure> {
        self.reads += 1;
        if self.reads.is_multiple_of(READS_BETWEEN_LOOKS) && Instant::now() >= deadline {
            return Err(Failure("too many processes and threads to count them in time".to_owned()));
        }
        Ok(())
    }
}

impl Default for Counts {
    fn default() -> Self {
        Counts {
            pids: 0,
            threads: 0,
            states: [0; LETTERS],
            thread_states: [0; LETTERS],
            reads: 0,
            unread: 0,
            first_problem: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::time::Duration;

    fn collect(machine: &Path, deadline: Instant) -> (Result<Outcome, Failure>, Vec<String>, usize) {
        let roots = kernel::Roots { procfs: machine.to_owned(), ..kernel::Roots::default() };
        let host = Host::new(roots, 16);
        let mut collector = build(&host, &Settings::defaults([&SPEC])).expect("valid");
        let (mut page, mut problems) = (Page::new(), Vec::new());
        let mut scrape = Scrape { page: &mut page, buffer: &mut Vec::new(), deadline, problems: &mut problems };
        let outcome = collector.collect(&mut scrape);
        (outcome, problems, page.samples())
    }

    fn process(machine: &Path, pid: u32, stat: &str) {
        let folder = machine.join(pid.to_string());
        fs::create_dir(&folder).expect("a folder");
        fs::write(folder.join("stat"), stat).expect("written");
    }

    fn line(comm: &str, threads: u32) -> String {
        format!("7 ({comm}) S 1 7 7 0 -1 0 0 0 0 0 10 5 0 0 20 0 {threads} 0 99 0 250 0 0 0\n")
    }

    #[test]
    fn a_process_that_cannot_be_read_costs_only_itself() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        process(dir.path(), 7, &line("good", 1));
        process(dir.path(), 8, "8 (torn");
        fs::create_dir(dir.path().join("9")).expect("a process that has just ended");
        let (outcome, problems, samples) = collect(dir.path(), Instant::now() + Duration::from_secs(60));
        assert_eq!((outcome, samples), (Ok(Outcome::Collected), 3));
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("1 processes or threads could not be read, such as "), "{problems:?}");
        assert!(
            problems[0].ends_with(r#"8/stat:1: expected a pid, a name in parentheses and a state, found "8 (torn""#)
        );
    }

    #[test]
    fn what_cannot_be_counted_in_time_is_not_counted_by_half() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for pid in 1..=300 {
            process(dir.path(), pid, &line("many", 1));
        }
        let (outcome, _, samples) = collect(dir.path(), Instant::now());
        assert_eq!(outcome, Err(Failure("too many processes and threads to count them in time".to_owned())));
        assert_eq!(samples, 0);
    }

    #[test]
    fn a_number_of_programs_is_a_number() {
        let mut settings = Settings::defaults([&SPEC]);
        settings.set(TOP.name, vec!["all".to_owned()]);
        let error = build(&Host::default(), &settings).err().expect("refused").to_string();
        assert_eq!(error, "--collector.processes.top: expected a number, found \"all\"");
    }
}
