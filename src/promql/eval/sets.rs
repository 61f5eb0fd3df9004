//! `and`, `or`, `unless`: series are kept or dropped step by step, by whether the other side has a series with the same
//! signature.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use model::Labels;

use super::budget::{Budget, Held};
use super::matching::Signature;
use super::merge::{MergedRows, SAME_LABELSET};
use super::steps::{ABSENT, StepSet, Steps, has_any};
use super::{Evaluator, Sink};
use crate::ast::{Binary, BinaryOp, Expr, Matching};
use crate::error::QueryError;

/// The steps of each signature.
pub(crate) struct Signatures<'b> {
    steps: Steps,
    sets: HashMap<Labels, StepSet>,
    held: Held<'b>,
}

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
        let mut present = Signatures::new(&self.budget, steps);
        self.vector(&binary.left, steps, &mut |metric, row| {
            present.steps_of(signature.of(&metric.labels))?.add_row(row);
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
    fn present_steps(&self, expr: &Expr, signature: &Signature, steps: Steps) -> Result<Signatures<'_>, QueryError> {
        let mut present = Signatures::new(&self.budget, steps);
        self.vector(expr, steps, &mut |metric, row| {
            present.steps_of(signature.of(&metric.labels))?.add_row(row);
            Ok(())
        })?;
        Ok(present)
    }
}

impl<'b> Signatures<'b> {
    pub fn new(budget: &'b Budget<'b>, steps: Steps) -> Self {
        Signatures { steps, sets: HashMap::new(), held: budget.hold() }
    }

    pub fn get(&self, signature: &Labels) -> Option<&StepSet> {
        self.sets.get(signature)
    }

    /// The set of a signature, empty when it is new.
    pub fn steps_of(&mut self, signature: Labels) -> Result<&mut StepSet, QueryError> {
        let key_bytes = signature.heap_bytes();
        match self.sets.entry(signature) {
            Entry::Occupied(set) => Ok(set.into_mut()),
            Entry::Vacant(place) => {
                let set = StepSet::new(&self.steps);
                self.held.grow(0, set.heap_bytes() + key_bytes)?;
                Ok(place.insert(set))
            }
        }
    }
}

fn retain(row: &mut [f64], keeps: impl Fn(usize) -> bool) {
    for (index, value) in row.iter_mut().enumerate() {
        if !keeps(index) {
            *value = ABSENT;
        }
    }
}
