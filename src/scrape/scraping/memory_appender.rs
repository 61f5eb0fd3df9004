//! A storage for tests: keeps all samples in memory and refuses what the real one refuses.

use std::collections::HashMap;
use std::sync::Arc;

use model::{AppendError, Appender, Batch, BatchReport, Labels, Rejected, Sample, SeriesRef, is_stale};
use parking_lot::Mutex;

#[derive(Default)]
pub(crate) struct MemoryAppender(Mutex<Series>);

#[derive(Default)]
struct Series {
    refs: HashMap<Labels, SeriesRef>,
    samples: HashMap<SeriesRef, Vec<Sample>>,
    /// Of each commit: the times of its samples, without repetition.
    commits: Vec<Vec<i64>>,
    next_ref: SeriesRef,
    limit: Option<usize>,
    is_unavailable: bool,
    latest_ms: Option<i64>,
    resolved: usize,
}

impl MemoryAppender {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Takes no more new series than so many in all.
    pub fn limit_series(&self, limit: Option<usize>) {
        self.0.lock().limit = limit;
    }

    pub fn set_unavailable(&self, is_unavailable: bool) {
        self.0.lock().is_unavailable = is_unavailable;
    }

    /// Refuses samples after this time.
    pub fn refuse_after(&self, latest_ms: i64) {
        self.0.lock().latest_ms = Some(latest_ms);
    }

    /// Drops a series and its ref, as the head does with series that got no samples for long.
    pub fn forget(&self, series: &str) {
        let mut state = self.0.lock();
        let labels = state.refs.keys().find(|labels| labels.to_string() == series).cloned();
        let series = state.refs.remove(&labels.expect("the series is there")).expect("it was found");
        state.samples.remove(&series);
    }

    /// All samples of a series: `1@1000 stale@2000`.
    pub fn history(&self, series: &str) -> String {
        let state = self.0.lock();
        let Some(found) = state.refs.iter().find(|(labels, _)| labels.to_string() == series) else {
            return "no such series".to_owned();
        };
        let text = |sample: &Sample| match is_stale(sample.value) {
            true => format!("stale@{}", sample.timestamp_ms),
            false => format!("{}@{}", model::format_float(sample.value), sample.timestamp_ms),
        };
        state.samples[found.1].iter().map(text).collect::<Vec<_>>().join(" ")
    }

    /// The values of a series without their times, staleness markers as `stale`.
    pub fn values(&self, series: &str) -> Vec<String> {
        self.history(series).split(' ').filter_map(|sample| Some(sample.split_once('@')?.0.to_owned())).collect()
    }

    /// All series that have samples, sorted.
    pub fn series(&self) -> Vec<String> {
        let state = self.0.lock();
        let mut series: Vec<_> = state
            .refs
            .iter()
            .filter(|(_, series)| !state.samples[series].is_empty())
            .map(|(labels, _)| labels.to_string())
            .collect();
        series.sort();
        series
    }

    /// Different times within each commit.
    pub fn commits(&self) -> Vec<Vec<i64>> {
        self.0.lock().commits.clone()
    }

    /// How often a series was looked up by its labels.
    pub fn resolved(&self) -> usize {
        self.0.lock().resolved
    }
}

impl Appender for MemoryAppender {
    fn resolve(&self, labels: &Labels) -> Result<SeriesRef, AppendError> {
        let mut state = self.0.lock();
        state.resolved += 1;
        if let Some(series) = state.refs.get(labels) {
            return Ok(*series);
        }
        if let Some(limit) = state.limit.filter(|limit| state.refs.len() >= *limit) {
            return Err(AppendError::SeriesLimit { limit });
        }
        state.next_ref += 1;
        let series = state.next_ref;
        state.refs.insert(labels.clone(), series);
        state.samples.insert(series, Vec::new());
        Ok(series)
    }

    fn commit(&self, batch: &Batch) -> Result<BatchReport, AppendError> {
        let mut state = self.0.lock();
        if state.is_unavailable {
            return Err(AppendError::Unavailable { reason: "the disk is full".to_owned() });
        }
        let mut report = BatchReport::default();
        let mut times: Vec<i64> = Vec::new();
        let latest_ms = state.latest_ms.unwrap_or(i64::MAX);
        for (position, (series, sample)) in batch.refs.iter().zip(&batch.samples).enumerate() {
            let Some(samples) = state.samples.get_mut(series) else {
                report.unknown.push(position);
                continue;
            };
            let rejected = match samples.last() {
                _ if sample.timestamp_ms > latest_ms => Some(Rejected::TooFarAhead),
                Some(last) if sample.timestamp_ms < last.timestamp_ms => Some(Rejected::OutOfOrder),
                Some(last) if sample.timestamp_ms == last.timestamp_ms => {
                    if sample.value.to_bits() == last.value.to_bits() {
                        continue;
                    }
                    Some(Rejected::DuplicateTimestamp)
                }
                _ => None,
            };
            match rejected {
                Some(rejected) => report.rejected.push((position, rejected)),
                None => {
                    samples.push(*sample);
                    report.accepted += 1;
                    if !times.contains(&sample.timestamp_ms) {
                        times.push(sample.timestamp_ms);
                    }
                }
            }
        }
        state.commits.push(times);
        Ok(report)
    }
}
