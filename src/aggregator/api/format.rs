//! `/api/v1/format_query`: a query as Prometheus lays it out. What fits into a line of 100 bytes stays on one; longer
//! expressions have each operand on lines of its own, two spaces deeper.

use http::Request;
use promql::Expr;
use promql::ast::{Aggregate, Binary, ExprKind, Subquery};

use super::answer::{Answer, Success};
use super::params::{form, query_text};
use super::query::parse;
use crate::program::Aggregator;

const LINE_BYTES: usize = 100;

/// A text is printed once for each level above it; beyond this all of it stays on one line.
const LAID_OUT_BYTES: usize = 64 << 10;

pub fn format_query(aggregator: &Aggregator, request: &Request) -> Answer {
    let text = query_text(&form(request)?)?;
    let memory = aggregator.queries.lease();
    let expr = parse(&text, &memory)?;
    let formatted = if text.len() > LAID_OUT_BYTES { expr.to_string() } else { lay_out(&expr, 0) };
    Success::of(&formatted)
}

/// An expression that begins so many levels deep.
fn lay_out(expr: &Expr, level: usize) -> String {
    let indent = "  ".repeat(level);
    let line = expr.to_string();
    if let ExprKind::Unary(unary) = &expr.kind {
        let sign = if unary.negative { '-' } else { '+' };
        return format!("{indent}{sign}{}", lay_out(&unary.operand, level).trim());
    }
    if line.len() <= LINE_BYTES {
        // As Prometheus has it: a short subquery is not moved.
        return if matches!(expr.kind, ExprKind::Subquery(_)) { line } else { indent + &line };
    }
    match &expr.kind {
        ExprKind::Call(call) => {
            let args: Vec<String> = call.args.iter().map(|arg| lay_out(arg, level + 1)).collect();
            format!("{indent}{}(\n{}\n{indent})", call.function.name, args.join(",\n"))
        }
        ExprKind::Aggregate(aggregate) => {
            let Aggregate { op, param, operand, grouping } = &**aggregate;
            let param = param.as_ref().map_or(String::new(), |param| lay_out(param, level + 1) + ",\n");
            format!("{indent}{}{grouping}(\n{param}{}\n{indent})", op.name(), lay_out(operand, level + 1))
        }
        ExprKind::Binary(binary) => {
            let Binary { op, left, right, returns_bool, matching } = &**binary;
            let returns_bool = if *returns_bool { " bool" } else { "" };
            let matching = matching.as_ref().map_or(String::new(), ToString::to_string);
            let (left, right) = (lay_out(left, level + 1), lay_out(right, level + 1));
            format!("{left}\n{indent}{}{returns_bool}{matching}\n{right}", op.symbol())
        }
        ExprKind::Paren(inner) => format!("{indent}(\n{}\n{indent})", lay_out(inner, level + 1)),
        ExprKind::Subquery(subquery) => {
            let Subquery { inner, range, step, shift } = &**subquery;
            let step = step.as_ref().map_or(String::new(), ToString::to_string);
            format!("{}[{range}:{step}]{shift}", lay_out(inner, level))
        }
        ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Selector(_) | ExprKind::Range(_) | ExprKind::Unary(_) => {
            indent + &line
        }
    }
}
