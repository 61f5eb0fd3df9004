//! What happens in the background: the log is flushed every second, old files and dead series go, and a checkpoint
//! replaces a log that has grown long. None of it is needed for a commit or a query to be right.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::checkpoint;
use crate::database::Engine;

pub struct MaintenanceThread {
    stop: Arc<Stop>,
    handle: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Stop {
    is_asked: Mutex<bool>,
    changed: Condvar,
}

impl MaintenanceThread {
    pub fn start(engine: &Arc<Engine>) -> Self {
        let stop = Arc::new(Stop::default());
        if !engine.options.background {
            return MaintenanceThread { stop, handle: Mutex::new(None) };
        }
        let (engine, its_stop) = (Arc::clone(engine), Arc::clone(&stop));
        let spawned = std::thread::Builder::new().name("tsdb".to_owned()).spawn(move || run(&engine, &its_stop));
        let handle = spawned.inspect_err(|error| tracing::error!(%error, "cannot start the maintenance thread")).ok();
        MaintenanceThread { stop, handle: Mutex::new(handle) }
    }

    /// Returns when the thread has ended.
    pub fn stop(&self) {
        *self.stop.is_asked.lock() = true;
        self.stop.changed.notify_all();
        if let Some(handle) = self.handle.lock().take()
            && handle.join().is_err()
        {
            tracing::error!("the maintenance thread panicked");
        }
    }
}

impl Drop for MaintenanceThread {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(engine: &Engine, stop: &Stop) {
    let mut last_sweep = Instant::now();
    let mut is_asked = stop.is_asked.lock();
    while !*is_asked {
        stop.changed.wait_for(&mut is_asked, engine.options.wal_sync_interval);
        if *is_asked {
            return;
        }
        parking_lot::MutexGuard::unlocked(&mut is_asked, || {
            guarded("sync", || engine.sync());
            if last_sweep.elapsed() >= engine.options.maintenance_interval {
                guarded("maintenance", || engine.sweep());
                last_sweep = Instant::now();
            }
        });
    }
}

/// A round that panics costs only itself.
fn guarded(what: &str, round: impl FnOnce()) {
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(round)).is_err() {
        tracing::error!(what, "a round of maintenance panicked");
    }
}

impl Engine {
    /// fdatasync of what was written to the log since the last time.
    pub fn sync(&self) {
        let unsynced = self.log.lock().begin_sync();
        let result = unsynced.sync(&self.log_files);
        self.log.lock().end_sync(unsynced, result.is_ok());
        if let Err(error) = result {
            tracing::warn!(%error, "cannot make the log durable");
        }
    }

    /// Retention, silent and dead series, checkpoint.
    pub fn sweep(&self) {
        let _one_at_a_time = self.maintenance.lock();
        let Some((_, newest_ms)) = self.head.times() else {
            self.head.remove_dead(i64::MIN, &self.log);
            return;
        };
        // A clock that jumps ahead must not make everything old.
        let oldest_ms = newest_ms.min(self.options.clock.now_ms()).saturating_sub(self.options.retention_ms);
        self.head.chunks.drop_before(oldest_ms);
        if let Err(error) = self.head.close_idle(newest_ms.saturating_sub(self.options.idle_close_ms)) {
            tracing::warn!(%error, "cannot close chunks of silent series");
        }
        let removed = self.head.remove_dead(oldest_ms, &self.log);
        self.totals.series_removed.fetch_add(removed as u64, Ordering::Relaxed);
        self.head.forget_before(oldest_ms);
        if self.log.lock().is_checkpoint_due(self.options.checkpoint_wal_bytes) {
            self.checkpoint();
        }
        // Last, because it sees a log that is as short as it can be.
        self.keep_to_size();
    }

    fn keep_to_size(&self) {
        let Some(limit_bytes) = self.options.retention_bytes else { return };
        let log_bytes = self.log.lock().stats().bytes;
        while log_bytes + self.head.chunks.bytes() > limit_bytes && self.head.chunks.drop_oldest() {}
    }

    fn checkpoint(&self) {
        if let Err(error) = checkpoint::write(&self.head, &self.log, &self.log_files, &self.commit_gate) {
            self.log.lock().checkpoint_failed();
            tracing::warn!(%error, "cannot write a checkpoint");
        }
    }
}
