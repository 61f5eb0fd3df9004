//! The state that all parts of the program share, from start to end.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use http::{Limits, ServerStats};
use scrape::{Config, Scraping};
use tokio::sync::Notify;
use tsdb::Tsdb;

use crate::api::{ApiError, ErrorKind};
use crate::budget::Budget;
use crate::clock::now_ms;
use crate::flags::Flags;
use crate::metrics::Requests;
use crate::query_pool::QueryPool;

pub struct Aggregator {
    pub flags: Flags,
    pub budget: Budget,
    /// Of the server.
    pub limits: Limits,
    /// Milliseconds since the epoch.
    pub started_ms: i64,
    pub queries: QueryPool,
    pub requests: Requests,
    pub server: Arc<ServerStats>,
    /// Woken by `/-/quit`.
    pub quit: Notify,
    pub(crate) config: ArcSwap<Loaded>,
    /// One reload at a time; held while scraping starts and when it ends.
    pub(crate) reloading: tokio::sync::Mutex<()>,
    /// Reloads that run or wait for it.
    pub(crate) reloads: AtomicUsize,
    running: OnceLock<Running>,
    is_stopping: AtomicBool,
}

/// What exists once the log has been replayed.
pub struct Running {
    pub tsdb: Tsdb,
    pub scraping: Arc<Scraping>,
}

/// The configuration in force.
#[derive(Clone)]
pub struct Loaded {
    pub config: Arc<Config>,
    /// When it was read, milliseconds since the epoch.
    pub loaded_ms: i64,
    /// Whether the last attempt to load one (this or a later one) went well.
    pub last_reload_succeeded: bool,
}

impl Aggregator {
    pub fn new(
        flags: Flags,
        budget: Budget,
        limits: Limits,
        config: Config,
        server: Arc<ServerStats>,
    ) -> Arc<Aggregator> {
        let loaded = Loaded { config: Arc::new(config), loaded_ms: now_ms(), last_reload_succeeded: true };
        Arc::new(Aggregator {
            budget,
            limits,
            started_ms: now_ms(),
            queries: QueryPool::new(flags.query_concurrency, budget.queries_bytes()),
            requests: Requests::default(),
            server,
            quit: Notify::new(),
            config: ArcSwap::from_pointee(loaded),
            reloading: tokio::sync::Mutex::new(()),
            reloads: AtomicUsize::new(0),
            running: OnceLock::new(),
            is_stopping: AtomicBool::new(false),
            flags,
        })
    }

    /// From here on queries are answered.
    pub fn start_answering(&self, running: Running) {
        // A second call would change nothing: what is running stays.
        let _ = self.running.set(running);
    }

    pub fn is_ready(&self) -> bool {
        self.running.get().is_some() && !self.is_stopping()
    }

    pub fn set_stopping(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    pub fn running(&self) -> Result<&Running, ApiError> {
        self.running.get().ok_or_else(|| ApiError::new(ErrorKind::Unavailable, "the log is still being replayed"))
    }

    pub fn config(&self) -> Arc<Loaded> {
        self.config.load_full()
    }

    pub fn max_series(&self) -> usize {
        self.flags.max_series.unwrap_or_else(|| self.budget.max_series())
    }
}

impl Loaded {
    pub fn evaluation_interval_ms(&self) -> i64 {
        self.config.global.evaluation_interval_ms
    }
}
