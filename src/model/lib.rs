//! The words that every other crate shares: labels, matchers, samples, durations, timestamps, and the two contracts
//! between them (`Appender` writes samples, `Storage` finds them). No I/O, no clock, no threads.

mod append;
mod duration;
mod float;
mod labels;
mod matcher;
mod sample;
mod storage;
mod timestamp;

pub use append::{AppendError, Appender, Batch, BatchReport, Rejected, SeriesRef};
pub use duration::{DurationError, format_duration_ms, parse_duration_ms};
pub use float::{format_float, parse_float, write_float};
pub use labels::{Labels, LabelsBuilder, METRIC_NAME, is_valid_label_name, is_valid_metric_name};
pub use matcher::{AnchoredRegex, MatchOp, Matcher, RegexError, search_regex};
pub use sample::{STALE_NAN_BITS, Sample, Samples, is_stale, stale_marker};
pub use storage::{Selection, Storage, StorageError, TimeRange};
pub use timestamp::{TimestampError, format_rfc3339_ms, parse_timestamp_ms};
