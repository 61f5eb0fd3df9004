//! Functions that compare samples of a window: `rate`, `increase`, `delta`, `irate`, `idelta`, `resets`.

use super::window::Window;

/// Increase of a counter per second, extrapolated to the whole window.
pub(crate) fn rate(window: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    let range_seconds = (window.end_ms - window.start_ms) as f64 / 1000.0;
    extrapolated(window, true, range_seconds)
}

/// Increase of a counter, extrapolated to the whole window.
pub(crate) fn increase(window: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    extrapolated(window, true, 1.0)
}

/// Difference of a gauge, extrapolated to the whole window.
pub(crate) fn delta(window: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    extrapolated(window, false, 1.0)
}

/// Increase of a counter per second between the last two samples.
pub(crate) fn irate(window: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    let (before, last, seconds) = last_two(window)?;
    Some(if last < before { last / seconds } else { (last - before) / seconds })
}

/// Difference of a gauge between the last two samples.
pub(crate) fn idelta(window: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    let (before, last, _) = last_two(window)?;
    Some(last - before)
}

pub(crate) fn resets(window: &Window<'_>, _: &mut Vec<f64>) -> Option<f64> {
    Some(window.drops.len() as f64)
}

fn last_two(window: &Window<'_>) -> Option<(f64, f64, f64)> {
    let before = window.len().checked_sub(2)?;
    let elapsed_ms = window.timestamps_ms[before + 1] - window.timestamps_ms[before];
    (elapsed_ms != 0).then(|| (window.values[before], window.values[before + 1], elapsed_ms as f64 / 1000.0))
}

/// The samples rarely reach the ends of the window. The trend is extended to an end that is near enough for the next
/// sample to have been due there, else by half the distance of samples; a counter not beyond the point where it
/// would have been zero.
fn extrapolated(window: &Window<'_>, is_counter: bool, divisor: f64) -> Option<f64> {
    let last = window.len() - 1;
    if last == 0 {
        return None;
    }
    let first_value = window.values[0];
    let mut difference = window.values[last] - first_value;
    if is_counter {
        for drop in window.drops {
            difference += window.values[drop - window.drops_from - 1];
        }
    }
    let mut to_start = (window.timestamps_ms[0] - window.start_ms) as f64 / 1000.0;
    let mut to_end = (window.end_ms - window.timestamps_ms[last]) as f64 / 1000.0;
    let sampled = window.sampled_seconds();
    let between_samples = sampled / last as f64;
    let near_enough = between_samples * 1.1;
    if to_start >= near_enough {
        to_start = between_samples / 2.0;
    }
    if is_counter && difference > 0.0 && first_value >= 0.0 {
        to_start = to_start.min(sampled * (first_value / difference));
    }
    if to_end >= near_enough {
        to_end = between_samples / 2.0;
    }
    let factor = (sampled + to_start + to_end) / sampled;
    Some(difference * (factor / divisor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_extended_to_the_window_but_not_below_zero() {
        let timestamps = [0, 300_000, 600_000, 900_000];
        let window = |values| Window::for_test(&timestamps, values, &[], 900_000, 1_800_000);
        assert_eq!(increase(&window(&[10.0, 20.0, 30.0, 40.0]), &mut Vec::new()), Some(35.0));
        let to_zero = increase(&window(&[1.0, 11.0, 21.0, 31.0]), &mut Vec::new());
        assert!(to_zero.is_some_and(|value| (value - 31.0).abs() < 1e-9), "{to_zero:?}");
        assert_eq!(delta(&window(&[1.0, 11.0, 21.0, 31.0]), &mut Vec::new()), Some(35.0));
    }

    #[test]
    fn what_was_counted_before_a_reset_is_not_lost() {
        let timestamps = [0, 60_000, 120_000];
        let window = Window::for_test(&timestamps, &[0.0, 5.0, 3.0], &[2], 120_000, 120_000);
        assert_eq!(increase(&window, &mut Vec::new()), Some(8.0));
        assert_eq!(resets(&window, &mut Vec::new()), Some(1.0));
        assert_eq!(irate(&window, &mut Vec::new()), Some(3.0 / 60.0));
        assert_eq!(idelta(&window, &mut Vec::new()), Some(-2.0));
    }

    #[test]
    fn one_sample_has_no_rate() {
        let window = Window::for_test(&[0], &[5.0], &[], 0, 60_000);
        assert_eq!(rate(&window, &mut Vec::new()), None);
        assert_eq!(irate(&window, &mut Vec::new()), None);
    }
}
