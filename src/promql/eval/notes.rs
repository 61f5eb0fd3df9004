//! Annotations: what a query did that its author probably did not mean.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::float_text::general;
use crate::position::Position;

/// Notes of both kinds; each text is kept once, with the last place it was said of.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    warnings: RefCell<BTreeMap<String, Position>>,
    infos: RefCell<BTreeMap<String, Position>>,
}

impl Notes {
    pub fn invalid_quantile(&self, q: f64, position: Position) {
        let shown = general(q);
        self.warn(format!("quantile value should be between 0 and 1, got {shown}"), position);
    }

    pub fn bad_bucket(&self, bound: &str, metric_name: &str, position: Position) {
        let bound = format!("bucket label \"le\" is missing or has a malformed value of {bound:?}");
        self.warn(with_metric(bound, metric_name), position);
    }

    pub fn not_a_counter(&self, metric_name: &str, position: Position) {
        let what = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: ";
        self.inform(format!("{what}{metric_name:?}"), position);
    }

    pub fn forced_monotonicity(&self, metric_name: &str, position: Position) {
        let what = "input to histogram_quantile needed to be fixed for monotonicity (see \
                    https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";
        self.inform(with_metric(what.to_owned(), metric_name), position);
    }

    pub fn warnings(&self) -> Vec<String> {
        listed(&self.warnings)
    }

    pub fn infos(&self) -> Vec<String> {
        listed(&self.infos)
    }

    fn warn(&self, text: String, position: Position) {
        self.warnings.borrow_mut().insert(format!("PromQL warning: {text}"), position);
    }

    fn inform(&self, text: String, position: Position) {
        self.infos.borrow_mut().insert(format!("PromQL info: {text}"), position);
    }
}

fn with_metric(text: String, metric_name: &str) -> String {
    if metric_name.is_empty() { text } else { format!("{text} for metric name {metric_name:?}") }
}

fn listed(notes: &RefCell<BTreeMap<String, Position>>) -> Vec<String> {
    notes.borrow().iter().map(|(text, position)| format!("{text} ({position})")).collect()
}
