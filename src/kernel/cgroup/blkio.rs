//! The `blkio` controller, v1: tables of `8:0 Read 4096` lines, closed by `Total 4096`. Tables about time and sectors
//! have no operation: `8:0 1024`. Which files there are depends on the I/O scheduler.

use super::DeviceNumber;
use crate::scan::{Fields, ParseError, lines, parse_u64};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub device: DeviceNumber,
    /// `None` where the table does not tell operations apart.
    pub operation: Option<Operation>,
    /// In the unit of the file: bytes, requests, nanoseconds.
    pub value: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Read,
    Write,
    Sync,
    Async,
    /// Since 4.20.
    Discard,
    /// All of the device.
    Total,
}

/// Calls `take` for each line but the last, which is the sum of all devices.
pub fn read_table(bytes: &[u8], problems: &mut dyn FnMut(ParseError), mut take: impl FnMut(Entry)) {
    for (number, line) in lines(bytes) {
        if line.is_empty() || line.starts_with(b"Total ") {
            continue;
        }
        match Entry::parse(number, line) {
            Ok(entry) => take(entry),
            Err(problem) => problems(problem),
        }
    }
}

impl Entry {
    fn parse(number: usize, line: &[u8]) -> Result<Self, ParseError> {
        let odd = || ParseError::new(number, "a device, an operation and a number", line);
        let mut fields = Fields::new(number, line);
        let device = fields.next().and_then(DeviceNumber::parse).ok_or_else(odd)?;
        let second = fields.next().ok_or_else(odd)?;
        let (operation, value) = match fields.next() {
            Some(value) => (Some(Operation::parse(second).ok_or_else(odd)?), value),
            None => (None, second),
        };
        Ok(Entry { device, operation, value: parse_u64(value).ok_or_else(odd)? })
    }
}

impl Operation {
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::Read => "Read",
            Operation::Write => "Write",
            Operation::Sync => "Sync",
            Operation::Async => "Async",
            Operation::Discard => "Discard",
            Operation::Total => "Total",
        }
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let all = [
            Operation::Read,
            Operation::Write,
            Operation::Sync,
            Operation::Async,
            Operation::Discard,
            Operation::Total,
        ];
        all.into_iter().find(|operation| operation.as_str().as_bytes() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_sum_over_devices_is_no_entry() {
        let (mut entries, mut problems) = (Vec::new(), Vec::new());
        let text = b"8:0 Read 5\n8:0 Total 6\n252:1 1024\n8:0 Flush 1\nnonsense\nTotal 6\n";
        read_table(text, &mut |problem| problems.push(problem.to_string()), |entry| entries.push(entry));
        let seen: Vec<_> = entries.iter().map(|entry| (entry.device.minor, entry.operation, entry.value)).collect();
        assert_eq!(seen, [(0, Some(Operation::Read), 5), (0, Some(Operation::Total), 6), (1, None, 1024)]);
        assert_eq!(problems.len(), 2);
        assert_eq!(problems[1], r#"line 5: expected a device, an operation and a number, found "nonsense""#);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            read_table(&bytes, &mut drop, drop);
        }
    }
}
