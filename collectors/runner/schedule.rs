//! What the runner's lock guards: the collectors, the jobs that wait for a worker, and how many workers there are.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use exposition::Page;

use super::collection::Collection;
use super::outcome::Report;
use super::slot::{Running, Slot, Tally, Work};
use super::{Filter, Options, Plan, RunnerStats, once};
use crate::Collector;

/// Report pages that are kept; more than one is needed only while scrapes overlap.
const SPARE_REPORTS: usize = 2;

/// A scrape joins a collection that is at most this old, so that its values are not older either.
const SHARED_AGE: Duration = Duration::from_secs(1);

/// And had at most this much less time: what it misses for want of time would be missing here too.
const SHARED_HASTE: Duration = Duration::from_millis(100);

pub(crate) struct Schedule {
    /// Of all collectors, also of those that are switched off; a slot keeps its place.
    pub slots: Vec<Slot>,
    pub plan: Arc<Plan>,
    /// Pages for reports on the collectors, to be used again.
    pub spare_reports: Vec<Page>,
    /// Oldest first.
    pending: VecDeque<Job>,
    /// Collections that somebody waits for.
    open: Vec<Weak<Collection>>,
    workers: usize,
    idle: usize,
    /// When a job, or a worker, was started last.
    last_start: Instant,
    is_closing: bool,
    collections: u64,
    coalesced: u64,
    failed_starts: u64,
}

/// One collector's turn in one collection.
pub(crate) struct Job {
    pub collection: Arc<Collection>,
    /// Place in the collection's filter.
    pub position: usize,
    pub slot: usize,
}

/// What a worker takes out of the schedule to run a collector.
pub(super) struct Taken {
    pub job: Job,
    pub work: Box<Work>,
    pub page: Page,
    pub plan: Arc<Plan>,
    /// Of the slot: work of an older one is built anew.
    pub generation: u64,
}

