//! Scalars: one number per step, no labels.

use super::steps::{Steps, is_present};
use super::{Evaluator, binary};
use crate::ast::{Call, Expr, ExprKind};
use crate::error::QueryError;
use crate::functions::{Body, math};

impl Evaluator<'_> {
    pub(crate) fn scalar(&self, expr: &Expr, steps: Steps) -> Result<Vec<f64>, QueryError> {
        let held = self.budget.hold();
        held.grow(0, steps.row_bytes())?;
        match &expr.kind {
            ExprKind::Number(number) => Ok(vec![number.value; steps.count]),
            ExprKind::Paren(inner) => self.scalar(inner, steps),
            ExprKind::Unary(unary) => {
                let mut row = self.scalar(&unary.operand, steps)?;
                if unary.negative {
                    row.iter_mut().for_each(|value| *value = -*value);
                }
                Ok(row)
            }
            ExprKind::Binary(binary) => {
                let mut left = self.scalar(&binary.left, steps)?;
                let right = self.scalar(&binary.right, steps)?;
                for (left, right) in left.iter_mut().zip(right) {
                    *left = binary::of_scalars(binary.op, *left, right);
                }
                Ok(left)
            }
            ExprKind::Call(call) => self.scalar_call(call, expr, steps),
            _ => Err(QueryError::execution("expected a scalar")),
        }
    }

    fn scalar_call(&self, call: &Call, expr: &Expr, steps: Steps) -> Result<Vec<f64>, QueryError> {
        let constant = |value: f64| Ok(vec![value; steps.count]);
        let bounds = self.bounds;
        match call.function.body {
            Body::Pi => constant(std::f64::consts::PI),
            Body::QueryStart => constant(bounds.start_ms as f64 / 1000.0),
            Body::QueryEnd => constant(bounds.end_ms as f64 / 1000.0),
            Body::QueryRange => constant((bounds.end_ms - bounds.start_ms) as f64 / 1000.0),
            Body::QueryStep => constant(bounds.step_ms as f64 / 1000.0),
            Body::Time => Ok(steps.iter().map(|at_ms| at_ms as f64 / 1000.0).collect()),
            Body::MaxOf => self.scalar_pair(call, steps, math::max),
            Body::MinOf => self.scalar_pair(call, steps, math::min),
            Body::Scalar => self.only_values(&call.args[0], steps),
            _ => self.unsupported(format!("the function {}", call.function.name), expr.position),
        }
    }

    fn scalar_pair(&self, call: &Call, steps: Steps, of: fn(f64, f64) -> f64) -> Result<Vec<f64>, QueryError> {
        let mut left = self.scalar(&call.args[0], steps)?;
        let right = self.scalar(&call.args[1], steps)?;
        left.iter_mut().zip(right).for_each(|(left, right)| *left = of(*left, right));
        Ok(left)
    }

    /// `scalar(v)`: the value of the only series, NaN where there are more or none.
    fn only_values(&self, expr: &Expr, steps: Steps) -> Result<Vec<f64>, QueryError> {
        let mut only = steps.row();
        let mut is_ambiguous = vec![false; steps.count];
        self.vector(expr, steps, &mut |_, row| {
            for (index, value) in row.iter().enumerate().filter(|(_, value)| is_present(**value)) {
                is_ambiguous[index] |= is_present(only[index]);
                only[index] = *value;
            }
            Ok(())
        })?;
        for (value, is_ambiguous) in only.iter_mut().zip(is_ambiguous) {
            if is_ambiguous || !is_present(*value) {
                *value = f64::NAN;
            }
        }
        Ok(only)
    }
}
