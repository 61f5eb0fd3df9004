//! Aggregations that fold series into their group, one after the other: per step one small state, no series kept.

use super::steps::{ABSENT, Steps, is_present};
use crate::functions::kahan::{KahanMean, KahanSum};
use crate::functions::quantile::quantile;

/// The state of one group, for all steps.
pub(crate) trait Fold {
    fn new(steps: &Steps) -> Self;

    fn add(&mut self, row: &[f64]);

    /// Writes the group's row; `params` has the parameter of the aggregation at each step, if it has one.
    fn finish(self, params: &[f64], row: &mut [f64]);

    /// Memory that a row added, beyond that of an empty state.
    fn bytes_of_row(_row: &[f64]) -> usize {
        0
    }

    fn heap_bytes(&self) -> usize;
}

pub(crate) struct Sum(Vec<KahanSum>);
pub(crate) struct Average(Vec<Option<KahanMean>>);
pub(crate) struct Maximum(Vec<f64>);
pub(crate) struct Minimum(Vec<f64>);
pub(crate) struct Count(Vec<u64>);
pub(crate) struct Presence(Vec<bool>);
pub(crate) struct Variance(Vec<Moments>);
pub(crate) struct Deviation(Variance);
pub(crate) struct Quantile(Vec<Vec<f64>>);

/// Welford's running mean and sum of squared distances.
#[derive(Clone, Copy, Default)]
pub(crate) struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

fn present(row: &[f64]) -> impl Iterator<Item = (usize, f64)> {
    row.iter().copied().enumerate().filter(|(_, value)| is_present(*value))
}

impl Fold for Sum {
    fn new(steps: &Steps) -> Self {
        Sum(vec![KahanSum::of(ABSENT); steps.count])
    }

    fn add(&mut self, row: &[f64]) {
        for (sum, value) in self.0.iter_mut().zip(row) {
            if !is_present(*value) {
                continue;
            }
            if is_present(sum.sum) { sum.add(*value) } else { *sum = KahanSum::of(*value) }
        }
    }

    fn finish(self, _: &[f64], row: &mut [f64]) {
        for (value, sum) in row.iter_mut().zip(self.0) {
            *value = if is_present(sum.sum) { sum.total() } else { ABSENT };
        }
    }

    fn heap_bytes(&self) -> usize {
        size_of_val(self.0.as_slice())
    }
}

impl Fold for Average {
    fn new(steps: &Steps) -> Self {
        Average(vec![None; steps.count])
    }

    fn add(&mut self, row: &[f64]) {
        for (index, value) in present(row) {
            match &mut self.0[index] {
                Some(mean) => mean.add(value),
                none => *none = Some(KahanMean::of(value)),
            }
        }
    }

    fn finish(self, _: &[f64], row: &mut [f64]) {
        for (value, mean) in row.iter_mut().zip(self.0) {
            *value = mean.map_or(ABSENT, |mean| mean.mean());
        }
    }

    fn heap_bytes(&self) -> usize {
        size_of_val(self.0.as_slice())
    }
}

impl Fold for Maximum {
    fn new(steps: &Steps) -> Self {
        Maximum(steps.row())
    }

    fn add(&mut self, row: &[f64]) {
        for (index, value) in present(row) {
            let best = &mut self.0[index];
            // What is absent is a NaN too, so the first value takes its place.
            if *best < value || best.is_nan() {
                *best = value;
            }
        }
    }

    fn finish(self, _: &[f64], row: &mut [f64]) {
        row.copy_from_slice(&self.0);
    }

    fn heap_bytes(&self) -> usize {
        size_of_val(self.0.as_slice())
    }
}

impl Fold for Minimum {
    fn new(steps: &Steps) -> Self {
        Minimum(steps.row())
    }

    fn add(&mut self, row: &[f64]) {
        for (index, value) in present(row) {
            let best = &mut self.0[index];
            if *best > value || best.is_nan() {
                *best = value;
            }
        }
    }

    fn finish(self, _: &[f64], row: &mut [f64]) {
        row.copy_from_slice(&self.0);
    }

    fn heap_bytes(&self) -> usize {
        size_of_val(self.0.as_slice())
    }
}

impl Fold for Count {
    fn new(steps: &Steps) -> Self {
        Count(vec![0; steps.count])
    }

    fn add(&mut self, row: &[f64]) {
        present(row).for_each(|(index, _)| self.0[index] += 1);
    }

    fn finish(self, _: &[f64], row: &mut [f64]) {
        for (value, count) in row.iter_mut().zip(self.0) {
            *value = if count > 0 { count as f64 } else { ABSENT };
        }
    }

