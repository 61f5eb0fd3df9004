//! Functions that fit a curve to the samples of a window: `deriv`, `predict_linear`, `double_exponential_smoothing`.

use super::kahan::KahanSum;
use super::window::Window;

/// Change per second of the line of least squares.
pub(crate) fn deriv(window: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    (window.len() >= 2).then(|| line(window, window.timestamps_ms[0]).slope)
}

/// The line of least squares, so many seconds after the time of evaluation.
pub(crate) fn predict_linear(window: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    let ahead_seconds = window.params[0];
    (window.len() >= 2).then(|| {
        let line = line(window, window.at_ms);
        line.slope * ahead_seconds + line.intercept
    })
}

/// Holt's method with a factor for the level and one for the trend; both were checked to lie between 0 and 1.
pub(crate) fn double_exponential_smoothing(window: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    let [level_factor, trend_factor] = window.params;
    let second = window.values.get(1)?;
    let mut before = 0.0;
    let mut level = window.values[0];
    let mut trend = second - level;
    for (index, value) in window.values.iter().enumerate().skip(1) {
        if index > 1 {
            trend = trend_factor * (level - before) + (1.0 - trend_factor) * trend;
        }
        let next = level_factor * value + (1.0 - level_factor) * (level + trend);
        (before, level) = (level, next);
    }
    Some(level)
}

struct Line {
    /// Per second.
    slope: f64,
    /// The value at the origin.
    intercept: f64,
}

fn line(window: &Window<'_>, origin_ms: i64) -> Line {
    let first = window.values[0];
    if window.values.iter().all(|value| *value == first) {
        return if first.is_infinite() {
            Line { slope: f64::NAN, intercept: f64::NAN }
        } else {
            Line { slope: 0.0, intercept: first }
        };
    }
    let (mut x_sum, mut y_sum) = (KahanSum::default(), KahanSum::default());
    let (mut xy_sum, mut xx_sum) = (KahanSum::default(), KahanSum::default());
    for (timestamp_ms, y) in window.timestamps_ms.iter().zip(window.values) {
        let x = (timestamp_ms - origin_ms) as f64 / 1000.0;
        x_sum.add(x);
        y_sum.add(*y);
        xy_sum.add(x * y);
        xx_sum.add(x * x);
    }
    let count = window.len() as f64;
    let (x, y) = (x_sum.total(), y_sum.total());
    let covariance = xy_sum.total() - x * y / count;
    let variance = xx_sum.total() - x * x / count;
    let slope = covariance / variance;
    Line { slope, intercept: y / count - slope * x / count }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: [i64; 4] = [0, 1000, 2000, 3000];

    fn window(values: &[f64]) -> Window<'_> {
        Window { params: [2.0, 0.5], ..Window::for_test(&TIMES[..values.len()], values, &[], 3000, 10_000) }
    }

    #[test]
    fn a_straight_line_is_found_and_extended() {
        assert_eq!(deriv(&window(&[1.0, 3.0, 5.0, 7.0]), &mut Vec::new()), Some(2.0));
        assert_eq!(predict_linear(&window(&[1.0, 3.0, 5.0, 7.0]), &mut Vec::new()), Some(11.0));
        assert_eq!(predict_linear(&window(&[4.0, 4.0]), &mut Vec::new()), Some(4.0));
        assert_eq!(deriv(&window(&[4.0]), &mut Vec::new()), None);
    }

    #[test]
    fn endless_values_have_no_line() {
        assert!(deriv(&window(&[f64::INFINITY; 2]), &mut Vec::new()).is_some_and(f64::is_nan));
    }

    #[test]
    fn smoothing_follows_a_straight_line() {
        let window = Window { params: [0.5, 0.5], ..window(&[1.0, 3.0, 5.0, 7.0]) };
        assert_eq!(double_exponential_smoothing(&window, &mut Vec::new()), Some(7.0));
    }
}
