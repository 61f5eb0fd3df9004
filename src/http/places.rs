//! A bounded number of places, and a queue of those among their holders that wait for their client: when all places are
//! taken, the one that has waited longest is asked to leave.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::idle::{Idle, Waiting};

/// Between two looks whether somebody can be asked to leave.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Clone)]
pub(crate) struct Places {
    limit: usize,
    slots: Arc<Semaphore>,
    waiting: Arc<Waiting>,
}

impl Places {
    pub fn new(limit: usize) -> Places {
        Places { limit, slots: Arc::new(Semaphore::new(limit)), waiting: Arc::default() }
    }

    /// For a holder of a place, which waits from the start.
    pub fn idle(&self) -> Arc<Idle> {
        Arc::new(Idle::new(self.waiting.clone()))
    }

    /// `None` when all are taken.
    pub fn try_take(&self) -> Option<OwnedSemaphorePermit> {
        self.slots.clone().try_acquire_owned().ok()
    }

    /// Waits for a place, and asks those to leave that hold one without need.
    pub async fn take(&self, note_dismissed: impl Fn()) -> OwnedSemaphorePermit {
        if let Some(slot) = self.try_take() {
            return slot;
        }
        loop {
            if self.waiting.dismiss_longest() {
                note_dismissed();
            }
            if let Ok(slot) = tokio::time::timeout(LOOK_INTERVAL, self.slots.clone().acquire_owned()).await {
                return slot.expect("the semaphore is never closed");
            }
        }
    }

    pub fn taken(&self) -> usize {
        self.limit - self.slots.available_permits()
    }

    /// Waits until nobody holds a place any more.
    pub async fn all_left(&self) {
        let all = u32::try_from(self.limit).unwrap_or(u32::MAX);
        let _ = self.slots.acquire_many(all).await;
    }
}
