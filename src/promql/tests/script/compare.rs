//! Answers against expectations.

use std::collections::BTreeMap;

use model::Labels;
use promql::{Outcome, Series, Value, VectorSample};

use super::points::Point;
use super::statement::{Eval, Said};

/// Numbers are equal up to this relative difference.
const TOLERANCE: f64 = 1e-6;

type Expected<'a> = &'a [(Labels, Vec<Point>)];

pub fn outcome(eval: &Eval, outcome: &Outcome) -> Result<(), String> {
    notes("warning", &eval.warnings, eval.no_warnings, &outcome.warnings)?;
    notes("info", &eval.infos, eval.no_infos, &outcome.infos)?;
    match &outcome.value {
        Value::String { text, .. } if eval.string.as_ref() == Some(text) => Ok(()),
        Value::Scalar(sample) => match eval.scalar {
            Some(expected) if is_close(expected, sample.value) => Ok(()),
            expected => Err(format!("expected {expected:?}, got the scalar {}", sample.value)),
        },
        Value::Vector(vector) => instant_vector(&eval.series, eval.is_ordered, vector),
        Value::Matrix(matrix) => {
            let step_ms = eval.step_ms.unwrap_or(1);
            let (start_ms, _, step_ms) = eval.range_vector.unwrap_or((eval.start_ms, eval.end_ms, step_ms));
            range_vector(&eval.series, start_ms, step_ms, matrix)
        }
        other => Err(format!("unexpected value {other:?}")),
    }
}

/// Whether an error is the one that was to come.
pub fn failure(eval: &Eval, message: &str) -> Result<(), String> {
    if eval.failure.as_ref().is_none_or(|said| is_said(said, message)) {
        return Ok(());
    }
    Err(format!("expected the error {:?}, got {message:?}", eval.failure))
}

fn notes(kind: &str, expected: &[Said], none_expected: bool, found: &[String]) -> Result<(), String> {
    if none_expected && !found.is_empty() {
        return Err(format!("expected no {kind}, got {found:?}"));
    }
    let all_found = expected.iter().all(|said| found.iter().any(|text| is_said(said, text)));
    let all_expected = found.iter().all(|text| expected.iter().any(|said| is_said(said, text)));
    if all_found && (all_expected || expected.is_empty()) {
        return Ok(());
    }
    Err(format!("expected the {kind} {expected:?}, got {found:?}"))
}

fn is_said(said: &Said, text: &str) -> bool {
    match said {
        Said::Anything => true,
        Said::Text(expected) => expected == text,
        Said::Pattern(pattern) => regex::Regex::new(pattern).expect("a valid pattern").is_match(text),
    }
}

pub fn instant_vector(expected: Expected, is_ordered: bool, found: &[VectorSample]) -> Result<(), String> {
    let found: Vec<(Labels, f64)> = found.iter().map(|one| (one.labels.clone(), one.sample.value)).collect();
    if is_ordered {
        let order: Vec<&Labels> = found.iter().map(|(labels, _)| labels).collect();
        let wanted: Vec<&Labels> = expected.iter().map(|(labels, _)| labels).collect();
        if order != wanted {
            return Err(format!("expected the order {wanted:?}, got {order:?}"));
        }
    }
    let mut by_labels: BTreeMap<Labels, f64> = found.iter().cloned().collect();
    for (labels, points) in expected {
        let value = by_labels.remove(labels).ok_or_else(|| format!("{labels} is missing in {found:?}"))?;
        match points.as_slice() {
            [Point::Value(wanted)] if is_close(*wanted, value) => {}
            wanted => return Err(format!("{labels}: expected {wanted:?}, got {value}")),
        }
    }
    if by_labels.is_empty() { Ok(()) } else { Err(format!("not expected: {by_labels:?}")) }
}

fn range_vector(expected: Expected, start_ms: i64, step_ms: i64, found: &[Series]) -> Result<(), String> {
    if !found.is_sorted_by_key(|series| &series.labels) {
        return Err("the series are not sorted".to_owned());
    }
    let mut by_labels: BTreeMap<&Labels, &Series> = found.iter().map(|series| (&series.labels, series)).collect();
    for (labels, points) in expected {
        let series = by_labels.remove(labels).ok_or_else(|| format!("{labels} is missing in {found:?}"))?;
        let at_ms = |index: usize| start_ms + step_ms * index as i64;
        let wanted = points.iter().enumerate().filter(|(_, point)| **point != Point::Missing);
        let wanted: Vec<(i64, Point)> = wanted.map(|(index, point)| (at_ms(index), *point)).collect();
        let got: Vec<(i64, f64)> = series.samples.iter().map(|sample| (sample.timestamp_ms, sample.value)).collect();
        let is_equal = wanted.len() == got.len()
            && wanted.iter().zip(&got).all(|((wanted_ms, wanted), (got_ms, got))| {
                wanted_ms == got_ms && matches!(wanted, Point::Value(value) if is_close(*value, *got))
            });
        if !is_equal {
            return Err(format!("{labels}: expected {wanted:?}, got {got:?}"));
        }
    }
    if by_labels.is_empty() { Ok(()) } else { Err(format!("not expected: {by_labels:?}")) }
}

fn is_close(left: f64, right: f64) -> bool {
    if left == right || (left.is_nan() && right.is_nan()) {
        return true;
    }
    if left.is_infinite() || right.is_infinite() {
        return false;
    }
    let sum = left.abs() + right.abs();
    let difference = (left - right).abs();
    if left == 0.0 || right == 0.0 || sum < f64::MIN_POSITIVE {
        difference < TOLERANCE * f64::MIN_POSITIVE
    } else {
        difference / sum.min(f64::MAX) < TOLERANCE
    }
}
