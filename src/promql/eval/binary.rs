//! Operators on two scalars, or on a vector and a scalar; two vectors go to `matching` and `sets`.

use super::steps::{ABSENT, Steps, has_any, is_present};
use super::{Evaluator, Sink};
use crate::ast::{Binary, BinaryOp, Expr, Unary};
use crate::error::QueryError;
use crate::position::Position;
use crate::value::ValueType;

impl Evaluator<'_> {
    pub(crate) fn binary(
        &self,
        binary: &Binary,
        position: Position,
        steps: Steps,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        if let BinaryOp::TrimLower | BinaryOp::TrimUpper = binary.op {
            return self.unsupported(format!("the operator {}", binary.op.symbol()), position);
        }
        let Some(matching) = &binary.matching else {
            return match binary.left.value_type() {
                ValueType::Scalar => self.with_scalar(binary, &binary.right, &binary.left, true, steps, sink),
                _ => self.with_scalar(binary, &binary.left, &binary.right, false, steps, sink),
            };
        };
        if matching.fill_left.is_some() || matching.fill_right.is_some() {
            return self.unsupported("the modifier fill", position);
        }
        if binary.op.is_set() {
            self.set_operation(binary, matching, steps, sink)
        } else {
            self.matched(binary, matching, steps, sink)
        }
    }

    fn with_scalar(
        &self,
        binary: &Binary,
        vector: &Expr,
        scalar: &Expr,
        is_scalar_left: bool,
        steps: Steps,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let scalars = self.scalar(scalar, steps)?;
        let value_of = |index: usize, value: f64| {
            let (left, right) = if is_scalar_left { (scalars[index], value) } else { (value, scalars[index]) };
            // A comparison that filters keeps the value of the vector, on whichever side it is.
            of_elements(binary, left, right, value)
        };
        if !binary.op.is_comparison() || binary.returns_bool {
            return self.mapped(vector, steps, sink, value_of);
        }
        self.vector(vector, steps, &mut |metric, row| {
            for (index, value) in row.iter_mut().enumerate() {
                if is_present(*value) {
                    *value = value_of(index, *value);
                }
            }
            if has_any(row) { sink(metric, row) } else { Ok(()) }
        })
    }

    /// `-v` and `+v`
    pub(crate) fn signed(&self, unary: &Unary, steps: Steps, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        if unary.negative {
            self.mapped(&unary.operand, steps, sink, |_, value| -value)
        } else {
            self.vector(&unary.operand, steps, sink)
        }
    }
}

/// The value of an operation for one pair, absent when a comparison filters it out; `kept` is what it lets through.
pub(crate) fn of_elements(binary: &Binary, left: f64, right: f64, kept: f64) -> f64 {
    if !binary.op.is_comparison() {
        arithmetic(binary.op, left, right)
    } else if binary.returns_bool {
        f64::from(u8::from(holds(binary.op, left, right)))
    } else if holds(binary.op, left, right) {
        kept
    } else {
        ABSENT
    }
}

/// Comparisons of scalars are always 0 or 1.
pub(crate) fn of_scalars(op: BinaryOp, left: f64, right: f64) -> f64 {
    if op.is_comparison() { f64::from(u8::from(holds(op, left, right))) } else { arithmetic(op, left, right) }
}

fn arithmetic(op: BinaryOp, left: f64, right: f64) -> f64 {
    match op {
        BinaryOp::Add => left + right,
        BinaryOp::Subtract => left - right,
        BinaryOp::Multiply => left * right,
        BinaryOp::Divide => left / right,
        BinaryOp::Modulo => left % right,
        BinaryOp::Power => left.powf(right),
        BinaryOp::Atan2 => left.atan2(right),
        _ => f64::NAN,
    }
}

fn holds(op: BinaryOp, left: f64, right: f64) -> bool {
    match op {
        BinaryOp::Equal => left == right,
        BinaryOp::NotEqual => left != right,
        BinaryOp::Greater => left > right,
        BinaryOp::Less => left < right,
        BinaryOp::GreaterOrEqual => left >= right,
        BinaryOp::LessOrEqual => left <= right,
        _ => false,
    }
}
