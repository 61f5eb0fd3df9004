//! What each program uses: processes of the same name together, since a label for each pid would make new series all
//! day and never the same ones twice. Threads of the kernel are grouped by what stands before the slash of their names
//! (`kworker/2:1` is one of `kworker`).
//!
//! CPU time counts from a process's start and goes on when it ends: the sum of a group never falls while one of it is
//! there. A group without processes is forgotten. So that a name that is not among the first for a while loses nothing,
//! all groups are counted, and only the first by CPU time since the last scrape and by memory are shown.

use std::cmp::Reverse;
use std::collections::HashMap;

use exposition::{Family, Page, counter, gauge};
use kernel::limits::{page_bytes, ticks_per_second};
use kernel::proc::pid_stat::PidStat;

pub const CPU: Family =
    counter("vitals_process_cpu_seconds_total", "CPU time used by all processes of this name, those that ended too.");
pub const RESIDENT: Family =
    gauge("vitals_process_resident_memory_bytes", "Memory that processes of this name have in use, shared parts too.");
pub const PROCESSES: Family = gauge("vitals_process_processes", "Processes of this name.");
pub const THREADS: Family = gauge("vitals_process_threads", "Threads of processes of this name.");

/// The process that is parent of all threads of the kernel.
const KTHREADD: u32 = 2;

pub struct ProcessGroups {
    /// How many are shown by CPU time, and by memory.
    top: usize,
    /// By name.
    groups: Vec<Group>,
    /// By pid.
    processes: HashMap<u32, Known>,
    /// Counts scrapes, so that it is known what was not seen in one.
    round: u64,
    /// Places of groups with what they are ranked by.
    ranks: Vec<(u64, usize)>,
}

struct Group {
    name: Box<str>,
    cpu_ticks: u64,
    /// As of the last scrape.
    cpu_ticks_before: u64,
    resident_pages: u64,
    processes: u64,
    threads: u64,
    /// In which it was seen last.
    round: u64,
    is_shown: bool,
}

/// A family and what it shows of a group.
type Column<'a> = (&'a Family, fn(&Group) -> f64);

/// What was seen of a process.
struct Known {
    start_ticks: u64,
    cpu_ticks: u64,
    round: u64,
}

impl ProcessGroups {
    pub fn new(top: usize) -> Self {
        ProcessGroups { top, groups: Vec::new(), processes: HashMap::new(), round: 0, ranks: Vec::new() }
    }

    /// A new scrape, whatever became of the last one.
    pub fn begin(&mut self) {
        self.round += 1;
    }

    /// Takes in one process of this scrape.
    pub fn add(&mut self, pid: u32, stat: &PidStat<'_>) {
        let round = self.round;
        let cpu_ticks = stat.user_ticks.saturating_add(stat.system_ticks);
        let new = || Known { start_ticks: stat.start_ticks, cpu_ticks: 0, round };
        let known = self.processes.entry(pid).or_insert_with(new);
        if known.start_ticks != stat.start_ticks {
            // Another process has the number now.
            *known = new();
        }
        let used = cpu_ticks.saturating_sub(known.cpu_ticks);
        known.cpu_ticks += used;
        known.round = round;

        let group = self.group(&String::from_utf8_lossy(name_of_group(pid, stat)));
        if group.round != round {
            (group.resident_pages, group.processes, group.threads) = (0, 0, 0);
            group.round = round;
        }
        group.cpu_ticks = group.cpu_ticks.saturating_add(used);
        group.resident_pages = group.resident_pages.saturating_add(stat.resident_pages);
        group.processes += 1;
        group.threads = group.threads.saturating_add(stat.threads);
    }

    fn group(&mut self, name: &str) -> &mut Group {
        let place = self.groups.binary_search_by(|group| (*group.name).cmp(name)).unwrap_or_else(|place| {
            self.groups.insert(place, Group::new(name));
            place
        });
        &mut self.groups[place]
    }

    /// Writes the first groups of this scrape.
    pub fn write(&mut self, page: &mut Page) {
        let round = self.round;
        self.processes.retain(|_, known| known.round == round);
        self.groups.retain(|group| group.round == round);
        self.groups.iter_mut().for_each(|group| group.is_shown = false);
        self.show_first(|group| group.cpu_ticks - group.cpu_ticks_before);
        self.show_first(|group| group.resident_pages);
        self.groups.iter_mut().for_each(|group| group.cpu_ticks_before = group.cpu_ticks);
        let columns: [Column; 4] = [
            (&CPU, |group| group.cpu_ticks as f64 / ticks_per_second() as f64),
            (&RESIDENT, |group| group.resident_pages.saturating_mul(page_bytes()) as f64),
            (&PROCESSES, |group| group.processes as f64),
            (&THREADS, |group| group.threads as f64),
        ];
        for (family, value) in columns {
            for group in self.groups.iter().filter(|group| group.is_shown) {
                page.sample(family, &[("comm", &group.name)], value(group));
            }
        }
    }

