//! Where answers are taken apart: a few threads of their own, each with its own buffers. So at most that many pages are
//! unpacked at once, and no target holds a buffer between its scrapes.
//!
//! The threads live as long as the workshop: what they allocate for the storage lies close together. On threads that
//! come and go, the allocator left half as much memory again in pages that no living thread owned.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::intake::Scratch;

/// Larger buffers are given back to the allocator after use.
const KEPT_BUFFER_BYTES: usize = 8 << 20;

/// Bodies that are kept for the next answers.
const KEPT_BODIES: usize = 16;

#[derive(Debug)]
pub(crate) struct Workshop {
    /// Jobs that wait; never more than there are targets, for each waits for its own.
    jobs: Sender<Job>,
    bodies: Mutex<Vec<Vec<u8>>>,
}

type Job = Box<dyn FnOnce(&mut Workbench) + Send>;

/// The buffers of one worker.
#[derive(Debug, Default)]
pub(crate) struct Workbench {
    /// The unpacked page.
    pub page: Vec<u8>,
    pub scratch: Scratch,
}

impl Workshop {
    pub fn new(workers: usize) -> Self {
        let (jobs, waiting) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for number in 0..workers {
            let waiting = Arc::clone(&waiting);
            let spawned = thread::Builder::new().name(format!("scrape-{number}")).spawn(move || work(&waiting));
            if let Err(error) = spawned {
                tracing::error!(%error, "cannot start a thread for scrapes");
            }
        }
        Workshop { jobs, bodies: Mutex::new(Vec::with_capacity(KEPT_BODIES)) }
    }

    /// Runs a job at a bench as soon as one is free; `None` when it panicked.
    pub async fn run<T: Send + 'static>(&self, job: impl FnOnce(&mut Workbench) -> T + Send + 'static) -> Option<T> {
        let (done, outcome) = oneshot::channel();
        let job = move |bench: &mut Workbench| {
            // Nobody waits any more when the target was removed meanwhile.
            let _ = done.send(job(bench));
        };
        self.jobs.send(Box::new(job)).ok()?;
        outcome.await.ok()
    }

    /// An empty buffer for a body.
    pub fn take_body(&self) -> Vec<u8> {
        self.bodies.lock().pop().unwrap_or_default()
    }

    pub fn return_body(&self, mut body: Vec<u8>) {
        let mut bodies = self.bodies.lock();
        if body.capacity() <= KEPT_BUFFER_BYTES && bodies.len() < KEPT_BODIES {
            body.clear();
            bodies.push(body);
        }
    }
}

/// Takes jobs until the workshop is gone.
fn work(waiting: &Mutex<Receiver<Job>>) {
    let mut bench = Workbench::default();
    loop {
        let next = waiting.lock().recv();
        let Ok(job) = next else { return };
        if catch_unwind(AssertUnwindSafe(|| job(&mut bench))).is_err() {
            // The panic's message is in the log; its buffers may be in any state.
            bench = Workbench::default();
        }
        bench.release_large_buffers();
    }
}

impl Workbench {
    fn release_large_buffers(&mut self) {
        if self.page.capacity() > KEPT_BUFFER_BYTES {
            self.page = Vec::new();
        }
        let Scratch { batch, ended } = &mut self.scratch;
        if batch.samples.capacity() * size_of::<model::Sample>() > KEPT_BUFFER_BYTES {
            *batch = model::Batch::default();
        }
        if ended.capacity() * size_of::<model::SeriesRef>() > KEPT_BUFFER_BYTES {
            *ended = Vec::new();
        }
    }
}
