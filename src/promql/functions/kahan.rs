//! Sums that lose little to rounding: Kahan's compensation with Neumaier's improvement, step by step as Prometheus
//! computes it, so that results agree to the last bit.

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct KahanSum {
    pub sum: f64,
    pub compensation: f64,
}

/// A mean that starts as a plain sum and goes over to a running mean when the sum would overflow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct KahanMean {
    count: f64,
    /// The sum, or the mean when `is_incremental`.
    state: KahanSum,
    is_incremental: bool,
}

impl KahanSum {
    pub fn of(value: f64) -> Self {
        KahanSum { sum: value, compensation: 0.0 }
    }

    #[inline]
    pub fn add(&mut self, value: f64) {
        let total = self.sum + value;
        if total.is_infinite() {
            self.compensation = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.compensation += (self.sum - total) + value;
        } else {
            self.compensation += (value - total) + self.sum;
        }
        self.sum = total;
    }

    pub fn total(&self) -> f64 {
        self.sum + self.compensation
    }
}

impl KahanMean {
    pub fn of(value: f64) -> Self {
        KahanMean { count: 1.0, state: KahanSum::of(value), is_incremental: false }
    }

    pub fn add(&mut self, value: f64) {
        self.count += 1.0;
        if !self.is_incremental {
            let mut next = self.state;
            next.add(value);
            if !next.sum.is_infinite() {
                self.state = next;
                return;
            }
            self.is_incremental = true;
            self.state.sum /= self.count - 1.0;
            self.state.compensation /= self.count - 1.0;
        }
        let weight = (self.count - 1.0) / self.count;
        self.state.sum *= weight;
        self.state.compensation *= weight;
        self.state.add(value / self.count);
    }

    pub fn mean(&self) -> f64 {
        if self.is_incremental {
            self.state.total()
        } else {
            self.state.sum / self.count + self.state.compensation / self.count
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(values: &[f64]) -> f64 {
        let mut mean = KahanMean::of(values[0]);
        values[1..].iter().for_each(|value| mean.add(*value));
        mean.mean()
    }

    #[test]
    fn small_numbers_survive_large_ones_that_cancel() {
        let mut sum = KahanSum::default();
        [1.0, 1e100, 1.0, -1e100].iter().for_each(|value| sum.add(*value));
        assert_eq!(sum.total(), 2.0);
        assert_eq!(mean(&[1.0, 1e100, 1.0, -1e100]), 0.5);
    }

    #[test]
    fn a_mean_does_not_overflow_where_the_sum_does() {
        assert_eq!(mean(&[1e308; 3]), 1e308);
        assert_eq!(mean(&[f64::INFINITY, 0.0]), f64::INFINITY);
        assert!(mean(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
        assert_eq!(mean(&[52.0; 13]), 52.0);
    }
}