    fn show_first(&mut self, rank: fn(&Group) -> u64) {
        let ranks = self.groups.iter().enumerate().map(|(place, group)| (rank(group), place));
        self.ranks.clear();
        self.ranks.extend(ranks.filter(|(rank, _)| *rank > 0));
        self.ranks.sort_unstable_by_key(|(rank, place)| (Reverse(*rank), *place));
        for (_, place) in self.ranks.iter().take(self.top) {
            self.groups[*place].is_shown = true;
        }
    }
}

impl Group {
    fn new(name: &str) -> Self {
        Group {
            name: name.into(),
            cpu_ticks: 0,
            cpu_ticks_before: 0,
            resident_pages: 0,
            processes: 0,
            threads: 0,
            round: 0,
            is_shown: false,
        }
    }
}

fn name_of_group<'a>(pid: u32, stat: &PidStat<'a>) -> &'a [u8] {
    let is_of_the_kernel = pid == KTHREADD || stat.parent == KTHREADD;
    let mut parts = stat.comm.split(|byte| is_of_the_kernel && *byte == b'/');
    parts.next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use exposition::{Dialect, assemble};

    fn process(comm: &str, ticks: u64, pages: u64, start_ticks: u64) -> PidStat<'_> {
        PidStat {
            comm: comm.as_bytes(),
            state: b'S',
            parent: 1,
            user_ticks: ticks,
            system_ticks: 0,
            threads: 1,
            start_ticks,
            resident_pages: pages,
        }
    }

    /// The lines of CPU time after a scrape that sees these processes.
    fn scrape(groups: &mut ProcessGroups, processes: &[(u32, PidStat<'_>)]) -> Vec<String> {
        let mut page = Page::new();
        groups.begin();
        processes.iter().for_each(|(pid, stat)| groups.add(*pid, stat));
        groups.write(&mut page);
        let mut text = Vec::new();
        assemble([&page], Dialect::Text, &mut text);
        let text = String::from_utf8(text).expect("UTF-8");
        let lines = text.lines().filter_map(|line| line.strip_prefix("vitals_process_cpu_seconds_total"));
        lines.map(str::to_owned).collect()
    }

    #[test]
    fn the_sum_of_a_name_does_not_fall_when_one_of_it_ends() {
        let mut groups = ProcessGroups::new(5);
        let both = [(10, process("sh", 300, 1, 1)), (11, process("sh", 200, 1, 2))];
        assert_eq!(scrape(&mut groups, &both), [r#"{comm="sh"} 5"#]);
        assert_eq!(scrape(&mut groups, &[(11, process("sh", 250, 1, 2))]), [r#"{comm="sh"} 5.5"#]);
        // The number of the first is used again.
        let again = [(10, process("sh", 50, 1, 9)), (11, process("sh", 250, 1, 2))];
        assert_eq!(scrape(&mut groups, &again), [r#"{comm="sh"} 6"#]);
        assert_eq!(groups.processes.len(), 2);
    }

    #[test]
    fn the_first_by_recent_cpu_time_and_by_memory_are_shown() {
        let mut groups = ProcessGroups::new(1);
        let at = |busy: u64| {
            [(1, process("old", 9000, 5, 1)), (2, process("busy", busy, 5, 1)), (3, process("big", 1, 500, 1))]
        };
        assert_eq!(scrape(&mut groups, &at(10)), [r#"{comm="big"} 0.01"#, r#"{comm="old"} 90"#]);
        assert_eq!(scrape(&mut groups, &at(20)), [r#"{comm="big"} 0.01"#, r#"{comm="busy"} 0.2"#]);
        assert_eq!(scrape(&mut groups, &at(20)), [r#"{comm="big"} 0.01"#]);
    }

    #[test]
    fn a_scrape_that_was_broken_off_counts_nothing_twice() {
        let mut groups = ProcessGroups::new(5);
        groups.begin();
        groups.add(7, &process("a", 100, 3, 1));
        assert_eq!(scrape(&mut groups, &[(7, process("a", 100, 3, 1))]), [r#"{comm="a"} 1"#]);
        assert_eq!((groups.groups[0].processes, groups.groups[0].resident_pages), (1, 3));
    }

    #[test]
    fn threads_of_the_kernel_share_the_name_before_the_slash() {
        let of_the_kernel = PidStat { parent: KTHREADD, ..process("kworker/2:1-events", 1, 0, 1) };
        assert_eq!(name_of_group(40, &of_the_kernel), b"kworker");
        assert_eq!(name_of_group(41, &process("a/b", 1, 0, 1)), b"a/b");
    }
}
