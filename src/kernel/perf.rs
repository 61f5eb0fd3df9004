//! Counters of the CPU and of the kernel by perf_event_open(2): cycles, cache misses, page faults, tracepoints. Each
//! counts for all processes on one CPU as long as its descriptor is open, and each needs one.
//! Kernel: 2.6.31 and later. Privileges: CAP_PERFMON (5.8) or CAP_SYS_ADMIN, unless kernel.perf_event_paranoid is 0 or
//! less. Cost: a read of 8 bytes, which interrupts the CPU where it counts hardware events.

use std::fs::File;
use std::io::{self, Read};

use nix::libc;

use crate::FileBudget;
use crate::ffi::open_perf_event;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// `PERF_COUNT_HW_*`: cycles, instructions.
    Hardware(u64),
    /// `PERF_COUNT_SW_*`: page faults, context switches.
    Software(u64),
    Cache(Cache, Access, Outcome),
    /// By the number that tracefs has in `events/<subsystem>/<event>/id`.
    Tracepoint(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    Level1Data,
    Level1Instructions,
    LastLevel,
    /// Translations of addresses of data.
    DataTlb,
    InstructionTlb,
    /// Predicted branches.
    Branches,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every access, whether it hit or not, though node_exporter calls it a hit.
    Access,
    Miss,
}

/// An event on one CPU.
#[derive(Debug)]
pub struct Counter {
    file: File,
    budget: FileBudget,
}

impl Counter {
    /// `None` when as many files are open as may be.
    pub fn open(event: Event, cpu: u32, budget: &FileBudget) -> io::Result<Option<Counter>> {
        let (kind, config) = event.code();
        let descriptor = open_perf_event(kind, config, cpu)?;
        Ok(budget.take_one().then(|| Counter { file: descriptor.into(), budget: budget.clone() }))
    }

    /// Counted so far. `None` while the CPU is offline.
    pub fn read(&mut self) -> io::Result<Option<u64>> {
        let mut count = [0; 8];
        match self.file.read(&mut count)? {
            8 => Ok(Some(u64::from_ne_bytes(count))),
            _ => Ok(None),
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.budget.give_back();
    }
}

impl Event {
    /// Type and number, as the kernel wants them.
    fn code(self) -> (u32, u64) {
        const HARDWARE: u32 = 0;
        const SOFTWARE: u32 = 1;
        const TRACEPOINT: u32 = 2;
        const CACHE: u32 = 3;
        match self {
            Event::Hardware(number) => (HARDWARE, number),
            Event::Software(number) => (SOFTWARE, number),
            Event::Tracepoint(number) => (TRACEPOINT, number),
            Event::Cache(cache, access, outcome) => {
                (CACHE, cache as u64 | (access as u64) << 8 | (outcome as u64) << 16)
            }
        }
    }
}

/// This machine cannot count the event: its CPU has no such counter (as in most virtual machines), or the CPU asked for
/// is not there.
pub fn is_not_countable(error: &io::Error) -> bool {
    let errors = [libc::ENOENT, libc::ENODEV, libc::EOPNOTSUPP, libc::EINVAL, libc::ENXIO];
    error.raw_os_error().is_some_and(|errno| errors.contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT_SWITCHES: Event = Event::Software(3);

    #[test]
    fn caches_are_numbered_as_the_kernel_numbers_them() {
        assert_eq!(Event::Cache(Cache::Level1Data, Access::Read, Outcome::Access).code(), (3, 0));
        assert_eq!(Event::Cache(Cache::LastLevel, Access::Write, Outcome::Miss).code(), (3, 0x10102));
        assert_eq!(Event::Cache(Cache::Branches, Access::Read, Outcome::Miss).code(), (3, 0x10005));
        assert_eq!(Event::Tracepoint(317).code(), (2, 317));
    }

    #[test]
    fn a_counter_counts_on_and_takes_its_part_of_the_budget() {
        let budget = FileBudget::new(1);
        let mut counter = match Counter::open(CONTEXT_SWITCHES, 0, &budget) {
            Ok(counter) => counter.expect("room for one"),
            // Not for us, or not in this sandbox.
            Err(error) => return assert!(error.raw_os_error().is_some(), "{error}"),
        };
        assert!(Counter::open(CONTEXT_SWITCHES, 0, &budget).expect("opened").is_none());
        let first = counter.read().expect("readable").expect("online");
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(counter.read().expect("readable").expect("online") >= first);
        drop(counter);
        assert_eq!(budget.kept(), 0);
    }

    #[test]
    fn a_cpu_that_is_not_there_has_nothing_to_count() {
        let error = Counter::open(CONTEXT_SWITCHES, 60_000, &FileBudget::default()).expect_err("no such CPU");
        let is_denied = error.kind() == io::ErrorKind::PermissionDenied;
        assert!(is_denied || is_not_countable(&error) || error.raw_os_error() == Some(libc::ENOSYS), "{error}");
    }
}
