//! Pressure stall information: `/proc/pressure/{cpu,io,memory,irq}` since 4.20 (irq 6.1), and `*.pressure` of cgroup v2
//! in the same form. Opening or reading fails with `EOPNOTSUPP` where PSI is switched off (`psi=0`). The kernel shows
//! each file in one piece.
//!
//! ```text
//! some avg10=0.00 avg60=1.80 avg300=6.37 total=58018596
//! full avg10=0.00 avg60=0.00 avg300=0.00 total=0
//! ```

use crate::scan::{Fields, ParseError, lines, parse_f64, parse_u64};

/// One resource. `some` is absent in the file of irq, `full` in that of cpu before 5.13.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pressure {
    /// At least one task waited.
    pub some: Option<Stall>,
    /// All tasks that had something to do waited.
    pub full: Option<Stall>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stall {
    /// Share of the last 10 seconds, in percent.
    pub avg10_percent: f64,
    /// The same over 60 seconds.
    pub avg60_percent: f64,
    /// The same over 300 seconds.
    pub avg300_percent: f64,
    /// Time stalled since boot or since the cgroup was made, in microseconds.
    pub total_usec: u64,
}

impl Pressure {
    /// Unknown lines and keys are passed over.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut pressure = Pressure::default();
        for (number, line) in lines(bytes) {
            let mut fields = Fields::new(number, line);
            match fields.next() {
                Some(b"some") => pressure.some = Some(Stall::parse(number, fields)?),
                Some(b"full") => pressure.full = Some(Stall::parse(number, fields)?),
                _ => {}
            }
        }
        Ok(pressure)
    }
}

impl Stall {
    fn parse(number: usize, fields: Fields<'_>) -> Result<Self, ParseError> {
        let mut stall = Stall::default();
        let mut has_total = false;
        for field in fields.clone() {
            let Some(equals) = memchr::memchr(b'=', field) else {
                return Err(ParseError::new(number, "key=value", field));
            };
            let (key, value) = (&field[..equals], &field[equals + 1..]);
            let not_a_number = || ParseError::new(number, "a number", field);
            match key {
                b"avg10" => stall.avg10_percent = parse_f64(value).ok_or_else(not_a_number)?,
                b"avg60" => stall.avg60_percent = parse_f64(value).ok_or_else(not_a_number)?,
                b"avg300" => stall.avg300_percent = parse_f64(value).ok_or_else(not_a_number)?,
                b"total" => {
                    stall.total_usec = parse_u64(value).ok_or_else(not_a_number)?;
                    has_total = true;
                }
                _ => {}
            }
        }
        if has_total { Ok(stall) } else { Err(ParseError::new(number, "a total", fields.rest())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use procfs_core::{FromBufRead, IoPressure};
    use proptest::prelude::*;

    const CAPTURED: &[u8] = b"some avg10=0.00 avg60=1.80 avg300=6.37 total=58018596\n\
        full avg10=0.50 avg60=0.25 avg300=0.00 total=17\n";

    #[test]
    fn both_lines_are_read() {
        let pressure = Pressure::parse(CAPTURED).expect("valid");
        let some = Stall { avg10_percent: 0.0, avg60_percent: 1.8, avg300_percent: 6.37, total_usec: 58_018_596 };
        let full = Stall { avg10_percent: 0.5, avg60_percent: 0.25, avg300_percent: 0.0, total_usec: 17 };
        assert_eq!(pressure, Pressure { some: Some(some), full: Some(full) });
    }

    #[test]
    fn irq_has_only_full_and_nothing_is_not_zero() {
        let pressure = Pressure::parse(b"full avg10=0.00 avg60=0.00 avg300=0.00 total=8494\n").expect("valid");
        assert_eq!((pressure.some, pressure.full.map(|full| full.total_usec)), (None, Some(8494)));
        assert!(Pressure::parse(b"some avg10=0.00\n").is_err());
        assert!(Pressure::parse(b"some total\n").is_err());
    }

    #[test]
    fn procfs_core_reads_the_same() {
        let theirs = IoPressure::from_buf_read(CAPTURED).expect("valid");
        let ours = Pressure::parse(CAPTURED).expect("valid");
        assert_eq!(ours.some.map(|some| some.total_usec), Some(theirs.some.total));
        assert_eq!(ours.full.map(|full| full.total_usec), Some(theirs.full.total));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in "((some|full) ([a-z0-9]{0,7}=?[0-9.x]{0,5} ?){0,5}\n){0,3}") {
            let _ = Pressure::parse(bytes.as_bytes());
        }
    }
}
