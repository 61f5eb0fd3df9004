//! What the runner's lock guards: the collectors, the jobs that wait for a worker, and how many workers there are.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use exposition::Page;

use super::collection::Collection;
use super::outcome::Report;
use super::slot::{Running, Slot, Tally, Work};
use super::{Filter, Options, RunnerStats, once};

/// Report pages that are kept; more than one is needed only while scrapes overlap.
const SPARE_REPORTS: usize = 2;

/// A scrape joins a collection that is at most this old, so that its values are not older either.
const SHARED_AGE: Duration = Duration::from_secs(1);

pub(crate) struct Schedule {
    pub slots: Vec<Slot>,
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

impl Schedule {
    pub fn new(slots: Vec<Slot>) -> Self {
        Schedule {
            slots,
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

    pub fn stats(&self, options: &Options) -> RunnerStats {
        RunnerStats {
            collections: self.collections,
            coalesced: self.coalesced,
            workers: self.workers,
            worker_limit: options.worker_limit,
            failed_starts: self.failed_starts,
            left_behind: self.slots.iter().filter(|slot| slot.is_left_behind()).count(),
            known_problems: self.slots.iter().map(|slot| slot.known_problems).sum(),
            known_problems_limit: once::LIMIT * self.slots.len(),
        }
    }

    /// A collection with this filter that was begun a moment ago.
    pub fn join(&mut self, filter: &Filter) -> Option<Arc<Collection>> {
        let mut open = self.open.iter().filter_map(Weak::upgrade);
        let found = open.find(|one| one.filter == *filter && one.begun.elapsed() < SHARED_AGE)?;
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

    /// Nobody waits for the collection any more: its jobs are forgotten, what runs for it is left behind.
    pub fn close(&mut self, collection: &Arc<Collection>) {
        self.open.retain(|one| one.upgrade().is_some_and(|one| !Arc::ptr_eq(&one, collection)));
        self.pending.retain(|job| !Arc::ptr_eq(&job.collection, collection));
        for slot in &mut self.slots {
            if let Some(running) = slot.running.as_mut().filter(|one| Arc::ptr_eq(&one.collection, collection)) {
                running.is_abandoned = true;
                if slot.is_left_behind() {
                    tracing::warn!(collector = slot.spec.name, "not back at the deadline; left behind until it is");
                }
            }
        }
    }

    /// The oldest job whose collector is free.
    pub fn take_job(&mut self) -> Option<(Job, Box<Work>, Page)> {
        let next = self.pending.iter().position(|job| self.slots[job.slot].work.is_some())?;
        let job = self.pending.remove(next)?;
        let slot = &mut self.slots[job.slot];
        let work = slot.work.take()?;
        self.last_start = Instant::now();
        slot.running =
            Some(Running { since: self.last_start, collection: job.collection.clone(), is_abandoned: false });
        Some((job, work, slot.spare_pages.pop().unwrap_or_default()))
    }

    pub fn put_back(&mut self, job: &Job, work: Box<Work>, report: &Report, tally: &Tally) {
        let slot = &mut self.slots[job.slot];
        slot.known_problems = work.known_problems();
        slot.work = Some(work);
        if slot.is_left_behind() {
            tracing::info!(collector = slot.spec.name, seconds = report.state.seconds, "back again");
        }
        slot.running = None;
        slot.last = Some(report.state.clone());
        slot.panics += tally.panics;
        slot.dropped_series += tally.dropped_series;
        slot.item_errors += tally.item_errors;
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
