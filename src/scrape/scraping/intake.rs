//! One target's answers become commits: the page's samples, staleness markers for what has ended, and the target's own
//! series, all in one batch with one time. What could not be stored is counted, and named once in the log.

use std::sync::Arc;
use std::time::Instant;

use exposition::Dialect;
use hashbrown::HashSet;
use model::{AppendError, Appender, Batch, Rejected, Sample, SeriesRef, stale_marker};

use super::ScrapeError;
use super::cache::ScrapeCache;
use super::metadata::{MetadataTexts, MetricMetadata};
use super::own_series::{OwnSeries, Report};
use super::page_reader::{PageCounts, PageReader};
use super::series_rules::SeriesRules;
use super::stats::Counters;
use super::warned::{Fault, Warned};

/// What is kept of one target from scrape to scrape.
#[derive(Debug)]
pub(crate) struct Intake {
    rules: SeriesRules,
    cache: ScrapeCache,
    own: OwnSeries,
    warned: Warned,
    metadata: Vec<Arc<MetricMetadata>>,
    metadata_fingerprint: u64,
    /// Live series from before the target's rules changed: what the first page under the new rules does not have ends.
    inherited: Vec<SeriesRef>,
}

/// What all targets share.
pub(crate) struct Stores {
    pub appender: Arc<dyn Appender>,
    pub counters: Counters,
    pub metadata: MetadataTexts,
}

/// Buffers for one answer, used for one target after the other.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub batch: Batch,
    pub ended: Vec<SeriesRef>,
}

/// A decoded body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageText<'a> {
    pub text: &'a [u8],
    pub dialect: Dialect,
}

/// When a scrape was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// The time of its samples, milliseconds since the epoch.
    pub timestamp_ms: i64,
    pub started: Instant,
}

impl Intake {
    pub fn new(rules: SeriesRules) -> Self {
        Intake {
            rules,
            cache: ScrapeCache::default(),
            own: OwnSeries::default(),
            warned: Warned::default(),
            metadata: Vec::new(),
            metadata_fingerprint: 0,
            inherited: Vec::new(),
        }
    }

    /// Goes on under other rules. When they give series other labels, all are resolved anew.
    pub fn change_rules(&mut self, rules: SeriesRules) {
        if !self.rules.gives_the_same_series(&rules) {
            self.cache.collect_live(&mut self.inherited);
            self.cache = ScrapeCache::default();
        }
        self.rules = rules;
    }

    /// Stores one answer, or the lack of one. Returns why the scrape has failed, if it has.
    pub fn take(
        &mut self,
        answer: Result<PageText<'_>, ScrapeError>,
        moment: Moment,
        stores: &Stores,
        scratch: &mut Scratch,
    ) -> Option<ScrapeError> {
        let Scratch { batch, ended } = scratch;
        batch.clear();
        ended.clear();
        let mut counts = PageCounts::default();
        let read = answer.and_then(|page| {
            let mut reader = self.reader(page, moment, stores);
            reader.read(batch, &mut counts)?;
            Ok(page)
        });
        let mut error = None;
        let page = match read {
            Ok(page) => {
                self.cache.collect_ended(ended);
                self.collect_inherited(batch, ended);
                error = counts.refusal.clone().map(ScrapeError::Storage);
                Some(page)
            }
            Err(failure) => {
                batch.clear();
                self.cache.collect_live(ended);
                ended.append(&mut self.inherited);
                error = error.or(Some(failure));
                None
            }
        };
        let samples = batch.len();
        push_markers(batch, ended, moment.timestamp_ms);
        let report = Report {
            is_up: error.is_none(),
            duration_seconds: moment.started.elapsed().as_secs_f64(),
            scraped: counts.scraped,
            kept: counts.kept,
            added: counts.added,
        };
        let target_labels = &self.rules.target_labels;
        if let Err(refusal) = self.own.append(&report, moment.timestamp_ms, target_labels, &*stores.appender, batch) {
            error.get_or_insert(ScrapeError::Storage(refusal));
        }
        let outcome = match stores.appender.commit(batch) {
            Ok(outcome) => outcome,
            Err(refusal) => return Some(ScrapeError::Storage(refusal)),
        };
        Counters::add(&stores.counters.accepted, outcome.accepted);
        // Markers are refused when a target comes back in another loop; that means nothing.
        let markers = samples..samples + ended.len();
        let rejected = outcome.rejected.iter().filter(|(position, _)| !markers.contains(position));
        let rejected: Vec<_> = rejected.map(|(position, reason)| (batch.refs[*position], *reason)).collect();
        if let Some(page) = page {
            self.cache.commit_page();
            self.inherited = Vec::new();
            self.note_faults(&counts, &rejected, page, moment, stores);
            self.describe(page, counts.metadata_fingerprint, stores);
        } else {
            self.cache.end_all();
        }
        let forgotten = outcome.unknown.iter().filter(|position| !markers.contains(position));
        let forgotten: HashSet<SeriesRef> = forgotten.map(|position| batch.refs[*position]).collect();
        if !forgotten.is_empty()
            && let Err(failure) = self.store_forgotten(&forgotten, page, &report, moment, stores, batch)
        {
            error.get_or_insert(failure);
        }
        error
    }

