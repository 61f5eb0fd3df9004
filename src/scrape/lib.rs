//! Configuration, discovery, relabelling, scrape loops and the scrape cache.

pub mod config;
pub mod discovery;
pub mod relabel;
pub mod scraping;

pub use config::{Config, ScrapeConfig};
pub use discovery::{Dropped, Target, TargetGroup, build_targets};
pub use relabel::{RelabelConfig, relabel};
pub use scraping::{
    DroppedTarget, Health, MetricMetadata, ScrapeError, ScrapeOptions, ScrapeStats, Scraping, TargetMetadata,
    TargetStatus,
};
