//! Classic histograms: series that count observations up to the bound in their label `le`.

use std::collections::HashMap;

use model::{Labels, METRIC_NAME};

use super::metric::Metric;
use super::steps::{ABSENT, Steps, has_any, is_present};
use super::{Evaluator, Sink};
use crate::ast::{Call, Expr};
use crate::error::QueryError;
use crate::functions::buckets::{Bucket, fraction, quantile};

const BOUND: &str = "le";

/// The buckets of one histogram: bounds with the counts at each step.
struct Histogram {
    metric: Metric,
    /// The name that messages give it.
    name: String,
    buckets: Vec<(f64, Vec<f64>)>,
}

impl Evaluator<'_> {
    /// `histogram_quantile(q, buckets)`
    pub(crate) fn histogram_quantile(&self, call: &Call, steps: Steps, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let quantiles = self.scalar(&call.args[0], steps)?;
        let operand = call.args[1].unwrapped();
        self.histograms(operand, steps, sink, |step, name, buckets| {
            let (value, shape) = quantile(quantiles[step], buckets);
            if shape.was_not_monotonic {
                self.notes.forced_monotonicity(name, operand.position);
            }
            value
        })?;
        self.check_quantiles(&quantiles, call.args[0].position);
        Ok(())
    }

    /// `histogram_fraction(lower, upper, buckets)`
    pub(crate) fn histogram_fraction(&self, call: &Call, steps: Steps, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let lower = self.scalar(&call.args[0], steps)?;
        let upper = self.scalar(&call.args[1], steps)?;
        self.histograms(&call.args[2], steps, sink, |step, _, buckets| fraction(lower[step], upper[step], buckets))
    }

    /// One series for each histogram, computed from its buckets at each step.
    fn histograms(
        &self,
        operand: &Expr,
        steps: Steps,
        sink: &mut Sink<'_>,
        of: impl Fn(usize, &str, &mut Vec<Bucket>) -> f64,
    ) -> Result<(), QueryError> {
        let held = self.budget.hold();
        let mut index: HashMap<Labels, usize> = HashMap::new();
        let mut histograms: Vec<Histogram> = Vec::new();
        self.vector(operand, steps, &mut |metric, row| {
            let name = metric.labels.get(METRIC_NAME).unwrap_or("").to_owned();
            let bound = metric.labels.get(BOUND).unwrap_or("");
            let Some(upper_bound) = bound_of(bound) else {
                self.notes.bad_bucket(bound, &name, operand.unwrapped().position);
                return Ok(());
            };
            held.grow(row.len(), size_of_val(row) + 32)?;
            // The name still tells histograms apart.
            let labels = metric.labels.without(&[BOUND]);
            let position = *index.entry(labels.clone()).or_insert_with(|| {
                let metric = self.renamed(Metric { labels, loses_name: metric.loses_name });
                histograms.push(Histogram { metric, name, buckets: Vec::new() });
                histograms.len() - 1
            });
            histograms[position].buckets.push((upper_bound, row.to_vec()));
            Ok(())
        })?;
        let mut buckets = Vec::new();
        let mut result = steps.row();
        self.merged(self.may_collide(operand), sink, |sink| {
            for histogram in &histograms {
                for (step, value) in result.iter_mut().enumerate() {
                    buckets.clear();
                    let counts = histogram.buckets.iter().filter(|(_, row)| is_present(row[step]));
                    buckets.extend(counts.map(|(bound, row)| Bucket { upper_bound: *bound, count: row[step] }));
                    *value = if buckets.is_empty() { ABSENT } else { of(step, &histogram.name, &mut buckets) };
                }
                if has_any(&result) {
                    sink(histogram.metric.clone(), &mut result)?;
                }
            }
            Ok(())
        })
    }
}

fn bound_of(text: &str) -> Option<f64> {
    model::parse_float(text.as_bytes())
}
