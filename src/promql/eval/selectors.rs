//! Instant selectors: at each step the newest sample that is not too old, unless it says that the series ended.

use model::{Samples, Selection, TimeRange};

use super::metric::Metric;
use super::shift::Reference;
use super::steps::{ABSENT, Steps, has_any};
use super::{Evaluator, Sink};
use crate::ast::{Extension, Selector};
use crate::error::QueryError;
use crate::position::Position;

/// Which part of a sample a selector gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SamplePart {
    Value,
    /// Seconds since the epoch.
    Timestamp,
}

impl Evaluator<'_> {
    pub(crate) fn selector(
        &self,
        selector: &Selector,
        position: Position,
        steps: Steps,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        self.newest_samples(selector, position, SamplePart::Value, steps, sink)
    }

    pub(crate) fn newest_samples(
        &self,
        selector: &Selector,
        position: Position,
        part: SamplePart,
        steps: Steps,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let lookback_ms = self.options.lookback_ms;
        let reference = self.reference(&selector.shift)?;
        let selection = self.select(selector, position, reference, steps, lookback_ms)?;
        let mut samples = Samples::default();
        let mut row = steps.row();
        for index in 0..selection.len() {
            selection.samples(index, &mut samples)?;
            self.budget.read(&samples)?;
            fill_newest(&samples, part, reference, lookback_ms, steps, &mut row);
            if has_any(&row) {
                sink(Metric::of(selection.labels(index)), &mut row)?;
            }
        }
        Ok(())
    }

    /// The series of a selector with what lies up to `window_ms` before the times it looks at.
    pub(crate) fn select(
        &self,
        selector: &Selector,
        position: Position,
        reference: Reference,
        steps: Steps,
        window_ms: i64,
    ) -> Result<Box<dyn Selection>, QueryError> {
        match selector.extension {
            Some(Extension::Anchored) => return self.unsupported("the modifier anchored", position),
            Some(Extension::Smoothed) => return self.unsupported("the modifier smoothed", position),
            None => {}
        }
        self.budget.check_time()?;
        let start_ms = reference.first_ms(steps).saturating_sub(window_ms).saturating_add(1);
        let range = TimeRange { start_ms, end_ms: reference.last_ms(steps) };
        Ok(self.storage.select(&selector.matchers, range)?)
    }
}

fn fill_newest(
    samples: &Samples,
    part: SamplePart,
    reference: Reference,
    lookback_ms: i64,
    steps: Steps,
    row: &mut [f64],
) {
    let Samples { timestamps_ms, values } = samples;
    let mut next = 0;
    for (index, cell) in row.iter_mut().enumerate() {
        let at_ms = reference.at_ms(steps.at_ms(index));
        while next < timestamps_ms.len() && timestamps_ms[next] <= at_ms {
            next += 1;
        }
        *cell = ABSENT;
        if let Some(newest) = next.checked_sub(1).filter(|newest| timestamps_ms[*newest] > at_ms - lookback_ms) {
            // A marker of staleness is the mark of absence already.
            let is_stale = model::is_stale(values[newest]);
            *cell = match part {
                SamplePart::Timestamp if !is_stale => timestamps_ms[newest] as f64 / 1000.0,
                _ => values[newest],
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::steps::is_present;

    #[test]
    fn a_sample_counts_until_it_is_as_old_as_the_lookback() {
        let mut samples = Samples::default();
        samples.push(0, 1.0);
        samples.push(10, model::stale_marker());
        samples.push(20, 2.0);
        let steps = Steps::between(-1, 26, 1);
        let mut row = steps.row();
        fill_newest(&samples, SamplePart::Value, Reference::Before(0), 5, steps, &mut row);
        let present: Vec<i64> = steps.iter().zip(&row).filter(|(_, v)| is_present(**v)).map(|(at, _)| at).collect();
        assert_eq!(present, [0, 1, 2, 3, 4, 20, 21, 22, 23, 24]);
    }

    #[test]
    fn a_pinned_selector_gives_the_same_sample_at_every_step() {
        let mut samples = Samples::default();
        samples.push(1000, 7.0);
        let steps = Steps::between(0, 50_000, 10_000);
        let mut row = steps.row();
        fill_newest(&samples, SamplePart::Timestamp, Reference::Pinned(1500), 5000, steps, &mut row);
        assert_eq!(row, [1.0; 6]);
    }
}
