//! `topk`, `bottomk`, `limitk`: per step and group the k series that lead. Only what leads is kept: heaps of values, and
//! the labels of series that are still in one.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use model::Labels;

use super::aggregates::Groups;
use super::metric::Metric;
use super::steps::{ABSENT, Steps, is_present};
use super::{Evaluator, Sink};
use crate::ast::{Aggregate, AggregateOp};
use crate::error::QueryError;
use crate::float_text::general;

/// A value and the position of its series.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    value: f64,
    series: usize,
}

/// The leaders of one group at one step: a binary heap with the weakest on top. Equal values are kept or pushed out in
/// the same way as by Go's `container/heap`, so that the choice among equals is Prometheus' choice.
#[derive(Clone, Debug, Default)]
struct Leaders {
    heap: Vec<Entry>,
}

/// Which of two values is weaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Contest {
    Largest,
    Smallest,
    First,
}

impl Contest {
    /// NaN is weaker than anything.
    fn is_weaker(self, left: f64, right: f64) -> bool {
        match self {
            _ if left.is_nan() => true,
            // Whoever came first leads, but the heap is one of values all the same.
            Contest::Largest | Contest::First => left < right,
            Contest::Smallest => left > right,
        }
    }

    /// Whether a new value pushes out the weakest leader.
    fn displaces(self, weakest: f64, value: f64) -> bool {
        match self {
            Contest::First => false,
            Contest::Largest => weakest < value || (weakest.is_nan() && !value.is_nan()),
            Contest::Smallest => weakest > value || (weakest.is_nan() && !value.is_nan()),
        }
    }
}

impl Leaders {
    /// True when the entry is among the leaders now.
    fn offer(&mut self, entry: Entry, k: usize, contest: Contest) -> bool {
        if self.heap.len() < k {
            self.heap.push(entry);
            self.rise(contest);
            return true;
        }
        match self.heap.first_mut() {
            Some(weakest) if contest.displaces(weakest.value, entry.value) => {
                *weakest = entry;
                self.sink_first(contest);
                true
            }
            _ => false,
        }
    }

    fn rise(&mut self, contest: Contest) {
        let mut child = self.heap.len() - 1;
        while child > 0 {
            let parent = (child - 1) / 2;
            if !contest.is_weaker(self.heap[child].value, self.heap[parent].value) {
                break;
            }
            self.heap.swap(child, parent);
            child = parent;
        }
    }

    fn sink_first(&mut self, contest: Contest) {
        let mut parent = 0;
        loop {
            let mut child = 2 * parent + 1;
            if child >= self.heap.len() {
                break;
            }
            if child + 1 < self.heap.len() && contest.is_weaker(self.heap[child + 1].value, self.heap[child].value) {
                child += 1;
            }
            if !contest.is_weaker(self.heap[child].value, self.heap[parent].value) {
                break;
            }
            self.heap.swap(parent, child);
            parent = child;
        }
    }

    /// From the strongest to the weakest; those that lead because they came first stay in the order of the heap.
    fn ordered(&self, contest: Contest) -> Vec<Entry> {
        let mut entries = self.heap.clone();
        if contest != Contest::First {
            entries.sort_by(|left, right| {
                if contest.is_weaker(right.value, left.value) && !left.value.is_nan() {
                    Ordering::Less
                } else if contest.is_weaker(left.value, right.value) && !right.value.is_nan() {
                    Ordering::Greater
                } else {
                    Ordering::Equal
                }
            });
        }
        entries
    }
}

