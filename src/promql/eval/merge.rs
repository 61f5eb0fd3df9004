//! Rows that are kept, one per label set. Series that become equal are one series as long as they never have a value at
//! the same step.

use std::collections::HashMap;

use model::Labels;

use super::budget::{Budget, Held};
use super::metric::Metric;
use super::steps::{count_present, is_present};
use super::{Evaluator, Sink};
use crate::error::QueryError;

pub(crate) const SAME_LABELSET: &str = "vector cannot contain metrics with the same labelset";

/// A row with its labels.
pub(crate) struct Row {
    pub metric: Metric,
    pub values: Vec<f64>,
}

/// Rows in order of their first appearance.
pub(crate) struct Rows<'b> {
    rows: Vec<Row>,
    held: Held<'b>,
}

/// Rows of which no two have equal labels.
pub(crate) struct MergedRows<'b> {
    rows: Rows<'b>,
    index: HashMap<Labels, usize>,
}

impl<'b> Rows<'b> {
    pub fn new(budget: &'b Budget<'b>) -> Self {
        Rows { rows: Vec::new(), held: budget.hold() }
    }

    pub fn push(&mut self, metric: Metric, values: &[f64]) -> Result<(), QueryError> {
        let bytes = std::mem::size_of_val(values) + metric.labels.heap_bytes() + size_of::<Row>();
        self.held.grow(count_present(values), bytes)?;
        self.rows.push(Row { metric, values: values.to_vec() });
        Ok(())
    }

    pub fn as_slice(&self) -> &[Row] {
        &self.rows
    }

    pub fn as_mut_slice(&mut self) -> &mut [Row] {
        &mut self.rows
    }

    pub fn emit(&mut self, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        self.rows.iter_mut().try_for_each(|row| sink(row.metric.clone(), &mut row.values))
    }
}

impl<'b> MergedRows<'b> {
    pub fn new(budget: &'b Budget<'b>) -> Self {
        MergedRows { rows: Rows::new(budget), index: HashMap::new() }
    }

    /// Adds a row, or its values to the row of the same labels; `message` is the error when both have a value.
    pub fn add(&mut self, metric: Metric, values: &[f64], message: &str) -> Result<(), QueryError> {
        if let Some(index) = self.index.get(&metric.labels) {
            let row = &mut self.rows.rows[*index];
            row.metric.loses_name |= metric.loses_name;
            return merge_into(&mut row.values, values, message);
        }
        self.index.insert(metric.labels.clone(), self.rows.rows.len());
        self.rows.push(metric, values)
    }

    pub fn emit(mut self, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        self.rows.emit(sink)
    }
}

fn merge_into(row: &mut [f64], values: &[f64], message: &str) -> Result<(), QueryError> {
    for (kept, value) in row.iter_mut().zip(values) {
        if is_present(*value) {
            if is_present(*kept) {
                return Err(QueryError::execution(message));
            }
            *kept = *value;
        }
    }
    Ok(())
}

impl Evaluator<'_> {
    /// Runs `produce` with a sink that merges equal series, when there may be any, before `sink` sees them.
    pub(crate) fn merged(
        &self,
        is_needed: bool,
        sink: &mut Sink<'_>,
        produce: impl FnOnce(&mut Sink<'_>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        if !is_needed {
            return produce(sink);
        }
        let mut merged = MergedRows::new(&self.budget);
        produce(&mut |metric, row| merged.add(metric, row, SAME_LABELSET))?;
        merged.emit(sink)
    }
}
