//! Calls of functions that answer instant vectors.

use model::Labels;

use super::metric::Metric;
use super::selectors::SamplePart;
use super::steps::{ABSENT, Steps, has_any, is_present};
use super::{Evaluator, Sink};
use crate::ast::{Call, Expr, ExprKind};
use crate::error::QueryError;
use crate::functions::calendar::Moment;
use crate::functions::{Body, math};
use crate::position::Position;

impl Evaluator<'_> {
    pub(crate) fn call(
        &self,
        call: &Call,
        position: Position,
        steps: Steps,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let args = &call.args;
        match call.function.body {
            Body::Math(of) => self.mapped(&args[0], steps, sink, |_, value| of(value)),
            Body::Calendar(of) => match args.first() {
                Some(arg) => self.mapped(arg, steps, sink, |_, value| of(Moment::of_seconds(value))),
                None => self
                    .vector_of(steps.iter().map(|at_ms| of(Moment::of_seconds(at_ms as f64 / 1000.0))).collect(), sink),
            },
            Body::OverTime(function) => self.over_time(call, function, steps, sink),
            Body::Absent => self.absent(&args[0], steps, sink),
            Body::AbsentOverTime => self.absent_over_time(&args[0], steps, sink),
            Body::Clamp => {
                let (low, high) = (self.scalar(&args[1], steps)?, self.scalar(&args[2], steps)?);
                self.mapped(&args[0], steps, sink, |index, value| {
                    let (low, high) = (low[index], high[index]);
                    if high < low { ABSENT } else { math::max(low, math::min(high, value)) }
                })
            }
            Body::ClampMax => {
                let high = self.scalar(&args[1], steps)?;
                self.mapped(&args[0], steps, sink, |index, value| math::min(high[index], value))
            }
            Body::ClampMin => {
                let low = self.scalar(&args[1], steps)?;
                self.mapped(&args[0], steps, sink, |index, value| math::max(low[index], value))
            }
            Body::Round => {
                let multiple = args.get(1).map(|arg| self.scalar(arg, steps)).transpose()?;
                let multiple = |index: usize| multiple.as_ref().map_or(1.0, |row| row[index]);
                self.mapped(&args[0], steps, sink, |index, value| math::round(value, multiple(index)))
            }
            Body::HistogramFraction => self.histogram_fraction(call, steps, sink),
            Body::HistogramQuantile => self.histogram_quantile(call, steps, sink),
            Body::LabelJoin => self.label_join(call, steps, sink),
            Body::LabelReplace => self.label_replace(call, steps, sink),
            Body::Sort { descending } => self.sort(&args[0], descending, steps, sink),
            Body::SortByLabel { descending } => self.sort_by_label(call, descending, steps, sink),
            Body::Timestamp => self.timestamp(&args[0], steps, sink),
            Body::Vector => self.vector_of(self.scalar(&args[0], steps)?, sink),
            Body::OfNativeHistograms => self.vector(&args[0], steps, &mut |_, _| Ok(())),
            Body::MaxOf
            | Body::MinOf
            | Body::Pi
            | Body::QueryEnd
            | Body::QueryRange
            | Body::QueryStart
            | Body::QueryStep
            | Body::Scalar
            | Body::Time
            | Body::Unsupported => self.unsupported(format!("the function {}", call.function.name), position),
        }
    }

    /// Each value replaced by one computed from its step and itself; the series lose their names.
    pub(crate) fn mapped(
        &self,
        operand: &Expr,
        steps: Steps,
        sink: &mut Sink<'_>,
        of: impl Fn(usize, f64) -> f64,
    ) -> Result<(), QueryError> {
        self.merged(self.may_collide(operand), sink, |sink| {
            self.vector(operand, steps, &mut |metric, row| {
                for (index, value) in row.iter_mut().enumerate() {
                    if is_present(*value) {
                        *value = of(index, *value);
                    }
                }
                if has_any(row) { sink(self.renamed(metric), row) } else { Ok(()) }
            })
        })
    }

    /// One series without labels.
    fn vector_of(&self, mut row: Vec<f64>, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        if row.is_empty() { Ok(()) } else { sink(Metric::of(Labels::empty()), &mut row) }
    }

    /// The times of the samples that a selector gives; of anything else the time of evaluation.
    fn timestamp(&self, operand: &Expr, steps: Steps, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let ExprKind::Selector(selector) = &operand.unwrapped().kind else {
            return self.mapped(operand, steps, sink, |index, _| steps.at_ms(index) as f64 / 1000.0);
        };
        self.merged(self.may_collide(operand), sink, |sink| {
            self.newest_samples(selector, operand.position, SamplePart::Timestamp, steps, &mut |metric, row| {
                sink(self.renamed(metric), row)
            })
        })
    }
}
