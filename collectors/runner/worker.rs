//! The threads that collect.

use std::sync::{Arc, PoisonError};
use std::thread;

use super::Shared;

/// Collectors keep what is large on the heap.
const STACK_BYTES: usize = 256 << 10;

impl Shared {
    /// Starts a worker where one is needed; wakes the idle one otherwise.
    pub(super) fn look_for_workers(self: &Arc<Self>) {
        let mut schedule = self.lock();
        if !schedule.needs_worker(&self.options) {
            drop(schedule);
            self.work.notify_one();
            return;
        }
        schedule.worker_started();
        drop(schedule);
        let shared = self.clone();
        let thread = thread::Builder::new().name("collect".to_owned()).stack_size(STACK_BYTES);
        if let Err(error) = thread.spawn(move || shared.run_jobs(&mut Vec::new())) {
            self.lock().worker_failed_to_start();
            tracing::error!(%error, "cannot start a thread to collect");
        }
    }

    /// Runs one job after another; waits for more when no other worker does, and returns when one does.
    fn run_jobs(self: &Arc<Self>, buffer: &mut Vec<u8>) {
        let mut schedule = self.lock();
        loop {
            if let Some(mut taken) = schedule.take_job(&self.options) {
                let spec = schedule.slots[taken.job.slot].spec;
                drop(schedule);
                let (report, tally) = taken.run(spec, &self.host, buffer);
                schedule = self.lock();
                let aftermath = schedule.put_back(&taken.job, taken.work, &report, tally);
                if !aftermath.is_nothing() {
                    drop(schedule);
                    aftermath.settle();
                    schedule = self.lock();
                }
                taken.job.collection.hand_in(taken.job.position, report);
                continue;
            }
            if !schedule.may_wait() {
                schedule.worker_ended();
                return;
            }
            schedule.worker_waits();
            schedule = self.work.wait(schedule).unwrap_or_else(PoisonError::into_inner);
            schedule.worker_wakes();
        }
    }
}
