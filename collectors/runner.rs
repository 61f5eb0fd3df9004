//! Runs the enabled collectors for a scrape and gives an answer before its deadline, whatever they do.
//!
//! Collectors run one after another on one worker thread, which is the cheapest way when nothing is wrong. When a
//! worker has been on one collector for longer than `Options::patience` while others wait, another worker is started,
//! up to `Options::worker_limit`. At the deadline the scrape leaves with what is ready; a collector that is stuck in the
//! kernel stays on its thread, later scrapes report it without waiting for it, and it is used again once it is back.
//!
//! A panic loses one collector for one scrape. Scrapes that ask for the same collectors at the same time share one
//! collection. Nothing here knows a clock of its own: whoever waits calls `Ticket::tend` now and then.

mod collected;
mod collection;
mod filter;
mod last_run;
mod once;
mod outcome;
mod plan;
mod schedule;
mod slot;
mod worker;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kernel::Host;

use crate::{SettingsError, Spec};
pub use collected::{Collected, REPORT_FAMILIES};
pub use collection::Ticket;
pub use filter::{Filter, FilterError};
pub use last_run::LastRun;
pub use outcome::{CollectorState, Status};
pub use plan::Plan;
use schedule::Schedule;
use slot::Slot;

#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Threads that collect, including those that are stuck.
    pub worker_limit: usize,
    /// How long a worker may be on one collector while others wait, before another worker is started.
    pub patience: Duration,
    /// Time that a collector has before later scrapes no longer wait for it, however soon the one that it began for had
    /// to be answered.
    pub least_time: Duration,
}

/// Owns the collectors and the threads that they run on.
pub struct Runner {
    shared: Arc<Shared>,
}

/// Counters and gauges of the runner as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunnerStats {
    /// Collections that were really made.
    pub collections: u64,
    /// Scrapes that shared the collection of another one.
    pub coalesced: u64,
    /// Threads that collect, now.
    pub workers: usize,
    pub worker_limit: usize,
    /// Threads that could not be started.
    pub failed_starts: u64,
    /// Collectors that are still busy with a scrape that has left without them.
    pub left_behind: usize,
    /// Distinct problems that were logged, and how many of them are remembered at most.
    pub known_problems: usize,
    pub known_problems_limit: usize,
}

struct Shared {
    options: Options,
    host: Host,
    schedule: Mutex<Schedule>,
    /// Told when there is work.
    work: Condvar,
}

impl Default for Options {
    fn default() -> Self {
        // Every hung collector keeps a thread, so that the others can go on there must be more than may hang.
        Options { worker_limit: 64, patience: Duration::from_millis(50), least_time: Duration::from_secs(1) }
    }
}

impl Runner {
    /// Builds each enabled collector once, so that bad settings are known at start. `rows` are all collectors that this
    /// plan or a later one may enable.
    pub fn new(
        host: Host,
        rows: impl IntoIterator<Item = &'static Spec>,
        plan: Plan,
        options: Options,
    ) -> Result<Runner, SettingsError> {
        let slots = rows.into_iter().map(Slot::new).collect();
        let schedule = Mutex::new(Schedule::new(slots));
        let runner = Runner { shared: Arc::new(Shared { options, host, schedule, work: Condvar::new() }) };
        runner.change(plan)?;
        Ok(runner)
    }

    /// Begins a collection, or joins one that was begun a moment ago with the same filter.
    pub fn start(&self, filter: &Filter, deadline: Instant) -> Ticket {
        Ticket::new(&self.shared, filter, deadline)
    }

    /// Collects and waits on this thread; returns at the deadline at the latest.
    pub fn collect(&self, filter: &Filter, deadline: Instant) -> Collected {
        let ticket = self.start(filter, deadline);
        ticket.wait();
        ticket.finish()
    }

    /// Names of the enabled collectors.
    pub fn names(&self) -> Vec<&'static str> {
        self.shared.lock().enabled().map(|(_, slot)| slot.spec.name).collect()
    }

    /// How each enabled collector fared when it ran last.
    pub fn last_runs(&self) -> Vec<LastRun> {
        self.shared.lock().enabled().map(|(_, slot)| slot.last_run()).collect()
    }

    pub fn stats(&self) -> RunnerStats {
        self.shared.lock().stats(&self.shared.options)
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.shared.lock().close_down();
        self.shared.work.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Schedule> {
        // No collector runs under the lock, so what it guards is whole even after a panic.
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
