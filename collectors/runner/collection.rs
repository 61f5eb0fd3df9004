//! One collection and the scrapes that wait for it.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

use super::collected::Collected;
use super::outcome::Report;
use super::{Filter, Shared};

pub(crate) struct Collection {
    pub filter: Filter,
    pub begun: Instant,
    deadline: Instant,
    /// One for each collector of the filter, in its order.
    reports: Vec<OnceLock<Report>>,
    /// Reports that are there.
    done: AtomicUsize,
    /// Scrapes that wait.
    tickets: AtomicUsize,
    waiters: Mutex<Vec<Waker>>,
}

/// A scrape's share in a collection. It is a future that completes when every collector is back; whoever waits must
/// call `tend` at `next_look`, and `finish` when that says that the time is over.
pub struct Ticket {
    shared: Arc<Shared>,
    collection: Arc<Collection>,
    deadline: Instant,
    is_finished: bool,
}

/// Wakes a thread that waits for a collection.
struct Unpark(Thread);

impl Collection {
    fn new(filter: &Filter, deadline: Instant) -> Self {
        Collection {
            filter: filter.clone(),
            begun: Instant::now(),
            deadline,
            reports: filter.slots.iter().map(|_| OnceLock::new()).collect(),
            done: AtomicUsize::new(0),
            tickets: AtomicUsize::new(1),
            waiters: Mutex::new(Vec::new()),
        }
    }

    /// When the scrape that began it must be answered.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    pub fn join(&self) {
        self.tickets.fetch_add(1, Ordering::Relaxed);
    }

    /// True for the last scrape that leaves.
    pub fn leave(&self) -> bool {
        self.tickets.fetch_sub(1, Ordering::Relaxed) == 1
    }

    pub fn report(&self, position: usize) -> Option<&Report> {
        self.reports.get(position).and_then(OnceLock::get)
    }

    pub fn hand_in(&self, position: usize, report: Report) {
        if self.reports[position].set(report).is_err() {
            return;
        }
        if self.done.fetch_add(1, Ordering::AcqRel) + 1 == self.reports.len() {
            let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
            waiters.drain(..).for_each(Waker::wake);
        }
    }

    /// What came in, taken apart: the collection is over for everybody.
    pub fn into_reports(self) -> impl Iterator<Item = (usize, Report)> {
        let reports = self.reports.into_iter().map(OnceLock::into_inner);
        self.filter.slots.into_iter().zip(reports).filter_map(|(slot, report)| Some((slot, report?)))
    }

    fn is_complete(&self) -> bool {
        self.done.load(Ordering::Acquire) == self.reports.len()
    }

    /// Completed, or the waker is kept until it is.
    fn poll_complete(&self, waker: &Waker) -> bool {
        if self.is_complete() {
            return true;
        }
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at again under the lock: the last report may have come in between.
        if self.is_complete() {
            return true;
        }
        if !waiters.iter().any(|known| known.will_wake(waker)) {
            waiters.push(waker.clone());
        }
        false
    }
}

impl Ticket {
    pub(super) fn new(shared: &Arc<Shared>, filter: &Filter, deadline: Instant) -> Self {
        let mut schedule = shared.lock();
        let collection = schedule.join(filter, deadline).unwrap_or_else(|| {
            let collection = Arc::new(Collection::new(filter, deadline));
            schedule.open(&collection);
            collection
        });
        drop(schedule);
        shared.look_for_workers();
        Ticket { shared: shared.clone(), collection, deadline, is_finished: false }
    }

    /// Gives waiting collectors another worker where the present ones take long. False when the deadline has passed.
    pub fn tend(&self) -> bool {
        self.shared.look_for_workers();
        Instant::now() < self.deadline
    }

    /// When to call `tend` next.
    pub fn next_look(&self) -> Instant {
        self.deadline.min(Instant::now() + self.shared.options.patience)
    }

    /// Waits on this thread until every collector is back or the deadline has passed.
    pub fn wait(&self) {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        while !self.collection.poll_complete(&waker) {
            thread::park_timeout(self.next_look().saturating_duration_since(Instant::now()));
            if !self.tend() {
                return;
            }
        }
    }

    /// What is ready now. What is not is left behind, unless another scrape still waits for it.
    pub fn finish(mut self) -> Collected {
        self.is_finished = true;
        Collected::new(&self.shared, &self.collection, self.deadline)
    }
}

impl Future for Ticket {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.collection.poll_complete(cx.waker()) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// The client went away: nobody may be left to wait for the collection.
impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.is_finished && self.collection.leave() {
            let overdue = self.shared.lock().close(&self.collection);
            overdue.log();
        }
    }
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