impl Evaluator<'_> {
    pub(crate) fn extremes(&self, aggregate: &Aggregate, steps: Steps, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let contest = match aggregate.op {
            AggregateOp::TopK => Contest::Largest,
            AggregateOp::BottomK => Contest::Smallest,
            _ => Contest::First,
        };
        let sizes = sizes(&self.param(aggregate, steps)?)?;
        let groups = Groups::new(&aggregate.grouping);
        let held = self.budget.hold();
        let mut index: HashMap<Labels, usize> = HashMap::new();
        let mut leaders: Vec<Vec<Leaders>> = Vec::new();
        let mut metrics: BTreeMap<usize, Metric> = BTreeMap::new();
        let mut series = 0;
        self.vector(&aggregate.operand, steps, &mut |metric, row| {
            let labels = groups.of(&metric.labels);
            let group = match index.get(&labels) {
                Some(group) => *group,
                None => {
                    held.grow(0, steps.count * size_of::<Leaders>() + labels.heap_bytes())?;
                    leaders.push(vec![Leaders::default(); steps.count]);
                    index.insert(labels, leaders.len() - 1);
                    leaders.len() - 1
                }
            };
            let mut grown = 0;
            let mut leads = false;
            for (step, value) in row.iter().enumerate().filter(|(_, value)| is_present(**value)) {
                let heap = &mut leaders[group][step];
                let before = heap.heap.len();
                leads |= heap.offer(Entry { value: *value, series }, sizes[step], contest);
                grown += heap.heap.len() - before;
            }
            if leads {
                held.grow(grown, grown * size_of::<Entry>() + metric.labels.heap_bytes())?;
                metrics.insert(series, metric);
            }
            series += 1;
            Ok(())
        })?;
        if self.is_instant && steps.count == 1 {
            // The order is part of the answer.
            for group in &leaders {
                for entry in group[0].ordered(contest) {
                    if let Some(metric) = metrics.get(&entry.series) {
                        sink(metric.clone(), &mut [entry.value])?;
                    }
                }
            }
            return Ok(());
        }
        emit_rows(&leaders, metrics, steps, sink)
    }
}

fn emit_rows(
    leaders: &[Vec<Leaders>],
    metrics: BTreeMap<usize, Metric>,
    steps: Steps,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    // Where each series leads: (series, step, value) in order.
    let mut led: Vec<(usize, usize, f64)> = Vec::new();
    for group in leaders {
        for (step, heap) in group.iter().enumerate() {
            led.extend(heap.heap.iter().map(|entry| (entry.series, step, entry.value)));
        }
    }
    led.sort_unstable_by_key(|(series, step, _)| (*series, *step));
    let mut row = steps.row();
    for of_series in led.chunk_by(|left, right| left.0 == right.0) {
        row.fill(ABSENT);
        for (_, step, value) in of_series {
            row[*step] = *value;
        }
        if let Some(metric) = metrics.get(&of_series[0].0) {
            sink(metric.clone(), &mut row)?;
        }
    }
    Ok(())
}

/// How many lead at each step.
fn sizes(params: &[f64]) -> Result<Vec<usize>, QueryError> {
    if params.iter().any(|param| param.is_nan()) {
        return Err(QueryError::execution("Parameter value is NaN"));
    }
    let size = |param: &f64| match *param {
        param if param <= i64::MIN as f64 => {
            Err(QueryError::execution(format!("Scalar value {} underflows int64", general(param))))
        }
        param if param >= i64::MAX as f64 => {
            Err(QueryError::execution(format!("Scalar value {} overflows int64", general(param))))
        }
        param => Ok(param.max(0.0) as usize),
    };
    params.iter().map(size).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leading(contest: Contest, k: usize, values: &[f64]) -> Vec<usize> {
        let mut leaders = Leaders::default();
        for (series, value) in values.iter().enumerate() {
            leaders.offer(Entry { value: *value, series }, k, contest);
        }
        leaders.ordered(contest).iter().map(|entry| entry.series).collect()
    }

    #[test]
    fn the_strongest_come_first_and_nan_last() {
        assert_eq!(leading(Contest::Largest, 2, &[1.0, f64::NAN, 3.0, 2.0]), [2, 3]);
        assert_eq!(leading(Contest::Smallest, 3, &[f64::NAN, 5.0, 4.0]), [2, 1, 0]);
        assert_eq!(leading(Contest::First, 2, &[1.0, f64::NAN, 3.0]), [1, 0]);
        assert_eq!(leading(Contest::Largest, 0, &[1.0]), [0; 0]);
    }

    #[test]
    fn of_equal_values_the_earlier_ones_lead() {
        assert_eq!(leading(Contest::Largest, 2, &[7.0, 7.0, 7.0]), [0, 1]);
    }

    #[test]
    fn sizes_must_be_whole_numbers_of_sixty_four_bits() {
        assert_eq!(sizes(&[2.9, -1.0]), Ok(vec![2, 0]));
        assert_eq!(sizes(&[f64::NAN]), Err(QueryError::execution("Parameter value is NaN")));
        assert_eq!(sizes(&[1e19]), Err(QueryError::execution("Scalar value 1e+19 overflows int64")));
    }
}
