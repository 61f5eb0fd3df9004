//! `sort` and its relatives. They order the answer of an instant query; over a range they change nothing.

use std::cmp::Ordering;

use model::Labels;

use super::merge::Rows;
use super::result::text;
use super::steps::Steps;
use super::{Evaluator, Sink};
use crate::ast::{Call, Expr};
use crate::error::QueryError;

impl Evaluator<'_> {
    pub(crate) fn sort(
        &self,
        operand: &Expr,
        descending: bool,
        steps: Steps,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        self.sorted(operand, steps, sink, |rows| {
            rows.sort_by(|left, right| by_value(left.values[0], right.values[0], descending));
        })
    }

    pub(crate) fn sort_by_label(
        &self,
        call: &Call,
        descending: bool,
        steps: Steps,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let names = call.args[1..].iter().map(|arg| Ok(String::from_utf8_lossy(text(arg)?).into_owned()));
        let names = names.collect::<Result<Vec<_>, QueryError>>()?;
        self.sorted(&call.args[0], steps, sink, |rows| {
            rows.sort_by(|left, right| {
                let order = by_labels(&names, &left.metric.labels, &right.metric.labels);
                if descending { order.reverse() } else { order }
            });
        })
    }

    fn sorted(
        &self,
        operand: &Expr,
        steps: Steps,
        sink: &mut Sink<'_>,
        sort: impl FnOnce(&mut [super::merge::Row]),
    ) -> Result<(), QueryError> {
        if !self.is_instant || steps.count != 1 {
            return self.vector(operand, steps, sink);
        }
        let mut rows = Rows::new(&self.budget);
        self.vector(operand, steps, &mut |metric, row| rows.push(metric, row))?;
        sort(rows.as_mut_slice());
        rows.emit(sink)
    }
}

/// NaN comes last in both directions.
fn by_value(left: f64, right: f64, descending: bool) -> Ordering {
    let order = left.partial_cmp(&right).map(|order| if descending { order.reverse() } else { order });
    order.unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

fn by_labels(names: &[String], left: &Labels, right: &Labels) -> Ordering {
    let value = |labels: &Labels, name: &str| labels.get(name).unwrap_or("").to_owned();
    let orders = names.iter().map(|name| natural(&value(left, name), &value(right, name)));
    orders.fold(Ordering::Equal, Ordering::then).then_with(|| left.cmp(right))
}

/// Runs of digits compare as numbers, everything else as text.
fn natural(left: &str, right: &str) -> Ordering {
    let (mut left_parts, mut right_parts) = (parts(left), parts(right));
    loop {
        let order = match (left_parts.next(), right_parts.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(left), Some(right)) => match (left.parse::<i64>(), right.parse::<i64>()) {
                (Ok(left), Ok(right)) => left.cmp(&right),
                _ => left.cmp(right),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Runs of digits and runs of other characters.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.as_bytes()
        .chunk_by(|left, right| left.is_ascii_digit() == right.is_ascii_digit())
        .map(|chunk| std::str::from_utf8(chunk).unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_within_texts_count_as_numbers() {
        let mut texts = ["4m1000", "4m5", "4m600", "1.111.3", "1.2.3", "", "a10", "a9", "a"];
        texts.sort_by(|left, right| natural(left, right));
        assert_eq!(texts, ["", "1.2.3", "1.111.3", "4m5", "4m600", "4m1000", "a", "a9", "a10"]);
    }

    #[test]
    fn nan_is_last_whatever_the_direction() {
        let mut values = [f64::NAN, 1.0, 2.0];
        values.sort_by(|left, right| by_value(*left, *right, true));
        assert_eq!((values[0], values[1]), (2.0, 1.0));
        values.sort_by(|left, right| by_value(*left, *right, false));
        assert_eq!((values[0], values[1]), (1.0, 2.0));
    }
}
