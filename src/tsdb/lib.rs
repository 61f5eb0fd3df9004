//! The aggregator's embedded database: head, write-ahead log, chunk files, retention.
//!
//! A batch is committed once its record has been handed to the kernel, before any query can see it; a `kill -9` at any
//! moment loses nothing that was committed. Plain synchronous code: one background thread, no async, no mmap.

mod bits;
mod cardinality;
mod checkpoint;
mod chunks;
mod database;
mod disk;
mod head;
mod index;
mod maintenance;
mod open;
mod options;
mod pages;
mod replay;
mod selection;
mod series;
mod series_ref;
mod stats;
mod varint;
mod wal;
#[cfg(test)]
mod whole_tests;
mod xor;

pub use cardinality::{Cardinality, Count};
pub use database::Tsdb;
pub use disk::{Disk, DiskFile, OsDisk};
pub use open::{OpenError, ReplayReport, Skipped};
pub use options::{Clock, Options};
pub use stats::{CacheStats, ChunkFileStats, RejectedTotals, Stats, WalStats};
