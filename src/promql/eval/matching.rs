//! Arithmetic and comparison of two vectors. The "one" side is kept, grouped by signature; the series of the other side
//! pass by and meet their partners step by step, since a signature may belong to different series at different times.

use std::collections::HashMap;

use model::{Labels, METRIC_NAME};

use super::binary::of_elements;
use super::merge::{MergedRows, Rows, SAME_LABELSET};
use super::metric::{Metric, in_braces, without_name};
use super::sets::Signatures;
use super::steps::{ABSENT, Steps, has_any, is_present};
use super::{Evaluator, Sink};
use crate::ast::{Binary, Cardinality, Expr, Matching};
use crate::error::QueryError;

/// The labels by which series of two sides find each other.
pub(crate) struct Signature {
    on: bool,
    names: Vec<String>,
}

impl Signature {
    pub fn new(matching: &Matching) -> Self {
        let mut names = matching.labels.clone();
        if !matching.on {
            names.push(METRIC_NAME.to_owned());
        }
        Signature { on: matching.on, names }
    }

    pub fn of(&self, labels: &Labels) -> Labels {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        if self.on { labels.only(&names) } else { labels.without(&names) }
    }
}

/// The series of the "one" side.
struct OneSide<'b> {
    rows: Rows<'b>,
    /// Positions in `rows`.
    groups: HashMap<Labels, Vec<usize>>,
}

impl Evaluator<'_> {
    pub(crate) fn matched(
        &self,
        binary: &Binary,
        matching: &Matching,
        steps: Steps,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let is_swapped = matching.cardinality == Cardinality::OneToMany;
        let (many, one) = if is_swapped { (&binary.right, &binary.left) } else { (&binary.left, &binary.right) };
        let signature = Signature::new(matching);
        let one_side = self.one_side(one, &signature, steps)?;
        let ambiguities = one_side.ambiguities(steps);
        let mut results = MergedRows::new(&self.budget);
        let mut matched = Signatures::new(&self.budget, steps);
        let mut result = steps.row();
        self.vector(many, steps, &mut |metric, row| {
            if let Some(ambiguity) = ambiguities.iter().find(|ambiguity| is_present(row[ambiguity.step])) {
                return Err(one_side.many_to_many(ambiguity, &signature, is_swapped));
            }
            let key = signature.of(&metric.labels);
            let Some(partners) = one_side.groups.get(&key) else { return Ok(()) };
            let mut own_steps = None;
            if matching.cardinality == Cardinality::OneToOne {
                own_steps = Some(matched.steps_of(key)?);
            }
            for partner in partners {
                let partner = &one_side.rows.as_slice()[*partner];
                for (index, (value, other)) in row.iter().zip(&partner.values).enumerate() {
                    result[index] = ABSENT;
                    if !is_present(*value) || !is_present(*other) {
                        continue;
                    }
                    if let Some(own_steps) = &mut own_steps {
                        if own_steps.contains(index) {
                            return Err(QueryError::execution(MANY_TO_ONE));
                        }
                        own_steps.insert(index);
                    }
                    let (left, right) = if is_swapped { (*other, *value) } else { (*value, *other) };
                    result[index] = of_elements(binary, left, right, left);
                }
                if has_any(&result) {
                    let metric = self.result_metric(binary, matching, &metric, &partner.metric);
                    results.add(metric, &result, message_for_duplicates(matching))?;
                }
            }
            Ok(())
        })?;
        results.emit(sink)
    }

    fn one_side(&self, expr: &Expr, signature: &Signature, steps: Steps) -> Result<OneSide<'_>, QueryError> {
        let mut one_side = OneSide { rows: Rows::new(&self.budget), groups: HashMap::new() };
        self.vector(expr, steps, &mut |metric, row| {
            let position = one_side.rows.as_slice().len();
            one_side.groups.entry(signature.of(&metric.labels)).or_default().push(position);
            one_side.rows.push(metric, row)
        })?;
        Ok(one_side)
    }

    /// The labels of the result, from the series of the "many" side and its partner.
    fn result_metric(&self, binary: &Binary, matching: &Matching, many: &Metric, one: &Metric) -> Metric {
        let keeps_name = binary.op.is_comparison();
        let labels = if keeps_name { many.labels.clone() } else { without_name(&many.labels) };
        let names: Vec<&str> = matching.labels.iter().map(String::as_str).collect();
        let labels = match (matching.cardinality, matching.on) {
            (Cardinality::OneToOne, true) => labels.only(&names),
            (Cardinality::OneToOne, false) if !names.is_empty() => labels.without(&names),
            _ => labels,
        };
        let labels = if matching.include.is_empty() {
            labels
        } else {
            let mut builder = labels.to_builder();
            for name in &matching.include {
                builder.set(name, one.labels.get(name).unwrap_or(""));
            }
            builder.build()
        };
        let metric = Metric { labels, loses_name: many.loses_name };
        if binary.returns_bool { self.renamed(metric) } else { metric }
    }
}

const MANY_TO_ONE: &str = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)";
const NOT_UNIQUE: &str = "multiple matches for labels: grouping labels must ensure unique matches";

fn message_for_duplicates(matching: &Matching) -> &'static str {
    if matching.cardinality == Cardinality::OneToOne { SAME_LABELSET } else { NOT_UNIQUE }
}

/// Two series of the "one" side with the same signature at the same step.
struct Ambiguity {
    step: usize,
    first: usize,
    second: usize,
}

impl OneSide<'_> {
    /// In order of the steps.
    fn ambiguities(&self, steps: Steps) -> Vec<Ambiguity> {
        let rows = self.rows.as_slice();
        let mut found = Vec::new();
        for group in self.groups.values().filter(|group| group.len() > 1) {
            for step in 0..steps.count {
                let mut present = group.iter().filter(|position| is_present(rows[**position].values[step]));
                if let (Some(first), Some(second)) = (present.next(), present.next()) {
                    found.push(Ambiguity { step, first: *first, second: *second });
                }
            }
        }
        found.sort_by_key(|ambiguity| (ambiguity.step, ambiguity.second));
        found
    }

    fn many_to_many(&self, ambiguity: &Ambiguity, signature: &Signature, is_left: bool) -> QueryError {
        let rows = self.rows.as_slice();
        let labels = [&rows[ambiguity.first].metric.labels, &rows[ambiguity.second].metric.labels];
        let mut shown = labels.map(in_braces);
        shown.sort();
        let group = in_braces(&signature.of(labels[0]));
        let side = if is_left { "left" } else { "right" };
        QueryError::execution(format!(
            "found duplicate series for the match group {group} on the {side} hand-side of the operation: \
             [{}, {}];many-to-many matching not allowed: matching labels must be unique on one side",
            shown[0], shown[1]
        ))
    }
}
