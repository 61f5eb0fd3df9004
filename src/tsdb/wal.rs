//! The write-ahead log (docs/formats/wal.md): segments of framed, checksummed records, and checkpoints, which have the
//! same frames and stand for all segments before them.

pub mod frame;
mod log;
pub mod open_chunks;
pub mod samples;
pub mod series;
mod series_number;

pub use log::{Log, LogFiles};
