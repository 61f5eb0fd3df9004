//! The connections that wait for a request, in the order since when. When all places are taken, the one that has waited
//! longest gives its place up: clients that connect and say nothing cannot keep others out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Waiting for less than this may be a request that is on its way.
const SPARED: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(crate) struct Waiting(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    /// By ticket, which is the order of arrival.
    places: BTreeMap<u64, Place>,
    next_ticket: u64,
}

struct Place {
    since: Instant,
    leave: Arc<Notify>,
}

/// One connection's own place in the queue; it is given up when this is dropped.
pub(crate) struct Idle {
    waiting: Arc<Waiting>,
    state: Mutex<State>,
    leave: Arc<Notify>,
}

#[derive(Default)]
struct State {
    ticket: Option<u64>,
    /// Since when there is nothing to do; `None` while there is.
    since: Option<Instant>,
    /// Requests under way; with HTTP/2 there may be several.
    working: usize,
}

impl Waiting {
    /// Asks the connection that has waited longest to leave. Says whether there was one.
    pub(crate) fn dismiss_longest(&self) -> bool {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match queue.places.first_entry() {
            Some(first) if first.get().since.elapsed() >= SPARED => {
                first.remove().leave.notify_one();
                true
            }
            _ => false,
        }
    }

    fn enter(&self, leave: Arc<Notify>) -> u64 {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        queue.places.insert(ticket, Place { since: Instant::now(), leave });
        ticket
    }

    fn leave(&self, ticket: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).places.remove(&ticket);
    }
}

impl Idle {
    /// For a new connection, which waits from the start.
    pub(crate) fn new(waiting: Arc<Waiting>) -> Idle {
        let idle = Idle { waiting, state: Mutex::default(), leave: Arc::default() };
        idle.enter(&mut idle.state());
        idle
    }

    /// A request is there.
    pub(crate) fn work(&self) {
        let mut state = self.state();
        state.working += 1;
        self.leave(&mut state);
    }

    /// A request has been answered. After the last, the connection waits for another.
    pub(crate) fn wait(&self) {
        let mut state = self.state();
        state.working = state.working.saturating_sub(1);
        if state.working == 0 {
            self.enter(&mut state);
        }
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.state().since.is_some()
    }

    /// Completes when the connection has waited for so long.
    pub(crate) async fn expired(&self, patience: Duration) {
        loop {
            let since = self.state().since;
            let left = since.map_or(patience, |since| patience.saturating_sub(since.elapsed()));
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }

    /// Completes when the connection's place is needed.
    pub(crate) async fn dismissed(&self) {
        self.leave.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, state: &mut State) {
        self.leave(state);
        state.ticket = Some(self.waiting.enter(self.leave.clone()));
        state.since = Some(Instant::now());
    }

    fn leave(&self, state: &mut State) {
        state.since = None;
        if let Some(ticket) = state.ticket.take() {
            self.waiting.leave(ticket);
        }
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        self.leave(&mut self.state());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Waiting {
        /// As if so much time had passed.
        fn age(&self, by: Duration) {
            let mut queue = self.0.lock().expect("not poisoned");
            queue.places.values_mut().for_each(|place| place.since = place.since.checked_sub(by).expect("uptime"));
        }

        fn len(&self) -> usize {
            self.0.lock().expect("not poisoned").places.len()
        }
    }

    #[tokio::test]
    async fn the_one_that_has_waited_longest_goes_first_and_who_works_stays() {
        let waiting = Arc::new(Waiting::default());
        let [working, first, second] = std::array::from_fn(|_| Idle::new(waiting.clone()));
        working.work();
        first.work();
        first.wait();
        assert!(!waiting.dismiss_longest(), "all have only just begun to wait");
        working.work();
        working.wait();
        assert!(!working.is_waiting(), "one of its two requests is still under way");
        waiting.age(SPARED);
        assert!(waiting.dismiss_longest());
        second.dismissed().await;
        assert!(waiting.dismiss_longest());
        first.dismissed().await;
        assert!(!waiting.dismiss_longest());
        working.wait();
        assert_eq!(waiting.len(), 1);
        drop((working, first, second));
        assert_eq!(waiting.len(), 0);
    }
}
