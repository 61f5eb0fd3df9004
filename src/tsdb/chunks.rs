//! Closed chunks in append-only files (docs/formats/chunks.md). Each chunk names the one before it of the same series,
//! so the head keeps one position for each series, however many chunks it has.

mod cache;
mod file;
mod files;
mod position;
mod record;

pub use file::FileSummary;
pub use files::{ChunkFiles, FileSet};
pub use position::ChunkPosition;
pub use record::ChunkRecord;
