//! Queries with `@` on every selector and every outer subquery.

use promql::Expr;
use promql::ast::{At, ExprKind, Shift};

/// The same query, which now looks at one time whenever it is evaluated.
pub fn pinned(expr: &Expr, at_ms: i64) -> Expr {
    let mut expr = expr.clone();
    pin(&mut expr, at_ms);
    expr
}

fn pin(expr: &mut Expr, at_ms: i64) {
    let set = |shift: &mut Shift| shift.at = shift.at.or(Some(At::Time(at_ms)));
    match &mut expr.kind {
        ExprKind::Number(_) | ExprKind::Text(_) => {}
        ExprKind::Selector(selector) => set(&mut selector.shift),
        ExprKind::Range(range) => set(&mut range.selector.shift),
        ExprKind::Subquery(subquery) => set(&mut subquery.shift),
        ExprKind::Call(call) => call.args.iter_mut().for_each(|arg| pin(arg, at_ms)),
        ExprKind::Aggregate(aggregate) => {
            aggregate.param.iter_mut().for_each(|param| pin(param, at_ms));
            pin(&mut aggregate.operand, at_ms);
        }
        ExprKind::Binary(binary) => {
            pin(&mut binary.left, at_ms);
            pin(&mut binary.right, at_ms);
        }
        ExprKind::Unary(unary) => pin(&mut unary.operand, at_ms),
        ExprKind::Paren(inner) => pin(inner, at_ms),
    }
}

/// Whether the value depends on when the query is evaluated even if all selectors are pinned. What is inside a subquery
/// that will be pinned does not.
pub fn depends_on_time(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Subquery(_) => false,
        ExprKind::Call(call) => {
            const OF_TIME: [&str; 11] = [
                "days_in_month",
                "day_of_month",
                "day_of_week",
                "day_of_year",
                "hour",
                "minute",
                "month",
                "year",
                "predict_linear",
                "time",
                "timestamp",
            ];
            OF_TIME.contains(&call.function.name) || call.args.iter().any(depends_on_time)
        }
        kind => kind.children().any(depends_on_time),
    }
}

/// Whether start, end or step of the query are part of it.
pub fn uses_query_bounds(expr: &Expr) -> bool {
    let text = expr.to_string();
    ["start()", "end()", "step()", "range()"].iter().any(|function| text.contains(function))
}
