//! Types: a tree that reads well may still add a string to a range.

use model::Matcher;

use crate::ast::{AggregateOp, Expr, ExprKind, Selector};
use crate::error::ParseError;
use crate::value::ValueType;

/// Refuses the first expression, in the order of the text, whose parts are not of the types it needs.
pub fn check(expr: &Expr) -> Result<(), ParseError> {
    match &expr.kind {
        ExprKind::Number(_) | ExprKind::Text(_) => Ok(()),
        ExprKind::Selector(selector) => check_matchers(expr, selector),
        ExprKind::Range(range) => check_matchers(expr, &range.selector),
        ExprKind::Paren(inner) => check(inner),
        ExprKind::Unary(unary) => {
            check(&unary.operand)?;
            match unary.operand.value_type() {
                ValueType::Scalar | ValueType::Vector => Ok(()),
                other => refuse(
                    expr,
                    format!(
                        "unary expression only allowed on expressions of type scalar or instant vector, got {:?}",
                        other.documented()
                    ),
                ),
            }
        }
        ExprKind::Subquery(subquery) => {
            check(&subquery.inner)?;
            match subquery.inner.value_type() {
                ValueType::Vector => Ok(()),
                other => {
                    refuse(expr, format!("subquery is only allowed on instant vector, got {} instead", other.as_str()))
                }
            }
        }
        ExprKind::Call(call) => {
            if let Some(message) = call.function.refuse_count(call.args.len()) {
                return refuse(expr, message);
            }
            let context = format!("call to function {:?}", call.function.name);
            for (index, arg) in call.args.iter().enumerate() {
                // The second argument of `info` restricts labels, it does not choose series.
                if call.function.name != "info" || index == 0 {
                    check(arg)?;
                }
                expect_type(arg, call.function.arg_type(index), &context)?;
            }
            Ok(())
        }
        ExprKind::Aggregate(aggregate) => {
            expect(&aggregate.operand, ValueType::Vector, "aggregation expression")?;
            let is_text = aggregate.op == AggregateOp::CountValues;
            let param_type = if is_text { ValueType::String } else { ValueType::Scalar };
            aggregate.param.iter().try_for_each(|param| expect(param, param_type, "aggregation parameter"))
        }
        ExprKind::Binary(binary) => {
            for side in [&binary.left, &binary.right] {
                check(side)?;
            }
            for side in [&binary.left, &binary.right] {
                if !matches!(side.value_type(), ValueType::Scalar | ValueType::Vector) {
                    let message = "binary expression must contain only scalar and instant vector types";
                    return refuse(side, message.to_owned());
                }
            }
            let symbol = binary.op.symbol();
            match &binary.matching {
                None if binary.op.is_set() => {
                    refuse(expr, format!("set operator {symbol:?} not allowed in binary scalar expression"))
                }
                Some(matching) if binary.op.is_set() && !matching.is_many_to_many() => {
                    refuse(expr, format!("no grouping allowed for {symbol:?} operation"))
                }
                _ => Ok(()),
            }
        }
    }
}

/// A selector without a name must demand something, lest a slip of the pen selects everything.
fn check_matchers(expr: &Expr, selector: &Selector) -> Result<(), ParseError> {
    if selector.name.is_none() && selector.matchers.iter().all(Matcher::matches_empty) {
        return refuse(expr, "vector selector must contain at least one non-empty matcher".to_owned());
    }
    Ok(())
}

fn expect(expr: &Expr, wanted: ValueType, context: &str) -> Result<(), ParseError> {
    check(expr)?;
    expect_type(expr, wanted, context)
}

fn expect_type(expr: &Expr, wanted: ValueType, context: &str) -> Result<(), ParseError> {
    let found = expr.value_type();
    if found == wanted {
        return Ok(());
    }
    refuse(expr, format!("expected type {} in {context}, got {}", wanted.documented(), found.documented()))
}

fn refuse(expr: &Expr, message: String) -> Result<(), ParseError> {
    Err(ParseError { position: expr.position, message })
}
