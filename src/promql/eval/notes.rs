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

/// How many notes of a kind an answer lists; the others are counted.
const LISTED: usize = 10;

/// How many notes of a kind are remembered.
const REMEMBERED: usize = 10_000;

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
        listed(&self.warnings, "warning")
    }

    pub fn infos(&self) -> Vec<String> {
        listed(&self.infos, "info")
    }

    fn warn(&self, text: String, position: Position) {
        remember(&self.warnings, format!("PromQL warning: {text}"), position);
    }

    fn inform(&self, text: String, position: Position) {
        remember(&self.infos, format!("PromQL info: {text}"), position);
    }
}

fn with_metric(text: String, metric_name: &str) -> String {
    if metric_name.is_empty() { text } else { format!("{text} for metric name {metric_name:?}") }
}

fn remember(notes: &RefCell<BTreeMap<String, Position>>, text: String, position: Position) {
    let mut notes = notes.borrow_mut();
    if notes.len() < REMEMBERED || notes.contains_key(&text) {
        notes.insert(text, position);
    }
}

fn listed(notes: &RefCell<BTreeMap<String, Position>>, kind: &str) -> Vec<String> {
    let notes = notes.borrow();
    let mut listed: Vec<String> =
        notes.iter().take(LISTED).map(|(text, position)| format!("{text} ({position})")).collect();
    if notes.len() > LISTED {
        listed.push(format!("{} more {kind} annotations omitted", notes.len() - LISTED));
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_listed_once_and_many_are_counted() {
        let notes = Notes::default();
        notes.not_a_counter("x", Position { line: 1, column: 2 });
        notes.not_a_counter("x", Position { line: 1, column: 9 });
        let text = "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"x\"";
        assert_eq!(notes.infos(), [format!("{text} (1:9)")]);
        (2..25).for_each(|q| notes.invalid_quantile(f64::from(q), Position::START));
        assert_eq!(notes.warnings().len(), 11);
        assert_eq!(notes.warnings()[10], "13 more warning annotations omitted");
    }
}
