//! Where queries run: on blocking threads, so many at a time, each with a deadline and a flag that ends it when its
//! client goes away, all of them together with one pool of memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use promql::{Lease, MemoryPool, MemoryTaken, QueryStats};
use tokio::sync::Semaphore;

#[derive(Clone)]
pub struct QueryPool {
    places: Arc<Semaphore>,
    concurrency: usize,
    memory: MemoryPool,
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
    panics: AtomicU64,
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
    /// Queries that made their thread panic.
    pub panics_total: u64,
    /// Memory that all queries together may hold.
    pub memory_limit_bytes: usize,
    /// That they hold now.
    pub memory_bytes: usize,
    /// How often a query ended because others held the memory.
    pub memory_refused_total: u64,
}

/// A query's place in the pool.
pub struct Slot {
    /// Set when nobody waits for the answer any more.
    pub cancel: Arc<AtomicBool>,
    /// The query's part of the memory of all.
    pub lease: Arc<Lease>,
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

/// Why work ends before it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    #[error("query timed out in query execution")]
    Late,
    #[error("query was canceled in query execution")]
    Cancelled,
    #[error(transparent)]
    Memory(#[from] MemoryTaken),
}

/// Sets the flag when the request's future is dropped.
struct CancelOnDrop(Arc<AtomicBool>);

/// Counts a query from when it is there until its answer is.
struct Active(Arc<PoolTotals>);

impl QueryPool {
    pub fn new(concurrency: usize, memory_bytes: usize) -> QueryPool {
        QueryPool {
            places: Arc::new(Semaphore::new(concurrency)),
            concurrency,
            memory: MemoryPool::new(memory_bytes),
            totals: Arc::default(),
        }
    }

    /// A part of the queries' memory for an answer that is made elsewhere.
    pub fn lease(&self) -> Lease {
        self.memory.lease()
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
        let lease = Arc::new(self.memory.lease());
        let slot = Slot { cancel, lease, deadline, queued, begun, totals: self.totals.clone() };
        let done = tokio::task::spawn_blocking(move || {
            // Both are held until the work has really ended, also when nobody waits for it any more.
            let _held = (place, active);
            work(slot)
        });
        done.await.map_err(|_| {
            self.totals.panics.fetch_add(1, Ordering::Relaxed);
            PoolError::Panicked
        })
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
            panics_total: self.totals.panics.load(Ordering::Relaxed),
            memory_limit_bytes: self.memory.limit_bytes(),
            memory_bytes: self.memory.leased_bytes(),
            memory_refused_total: self.memory.refused_total(),
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
    pub fn check(&self) -> Result<(), Stop> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(Stop::Cancelled);
        }
        if Instant::now() > self.deadline { Err(Stop::Late) } else { Ok(()) }
    }

    /// The same, and whether the work may hold so many bytes.
    pub fn hold(&self, bytes: usize) -> Result<(), Stop> {
        self.check()?;
        Ok(self.lease.cover(bytes)?)
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
    const MEMORY_BYTES: usize = 1 << 20;

    #[tokio::test]
    async fn a_query_that_finds_no_place_in_time_is_refused() {
        let pool = QueryPool::new(1, MEMORY_BYTES);
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
        let pool = QueryPool::new(1, MEMORY_BYTES);
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
        let pool = QueryPool::new(1, MEMORY_BYTES);
        let deadline = Instant::now() + LONG;
        assert_eq!(pool.run(deadline, |_| panic!("on purpose")).await.map(|()| 0), Err(PoolError::Panicked));
        assert_eq!(pool.run(deadline, |_| 1).await, Ok(1));
        assert_eq!(pool.stats().panics_total, 1);
    }

    #[tokio::test]
    async fn queries_share_their_memory_and_give_it_back_when_they_end() {
        let pool = QueryPool::new(2, MEMORY_BYTES);
        let elsewhere = pool.lease();
        elsewhere.cover(MEMORY_BYTES).expect("all of it");
        let deadline = Instant::now() + LONG;
        let taken = MemoryTaken { limit_bytes: MEMORY_BYTES };
        assert_eq!(pool.run(deadline, |slot| slot.hold(1)).await, Ok(Err(Stop::Memory(taken))));
        drop(elsewhere);
        assert_eq!(pool.run(deadline, |slot| slot.hold(MEMORY_BYTES)).await, Ok(Ok(())));
        let stats = pool.stats();
        assert_eq!((stats.memory_bytes, stats.memory_refused_total), (0, 1));
        assert_eq!(pool.run(deadline, |slot| slot.hold(MEMORY_BYTES + 1)).await, Ok(Err(Stop::Memory(taken))));
    }
}