/// Collectors that were not back at the deadline.
pub(super) struct Overdue(Vec<&'static str>);

/// What is done about a collector that is back once the lock is released.
#[derive(Default)]
pub(super) struct Aftermath {
    /// It was left behind; its name and how long it took.
    pub back_again: Option<(&'static str, f64)>,
    /// It was switched off meanwhile.
    pub given_up: Option<Box<dyn Collector>>,
}

impl Schedule {
    pub fn new(slots: Vec<Slot>) -> Self {
        Schedule {
            slots,
            plan: Arc::default(),
            spare_reports: Vec::new(),
            pending: VecDeque::new(),
            open: Vec::new(),
            workers: 0,
            idle: 0,
            last_start: Instant::now(),
            is_closing: false,
            collections: 0,
            coalesced: 0,
            failed_starts: 0,
        }
    }

    /// The slots that are switched on, with their places.
    pub fn enabled(&self) -> impl Iterator<Item = (usize, &Slot)> {
        self.slots.iter().enumerate().filter(|(_, slot)| slot.is_enabled)
    }

    pub fn stats(&self, options: &Options) -> RunnerStats {
        RunnerStats {
            collections: self.collections,
            coalesced: self.coalesced,
            workers: self.workers,
            worker_limit: options.worker_limit,
            failed_starts: self.failed_starts,
            left_behind: self.slots.iter().filter(|slot| slot.is_left_behind()).count(),
            known_problems: self.slots.iter().map(|slot| slot.known_problems).sum(),
            known_problems_limit: once::LIMIT * self.enabled().count(),
        }
    }

    /// A collection with this filter that was begun a moment ago, with about as much time.
    pub fn join(&mut self, filter: &Filter, deadline: Instant) -> Option<Arc<Collection>> {
        let mut open = self.open.iter().filter_map(Weak::upgrade);
        let found = open.find(|one| {
            let age = one.begun.elapsed();
            one.filter == *filter && age < SHARED_AGE && deadline <= one.deadline() + age + SHARED_HASTE
        })?;
        found.join();
        self.coalesced += 1;
        Some(found)
    }

    /// Queues the collection's jobs. A collector that an earlier scrape has left behind is not waited for.
    pub fn open(&mut self, collection: &Arc<Collection>) {
        self.collections += 1;
        self.open.push(Arc::downgrade(collection));
        for (position, &slot) in collection.filter.slots.iter().enumerate() {
            if self.slots[slot].is_left_behind() {
                let state = self.slots[slot].still_busy();
                collection.hand_in(position, Report { state, page: Page::new() });
            } else {
                self.pending.push_back(Job { collection: collection.clone(), position, slot });
            }
        }
    }

    /// Nobody waits for the collection any more: its jobs are forgotten, what runs for it is left behind. Gives the names
    /// of those that are overdue, to be logged without the lock.
    #[must_use]
    pub fn close(&mut self, collection: &Arc<Collection>) -> Overdue {
        let mut overdue = Vec::new();
        self.open.retain(|one| one.upgrade().is_some_and(|one| !Arc::ptr_eq(&one, collection)));
        self.pending.retain(|job| !Arc::ptr_eq(&job.collection, collection));
        for slot in &mut self.slots {
            if let Some(running) = slot.running.as_mut().filter(|one| Arc::ptr_eq(&one.collection, collection)) {
                running.is_abandoned = true;
                if slot.is_left_behind() {
                    overdue.push(slot.spec.name);
                }
            }
        }
        Overdue(overdue)
    }

    /// The oldest job whose collector is free.
    pub fn take_job(&mut self, options: &Options) -> Option<Taken> {
        let next = self.pending.iter().position(|job| self.slots[job.slot].work.is_some())?;
        let job = self.pending.remove(next)?;
        let slot = &mut self.slots[job.slot];
        let work = slot.work.take()?;
        self.last_start = Instant::now();
        slot.running = Some(Running {
            since: self.last_start,
            overdue: job.collection.deadline().max(self.last_start + options.least_time),
            collection: job.collection.clone(),
            is_abandoned: false,
        });
        let page = slot.spare_pages.pop().unwrap_or_default();
        Some(Taken { work, page, plan: self.plan.clone(), generation: slot.generation, job })
    }

    #[must_use]
    pub fn put_back(&mut self, job: &Job, mut work: Box<Work>, report: &Report, tally: Tally) -> Aftermath {
        let slot = &mut self.slots[job.slot];
        let back_again = slot.is_left_behind().then_some((slot.spec.name, report.state.seconds));
        let given_up = if slot.is_enabled { None } else { work.give_up() };
        slot.known_problems = work.known_problems();
        slot.work = Some(work);
        slot.running = None;
        slot.note(report, tally);
        Aftermath { back_again, given_up }
    }

    /// Whether a job could run at once if there were one more worker, and no worker is likely to take it soon.
    pub fn needs_worker(&self, options: &Options) -> bool {
        let can_run = self.pending.iter().any(|job| self.slots[job.slot].work.is_some());
        let lost = self.slots.iter().filter(|slot| slot.is_left_behind()).count();
        let is_waiting = self.workers <= lost || self.last_start.elapsed() >= options.patience;
        can_run && self.idle == 0 && is_waiting && self.workers < options.worker_limit
    }

    /// A worker without a job may wait for the next one when no other does; otherwise it ends.
    pub fn may_wait(&self) -> bool {
        self.idle == 0 && !self.is_closing
    }

    /// The runner ends; so do its workers when they are done.
    pub fn close_down(&mut self) {
        self.is_closing = true;
        self.pending.clear();
    }

    pub fn keep_report_page(&mut self, page: Page) {
        if self.spare_reports.len() < SPARE_REPORTS {
            self.spare_reports.push(page);
        }
    }

    pub fn worker_started(&mut self) {
        self.workers += 1;
        // Gives the new worker the time that any worker has before yet another one is started.
        self.last_start = Instant::now();
    }

    pub fn worker_ended(&mut self) {
        self.workers -= 1;
    }

    pub fn worker_failed_to_start(&mut self) {
        self.workers -= 1;
        self.failed_starts += 1;
    }

    pub fn worker_waits(&mut self) {
        self.idle += 1;
    }

    pub fn worker_wakes(&mut self) {
        self.idle -= 1;
    }
}

impl Overdue {
    pub fn log(self) {
        for collector in self.0 {
            tracing::warn!(collector, "not back at the deadline; left behind until it is");
        }
    }
}

impl Aftermath {
    pub fn is_nothing(&self) -> bool {
        self.back_again.is_none() && self.given_up.is_none()
    }

    pub fn settle(self) {
        if let Some((collector, seconds)) = self.back_again {
            tracing::info!(collector, seconds, "back again");
        }
        drop(self.given_up);
    }
}
