//! Faults of single samples are counted each time and logged once for each target, with the name of a series.

use model::Rejected;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Rejected(Rejected),
    /// The series was already on the page.
    Repeated,
    /// A new series that the storage refused.
    Refused,
}

/// The faults that were logged for a target.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Warned(u8);

impl Warned {
    pub fn has(self, fault: Fault) -> bool {
        self.0 & fault.bit() != 0
    }

    pub fn set(&mut self, fault: Fault) {
        self.0 |= fault.bit();
    }
}

impl Fault {
    fn bit(self) -> u8 {
        match self {
            Fault::Rejected(Rejected::OutOfOrder) => 1,
            Fault::Rejected(Rejected::DuplicateTimestamp) => 1 << 1,
            Fault::Rejected(Rejected::TooOld) => 1 << 2,
            Fault::Rejected(Rejected::TooFarAhead) => 1 << 3,
            Fault::Repeated => 1 << 4,
            Fault::Refused => 1 << 5,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Fault::Rejected(rejected) => rejected.as_str(),
            Fault::Repeated => "repeated",
            Fault::Refused => "series_limit",
        }
    }
}
