//! `absent` and `absent_over_time`: 1 where there is nothing.

use model::{Labels, LabelsBuilder, METRIC_NAME, MatchOp, Matcher};

use super::metric::Metric;
use super::steps::{ABSENT, StepSet, Steps, has_any};
use super::{Evaluator, Sink};
use crate::ast::{Expr, ExprKind};
use crate::error::QueryError;

impl Evaluator<'_> {
    pub(crate) fn absent(&self, operand: &Expr, steps: Steps, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let mut present = StepSet::new(&steps);
        self.vector(operand, steps, &mut |_, row| {
            present.add_row(row);
            Ok(())
        })?;
        emit_absence(operand, &present, steps, sink)
    }

    pub(crate) fn absent_over_time(&self, operand: &Expr, steps: Steps, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let frame = self.frame(operand)?;
        let mut present = StepSet::new(&steps);
        self.range_vector(operand, frame, steps, &mut |_, samples| {
            let mut next = 0;
            for (index, step_ms) in steps.iter().enumerate() {
                let end_ms = frame.reference.at_ms(step_ms);
                while next < samples.len() && samples.timestamps_ms[next] <= end_ms {
                    next += 1;
                }
                if next > 0 && samples.timestamps_ms[next - 1] > end_ms - frame.range_ms {
                    present.insert(index);
                }
            }
            Ok(())
        })?;
        emit_absence(operand, &present, steps, sink)
    }
}

fn emit_absence(operand: &Expr, present: &StepSet, steps: Steps, sink: &mut Sink<'_>) -> Result<(), QueryError> {
    let mut row = steps.row();
    for (index, value) in row.iter_mut().enumerate() {
        *value = if present.contains(index) { ABSENT } else { 1.0 };
    }
    if has_any(&row) { sink(Metric::of(labels_of_absence(operand)), &mut row) } else { Ok(()) }
}

/// The labels that the missing series would surely have: those that a selector demands, once and exactly.
fn labels_of_absence(operand: &Expr) -> Labels {
    let matchers: &[Matcher] = match &operand.unwrapped().kind {
        ExprKind::Selector(selector) => &selector.matchers,
        ExprKind::Range(range) => &range.selector.matchers,
        _ => &[],
    };
    let mut labels = LabelsBuilder::default();
    for (index, matcher) in matchers.iter().enumerate().filter(|(_, matcher)| matcher.name != METRIC_NAME) {
        let is_equal = |matcher: &&Matcher| matcher.op == MatchOp::Equal;
        let was_set = matchers[..index].iter().filter(is_equal).any(|earlier| earlier.name == matcher.name);
        if matcher.op == MatchOp::Equal && !was_set {
            labels.set(&matcher.name, &matcher.value);
        } else {
            labels.remove(&matcher.name);
        }
    }
    labels.build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[test]
    fn only_labels_that_are_demanded_once_are_known() {
        for (text, expected) in [
            (r#"x{a="1", b=~"2", c!="3"}"#, r#"{a="1"}"#),
            (r#"x{a="1", a="2", b="3"}"#, r#"{b="3"}"#),
            (r#"x{a="1", a=~"2"}"#, "{}"),
            (r#"(x{a="1"})"#, r#"{a="1"}"#),
            (r#"sum(x{a="1"})"#, "{}"),
        ] {
            assert_eq!(labels_of_absence(&parse(text).expect(text)).to_string(), expected, "{text}");
        }
    }
}
