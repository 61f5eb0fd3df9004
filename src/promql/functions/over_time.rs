//! The `_over_time` family and `changes`: one number from the samples of a window.

use super::kahan::{KahanMean, KahanSum};
use super::quantile::quantile as quantile_of;
use super::window::Window;

pub(crate) fn avg(window: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    let mut mean = KahanMean::of(window.values[0]);
    window.values[1..].iter().for_each(|value| mean.add(*value));
    Some(mean.mean())
}

pub(crate) fn sum(window: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    let mut sum = KahanSum::default();
    window.values.iter().for_each(|value| sum.add(*value));
    Some(if sum.sum.is_infinite() { sum.sum } else { sum.total() })
}

pub(crate) fn count(window: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    Some(window.len() as f64)
}

pub(crate) fn present(_: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    Some(1.0)
}

pub(crate) fn first(window: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    Some(window.values[0])
}

pub(crate) fn last(window: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    Some(window.values[window.len() - 1])
}

pub(crate) fn max(window: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    Some(extreme(window.values, |value, best| value > best))
}

pub(crate) fn min(window: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    Some(extreme(window.values, |value, best| value < best))
}

pub(crate) fn time_of_max(window: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    seconds(window, position(window.values, |value, best| value >= best))
}

pub(crate) fn time_of_min(window: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    seconds(window, position(window.values, |value, best| value <= best))
}

pub(crate) fn time_of_first(window: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    seconds(window, 0)
}

pub(crate) fn time_of_last(window: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    seconds(window, window.len() - 1)
}

pub(crate) fn stdvar(window: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    Some(variance(window.values))
}

pub(crate) fn stddev(window: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    Some(variance(window.values).sqrt())
}

pub(crate) fn quantile(window: &Window<'_>, scratch: &mut Vec<f64>) -> Option<f64> {
    scratch.clear();
    scratch.extend_from_slice(window.values);
    Some(quantile_of(window.params[0], scratch))
}

/// The median of the distances from the median; NaN as soon as one sample is.
pub(crate) fn mad(window: &Window<'_>, scratch: &mut Vec<f64>) -> Option<f64> {
    if window.values.iter().any(|value| value.is_nan()) {
        return Some(f64::NAN);
    }
    scratch.clear();
    scratch.extend_from_slice(window.values);
    let median = quantile_of(0.5, scratch);
    scratch.iter_mut().for_each(|value| *value = (*value - median).abs());
    Some(quantile_of(0.5, scratch))
}

/// How often a value differs from the one before it; NaN after NaN does not.
pub(crate) fn changes(window: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    let pairs = window.values.iter().zip(&window.values[1..]);
    Some(pairs.filter(|(before, after)| before != after && !(before.is_nan() && after.is_nan())).count() as f64)
}

/// The best value; NaN is worse than any number.
#[inline]
fn extreme(values: &[f64], is_better: impl Fn(f64, f64) -> bool) -> f64 {
    let better = |best: f64, value: &f64| if is_better(*value, best) || best.is_nan() { *value } else { best };
    values.iter().fold(f64::NAN, better)
}

/// The position of the last of the best values.
fn position(values: &[f64], is_better: impl Fn(f64, f64) -> bool) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if is_better(*value, values[best]) || values[best].is_nan() {
            best = index;
        }
    }
    best
}

fn seconds(window: &Window<'_>, index: usize) -> Option<f64> {
    Some(window.timestamps_ms[index] as f64 / 1000.0)
}

/// Welford's method with compensated sums.
fn variance(values: &[f64]) -> f64 {
    let (mut count, mut mean, mut squares) = (0.0, KahanSum::default(), KahanSum::default());
    for value in values {
        count += 1.0;
        let delta = value - mean.total();
        mean.add(delta / count);
        squares.add(delta * (value - mean.total()));
    }
    squares.total() / count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(compute: fn(&Window<'_>, &mut Vec<f64>) -> Option<f64>, values: &[f64]) -> f64 {
        let timestamps: Vec<i64> = (0..values.len() as i64).map(|index| index * 1000).collect();
        let window = Window::for_test(&timestamps, values, &[], 100_000, 200_000);
        compute(&window, &mut Vec::new()).expect("these functions always answer")
    }

    #[test]
    fn extremes_pass_over_nan_unless_there_is_nothing_else() {
        assert_eq!(of(max, &[f64::NAN, 0.0, 1.0]), 1.0);
        assert_eq!(of(min, &[2.0, f64::NAN, 1.0]), 1.0);
        assert!(of(min, &[f64::NAN, f64::NAN]).is_nan());
        assert_eq!(of(time_of_max, &[1.0, 6.0, 6.0, 2.0]), 2.0);
    }

    #[test]
    fn equal_samples_have_no_variance_and_no_changes() {
        assert_eq!(of(stdvar, &[1.5990505637277868; 3]), 0.0);
        assert_eq!(of(changes, &[f64::NAN, f64::NAN, 1.0, 1.0, f64::NAN]), 2.0);
        assert_eq!(of(mad, &[4.0, 6.0, 2.0, 1.0, 999.0, 1.0, 2.0]), 1.0);
    }
}
