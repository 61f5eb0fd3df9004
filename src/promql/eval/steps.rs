//! The times at which an expression is evaluated, and rows: one value per step.

use model::STALE_NAN_BITS;

/// `count` times from `start_ms` on, `step_ms` apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Steps {
    pub start_ms: i64,
    pub step_ms: i64,
    pub count: usize,
}

/// A step without a value. The marker of staleness can stand for it, because no sample that takes part in an
/// evaluation has that value and no arithmetic makes it.
pub(crate) const ABSENT: f64 = f64::from_bits(STALE_NAN_BITS);

#[inline]
pub(crate) fn is_present(value: f64) -> bool {
    value.to_bits() != STALE_NAN_BITS
}

pub(crate) fn has_any(row: &[f64]) -> bool {
    row.iter().any(|value| is_present(*value))
}

pub(crate) fn count_present(row: &[f64]) -> usize {
    row.iter().filter(|value| is_present(**value)).count()
}

impl Steps {
    pub fn once(at_ms: i64) -> Self {
        Steps { start_ms: at_ms, step_ms: 1, count: 1 }
    }

    /// From start to end, both included as far as the step meets them.
    pub fn between(start_ms: i64, end_ms: i64, step_ms: i64) -> Self {
        let count = if end_ms < start_ms { 0 } else { (end_ms - start_ms) / step_ms + 1 };
        Steps { start_ms, step_ms, count: count as usize }
    }

    #[inline]
    pub fn at_ms(&self, index: usize) -> i64 {
        self.start_ms + self.step_ms * index as i64
    }

    pub fn last_ms(&self) -> i64 {
        self.at_ms(self.count.saturating_sub(1))
    }

    pub fn iter(self) -> impl Iterator<Item = i64> {
        (0..self.count).map(move |index| self.at_ms(index))
    }

    /// Memory of a row.
    pub fn row_bytes(&self) -> usize {
        self.count.saturating_mul(size_of::<f64>())
    }

    /// A row without values.
    pub fn row(&self) -> Vec<f64> {
        vec![ABSENT; self.count]
    }
}

/// A set of steps.
#[derive(Clone, Debug, Default)]
pub(crate) struct StepSet {
    words: Vec<u64>,
}

impl StepSet {
    pub fn new(steps: &Steps) -> Self {
        StepSet { words: vec![0; steps.count.div_ceil(64)] }
    }

    /// Adds the steps at which the row has a value.
    pub fn add_row(&mut self, row: &[f64]) {
        for (index, value) in row.iter().enumerate() {
            if is_present(*value) {
                self.insert(index);
            }
        }
    }

    pub fn insert(&mut self, index: usize) {
        self.words[index / 64] |= 1 << (index % 64);
    }

    pub fn contains(&self, index: usize) -> bool {
        self.words[index / 64] & (1 << (index % 64)) != 0
    }

    pub fn heap_bytes(&self) -> usize {
        self.words.len() * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_marker_is_absent() {
        let zero = std::hint::black_box(0.0);
        for value in [zero / zero, f64::NAN, -f64::NAN, f64::INFINITY - f64::INFINITY, zero] {
            assert!(is_present(value));
        }
        assert!(!is_present(ABSENT) && !has_any(&[ABSENT, ABSENT]) && count_present(&[ABSENT, f64::NAN]) == 1);
    }

    #[test]
    fn the_end_is_a_step_only_when_the_steps_meet_it() {
        let steps = Steps::between(0, 25, 10);
        assert_eq!(steps.iter().collect::<Vec<_>>(), [0, 10, 20]);
        assert_eq!((steps.last_ms(), Steps::between(0, 20, 10).count, Steps::between(5, 4, 1).count), (20, 3, 0));
    }

    #[test]
    fn sets_of_steps_remember_what_was_added() {
        let steps = Steps::between(0, 99, 1);
        let mut set = StepSet::new(&steps);
        let mut row = steps.row();
        row[70] = 1.0;
        set.add_row(&row);
        set.insert(3);
        assert_eq!((0..100).filter(|index| set.contains(*index)).collect::<Vec<_>>(), [3, 70]);
        assert_eq!(set.heap_bytes(), 16);
    }
}
