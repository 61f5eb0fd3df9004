//! Configuration, discovery, relabelling, scrape loops and the scrape cache.

pub mod config;
pub mod discovery;
pub mod relabel;

pub use config::{Config, ScrapeConfig};
pub use discovery::{Dropped, Target, TargetGroup, build_targets};
pub use relabel::{RelabelConfig, relabel};
