//! What can be told of an expression without evaluating it.

use model::{METRIC_NAME, MatchOp};

use crate::ast::{AggregateOp, BinaryOp, Expr, ExprKind, Selector};
use crate::functions::Body;

/// Whether the expression has the same value at every step, because all that it reads is pinned by `@`.
pub(crate) fn is_step_invariant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Number(_) | ExprKind::Text(_) => true,
        ExprKind::Selector(selector) => selector.shift.at.is_some(),
        ExprKind::Range(range) => range.selector.shift.at.is_some(),
        ExprKind::Subquery(subquery) => subquery.shift.at.is_some(),
        ExprKind::Call(call) => {
            let depends_on_time = matches!(call.function.body, Body::Calendar(_) | Body::Time | Body::Timestamp)
                || call.function.name == "predict_linear";
            !depends_on_time && call.args.iter().all(is_step_invariant)
        }
        kind => kind.children().all(is_step_invariant),
    }
}

/// Whether all series of the result have the same name (or none), so that they stay different without it. Where names
/// are removed at once.
pub(crate) fn has_single_name(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Unary(_) => true,
        ExprKind::Selector(selector) => names_metric(selector),
        ExprKind::Range(range) => names_metric(&range.selector),
        ExprKind::Subquery(subquery) => has_single_name(&subquery.inner),
        ExprKind::Paren(inner) => has_single_name(inner),
        ExprKind::Call(call) => match call.function.body {
            Body::LabelReplace | Body::LabelJoin => false,
            Body::Sort { .. } | Body::SortByLabel { .. } => has_single_name(&call.args[0]),
            Body::OverTime(over_time) if over_time.keeps_name => has_single_name(&call.args[0]),
            _ => true,
        },
        ExprKind::Aggregate(aggregate) => match aggregate.op {
            AggregateOp::TopK | AggregateOp::BottomK | AggregateOp::LimitK | AggregateOp::LimitRatio => {
                has_single_name(&aggregate.operand)
            }
            _ => !aggregate.grouping.labels.iter().any(|label| label == METRIC_NAME),
        },
        ExprKind::Binary(binary) => match binary.op {
            BinaryOp::Or => false,
            BinaryOp::And | BinaryOp::Unless => has_single_name(&binary.left),
            op if op.is_comparison() && !binary.returns_bool => {
                has_single_name(&binary.left) && has_single_name(&binary.right)
            }
            _ => true,
        },
    }
}

fn names_metric(selector: &Selector) -> bool {
    let names = |matcher: &model::Matcher| matcher.name == METRIC_NAME && matcher.op == MatchOp::Equal;
    selector.matchers.iter().any(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[test]
    fn only_what_is_pinned_everywhere_is_the_same_at_every_step() {
        for (text, expected) in [
            ("x @ 1 + sum(y @ end())", true),
            ("x @ 1 + y", false),
            ("rate(x[5m] @ 1)", true),
            ("max_over_time(rate(x[5m])[1h:] @ 1)", true),
            ("max_over_time(rate(x[5m] @ 1)[1h:])", false),
            ("timestamp(x @ 1)", false),
            ("vector(1)", true),
            ("vector(time())", false),
        ] {
            assert_eq!(is_step_invariant(&parse(text).expect(text)), expected, "{text}");
        }
    }

    #[test]
    fn names_may_differ_where_the_selector_leaves_them_open() {
        for (text, expected) in [
            ("x", true),
            ("{__name__=~\"x|y\"}", false),
            ("rate({job=\"a\"}[5m])", true),
            ("last_over_time({job=\"a\"}[5m])", false),
            ("topk(1, {job=\"a\"})", false),
            ("sum by (__name__) (x)", false),
            ("x or y", false),
            ("{job=\"a\"} > 1", false),
            ("{job=\"a\"} + 1", true),
        ] {
            assert_eq!(has_single_name(&parse(text).expect(text)), expected, "{text}");
        }
    }
}
