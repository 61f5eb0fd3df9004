//! Aggregations: series to groups.

use std::collections::HashMap;

use model::{Labels, METRIC_NAME};

use super::folds::{Average, Count, Deviation, Fold, Maximum, Minimum, Presence, Quantile, Sum, Variance};
use super::metric::Metric;
use super::result::text;
use super::steps::{Steps, has_any, is_present};
use super::{Evaluator, Sink};
use crate::ast::{Aggregate, AggregateOp, Grouping};
use crate::display::write_decimal;
use crate::error::QueryError;
use crate::position::Position;
use crate::quote::quoted;

/// Labels to the group they belong to.
pub(crate) struct Groups {
    without: bool,
    names: Vec<String>,
}

impl Groups {
    pub fn new(grouping: &Grouping) -> Self {
        let mut names = grouping.labels.clone();
        if grouping.without {
            names.push(METRIC_NAME.to_owned());
        }
        Groups { without: grouping.without, names }
    }

    pub fn of(&self, labels: &Labels) -> Labels {
        if !self.without && self.names.is_empty() {
            return Labels::empty();
        }
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        if self.without { labels.without(&names) } else { labels.only(&names) }
    }
}

impl Evaluator<'_> {
    pub(crate) fn aggregate(
        &self,
        aggregate: &Aggregate,
        position: Position,
        steps: Steps,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        match aggregate.op {
            AggregateOp::Sum => self.fold::<Sum>(aggregate, &[], steps, sink),
            AggregateOp::Avg => self.fold::<Average>(aggregate, &[], steps, sink),
            AggregateOp::Max => self.fold::<Maximum>(aggregate, &[], steps, sink),
            AggregateOp::Min => self.fold::<Minimum>(aggregate, &[], steps, sink),
            AggregateOp::Count => self.fold::<Count>(aggregate, &[], steps, sink),
            AggregateOp::Group => self.fold::<Presence>(aggregate, &[], steps, sink),
            AggregateOp::StdVar => self.fold::<Variance>(aggregate, &[], steps, sink),
            AggregateOp::StdDev => self.fold::<Deviation>(aggregate, &[], steps, sink),
            AggregateOp::Quantile => {
                let params = self.param(aggregate, steps)?;
                self.fold::<Quantile>(aggregate, &params, steps, sink)?;
                self.check_quantile_range(aggregate, &params);
                Ok(())
            }
            AggregateOp::TopK | AggregateOp::BottomK | AggregateOp::LimitK => self.extremes(aggregate, steps, sink),
            AggregateOp::CountValues => self.count_values(aggregate, steps, sink),
            AggregateOp::LimitRatio => self.unsupported("the aggregation limit_ratio", position),
        }
    }

    /// The parameter of an aggregation, at each step.
    pub(crate) fn param(&self, aggregate: &Aggregate, steps: Steps) -> Result<Vec<f64>, QueryError> {
        let param = aggregate.param.as_ref().ok_or_else(|| QueryError::execution("a parameter is missing"))?;
        self.scalar(param, steps)
    }

    /// Of quantiles that differ from step to step, only the extremes are worth a note.
    fn check_quantile_range(&self, aggregate: &Aggregate, params: &[f64]) {
        let Some(param) = &aggregate.param else { return };
        let position = param.unwrapped().position;
        let lowest = params.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = params.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if params.iter().any(|q| q.is_nan()) {
            self.check_quantiles(&[f64::NAN], position);
        }
        if lowest < 0.0 {
            self.check_quantiles(&[lowest], position);
        }
        if highest > 1.0 {
            self.check_quantiles(&[highest], position);
        }
    }

    fn fold<F: Fold>(
        &self,
        aggregate: &Aggregate,
        params: &[f64],
        steps: Steps,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let groups = Groups::new(&aggregate.grouping);
        let held = self.budget.hold();
        let mut index: HashMap<Labels, usize> = HashMap::new();
        let mut folds: Vec<(Metric, F)> = Vec::new();
        self.vector(&aggregate.operand, steps, &mut |metric, row| {
            let labels = groups.of(&metric.labels);
            let position = match index.get(&labels) {
                Some(position) => *position,
                None => {
                    let fold = F::new(&steps);
                    held.grow(steps.count, fold.heap_bytes() + labels.heap_bytes())?;
                    index.insert(labels.clone(), folds.len());
                    folds.push((Metric::of(labels), fold));
                    folds.len() - 1
                }
            };
            let (group, fold) = &mut folds[position];
            group.loses_name |= metric.loses_name;
            fold.add(row);
            match F::bytes_of_row(row) {
                0 => Ok(()),
                bytes => held.grow(bytes / 8, bytes),
            }
        })?;
        let mut row = steps.row();
        for (group, fold) in folds {
            fold.finish(params, &mut row);
            sink(group, &mut row)?;
        }
        Ok(())
    }

    /// One series per group and value, with the value as a label.
    fn count_values(&self, aggregate: &Aggregate, steps: Steps, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let param = aggregate.param.as_ref().ok_or_else(|| QueryError::execution("a parameter is missing"))?;
        let name = match std::str::from_utf8(text(param)?) {
            Ok(name) if !name.is_empty() => name,
            _ => return Err(QueryError::execution(format!("invalid label name {}", quoted(text(param)?)))),
        };
        let mut grouping = aggregate.grouping.clone();
        if !grouping.without {
            grouping.labels.push(name.to_owned());
        }
        let groups = Groups::new(&grouping);
        let held = self.budget.hold();
        let mut index: HashMap<Labels, usize> = HashMap::new();
        let mut counts: Vec<(Metric, Vec<f64>)> = Vec::new();
        self.vector(&aggregate.operand, steps, &mut |metric, row| {
            // Neighbouring steps often have the same value.
            let mut last: Option<(u64, usize)> = None;
            for (step, value) in row.iter().enumerate().filter(|(_, value)| is_present(**value)) {
                let position = match last.filter(|(bits, _)| *bits == value.to_bits()) {
                    Some((_, position)) => position,
                    None => {
                        let mut shown = String::new();
                        write_decimal(&mut shown, *value).map_err(|error| QueryError::execution(error.to_string()))?;
                        let labels = groups.of(&metric.labels.to_builder().set(name, &shown).build());
                        match index.get(&labels) {
                            Some(position) => *position,
                            None => {
                                held.grow(steps.count, steps.count * 8 + labels.heap_bytes())?;
                                index.insert(labels.clone(), counts.len());
                                let loses_name = metric.loses_name;
                                counts.push((Metric { labels, loses_name }, steps.row()));
                                counts.len() - 1
                            }
                        }
                    }
                };
                last = Some((value.to_bits(), position));
                let count = &mut counts[position].1[step];
                *count = if is_present(*count) { *count + 1.0 } else { 1.0 };
            }
            Ok(())
        })?;
        counts.into_iter().filter(|(_, row)| has_any(row)).try_for_each(|(metric, mut row)| sink(metric, &mut row))
    }
}
