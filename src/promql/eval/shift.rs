//! Where in time a selector looks: `offset` and `@`, applied to the steps.

use super::Evaluator;
use super::steps::Steps;
use crate::ast::{At, DurationExpr, Shift};
use crate::error::QueryError;

/// The time that a selector looks at, for each step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Reference {
    /// So much before the step.
    Before(i64),
    /// The same time at every step.
    Pinned(i64),
}

impl Reference {
    #[inline]
    pub fn at_ms(self, step_ms: i64) -> i64 {
        match self {
            Reference::Before(offset_ms) => step_ms - offset_ms,
            Reference::Pinned(at_ms) => at_ms,
        }
    }

    pub fn first_ms(self, steps: Steps) -> i64 {
        self.at_ms(steps.start_ms)
    }

    pub fn last_ms(self, steps: Steps) -> i64 {
        self.at_ms(steps.last_ms())
    }
}

impl Evaluator<'_> {
    pub(crate) fn reference(&self, shift: &Shift) -> Result<Reference, QueryError> {
        let offset_ms = shift.offset.as_ref().map_or(Ok(0), |offset| self.duration_ms(offset))?;
        Ok(match shift.at {
            None => Reference::Before(offset_ms),
            Some(At::Time(at_ms)) => Reference::Pinned(at_ms.saturating_sub(offset_ms)),
            Some(At::Start) => Reference::Pinned(self.bounds.start_ms - offset_ms),
            Some(At::End) => Reference::Pinned(self.bounds.end_ms - offset_ms),
        })
    }

    pub(crate) fn duration_ms(&self, duration: &DurationExpr) -> Result<i64, QueryError> {
        duration.milliseconds(self.bounds).map_err(QueryError::Execution)
    }

    /// A duration that cannot be zero or less.
    pub(crate) fn positive_ms(&self, duration: &DurationExpr) -> Result<i64, QueryError> {
        match self.duration_ms(duration)? {
            ms if ms > 0 => Ok(ms),
            _ => Err(QueryError::execution("duration must be greater than 0")),
        }
    }
}