    /// The target is gone: all its series end.
    pub fn end(&mut self, timestamp_ms: i64, stores: &Stores, scratch: &mut Scratch) -> Result<(), AppendError> {
        let Scratch { batch, ended } = scratch;
        batch.clear();
        ended.clear();
        self.cache.collect_live(ended);
        ended.append(&mut self.inherited);
        push_markers(batch, ended, timestamp_ms);
        self.own.end(timestamp_ms, batch);
        self.cache.end_all();
        if batch.is_empty() {
            return Ok(());
        }
        let outcome = stores.appender.commit(batch)?;
        Counters::add(&stores.counters.accepted, outcome.accepted);
        Ok(())
    }

    /// Forgets what the target said about its metrics.
    pub fn forget_metadata(&mut self, stores: &Stores) {
        stores.metadata.remove(&mut self.metadata);
    }

    pub fn metadata(&self) -> &[Arc<MetricMetadata>] {
        &self.metadata
    }

    pub fn cache(&self) -> &ScrapeCache {
        &self.cache
    }

    fn reader<'a>(&'a mut self, page: PageText<'a>, moment: Moment, stores: &'a Stores) -> PageReader<'a> {
        PageReader {
            page: page.text,
            dialect: page.dialect,
            timestamp_ms: moment.timestamp_ms,
            rules: &self.rules,
            cache: &mut self.cache,
            appender: &*stores.appender,
        }
    }

    fn collect_inherited(&self, batch: &Batch, ended: &mut Vec<SeriesRef>) {
        if self.inherited.is_empty() {
            return;
        }
        let current: HashSet<SeriesRef> = batch.refs.iter().copied().collect();
        ended.extend(self.inherited.iter().filter(|series| !current.contains(*series)));
    }

    /// Counts samples that were not stored; logs the first of each kind with its name.
    fn note_faults(
        &mut self,
        counts: &PageCounts,
        rejected: &[(SeriesRef, Rejected)],
        page: PageText<'_>,
        moment: Moment,
        stores: &Stores,
    ) {
        stores.counters.refuse(Fault::Repeated, counts.repeated);
        stores.counters.refuse(Fault::Refused, counts.refused);
        if let Some(name) = &counts.first_repeated {
            self.warn(Fault::Repeated, name);
        }
        if let Some(name) = &counts.first_refused {
            self.warn(Fault::Refused, name);
        }
        for (series, reason) in rejected {
            let fault = Fault::Rejected(*reason);
            stores.counters.refuse(fault, 1);
            if self.warned.has(fault) {
                continue;
            }
            if let Some(name) = self.reader(page, moment, stores).name_of(*series) {
                self.warn(fault, &name);
            }
        }
    }

    fn warn(&mut self, fault: Fault, series: &str) {
        if !self.warned.has(fault) {
            self.warned.set(fault);
            let (target, reason) = (&self.rules.target_labels, fault.as_str());
            tracing::warn!(%target, reason, series, "sample not stored; more of this kind are only counted");
        }
    }

    fn describe(&mut self, page: PageText<'_>, fingerprint: u64, stores: &Stores) {
        if fingerprint != self.metadata_fingerprint {
            stores.metadata.replace(page.text, page.dialect, &mut self.metadata);
            self.metadata_fingerprint = fingerprint;
        }
    }

    /// Series that the storage dropped since the last scrape are created again; their samples go in another batch.
    fn store_forgotten(
        &mut self,
        forgotten: &HashSet<SeriesRef>,
        page: Option<PageText<'_>>,
        report: &Report,
        moment: Moment,
        stores: &Stores,
        batch: &mut Batch,
    ) -> Result<(), ScrapeError> {
        Counters::add(&stores.counters.forgotten, forgotten.len());
        batch.clear();
        if let Some(page) = page {
            self.reader(page, moment, stores).read_forgotten(forgotten, batch)?;
        }
        if forgotten.iter().any(|series| self.own.contains(*series)) {
            self.own.forget();
            self.own.append(report, moment.timestamp_ms, &self.rules.target_labels, &*stores.appender, batch)?;
        }
        let outcome = stores.appender.commit(batch)?;
        Counters::add(&stores.counters.accepted, outcome.accepted);
        Ok(())
    }
}

fn push_markers(batch: &mut Batch, ended: &[SeriesRef], timestamp_ms: i64) {
    for series in ended {
        batch.push(*series, Sample { timestamp_ms, value: stale_marker() });
    }
}
