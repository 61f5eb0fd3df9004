//! Where answers are taken apart: a few workers, each with its own buffers, on the runtime's threads for blocking work.
//! So at most that many pages are unpacked at once, and no target holds a buffer between its scrapes.

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::intake::Scratch;

/// Larger buffers are given back to the allocator after use.
const KEPT_BUFFER_BYTES: usize = 8 << 20;

/// Bodies that are kept for the next answers.
const KEPT_BODIES: usize = 16;

#[derive(Debug)]
pub(crate) struct Workshop {
    permits: Semaphore,
    benches: Mutex<Vec<Workbench>>,
    bodies: Mutex<Vec<Vec<u8>>>,
}

/// The buffers of one worker.
#[derive(Debug, Default)]
pub(crate) struct Workbench {
    /// The unpacked page.
    pub page: Vec<u8>,
    pub scratch: Scratch,
}

impl Workshop {
    pub fn new(workers: usize) -> Self {
        Workshop {
            permits: Semaphore::new(workers),
            benches: Mutex::new(Vec::with_capacity(workers)),
            bodies: Mutex::new(Vec::with_capacity(KEPT_BODIES)),
        }
    }

    /// Runs a job at a bench as soon as one is free; `None` when it panicked.
    pub async fn run<T: Send + 'static>(&self, job: impl FnOnce(&mut Workbench) -> T + Send + 'static) -> Option<T> {
        let _permit = self.permits.acquire().await.ok()?;
        let mut bench = self.benches.lock().pop().unwrap_or_default();
        let done = tokio::task::spawn_blocking(move || {
            let outcome = job(&mut bench);
            (bench, outcome)
        });
        let (mut bench, outcome) = done.await.ok()?;
        bench.release_large_buffers();
        self.benches.lock().push(bench);
        Some(outcome)
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
