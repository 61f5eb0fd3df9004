//! From a series as a target sent it to the labels that are stored: the target's labels, metric relabelling, and the
//! limits on labels. Runs once for each series, when the cache does not know it yet.

use std::sync::Arc;

use exposition::{Parser, Series};
use model::{Labels, LabelsBuilder, METRIC_NAME, is_valid_label_name, is_valid_metric_name};

use super::ScrapeError;
use crate::config::{NameValidation, ScrapeConfig, ScrapeLimits};
use crate::relabel::relabel;

/// What a target's label takes away from a label of the same name in the page.
const EXPORTED: &str = "exported_";

/// Characters of an offending name that an error shows.
const SHOWN_CHARS: usize = 50;

#[derive(Debug)]
pub(crate) struct SeriesRules {
    pub target_labels: Labels,
    pub config: Arc<ScrapeConfig>,
}

impl SeriesRules {
    /// The labels to store; `None` when relabelling drops the series.
    pub fn labels(&self, series: &Series<'_>, parser: &Parser<'_>) -> Result<Option<Labels>, ScrapeError> {
        let mut labels = LabelsBuilder::default();
        series.read(&mut labels).map_err(|reason| parser.error(reason))?;
        if self.config.honor_labels {
            self.add_missing(&mut labels)
        } else {
            self.set_all(&mut labels)
        }
        if !relabel(&self.config.metric_relabel_configs, &mut labels) {
            return Ok(None);
        }
        let labels = labels.build();
        if labels.is_empty() {
            return Ok(None);
        }
        check_names(&labels, self.config.metric_name_validation_scheme)?;
        check_limits(&labels, &self.config.limits)?;
        Ok(Some(labels))
    }

    /// Whether other rules lead from the same lines to the same series, and refuse the same.
    pub fn gives_the_same_series(&self, other: &SeriesRules) -> bool {
        let (one, two) = (&*self.config, &*other.config);
        self.target_labels == other.target_labels
            && one.honor_labels == two.honor_labels
            && one.metric_relabel_configs == two.metric_relabel_configs
            && one.metric_name_validation_scheme == two.metric_name_validation_scheme
            && one.limits == two.limits
    }

    /// A label that the page has, even an empty one, wins.
    fn add_missing(&self, labels: &mut LabelsBuilder) {
        for (name, value) in self.target_labels.iter() {
            if !labels.iter().any(|(known, _)| known == name) {
                labels.set(name, value);
            }
        }
    }

    /// The target's label wins; what the page has moves to `exported_<name>`, or further where that is taken.
    fn set_all(&self, labels: &mut LabelsBuilder) {
        let mut displaced = Vec::new();
        for (name, value) in self.target_labels.iter() {
            let sent = labels.get(name);
            if !sent.is_empty() {
                displaced.push((name, sent.to_owned()));
            }
            labels.set(name, value);
        }
        displaced.sort_by_key(|(name, _)| name.len());
        for (name, value) in displaced {
            let mut free = format!("{EXPORTED}{name}");
            while !labels.get(&free).is_empty() {
                free.insert_str(0, EXPORTED);
            }
            labels.set(&free, &value);
        }
    }
}

fn check_names(labels: &Labels, validation: NameValidation) -> Result<(), ScrapeError> {
    let name = labels.metric_name();
    if name.is_empty() {
        return Err(ScrapeError::InvalidSeries(format!("a series has no name after relabelling: {labels}")));
    }
    let is_legacy = || is_valid_metric_name(name) && labels.iter().all(|(label, _)| is_valid_label_name(label));
    if validation == NameValidation::Legacy && !is_legacy() {
        return Err(ScrapeError::InvalidSeries(format!("invalid metric name or label names: {labels}")));
    }
    Ok(())
}

fn check_limits(labels: &Labels, limits: &ScrapeLimits) -> Result<(), ScrapeError> {
    let is_above = |length: usize, limit: Option<u64>| limit.filter(|limit| length as u64 > *limit);
    let metric = shown(labels.get(METRIC_NAME).unwrap_or(""));
    if let Some(limit) = is_above(labels.len(), limits.label_limit) {
        let count = labels.len();
        let text = format!("label_limit exceeded (metric: {metric}, number of labels: {count}, limit: {limit})");
        return Err(ScrapeError::LabelLimit(text));
    }
    for (name, value) in labels.iter() {
        let shown_name = shown(name);
        if let Some(limit) = is_above(name.len(), limits.label_name_length_limit_bytes) {
            return Err(ScrapeError::LabelLimit(format!(
                "label_name_length_limit exceeded (metric: {metric}, label name: {shown_name}, length: {}, limit: {limit})",
                name.len()
            )));
        }
        if let Some(limit) = is_above(value.len(), limits.label_value_length_limit_bytes) {
            return Err(ScrapeError::LabelLimit(format!(
                "label_value_length_limit exceeded (metric: {metric}, label name: {shown_name}, value: {:?}, length: {}, \
                 limit: {limit})",
                shown(value),
                value.len()
            )));
        }
    }
    Ok(())
}

fn shown(text: &str) -> &str {
    let end = text.char_indices().nth(SHOWN_CHARS).map_or(text.len(), |(position, _)| position);
    &text[..end]
}
