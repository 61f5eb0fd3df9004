//! `/proc/diskstats` (Documentation/admin-guide/iostats.rst): a line per block device with its number, its name and 11
//! counters, 15 since Linux 4.18 (discards), 17 since 5.5 (flushes). Kernels before 2.6.25 had 4 others for a partition; such a line is odd here.

use crate::scan::{Fields, ParseError, lines, parse_u64};

/// Counters that we know; a kernel may have fewer or more.
pub const MAX_COUNTERS: usize = 17;
/// Counters that each line has.
const MIN_COUNTERS: usize = 11;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk<'a> {
    pub major: u64,
    pub minor: u64,
    pub name: &'a [u8],
    counters: [u64; MAX_COUNTERS],
    known: usize,
}

/// The counters by their place in the line. Sectors have 512 bytes whatever the device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    Reads,
    ReadsMerged,
    SectorsRead,
    ReadMilliseconds,
    Writes,
    WritesMerged,
    SectorsWritten,
    WriteMilliseconds,
    /// Now in flight: the one value that goes up and down.
    InFlight,
    BusyMilliseconds,
    WeightedMilliseconds,
    Discards,
    DiscardsMerged,
    SectorsDiscarded,
    DiscardMilliseconds,
    Flushes,
    FlushMilliseconds,
}

/// The devices. An odd line is an error of its own.
pub fn disks(bytes: &[u8]) -> impl Iterator<Item = Result<Disk<'_>, ParseError>> {
    lines(bytes).filter(|(_, line)| !line.is_empty()).map(|(number, line)| disk(number, line))
}

fn disk(number: usize, line: &[u8]) -> Result<Disk<'_>, ParseError> {
    let mut fields = Fields::new(number, line);
    let mut disk = Disk {
        major: fields.number("the major number")?,
        minor: fields.number("the minor number")?,
        name: fields.text("a device name")?,
        counters: [0; MAX_COUNTERS],
        known: 0,
    };
    for (counter, text) in disk.counters.iter_mut().zip(fields) {
        *counter = parse_u64(text).ok_or_else(|| ParseError::new(number, "a number for a counter", text))?;
        disk.known += 1;
    }
    if disk.known < MIN_COUNTERS {
        return Err(ParseError::new(number, format!("at least {MIN_COUNTERS} counters"), line));
    }
    Ok(disk)
}

impl Disk<'_> {
    /// `None` when the kernel does not tell it.
    pub fn counter(&self, counter: Counter) -> Option<u64> {
        self.counters[..self.known].get(counter as usize).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn kernels_of_all_ages_are_read() {
        let text = b"   8       0 sda 1 2 3 4 5 6 7 8 9 10 11\n 8 16 sdb 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n\
            254 0 vda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18\n";
        let found: Vec<_> = disks(text).collect::<Result<_, _>>().expect("valid");
        assert_eq!((found[0].major, found[0].minor, found[0].name), (8, 0, &b"sda"[..]));
        assert_eq!(found[0].counter(Counter::WeightedMilliseconds), Some(11));
        assert_eq!(found[0].counter(Counter::Discards), None, "absent is not zero");
        assert_eq!(found[1].counter(Counter::DiscardMilliseconds), Some(15));
        assert_eq!(found[1].counter(Counter::Flushes), None);
        assert_eq!(found[2].counter(Counter::FlushMilliseconds), Some(17));
    }

    #[test]
    fn an_odd_line_costs_itself_only() {
        let found: Vec<_> = disks(b"8 0 sda 1 x\n8 1 sda1 1 2 3 4\n8 16 sdb 1 2 3 4 5 6 7 8 9 10 11\n").collect();
        let error = found[0].as_ref().expect_err("odd");
        assert_eq!(error.to_string(), r#"line 1: expected a number for a counter, found "x""#);
        let error = found[1].as_ref().expect_err("torn");
        assert_eq!(error.to_string(), r#"line 2: expected at least 11 counters, found "8 1 sda1 1 2 3 4""#);
        assert!(found[2].is_ok());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = disks(&bytes).count();
        }
    }
}
