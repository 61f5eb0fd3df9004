//! What the owner of a database decides. Every limit has a default that suits one machine.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::disk::{Disk, OsDisk};

#[derive(Clone, Debug)]
pub struct Options {
    /// The data directory; it is created when it is missing.
    pub dir: PathBuf,
    /// Samples older than this may be dropped, and are refused when they arrive. Milliseconds.
    pub retention_ms: i64,
    /// Bytes of chunk files and log above which the oldest chunk files go, whatever their age; `None`: no limit.
    pub retention_bytes: Option<u64>,
    /// Series in the head above which new ones are refused; `None`: no limit.
    pub max_series: Option<usize>,
    /// How often the log is flushed to the disk. What was committed in between survives a crash of the process, but
    /// not one of the machine.
    pub wal_sync_interval: Duration,
    /// Size at which a segment of the log is full.
    pub wal_segment_bytes: u64,
    /// Bytes of log after which a checkpoint replaces it (or the size of the last checkpoint, when that is larger).
    pub checkpoint_wal_bytes: u64,
    /// Size at which a chunk file is full.
    pub chunk_file_bytes: u64,
    /// Samples after which an open chunk is closed and goes to a chunk file.
    pub chunk_samples: u16,
    /// An open chunk that got no sample for so long is closed. Milliseconds.
    pub idle_close_ms: i64,
    /// How far ahead of the clock a sample may be. Milliseconds.
    pub max_future_ms: i64,
    /// Memory for blocks of chunk files that queries have read.
    pub cache_bytes: usize,
    /// How often retention, removal of dead series and the need of a checkpoint are looked at.
    pub maintenance_interval: Duration,
    /// Whether `open` starts the maintenance thread. Tests turn it off and call `Tsdb::maintain` themselves.
    pub background: bool,
    pub clock: Clock,
    pub disk: Arc<dyn Disk>,
}

/// Tells the wall-clock time in milliseconds since the epoch.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Options {
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Options { dir: dir.into(), ..Options::default() }
    }

    /// A log may take a quarter of the bytes that are allowed, a chunk file an eighth: neither the log nor the file
    /// being written can be dropped, so they must leave room for the rest.
    pub fn fit_to_retention(mut self) -> Self {
        if let Some(bytes) = self.retention_bytes {
            self.checkpoint_wal_bytes = self.checkpoint_wal_bytes.min(bytes / 4);
            self.chunk_file_bytes = self.chunk_file_bytes.min(bytes / 8);
        }
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            dir: PathBuf::from("data"),
            retention_ms: 24 * 3_600_000,
            retention_bytes: None,
            max_series: None,
            wal_sync_interval: Duration::from_secs(1),
            wal_segment_bytes: 16 << 20,
            checkpoint_wal_bytes: 32 << 20,
            chunk_file_bytes: 64 << 20,
            chunk_samples: 120,
            idle_close_ms: 3_600_000,
            max_future_ms: 600_000,
            cache_bytes: 16 << 20,
            maintenance_interval: Duration::from_secs(15),
            background: true,
            clock: Clock::wall(),
            disk: Arc::new(OsDisk),
        }
    }
}

impl Clock {
    /// The system's clock.
    pub fn wall() -> Self {
        Clock::new(|| match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since_epoch) => since_epoch.as_millis() as i64,
            Err(before_epoch) => -(before_epoch.duration().as_millis() as i64),
        })
    }

    pub fn new(now_ms: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Clock(Arc::new(now_ms))
    }

    pub fn now_ms(&self) -> i64 {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now_ms())
    }
}
