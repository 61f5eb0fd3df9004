//! Quantiles of a set of numbers, interpolated between neighbours.

use std::cmp::Ordering;

/// NaN stands before every number.
pub(crate) fn order(left: &f64, right: &f64) -> Ordering {
    match (left.is_nan(), right.is_nan()) {
        (false, false) => left.partial_cmp(right).unwrap_or(Ordering::Equal),
        (left_nan, right_nan) => right_nan.cmp(&left_nan),
    }
}

/// Sorts the values.
pub(crate) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_unstable_by(order);
    let last = values.len() - 1;
    let rank = q * last as f64;
    let lower = rank.floor();
    let upper = (lower as usize + 1).min(last);
    let weight = rank - lower;
    values[lower as usize] * (1.0 - weight) + values[upper] * weight
}

pub(crate) fn is_valid(q: f64) -> bool {
    (0.0..=1.0).contains(&q)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_between_two_values_are_interpolated() {
        assert_eq!(quantile(0.5, &mut [1.0, 0.0]), 0.5);
        assert_eq!(quantile(0.0, &mut [3.0, 1.0, 2.0]), 1.0);
        assert_eq!(quantile(1.0, &mut [3.0, 1.0, 2.0]), 3.0);
        assert_eq!(quantile(0.5, &mut [f64::NAN, 1.0, 0.0]), 0.0);
    }

    #[test]
    fn impossible_quantiles_are_infinite_and_unknown_ones_unknown() {
        assert_eq!(quantile(-0.1, &mut [1.0]), f64::NEG_INFINITY);
        assert_eq!(quantile(1.1, &mut [1.0]), f64::INFINITY);
        assert!(quantile(f64::NAN, &mut [1.0]).is_nan());
        assert!(quantile(0.5, &mut []).is_nan());
        assert!(!is_valid(f64::NAN) && is_valid(1.0) && !is_valid(1.1));
    }
}
