//! The targets of one job: a loop for each, started and stopped as discovery and the configuration change.

use std::collections::HashMap;
use std::sync::Arc;

use model::Labels;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::ScrapeError;
use super::intake::{Intake, Scratch};
use super::series_rules::SeriesRules;
use super::status::LastScrape;
use super::target_loop::{Record, Shop, TargetLoop, now_ms};
use crate::config::ScrapeConfig;
use crate::discovery::{Dropped, Target};

/// What makes two targets the same one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct TargetKey {
    labels: Labels,
    url: String,
}

pub(crate) struct Pool {
    config: Arc<ScrapeConfig>,
    running: HashMap<TargetKey, Running>,
    dropped: Arc<Vec<Dropped>>,
    /// Targets that rules dropped, those that are not kept too.
    dropped_by_rules: usize,
    shop: Arc<Shop>,
}

struct Running {
    target_loop: Arc<TargetLoop>,
    stop: watch::Sender<bool>,
}

impl Pool {
    pub fn new(config: Arc<ScrapeConfig>, shop: Arc<Shop>) -> Self {
        Pool { config, running: HashMap::new(), dropped: Arc::default(), dropped_by_rules: 0, shop }
    }

    /// Brings the loops in line with what is discovered. Targets that are gone get staleness markers; loops that would
    /// run just as before are left alone.
    pub async fn sync(&mut self, config: Arc<ScrapeConfig>, targets: Vec<Target>, mut dropped: Vec<Dropped>) {
        let is_same_config = runs_the_same(&self.config, &config);
        self.config = config;
        self.dropped_by_rules = dropped.iter().filter(|dropped| dropped.error.is_none()).count();
        let kept = self.config.limits.keep_dropped_targets.unwrap_or(u64::MAX);
        dropped.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        self.dropped = Arc::new(dropped);
        let forced_error = self.excess_of(targets.len());
        let mut before = std::mem::take(&mut self.running);
        for target in targets {
            let key = TargetKey { labels: target.labels.clone(), url: target.url.clone() };
            let running = match before.remove(&key) {
                Some(running) if is_same_config && running.target_loop.target == target => running,
                Some(running) => {
                    let record = running.target_loop.record.clone();
                    running.stop().await;
                    record.intake.lock().change_rules(self.rules(&target));
                    self.start(target, record)
                }
                None => {
                    let record = Arc::new(Record::new(self.rules(&target)));
                    self.start(target, record)
                }
            };
            *running.target_loop.record.forced_error.lock() = forced_error.clone();
            self.running.insert(key, running);
        }
        self.end(before).await;
    }

    /// Stops all loops. With `mark_stale`, all their series end now.
    pub async fn stop(&mut self, mark_stale: bool) {
        let running = std::mem::take(&mut self.running);
        if mark_stale {
            self.end(running).await;
        } else {
            stop_all(&running).await;
        }
    }

    pub fn loops(&self) -> Vec<Arc<TargetLoop>> {
        let mut loops: Vec<_> = self.running.values().map(|running| running.target_loop.clone()).collect();
        loops.sort_by(|one, other| {
            (&one.target.labels, &one.target.url).cmp(&(&other.target.labels, &other.target.url))
        });
        loops
    }

    pub fn dropped(&self) -> Arc<Vec<Dropped>> {
        self.dropped.clone()
    }

    pub fn dropped_by_rules(&self) -> usize {
        self.dropped_by_rules
    }

    fn start(&self, target: Target, record: Arc<Record>) -> Running {
        let target_loop = Arc::new(TargetLoop { target, config: self.config.clone(), record });
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(target_loop.clone().run(self.shop.clone(), stopped));
        Running { target_loop, stop }
    }

    fn rules(&self, target: &Target) -> SeriesRules {
        SeriesRules { target_labels: target.labels.clone(), config: self.config.clone() }
    }

    fn excess_of(&self, targets: usize) -> Option<ScrapeError> {
        let limit = self.config.limits.target_limit?;
        (targets as u64 > limit).then_some(ScrapeError::TargetLimit { targets, limit })
    }

    /// Ends targets that are gone.
    async fn end(&self, gone: HashMap<TargetKey, Running>) {
        if gone.is_empty() {
            return;
        }
        stop_all(&gone).await;
        let loops: Vec<_> = gone.into_values().map(|running| running.target_loop).collect();
        let shop = self.shop.clone();
        let ended = tokio::task::spawn_blocking(move || {
            let mut scratch = Scratch::default();
            for target_loop in loops {
                let mut intake = target_loop.record.intake.lock();
                if let Err(error) = intake.end(now_ms(), &shop.stores, &mut scratch) {
                    tracing::warn!(target = %target_loop.target.labels, %error, "staleness markers not stored");
                }
                intake.forget_metadata(&shop.stores);
            }
        });
        if ended.await.is_err() {
            tracing::error!("staleness markers of ended targets: panicked");
        }
    }
}

/// Whether loops run under one configuration just as under the other. Which targets a job has does not matter to them.
fn runs_the_same(before: &Arc<ScrapeConfig>, now: &Arc<ScrapeConfig>) -> bool {
    if Arc::ptr_eq(before, now) {
        return true;
    }
    let mut before = (**before).clone();
    before.static_configs.clone_from(&now.static_configs);
    before.file_sd_configs.clone_from(&now.file_sd_configs);
    before.relabel_configs.clone_from(&now.relabel_configs);
    before == **now
}

/// Tells all first and waits then, so that they stop at the same time.
async fn stop_all(running: &HashMap<TargetKey, Running>) {
    for one in running.values() {
        one.stop.send_replace(true);
    }
    for one in running.values() {
        // The channel closes when the task is done, whatever became of it.
        one.stop.closed().await;
    }
}

impl Running {
    async fn stop(self) {
        self.stop.send_replace(true);
        self.stop.closed().await;
    }
}

impl Record {
    fn new(rules: SeriesRules) -> Self {
        Record {
            intake: Mutex::new(Intake::new(rules)),
            last: Mutex::new(LastScrape::default()),
            forced_error: Mutex::new(None),
        }
    }
}
