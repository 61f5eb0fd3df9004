//! `and`, `or`, `unless`: series are kept or dropped step by step, by whether the other side has a series with the same
//! signature.

use std::collections::HashMap;

use model::Labels;

use super::matching::Signature;
use super::merge::{MergedRows, SAME_LABELSET};
use super::steps::{ABSENT, StepSet, Steps, has_any};
use super::{Evaluator, Sink};
use crate::ast::{Binary, BinaryOp, Expr, Matching};
use crate::error::QueryError;

impl Evaluator<'_> {
    pub(crate) fn set_operation(
        &self,
        binary: &Binary,
        matching: &Matching,
        steps: Steps,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let signature = Signature::new(matching);
        if binary.op == BinaryOp::Or {
            return self.union(binary, &signature, steps, sink);
        }
        let present = self.present_steps(&binary.right, &signature, steps)?;
        let keeps_present = binary.op == BinaryOp::And;
        self.vector(&binary.left, steps, &mut |metric, row| {
            let others = present.get(&signature.of(&metric.labels));
            retain(row, |index| others.is_some_and(|set| set.contains(index)) == keeps_present);
            if has_any(row) { sink(metric, row) } else { Ok(()) }
        })
    }

    fn union(
        &self,
        binary: &Binary,
        signature: &Signature,
        steps: Steps,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let mut rows = MergedRows::new(&self.budget);
        let mut present: HashMap<Labels, StepSet> = HashMap::new();
        self.vector(&binary.left, steps, &mut |metric, row| {
            present.entry(signature.of(&metric.labels)).or_insert_with(|| StepSet::new(&steps)).add_row(row);
            rows.add(metric, row, SAME_LABELSET)
        })?;
        self.vector(&binary.right, steps, &mut |metric, row| {
            if let Some(others) = present.get(&signature.of(&metric.labels)) {
                retain(row, |index| !others.contains(index));
            }
            if has_any(row) { rows.add(metric, row, SAME_LABELSET) } else { Ok(()) }
        })?;
        rows.emit(sink)
    }

    /// At which steps there is a series of each signature.
    fn present_steps(
        &self,
        expr: &Expr,
        signature: &Signature,
        steps: Steps,
    ) -> Result<HashMap<Labels, StepSet>, QueryError> {
        let held = self.budget.hold();
        let mut present: HashMap<Labels, StepSet> = HashMap::new();
        self.vector(expr, steps, &mut |metric, row| {
            let key = signature.of(&metric.labels);
            let key_bytes = key.heap_bytes();
            let mut grown = 0;
            let set = present.entry(key).or_insert_with(|| {
                let set = StepSet::new(&steps);
                grown = set.heap_bytes() + key_bytes;
                set
            });
            set.add_row(row);
            held.grow(0, grown)
        })?;
        Ok(present)
    }
}

fn retain(row: &mut [f64], keeps: impl Fn(usize) -> bool) {
    for (index, value) in row.iter_mut().enumerate() {
        if !keeps(index) {
            *value = ABSENT;
        }
    }
}
