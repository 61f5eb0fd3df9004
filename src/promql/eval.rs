//! The evaluator: a tree and a grid of steps in, series out. Series come one at a time: an operand hands each of its
//! series, as a row with one value per step, to a sink, which is the operator above. So a sum over a million series
//! holds one row and its groups. Operators that need all series of a side at once (matches of two vectors, `topk`,
//! sorting) keep them and account for them.

mod absent;
mod aggregates;
mod binary;
mod budget;
mod calls;
mod extremes;
mod folds;
mod histograms;
mod invariance;
mod matching;
mod merge;
mod metric;
mod notes;
mod over_time;
mod ranges;
mod relabel;
mod result;
mod scalars;
mod selectors;
mod sets;
mod shift;
mod sorting;
mod steps;

use model::Storage;

use crate::ast::{Expr, ExprKind};
use crate::duration_expr::QueryBounds;
use crate::error::QueryError;
use crate::options::QueryOptions;
use crate::position::Position;
use crate::value::{Outcome, ValueType};
use budget::Budget;
use metric::Metric;
use notes::Notes;
use steps::Steps;

/// Takes one series: its labels and its row, which has at least one value and may be changed.
pub(crate) type Sink<'s> = dyn FnMut(Metric, &mut [f64]) -> Result<(), QueryError> + 's;

pub(crate) struct Evaluator<'a> {
    storage: &'a dyn Storage,
    options: &'a QueryOptions,
    bounds: QueryBounds,
    is_instant: bool,
    budget: Budget<'a>,
    notes: Notes,
}

/// Times further from the epoch are refused: offsets and windows could not be added without overflow.
pub(crate) const MAX_TIME_MS: i64 = i64::MAX / 4;

/// The value at one time.
pub fn instant(storage: &dyn Storage, expr: &Expr, at_ms: i64, options: &QueryOptions) -> Result<Outcome, QueryError> {
    let bounds = QueryBounds { start_ms: at_ms, end_ms: at_ms, step_ms: 0 };
    let evaluator = Evaluator::new(storage, options, bounds, true)?;
    let value = evaluator.instant_value(expr)?;
    Ok(evaluator.outcome(value))
}

/// The values at `start_ms`, `start_ms + step_ms` and so on up to `end_ms`. The step must be positive.
pub fn range(
    storage: &dyn Storage,
    expr: &Expr,
    start_ms: i64,
    end_ms: i64,
    step_ms: i64,
    options: &QueryOptions,
) -> Result<Outcome, QueryError> {
    if step_ms <= 0 {
        return Err(QueryError::execution("the step of a range query must be greater than 0"));
    }
    if !matches!(expr.value_type(), ValueType::Scalar | ValueType::Vector) {
        return Err(QueryError::InvalidType { found: expr.value_type().documented() });
    }
    let evaluator = Evaluator::new(storage, options, QueryBounds { start_ms, end_ms, step_ms }, false)?;
    let value = evaluator.range_value(expr, Steps::between(start_ms, end_ms, step_ms))?;
    Ok(evaluator.outcome(value))
}

impl<'a> Evaluator<'a> {
    fn new(
        storage: &'a dyn Storage,
        options: &'a QueryOptions,
        bounds: QueryBounds,
        is_instant: bool,
    ) -> Result<Self, QueryError> {
        let is_in_bounds = |at_ms: i64| (-MAX_TIME_MS..=MAX_TIME_MS).contains(&at_ms);
        if !is_in_bounds(bounds.start_ms) || !is_in_bounds(bounds.end_ms) || bounds.step_ms > MAX_TIME_MS {
            return Err(QueryError::execution("the time of the query is out of bounds"));
        }
        let budget = Budget::new(options);
        Ok(Evaluator { storage, options, bounds, is_instant, budget, notes: Notes::default() })
    }

    /// The series of an expression of type instant vector.
    pub(crate) fn vector(&self, expr: &Expr, steps: Steps, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        if steps.count > 1 && invariance::is_step_invariant(expr) {
            return self.once_for_all(expr, steps, sink);
        }
        // The row that the operator works on, before it is allocated.
        let held = self.budget.hold();
        held.grow(0, steps.row_bytes())?;
        match &expr.kind {
            ExprKind::Paren(inner) => self.vector(inner, steps, sink),
            ExprKind::Selector(selector) => self.selector(selector, expr.position, steps, sink),
            ExprKind::Call(call) => self.call(call, expr.position, steps, sink),
            ExprKind::Aggregate(aggregate) => self.aggregate(aggregate, expr.position, steps, sink),
            ExprKind::Binary(binary) => self.binary(binary, expr.position, steps, sink),
            ExprKind::Unary(unary) => self.signed(unary, steps, sink),
            ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Range(_) | ExprKind::Subquery(_) => {
                Err(QueryError::execution("expected an instant vector"))
            }
        }
    }

    /// Evaluates at one step and repeats the values at all.
    fn once_for_all(&self, expr: &Expr, steps: Steps, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let mut repeated = steps.row();
        self.vector(expr, Steps::once(steps.start_ms), &mut |metric, row| {
            repeated.fill(row[0]);
            sink(metric, &mut repeated)
        })
    }

    /// The metric of a value that was computed from the metric's value.
    fn renamed(&self, metric: Metric) -> Metric {
        if self.options.delayed_name_removal {
            Metric { loses_name: true, ..metric }
        } else {
            Metric::of(metric::without_name(&metric.labels))
        }
    }

    /// Whether removing names from the series of `expr` can make two of them equal.
    fn may_collide(&self, expr: &Expr) -> bool {
        !self.options.delayed_name_removal && !invariance::has_single_name(expr)
    }

    fn unsupported<T>(&self, what: impl Into<String>, position: Position) -> Result<T, QueryError> {
        Err(QueryError::Unsupported { what: what.into(), position })
    }
}
