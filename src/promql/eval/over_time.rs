//! Functions over ranges: windows slide over the samples of one series, each sample enters and leaves once.

use model::{METRIC_NAME, Samples};

use super::ranges::Frame;
use super::steps::{ABSENT, Steps, has_any};
use super::{Evaluator, Sink};
use crate::ast::{Call, Expr};
use crate::error::QueryError;
use crate::functions::quantile;
use crate::functions::window::{OverTime, Window};
use crate::position::Position;
use crate::value::ValueType;

/// Endings of the names of counters.
const COUNTER_ENDINGS: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];

impl Evaluator<'_> {
    pub(crate) fn over_time(
        &self,
        call: &Call,
        function: OverTime,
        steps: Steps,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let (ranges, scalars): (Vec<&Expr>, Vec<&Expr>) =
            call.args.iter().partition(|arg| arg.value_type() == ValueType::Matrix);
        let operand = ranges[0].unwrapped();
        let params = scalars.iter().map(|arg| self.scalar(arg, steps)).collect::<Result<Vec<_>, _>>()?;
        let is_counter_function = matches!(call.function.name, "rate" | "increase");
        let frame = self.frame(operand)?;
        let mut windows = Windows { function, frame, steps, params, drops: Vec::new(), scratch: Vec::new() };
        let mut row = steps.row();
        let may_collide = !function.keeps_name && self.may_collide(operand);
        self.merged(may_collide, sink, |sink| {
            self.range_vector(operand, frame, steps, &mut |metric, samples| {
                if samples.is_empty() {
                    return Ok(());
                }
                if call.function.name == "double_exponential_smoothing" {
                    check_smoothing(&windows.params)?;
                }
                windows.fill(samples, &mut row);
                if !has_any(&row) {
                    return Ok(());
                }
                if function.has_quantile {
                    self.check_quantiles(&windows.params[0], scalars[0].position);
                }
                if is_counter_function {
                    let name = metric.labels.get(METRIC_NAME).unwrap_or("");
                    if !name.is_empty() && !COUNTER_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
                        self.notes.not_a_counter(name, operand.position);
                    }
                }
                let metric = if function.keeps_name { metric } else { self.renamed(metric) };
                sink(metric, &mut row)
            })
        })
    }

    pub(crate) fn check_quantiles(&self, quantiles: &[f64], position: Position) {
        for q in quantiles.iter().filter(|q| !quantile::is_valid(**q)) {
            self.notes.invalid_quantile(*q, position);
        }
    }
}

fn check_smoothing(params: &[Vec<f64>]) -> Result<(), QueryError> {
    for (row, what) in params.iter().zip([("smoothing", "sf"), ("trend", "tf")]) {
        if let Some(factor) = row.iter().find(|factor| **factor <= 0.0 || **factor >= 1.0) {
            let (name, short) = what;
            let message = format!("invalid {name} factor. Expected: 0 < {short} < 1, got: {factor:.6}");
            return Err(QueryError::execution(message));
        }
    }
    Ok(())
}

/// One function's windows, with memory that is reused from series to series.
struct Windows {
    function: OverTime,
    frame: Frame,
    steps: Steps,
    /// The scalar arguments, one row each.
    params: Vec<Vec<f64>>,
    /// Positions of samples that are below the one before.
    drops: Vec<usize>,
    scratch: Vec<f64>,
}

impl Windows {
    fn fill(&mut self, samples: &Samples, row: &mut [f64]) {
        let Samples { timestamps_ms, values } = samples;
        self.drops.clear();
        if self.function.needs_drops {
            let pairs = values.iter().zip(&values[1..]).enumerate();
            self.drops.extend(pairs.filter(|(_, (before, value))| value < before).map(|(index, _)| index + 1));
        }
        let (mut first, mut end) = (0, 0);
        let (mut first_drop, mut end_drop) = (0, 0);
        for (index, cell) in row.iter_mut().enumerate() {
            let at_ms = self.steps.at_ms(index);
            let end_ms = self.frame.reference.at_ms(at_ms);
            let start_ms = end_ms - self.frame.range_ms;
            while end < timestamps_ms.len() && timestamps_ms[end] <= end_ms {
                end += 1;
            }
            while first < end && timestamps_ms[first] <= start_ms {
                first += 1;
            }
            if first == end {
                *cell = ABSENT;
                continue;
            }
            while end_drop < self.drops.len() && self.drops[end_drop] < end {
                end_drop += 1;
            }
            while first_drop < end_drop && self.drops[first_drop] <= first {
                first_drop += 1;
            }
            let param = |position: usize| self.params.get(position).map_or(0.0, |row| row[index]);
            let window = Window {
                timestamps_ms: &timestamps_ms[first..end],
                values: &values[first..end],
                drops: &self.drops[first_drop..end_drop],
                drops_from: first,
                start_ms,
                end_ms,
                at_ms,
                params: [param(0), param(1)],
            };
            *cell = (self.function.compute)(&window, &mut self.scratch).unwrap_or(ABSENT);
        }
    }
}
