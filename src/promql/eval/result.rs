//! From rows to the value that the caller gets.

use std::collections::HashMap;

use model::{Labels, Sample, Samples};

use super::Evaluator;
use super::budget::Held;
use super::merge::SAME_LABELSET;
use super::metric::Metric;
use super::steps::{Steps, count_present, is_present};
use crate::ast::{Expr, ExprKind};
use crate::error::QueryError;
use crate::value::{Outcome, Series, Value, ValueType, VectorSample};

impl Evaluator<'_> {
    pub(crate) fn outcome(self, value: Value) -> Outcome {
        Outcome { value, warnings: self.notes.warnings(), infos: self.notes.infos(), stats: self.budget.stats() }
    }

    pub(crate) fn instant_value(&self, expr: &Expr) -> Result<Value, QueryError> {
        let at_ms = self.bounds.end_ms;
        let steps = Steps::once(at_ms);
        match expr.value_type() {
            ValueType::Scalar => {
                let row = self.scalar(expr, steps)?;
                Ok(Value::Scalar(Sample { timestamp_ms: at_ms, value: row[0] }))
            }
            ValueType::String => {
                let text = String::from_utf8_lossy(text(expr)?).into_owned();
                Ok(Value::String { timestamp_ms: at_ms, text })
            }
            ValueType::Vector => self.instant_vector(expr, steps),
            ValueType::Matrix => self.raw_samples(expr, steps),
        }
    }

    pub(crate) fn range_value(&self, expr: &Expr, steps: Steps) -> Result<Value, QueryError> {
        let held = self.budget.hold();
        let mut series = Vec::new();
        if steps.count == 0 {
            return Ok(Value::Matrix(series));
        }
        if expr.value_type() == ValueType::Scalar {
            let row = self.scalar(expr, steps)?;
            series.push(self.series(Labels::empty(), steps, &row, &held)?);
        } else {
            self.vector(expr, steps, &mut |metric, row| {
                series.push(self.series(metric.into_final(), steps, row, &held)?);
                Ok(())
            })?;
        }
        series.sort_by(|left, right| left.labels.cmp(&right.labels));
        Ok(Value::Matrix(merge_equal(series)?))
    }

    fn series(&self, labels: Labels, steps: Steps, row: &[f64], held: &Held<'_>) -> Result<Series, QueryError> {
        let count = count_present(row);
        let mut samples = Samples { timestamps_ms: Vec::with_capacity(count), values: Vec::with_capacity(count) };
        for (at_ms, value) in steps.iter().zip(row) {
            if is_present(*value) {
                samples.push(at_ms, *value);
            }
        }
        held.grow(samples.len(), samples.len() * 16 + labels.heap_bytes())?;
        Ok(Series { labels, samples })
    }

    fn instant_vector(&self, expr: &Expr, steps: Steps) -> Result<Value, QueryError> {
        let held = self.budget.hold();
        let mut vector = Vec::new();
        let mut seen = HashMap::new();
        self.vector(expr, steps, &mut |metric: Metric, row| {
            let labels = metric.into_final();
            held.grow(1, labels.heap_bytes() + size_of::<VectorSample>())?;
            if seen.insert(labels.clone(), ()).is_some() {
                return Err(QueryError::execution(SAME_LABELSET));
            }
            let sample = Sample { timestamp_ms: steps.start_ms, value: row[0] };
            vector.push(VectorSample { labels, sample });
            Ok(())
        })?;
        Ok(Value::Vector(vector))
    }

    /// A range vector as it is: the samples themselves.
    fn raw_samples(&self, expr: &Expr, steps: Steps) -> Result<Value, QueryError> {
        let held = self.budget.hold();
        let mut series = Vec::new();
        self.range_vector(expr, self.frame(expr)?, steps, &mut |metric, samples| {
            if samples.is_empty() {
                return Ok(());
            }
            held.grow(samples.len(), samples.len() * 16 + metric.labels.heap_bytes())?;
            series.push(Series { labels: metric.into_final(), samples: samples.clone() });
            Ok(())
        })?;
        series.sort_by(|left, right| left.labels.cmp(&right.labels));
        Ok(Value::Matrix(merge_equal(series)?))
    }
}

/// The bytes of an expression of type string.
pub(crate) fn text(expr: &Expr) -> Result<&[u8], QueryError> {
    match &expr.unwrapped().kind {
        ExprKind::Text(bytes) => Ok(bytes),
        _ => Err(QueryError::execution("expected a string")),
    }
}

/// Neighbours with the same labels become one series; they must not have samples of the same time.
fn merge_equal(sorted: Vec<Series>) -> Result<Vec<Series>, QueryError> {
    let mut merged: Vec<Series> = Vec::with_capacity(sorted.len());
    for series in sorted {
        match merged.last_mut().filter(|last| last.labels == series.labels) {
            Some(last) => last.samples = interleaved(&last.samples, &series.samples)?,
            None => merged.push(series),
        }
    }
    Ok(merged)
}

fn interleaved(left: &Samples, right: &Samples) -> Result<Samples, QueryError> {
    let mut samples: Vec<Sample> = left.iter().chain(right.iter()).collect();
    samples.sort_by_key(|sample| sample.timestamp_ms);
    if samples.windows(2).any(|pair| pair[0].timestamp_ms == pair[1].timestamp_ms) {
        return Err(QueryError::execution(SAME_LABELSET));
    }
    let mut merged = Samples::default();
    samples.iter().for_each(|sample| merged.push(sample.timestamp_ms, sample.value));
    Ok(merged)
}
