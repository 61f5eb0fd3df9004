//! Scraping: one task for each target, all appending through `model::Appender`.

mod cache;
mod error;
mod fetch;
mod intake;
mod metadata;
mod own_series;
mod page_reader;
mod pool;
mod schedule;
mod series_rules;
mod stats;
mod status;
mod target_loop;
mod warned;
mod workshop;

#[cfg(test)]
mod cache_tests;
#[cfg(test)]
mod fake_target;
#[cfg(test)]
mod intake_tests;
#[cfg(test)]
mod memory_appender;
#[cfg(test)]
mod scraping_tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Appender;
use parking_lot::RwLock;

use crate::config::{Config, ScrapeConfig};
use crate::discovery::{Dropped, TargetGroup, build_targets};

pub use error::ScrapeError;
pub use metadata::MetricMetadata;
pub use stats::ScrapeStats;
pub use status::{DroppedTarget, Health, TargetMetadata, TargetStatus};

use intake::Stores;
use pool::Pool;
use target_loop::{Shop, TargetLoop};
use workshop::Workshop;

/// How scraping is done, whatever is scraped.
#[derive(Clone, Copy, Debug)]
pub struct ScrapeOptions {
    /// Pages that are unpacked and stored at the same time.
    pub workers: usize,
    /// Differs between aggregators that scrape the same targets, so that they do so at different times.
    pub seed: u64,
}

/// All scrape loops of a program.
pub struct Scraping {
    shop: Arc<Shop>,
    jobs: tokio::sync::Mutex<BTreeMap<String, Job>>,
    view: RwLock<Vec<JobView>>,
}

struct Job {
    pool: Pool,
}

/// What the pages of the user interface see of a job.
struct JobView {
    name: String,
    loops: Vec<Arc<TargetLoop>>,
    dropped: Arc<Vec<Dropped>>,
}

impl Scraping {
    /// Starts a loop for each target of a configuration, on the runtime that it is called from.
    pub async fn start(config: &Config, appender: Arc<dyn Appender>, options: ScrapeOptions) -> Arc<Scraping> {
        let stores = Stores { appender, counters: Default::default(), metadata: Default::default() };
        let workshop = Workshop::new(options.workers.max(1));
        let shop = Arc::new(Shop { stores, workshop, seed: options.seed });
        let scraping =
            Arc::new(Scraping { shop, jobs: tokio::sync::Mutex::default(), view: RwLock::default() });
        scraping.reload(config).await;
        scraping
    }

    /// Goes on with another configuration. Targets that are in both, with the same settings, notice nothing.
    pub async fn reload(&self, config: &Config) {
        let mut jobs = self.jobs.lock().await;
        let mut before = std::mem::take(&mut *jobs);
        for scrape_config in &config.scrape_configs {
            let scrape_config = Arc::new(scrape_config.clone());
            let name = scrape_config.job_name.clone();
            let mut job = before.remove(&name).unwrap_or_else(|| Job::new(scrape_config.clone(), self.shop.clone()));
            job.configure(scrape_config).await;
            jobs.insert(name, job);
        }
        for job in before.values_mut() {
            job.pool.stop(true).await;
        }
        self.show(&jobs);
    }

    /// Stops all loops; answers that are there are still stored. `mark_stale` ends all series now, which is right when
    /// nobody goes on scraping: across a restart it would tear a hole into every series.
    pub async fn stop(&self, mark_stale: bool) {
        let mut jobs = self.jobs.lock().await;
        for job in jobs.values_mut() {
            job.pool.stop(mark_stale).await;
        }
        jobs.clear();
        self.show(&jobs);
    }

    /// Targets that are scraped, by job and labels.
    pub fn active_targets(&self) -> Vec<TargetStatus> {
        self.loops().iter().map(|target_loop| target_loop.status()).collect()
    }

    /// Targets that relabelling dropped or that cannot be scraped, as many as `keep_dropped_targets` allows.
    pub fn dropped_targets(&self) -> Vec<DroppedTarget> {
        let view = self.view.read();
        let dropped = view.iter().flat_map(|job| job.dropped.iter().map(|dropped| DroppedTarget {
            scrape_pool: job.name.clone(),
            discovered: dropped.discovered.clone(),
            error: dropped.error.clone(),
        }));
        dropped.collect()
    }

    /// The names of all jobs.
    pub fn scrape_pools(&self) -> Vec<String> {
        self.view.read().iter().map(|job| job.name.clone()).collect()
    }

    /// What each target says about its metrics.
    pub fn target_metadata(&self) -> Vec<TargetMetadata> {
        let loops = self.loops();
        let metadata = loops.iter().map(|target_loop| TargetMetadata {
            labels: target_loop.target.labels.clone(),
            metrics: target_loop.record.intake.lock().metadata().to_vec(),
        });
        metadata.collect()
    }

    /// What all targets say, by name; several entries where they differ.
    pub fn metadata(&self) -> BTreeMap<String, Vec<Arc<MetricMetadata>>> {
        let mut by_name: BTreeMap<String, Vec<Arc<MetricMetadata>>> = BTreeMap::new();
        for metadata in self.shop.stores.metadata.all() {
            by_name.entry(metadata.name.clone()).or_default().push(metadata);
        }
        by_name
    }

    pub fn stats(&self) -> ScrapeStats {
        let loops = self.loops();
        let mut stats = self.shop.stores.counters.totals();
        stats.targets = loops.len();
        stats.metadata_entries = self.shop.stores.metadata.len();
        for target_loop in &loops {
            let intake = target_loop.record.intake.lock();
            stats.cache_entries += intake.cache().len();
            stats.cache_bytes += intake.cache().heap_bytes();
        }
        stats
    }

    fn loops(&self) -> Vec<Arc<TargetLoop>> {
        self.view.read().iter().flat_map(|job| job.loops.iter().cloned()).collect()
    }

    fn show(&self, jobs: &BTreeMap<String, Job>) {
        let view = jobs.iter().map(|(name, job)| JobView {
            name: name.clone(),
            loops: job.pool.loops(),
            dropped: job.pool.dropped(),
        });
        *self.view.write() = view.collect();
    }
}

impl Job {
    fn new(config: Arc<ScrapeConfig>, shop: Arc<Shop>) -> Self {
        Job { pool: Pool::new(config, shop) }
    }

    async fn configure(&mut self, config: Arc<ScrapeConfig>) {
        let groups: Vec<TargetGroup> = config.static_configs.clone();
        let (targets, dropped) = build_targets(&config, &groups);
        self.pool.sync(config, targets, dropped).await;
    }
}
