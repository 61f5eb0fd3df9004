//! Range vectors: the samples of each series of a range selector or a subquery, and the windows over them.

use model::Samples;

use super::metric::Metric;
use super::shift::Reference;
use super::steps::{Steps, is_present};
use super::{Evaluator, Sink};
use crate::ast::{Expr, ExprKind, RangeSelector, Subquery};
use crate::error::QueryError;
use crate::position::Position;

/// Takes the samples of one series, markers of staleness removed; there may be none.
pub(crate) type RangeSink<'s> = dyn FnMut(Metric, &Samples) -> Result<(), QueryError> + 's;

/// The window that ends at the reference of each step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub reference: Reference,
    pub range_ms: i64,
}

impl Evaluator<'_> {
    pub(crate) fn frame(&self, expr: &Expr) -> Result<Frame, QueryError> {
        let (shift, range) = match &expr.unwrapped().kind {
            ExprKind::Range(range) => (&range.selector.shift, &range.range),
            ExprKind::Subquery(subquery) => (&subquery.shift, &subquery.range),
            _ => return Err(QueryError::execution("expected a range vector")),
        };
        Ok(Frame { reference: self.reference(shift)?, range_ms: self.positive_ms(range)? })
    }

    /// The series of an expression of type range vector, with all samples that any step's window needs.
    pub(crate) fn range_vector(
        &self,
        expr: &Expr,
        frame: Frame,
        steps: Steps,
        sink: &mut RangeSink<'_>,
    ) -> Result<(), QueryError> {
        match &expr.unwrapped().kind {
            ExprKind::Range(range) => self.range_selector(range, expr.position, frame, steps, sink),
            ExprKind::Subquery(subquery) => self.subquery(subquery, frame, steps, sink),
            _ => Err(QueryError::execution("expected a range vector")),
        }
    }

    fn range_selector(
        &self,
        range: &RangeSelector,
        position: Position,
        frame: Frame,
        steps: Steps,
        sink: &mut RangeSink<'_>,
    ) -> Result<(), QueryError> {
        let selection = self.select(&range.selector, position, frame.reference, steps, frame.range_ms)?;
        let mut samples = Samples::default();
        for index in 0..selection.len() {
            selection.samples(index, &mut samples)?;
            self.budget.read(&samples)?;
            remove_stale(&mut samples);
            sink(Metric::of(selection.labels(index)), &samples)?;
        }
        Ok(())
    }

    /// The inner expression is evaluated at multiples of the step, whatever the time of the query.
    fn subquery(
        &self,
        subquery: &Subquery,
        frame: Frame,
        steps: Steps,
        sink: &mut RangeSink<'_>,
    ) -> Result<(), QueryError> {
        let step_ms = match &subquery.step {
            Some(step) => self.positive_ms(step)?,
            None => self.options.subquery_step_ms,
        };
        let before_ms = frame.reference.first_ms(steps).saturating_sub(frame.range_ms);
        let start_ms = before_ms.div_euclid(step_ms).saturating_add(1).saturating_mul(step_ms);
        let inner_steps = Steps::between(start_ms, frame.reference.last_ms(steps), step_ms);
        if inner_steps.count == 0 {
            return Ok(());
        }
        let held = self.budget.hold();
        held.grow(inner_steps.count, inner_steps.row_bytes().saturating_mul(2))?;
        let mut samples = Samples::default();
        let inner_sink: &mut Sink<'_> = &mut |metric, row| {
            samples.clear();
            for (at_ms, value) in inner_steps.iter().zip(row.iter()) {
                if is_present(*value) {
                    samples.push(at_ms, *value);
                }
            }
            sink(metric, &samples)
        };
        self.vector(&subquery.inner, inner_steps, inner_sink)
    }
}

fn remove_stale(samples: &mut Samples) {
    if !samples.values.iter().any(|value| model::is_stale(*value)) {
        return;
    }
    let mut kept = 0;
    for index in 0..samples.len() {
        if !model::is_stale(samples.values[index]) {
            samples.values[kept] = samples.values[index];
            samples.timestamps_ms[kept] = samples.timestamps_ms[index];
            kept += 1;
        }
    }
    samples.values.truncate(kept);
    samples.timestamps_ms.truncate(kept);
}
