//! The five series that every scrape adds to its target's: `up` and `scrape_*`.

use model::{AppendError, Appender, Batch, Labels, METRIC_NAME, Sample, SeriesRef, stale_marker};

const NAMES: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// What one scrape says about itself, in the order of `NAMES`.
pub(crate) struct Report {
    pub is_up: bool,
    pub duration_seconds: f64,
    pub scraped: usize,
    pub kept: usize,
    pub added: usize,
}

/// The refs of one target's series; `None` before they are resolved.
#[derive(Debug, Default)]
pub(crate) struct OwnSeries(Option<[SeriesRef; 5]>);

impl OwnSeries {
    pub fn append(
        &mut self,
        report: &Report,
        timestamp_ms: i64,
        target_labels: &Labels,
        appender: &dyn Appender,
        batch: &mut Batch,
    ) -> Result<(), AppendError> {
        let Report { is_up, duration_seconds, scraped, kept, added } = *report;
        let values = [f64::from(u8::from(is_up)), duration_seconds, scraped as f64, kept as f64, added as f64];
        for (series, value) in self.resolve(target_labels, appender)?.into_iter().zip(values) {
            batch.push(series, Sample { timestamp_ms, value });
        }
        Ok(())
    }

    /// Appends staleness markers to the series that were written before.
    pub fn end(&mut self, timestamp_ms: i64, batch: &mut Batch) {
        for series in self.0.take().into_iter().flatten() {
            batch.push(series, Sample { timestamp_ms, value: stale_marker() });
        }
    }

    /// The storage does not know the refs any more.
    pub fn forget(&mut self) {
        self.0 = None;
    }

    pub fn contains(&self, series: SeriesRef) -> bool {
        self.0.is_some_and(|refs| refs.contains(&series))
    }

    fn resolve(&mut self, target_labels: &Labels, appender: &dyn Appender) -> Result<[SeriesRef; 5], AppendError> {
        if let Some(refs) = self.0 {
            return Ok(refs);
        }
        let mut refs = [0; 5];
        for (series, name) in refs.iter_mut().zip(NAMES) {
            let labels = target_labels.to_builder().set(METRIC_NAME, name).build();
            *series = appender.resolve_past_limit(&labels)?;
        }
        self.0 = Some(refs);
        Ok(refs)
    }
}
