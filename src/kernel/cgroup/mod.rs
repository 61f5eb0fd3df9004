//! Control groups: where their hierarchies are mounted, which groups there are, and one parser for each of their files.
//!
//! The parsers of lists and of `key value` files are lenient: an odd line costs only itself and is handed to the
//! `problems` closure; a key that is not there stays `None`.

pub mod blkio;
pub mod cpu_max;
pub mod cpu_stat;
pub mod cpuacct;
mod device;
mod flat_keyed;
mod hierarchy;
pub mod io_stat;
mod limit;
pub mod memory_events;
pub mod memory_stat;
pub mod memory_stat_v1;
pub mod procs;
mod tree;
mod watch;

#[cfg(test)]
mod conformance_tests;
#[cfg(test)]
mod tree_tests;

pub use device::DeviceNumber;
pub use hierarchy::{Controller, Hierarchies, Version};
pub use limit::{Limit, parse_value};
pub use tree::Tree;