    fn heap_bytes(&self) -> usize {
        size_of_val(self.0.as_slice())
    }
}

impl Fold for Presence {
    fn new(steps: &Steps) -> Self {
        Presence(vec![false; steps.count])
    }

    fn add(&mut self, row: &[f64]) {
        present(row).for_each(|(index, _)| self.0[index] = true);
    }

    fn finish(self, _: &[f64], row: &mut [f64]) {
        for (value, is_there) in row.iter_mut().zip(self.0) {
            *value = if is_there { 1.0 } else { ABSENT };
        }
    }

    fn heap_bytes(&self) -> usize {
        self.0.len()
    }
}

impl Fold for Variance {
    fn new(steps: &Steps) -> Self {
        Variance(vec![Moments::default(); steps.count])
    }

    fn add(&mut self, row: &[f64]) {
        for (index, value) in present(row) {
            let moments = &mut self.0[index];
            moments.count += 1.0;
            if moments.count == 1.0 {
                moments.mean = value;
                moments.squares = if value.is_finite() { 0.0 } else { f64::NAN };
                continue;
            }
            let delta = value - moments.mean;
            moments.mean += delta / moments.count;
            moments.squares += delta * (value - moments.mean);
        }
    }

    fn finish(self, _: &[f64], row: &mut [f64]) {
        for (value, moments) in row.iter_mut().zip(self.0) {
            *value = if moments.count > 0.0 { moments.squares / moments.count } else { ABSENT };
        }
    }

    fn heap_bytes(&self) -> usize {
        size_of_val(self.0.as_slice())
    }
}

impl Fold for Deviation {
    fn new(steps: &Steps) -> Self {
        Deviation(Variance::new(steps))
    }

    fn add(&mut self, row: &[f64]) {
        self.0.add(row);
    }

    fn finish(self, params: &[f64], row: &mut [f64]) {
        self.0.finish(params, row);
        row.iter_mut().filter(|value| is_present(**value)).for_each(|value| *value = value.sqrt());
    }

    fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }
}

impl Fold for Quantile {
    fn new(steps: &Steps) -> Self {
        Quantile(vec![Vec::new(); steps.count])
    }

    fn add(&mut self, row: &[f64]) {
        present(row).for_each(|(index, value)| self.0[index].push(value));
    }

    fn finish(self, params: &[f64], row: &mut [f64]) {
        for ((value, mut values), q) in row.iter_mut().zip(self.0).zip(params) {
            *value = if values.is_empty() { ABSENT } else { quantile(*q, &mut values) };
        }
    }

    fn bytes_of_row(row: &[f64]) -> usize {
        super::steps::count_present(row) * 8
    }

    fn heap_bytes(&self) -> usize {
        size_of_val(self.0.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded<F: Fold>(rows: &[[f64; 2]], params: &[f64]) -> [f64; 2] {
        let mut fold = F::new(&Steps::between(0, 1, 1));
        rows.iter().for_each(|row| fold.add(row));
        let mut result = [ABSENT; 2];
        fold.finish(params, &mut result);
        result
    }

    #[test]
    fn steps_without_values_stay_absent() {
        let rows = [[1.0, ABSENT], [3.0, ABSENT]];
        let results = [
            folded::<Sum>(&rows, &[]),
            folded::<Average>(&rows, &[]),
            folded::<Maximum>(&rows, &[]),
            folded::<Minimum>(&rows, &[]),
            folded::<Count>(&rows, &[]),
            folded::<Presence>(&rows, &[]),
            folded::<Variance>(&rows, &[]),
            folded::<Deviation>(&rows, &[]),
            folded::<Quantile>(&rows, &[0.5, 0.5]),
        ];
        assert_eq!(results.map(|row| row[0]), [4.0, 2.0, 3.0, 1.0, 2.0, 1.0, 1.0, 1.0, 2.0]);
        assert!(results.iter().all(|row| !is_present(row[1])));
    }

    #[test]
    fn nan_is_a_value_but_never_an_extreme() {
        let rows = [[f64::NAN, f64::NAN], [1.0, f64::NAN], [2.0, f64::NAN]];
        assert_eq!((folded::<Maximum>(&rows, &[])[0], folded::<Minimum>(&rows, &[])[0]), (2.0, 1.0));
        assert!(folded::<Maximum>(&rows, &[])[1].is_nan() && is_present(folded::<Maximum>(&rows, &[])[1]));
        assert!(folded::<Variance>(&rows, &[])[0].is_nan());
        assert_eq!(folded::<Count>(&rows, &[])[1], 3.0);
    }
}
