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
mod allocations;
#[cfg(test)]
mod cache_tests;
#[cfg(test)]
mod cost_tests;
#[cfg(test)]
mod fake_target;
#[cfg(test)]
mod intake_tests;
#[cfg(test)]
mod memory_appender;
#[cfg(test)]
mod scraping_tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Instant;

use model::Appender;
use parking_lot::{Mutex, RwLock};

use crate::config::{Config, ScrapeConfig};
use crate::discovery::{Discovery, Dropped, POLL_INTERVAL, build_targets};

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
    config: Arc<ScrapeConfig>,
    discovery: Arc<Mutex<Discovery>>,
    pool: Pool,
}

/// What the pages of the user interface see of a job.
struct JobView {
    name: String,
    loops: Vec<Arc<TargetLoop>>,
    dropped: Arc<Vec<Dropped>>,
    /// Targets that rules dropped, those beyond `keep_dropped_targets` too.
    dropped_by_rules: usize,
}

impl Scraping {
    /// Starts a loop for each target of a configuration, on the runtime that it is called from.
    pub async fn start(config: &Config, appender: Arc<dyn Appender>, options: ScrapeOptions) -> Arc<Scraping> {
        let stores = Stores { appender, counters: Default::default(), metadata: Default::default() };
        let workshop = Workshop::new(options.workers.max(1));
        let shop = Arc::new(Shop { stores, workshop, seed: options.seed });
        let scraping = Arc::new(Scraping { shop, jobs: tokio::sync::Mutex::default(), view: RwLock::default() });
        scraping.reload(config).await;
        tokio::spawn(follow_discovery(Arc::downgrade(&scraping)));
        scraping
    }

    /// Goes on with another configuration. Targets that are in both, with the same settings, notice nothing.
    pub async fn reload(&self, config: &Config) {
        let mut jobs = self.jobs.lock().await;
        let mut before = std::mem::take(&mut *jobs);
        for scrape_config in &config.scrape_configs {
            let scrape_config = Arc::new(scrape_config.clone());
            let name = scrape_config.job_name.clone();
            let pool = before.remove(&name).map(|job| job.pool);
            let pool = pool.unwrap_or_else(|| Pool::new(scrape_config.clone(), self.shop.clone()));
            let mut job = Job::new(scrape_config, pool).await;
            job.sync().await;
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
        let dropped = view.iter().flat_map(|job| {
            job.dropped.iter().map(|dropped| DroppedTarget {
                scrape_pool: job.name.clone(),
                discovered: dropped.discovered.clone(),
                error: dropped.error.clone(),
            })
        });
        dropped.collect()
    }

    /// How many targets of each job relabelling dropped, however many of them are kept.
    pub fn dropped_counts(&self) -> BTreeMap<String, usize> {
        self.view.read().iter().map(|job| (job.name.clone(), job.dropped_by_rules)).collect()
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
            dropped_by_rules: job.pool.dropped_by_rules(),
        });
        *self.view.write() = view.collect();
    }
}

impl Job {
    async fn new(config: Arc<ScrapeConfig>, pool: Pool) -> Self {
        let config_of_read = config.clone();
        let read = tokio::task::spawn_blocking(move || Discovery::new(&config_of_read, Instant::now()));
        let discovery = read.await.unwrap_or_else(|_| Discovery::new(&config, Instant::now()));
        Job { config, discovery: Arc::new(Mutex::new(discovery)), pool }
    }

    /// Brings the pool in line with what is discovered.
    async fn sync(&mut self) {
        let (targets, dropped) = build_targets(&self.config, self.discovery.lock().groups());
        self.pool.sync(self.config.clone(), targets, dropped).await;
    }

    /// Whether there is something else to scrape than before.
    async fn has_changed(&self) -> bool {
        if !self.discovery.lock().can_change() {
            return false;
        }
        let discovery = self.discovery.clone();
        let polled = tokio::task::spawn_blocking(move || discovery.lock().poll(Instant::now()));
        polled.await.unwrap_or(false)
    }
}

/// Looks after changed target files as long as there is scraping.
async fn follow_discovery(scraping: Weak<Scraping>) {
    loop {
        tokio::time::sleep(POLL_INTERVAL).await;
        let Some(scraping) = scraping.upgrade() else { return };
        let mut jobs = scraping.jobs.lock().await;
        let mut has_changed = false;
        for job in jobs.values_mut() {
            if job.has_changed().await {
                job.sync().await;
                has_changed = true;
            }
        }
        if has_changed {
            scraping.show(&jobs);
        }
    }
}
