//! The value of a duration that is computed: all operands count as seconds.

use crate::ast::{DurationExpr, DurationOp};
use crate::parser::MAX_SECONDS;

/// The bounds of a query, which `step()` and `range()` mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QueryBounds {
    pub start_ms: i64,
    pub end_ms: i64,
    /// 0 for an instant query.
    pub step_ms: i64,
}

impl DurationExpr {
    /// Milliseconds when no part depends on the query.
    pub fn constant_ms(&self) -> Option<Result<i64, String>> {
        let is_constant = !self.depends_on_query();
        is_constant.then(|| self.milliseconds(QueryBounds { start_ms: 0, end_ms: 0, step_ms: 0 }))
    }

    pub fn milliseconds(&self, bounds: QueryBounds) -> Result<i64, String> {
        let seconds = self.seconds(bounds)?;
        if seconds.is_nan() || seconds.abs() > MAX_SECONDS {
            return Err("duration out of range".to_owned());
        }
        Ok((seconds * 1000.0).round() as i64)
    }

    fn depends_on_query(&self) -> bool {
        match self {
            DurationExpr::Number(_) => false,
            DurationExpr::Step | DurationExpr::Range => true,
            DurationExpr::Unary { operand, .. } | DurationExpr::Paren(operand) => operand.depends_on_query(),
            DurationExpr::Binary { left, right, .. }
            | DurationExpr::MinOf(left, right)
            | DurationExpr::MaxOf(left, right) => left.depends_on_query() || right.depends_on_query(),
        }
    }

    fn seconds(&self, bounds: QueryBounds) -> Result<f64, String> {
        Ok(match self {
            DurationExpr::Number(number) => number.value,
            DurationExpr::Step => bounds.step_ms as f64 / 1000.0,
            DurationExpr::Range => (bounds.end_ms - bounds.start_ms) as f64 / 1000.0,
            DurationExpr::Unary { negative: true, operand } => -operand.seconds(bounds)?,
            DurationExpr::Unary { operand, .. } | DurationExpr::Paren(operand) => operand.seconds(bounds)?,
            DurationExpr::MinOf(left, right) => left.seconds(bounds)?.min(right.seconds(bounds)?),
            DurationExpr::MaxOf(left, right) => left.seconds(bounds)?.max(right.seconds(bounds)?),
            DurationExpr::Binary { op, left, right } => {
                let (left, right) = (left.seconds(bounds)?, right.seconds(bounds)?);
                match op {
                    DurationOp::Add => left + right,
                    DurationOp::Subtract => left - right,
                    DurationOp::Multiply => left * right,
                    DurationOp::Power => left.powf(right),
                    DurationOp::Divide if right == 0.0 => return Err("division by zero".to_owned()),
                    DurationOp::Divide => left / right,
                    DurationOp::Modulo if right == 0.0 => return Err("modulo by zero".to_owned()),
                    DurationOp::Modulo => left % right,
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ast::ExprKind;
    use crate::parse;

    fn range_ms(text: &str, bounds: QueryBounds) -> i64 {
        let expr = parse(&format!("x[{text}]")).expect("a valid range");
        match expr.kind {
            ExprKind::Range(range) => range.range.milliseconds(bounds).expect("a range in bounds"),
            other => panic!("not a range: {other:?}"),
        }
    }

    #[test]
    fn durations_are_computed_in_seconds() {
        let bounds = QueryBounds { start_ms: 50_000, end_ms: 60_000, step_ms: 5_000 };
        for (text, ms) in [
            ("5m", 300_000),
            ("300", 300_000),
            ("1h/2", 1_800_000),
            ("-5m+35m", 1_800_000),
            ("2m*(10+5)", 1_800_000),
            ("30m1s-30m1s % 1m", 1_800_000),
            ("10 + 2 ^ 3 ^ 0", 12_000),
            ("step()", 5_000),
            ("max_of(min_of(STEP()+1,1h),1ms)", 6_000),
            ("range()", 10_000),
        ] {
            assert_eq!(range_ms(text, bounds), ms, "{text}");
        }
    }

    #[test]
    fn durations_that_are_not_positive_are_refused() {
        for text in ["0", "-5m", "5m-5m", "5m/0", "5m%0", "1e12"] {
            assert!(parse(&format!("x[{text}]")).is_err(), "{text}");
        }
    }
}
