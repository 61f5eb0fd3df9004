//! Where queries run: on blocking threads, so many at a time, each with a deadline and a flag that ends it when its
//! client goes away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use model::StorageError;
use promql::QueryStats;
use tokio::sync::Semaphore;

#[derive(Clone)]
pub struct QueryPool {
    places: Arc<Semaphore>,
    concurrency: usize,
    totals: Arc<PoolTotals>,
}

/// Since the program's start.
#[derive(Debug, Default)]
pub struct PoolTotals {
    /// Queries that wait or run now.
    active: AtomicUsize,
    queries: AtomicU64,
    queued_nanos: AtomicU64,
    evaluations: AtomicU64,
    evaluated_nanos: AtomicU64,
    samples: AtomicU64,
}

/// What the pool has done so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoolStats {
    pub active: usize,
    pub concurrency: usize,
    pub queries_total: u64,
    pub queued_seconds_total: f64,
    pub evaluations_total: u64,
    pub evaluated_seconds_total: f64,
    pub samples_total: u64,
}

/// A query's place in the pool.
pub struct Slot {
    /// Set when nobody waits for the answer any more.
    pub cancel: Arc<AtomicBool>,
    deadline: Instant,
    queued: Duration,
    begun: Instant,
    totals: Arc<PoolTotals>,
}

#[derive(Clone, Copy, Debug)]
pub struct Timings {
    /// Before there was a free place.
    pub queued: Duration,
    pub evaluated: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    #[error("query timed out in query queue")]
    Queued,
    #[error("the query made its thread panic")]
    Panicked,
}

/// Sets the flag when the request's future is dropped.
struct CancelOnDrop(Arc<AtomicBool>);

/// Counts a query from when it is there until its answer is.
struct Active(Arc<PoolTotals>);

impl QueryPool {
    pub fn new(concurrency: usize) -> QueryPool {
        QueryPool { places: Arc::new(Semaphore::new(concurrency)), concurrency, totals: Arc::default() }
    }

    /// Waits for a free place until the deadline, then does the work on a thread of its own.
    pub async fn run<T: Send + 'static>(
        &self,
        deadline: Instant,
        work: impl FnOnce(Slot) -> T + Send + 'static,
    ) -> Result<T, PoolError> {
        let arrived = Instant::now();
        let active = Active::enter(&self.totals);
        let place = tokio::time::timeout_at(deadline.into(), self.places.clone().acquire_owned()).await;
        let Ok(Ok(place)) = place else { return Err(PoolError::Queued) };
        let cancel = Arc::new(AtomicBool::new(false));
        let _guard = CancelOnDrop(cancel.clone());
        let begun = Instant::now();
        let queued = begun - arrived;
        self.totals.queries.fetch_add(1, Ordering::Relaxed);
        add_nanos(&self.totals.queued_nanos, queued);
        let slot = Slot { cancel, deadline, queued, begun, totals: self.totals.clone() };
        let done = tokio::task::spawn_blocking(move || {
            // Both are held until the work has really ended, also when nobody waits for it any more.
            let _held = (place, active);
            work(slot)
        });
        done.await.map_err(|_| PoolError::Panicked)
    }

    pub fn stats(&self) -> PoolStats {
        let seconds = |nanos: &AtomicU64| nanos.load(Ordering::Relaxed) as f64 / 1e9;
        PoolStats {
            active: self.totals.active.load(Ordering::Relaxed),
            concurrency: self.concurrency,
            queries_total: self.totals.queries.load(Ordering::Relaxed),
            queued_seconds_total: seconds(&self.totals.queued_nanos),
            evaluations_total: self.totals.evaluations.load(Ordering::Relaxed),
            evaluated_seconds_total: seconds(&self.totals.evaluated_nanos),
            samples_total: self.totals.samples.load(Ordering::Relaxed),
        }
    }
}

impl Slot {
    /// Counts an evaluation that has just ended.
    pub fn evaluated(&self, stats: &QueryStats) -> Timings {
        let evaluated = self.begun.elapsed();
        self.totals.evaluations.fetch_add(1, Ordering::Relaxed);
        self.totals.samples.fetch_add(stats.samples_read, Ordering::Relaxed);
        add_nanos(&self.totals.evaluated_nanos, evaluated);
        Timings { queued: self.queued, evaluated }
    }

    /// Whether the work should go on.
    pub fn check(&self) -> Result<(), StorageError> {
        if self.cancel.load(Ordering::Relaxed) || Instant::now() > self.deadline {
            return Err(StorageError::Cancelled);
        }
        Ok(())
    }
}

impl Active {
    fn enter(totals: &Arc<PoolTotals>) -> Active {
        totals.active.fetch_add(1, Ordering::Relaxed);
        Active(totals.clone())
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn add_nanos(counter: &AtomicU64, duration: Duration) {
    counter.fetch_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    #[tokio::test]
    async fn a_query_that_finds_no_place_in_time_is_refused() {
        let pool = QueryPool::new(1);
        let (release, released) = mpsc::channel::<()>();
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let first = pool.clone();
        let first = tokio::spawn(async move {
            let work = move |_: Slot| {
                let _ = begun.send(());
                released.recv()
            };
            first.run(Instant::now() + LONG, work).await
        });
        has_begun.await.expect("the first runs");
        assert_eq!(pool.run(Instant::now(), |_| ()).await, Err(PoolError::Queued));
        assert_eq!(pool.stats().active, 1);
        release.send(()).expect("the first waits");
        first.await.expect("no panic").expect("a place").expect("released");
        assert_eq!((pool.stats().active, pool.stats().queries_total), (0, 1));
    }

    #[tokio::test]
    async fn dropping_the_request_cancels_the_query_and_keeps_its_place_until_it_ends() {
        let pool = QueryPool::new(1);
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let (ended, has_ended) = tokio::sync::oneshot::channel();
        let running = pool.clone();
        let request = tokio::spawn(async move {
            let work = move |slot: Slot| {
                let _ = begun.send(());
                while slot.check().is_ok() {
                    std::thread::yield_now();
                }
                let _ = ended.send(());
            };
            running.run(Instant::now() + LONG, work).await
        });
        has_begun.await.expect("it runs");
        request.abort();
        has_ended.await.expect("it ends although its deadline is far");
        pool.run(Instant::now() + LONG, |_| ()).await.expect("the place is free again");
    }

    #[tokio::test]
    async fn a_panic_costs_one_query() {
        let pool = QueryPool::new(1);
        let deadline = Instant::now() + LONG;
        assert_eq!(pool.run(deadline, |_| panic!("on purpose")).await.map(|()| 0), Err(PoolError::Panicked));
        assert_eq!(pool.run(deadline, |_| 1).await, Ok(1));
    }
}
