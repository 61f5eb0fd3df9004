//! The life of one target: wait, ask, store, and again. What it stores happens on a worker; the loop itself only waits.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use exposition::{GunzipError, gunzip};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::ScrapeError;
use super::fetch::{DEFAULT_BODY_LIMIT_BYTES, Fetcher, Form};
use super::intake::{Intake, Moment, PageText, Stores};
use super::schedule::{Schedule, first_scrape_ms, offset_ms};
use super::stats::Counters;
use super::status::{LastScrape, TargetStatus};
use super::workshop::{Workbench, Workshop};
use crate::config::ScrapeConfig;
use crate::discovery::Target;

/// One target under one configuration.
pub(crate) struct TargetLoop {
    pub target: Target,
    pub config: Arc<ScrapeConfig>,
    pub record: Arc<Record>,
}

/// What outlives a change of the configuration.
pub(crate) struct Record {
    pub intake: Mutex<Intake>,
    pub last: Mutex<LastScrape>,
    /// Why the target must not be scraped at all.
    pub forced_error: Mutex<Option<ScrapeError>>,
}

/// What all loops share.
pub(crate) struct Shop {
    pub stores: Stores,
    pub workshop: Workshop,
    /// Spreads the scrapes of several aggregators.
    pub seed: u64,
}

/// A scrape that was told to stop before its answer was there.
struct Stopped;

impl TargetLoop {
    /// Scrapes until it is told to stop; a scrape whose answer is there is still stored.
    pub async fn run(self: Arc<Self>, shop: Arc<Shop>, mut stop: watch::Receiver<bool>) {
        let interval_ms = self.target.scrape_interval_ms.max(1);
        let interval = Duration::from_millis(interval_ms.unsigned_abs());
        let now_ms = now_ms();
        let first_ms = first_scrape_ms(now_ms, interval_ms, offset_ms(&self.target, shop.seed));
        let mut schedule = Schedule::new(interval_ms, first_ms);
        let mut next = Instant::now() + Duration::from_millis((first_ms - now_ms).unsigned_abs());
        let mut fetcher = None;
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|is_stopped| *is_stopped) => return,
                () = tokio::time::sleep_until(next) => {}
            }
            let started_ms = self::now_ms();
            let timestamp_ms = schedule.timestamp_ms(started_ms);
            let moment = Moment { timestamp_ms, started: std::time::Instant::now() };
            if self.scrape(&shop, &mut fetcher, moment, started_ms, &mut stop).await.is_err() {
                return;
            }
            // A scrape that took too long costs the ones in between.
            let late = Instant::now().saturating_duration_since(next);
            let intervals = late.as_millis() / interval.as_millis() + 1;
            next += interval * u32::try_from(intervals).unwrap_or(u32::MAX);
        }
    }

    async fn scrape(
        self: &Arc<Self>,
        shop: &Arc<Shop>,
        fetcher: &mut Option<Fetcher>,
        moment: Moment,
        started_ms: i64,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), Stopped> {
        let mut body = shop.workshop.take_body();
        let fetched = tokio::select! {
            biased;
            _ = stop.wait_for(|is_stopped| *is_stopped) => return Err(Stopped),
            fetched = self.fetch(fetcher, &mut body) => fetched,
        };
        if matches!(fetched, Err(ScrapeError::Connection(_))) {
            // Certificates may have been renewed: the next scrape reads their files again.
            *fetcher = None;
        }
        Counters::add(&shop.stores.counters.scrapes, 1);
        Counters::add(&shop.stores.counters.received_bytes, body.len());
        let stored = {
            let (this, shop_of_job) = (self.clone(), shop.clone());
            let job = move |bench: &mut Workbench| {
                let error = this.store(fetched, &body, moment, &shop_of_job.stores, bench);
                shop_of_job.workshop.return_body(body);
                error
            };
            shop.workshop.run(job).await
        };
        let error = match stored {
            Some(error) => error,
            None => {
                let (this, shop_of_job) = (self.clone(), shop.clone());
                let job = move |bench: &mut Workbench| {
                    this.store(Err(ScrapeError::Panic), &[], moment, &shop_of_job.stores, bench)
                };
                shop.workshop.run(job).await.flatten().or(Some(ScrapeError::Panic))
            }
        };
        if let Some(error) = &error {
            shop.stores.counters.fail(error);
            tracing::debug!(target = %self.target.labels, url = self.target.url, %error, "scrape failed");
        }
        let duration_seconds = moment.started.elapsed().as_secs_f64();
        *self.record.last.lock() = LastScrape::new(started_ms, duration_seconds, error.as_ref());
        Ok(())
    }

    async fn fetch(&self, fetcher: &mut Option<Fetcher>, body: &mut Vec<u8>) -> Result<Form, ScrapeError> {
        if let Some(error) = self.record.forced_error.lock().clone() {
            return Err(error);
        }
        if fetcher.is_none() {
            *fetcher = Some(Fetcher::new(&self.target.url, self.target.scrape_timeout_ms, &self.config)?);
        }
        let fetcher = fetcher.as_mut().expect("it was made just now");
        fetcher.fetch(&self.config, body).await
    }

    fn store(
        &self,
        fetched: Result<Form, ScrapeError>,
        body: &[u8],
        moment: Moment,
        stores: &Stores,
        bench: &mut Workbench,
    ) -> Option<ScrapeError> {
        let Workbench { page, scratch } = bench;
        let limit_bytes = self.config.limits.body_size_limit_bytes.unwrap_or(DEFAULT_BODY_LIMIT_BYTES);
        let answer = fetched.and_then(|form| unpack(form, body, limit_bytes, page));
        self.record.intake.lock().take(answer, moment, stores, scratch)
    }

    pub fn status(&self) -> TargetStatus {
        let LastScrape { health, error, started_ms, duration_seconds } = self.record.last.lock().clone();
        TargetStatus {
            labels: self.target.labels.clone(),
            discovered: self.target.discovered.clone(),
            scrape_pool: self.config.job_name.clone(),
            url: self.target.url.clone(),
            health,
            last_error: error,
            last_scrape_ms: started_ms,
            last_duration_seconds: duration_seconds,
            interval_ms: self.target.scrape_interval_ms,
            timeout_ms: self.target.scrape_timeout_ms,
        }
    }
}

/// The page of an answer.
fn unpack<'a>(
    form: Form,
    body: &'a [u8],
    limit_bytes: u64,
    page: &'a mut Vec<u8>,
) -> Result<PageText<'a>, ScrapeError> {
    let Form { dialect, is_gzip } = form;
    if !is_gzip {
        return Ok(PageText { text: body, dialect });
    }
    let limit = usize::try_from(limit_bytes).unwrap_or(usize::MAX - 1);
    match gunzip(body, limit, page) {
        Ok(()) => Ok(PageText { text: page, dialect }),
        Err(GunzipError::TooLarge { .. }) => Err(ScrapeError::BodySize { limit_bytes }),
        Err(error) => Err(ScrapeError::Compression(error)),
    }
}

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
