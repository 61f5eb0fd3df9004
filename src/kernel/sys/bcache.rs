//! Files of `/sys/fs/bcache/<uuid>` (3.10, `drivers/md/bcache/sysfs.c`). Amounts are written for people: `20.4G`, and what
//! follows the point is not a decimal fraction.

use crate::scan::{Fields, ParseError, lines, parse_f64, parse_u64, trim};

/// `bdev<n>/writeback_rate_debug`: how dirty data is written back. `None` for what the kernel does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WritebackRate {
    /// Bytes per second.
    pub rate: Option<u64>,
    /// Bytes of dirty data that are aimed at.
    pub target: Option<u64>,
    /// What the controller's proportional term adds to the rate.
    pub proportional: Option<i64>,
    /// What its integral term adds.
    pub integral: Option<i64>,
    /// By how much the rate was changed last.
    pub change: Option<i64>,
}

/// `cache<n>/priority_stats`: what the cache is used for, in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PriorityStats {
    pub unused: Option<u64>,
    pub metadata: Option<u64>,
}

/// The content of a file that is one amount.
pub fn amount(bytes: &[u8]) -> Result<u64, ParseError> {
    let text = trim(bytes);
    parse_amount(text).ok_or_else(|| ParseError::new(1, "an amount", text))
}

/// `790.0k`, `17`, `2.1G`. With a unit, a point is followed by a remainder of 0 to 1023 divided by 100 and cut off
/// (`bch_hprint`): so `.4` stands for about 4 / 10.24 of the unit.
fn parse_amount(text: &[u8]) -> Option<u64> {
    let (last, number) = text.split_last()?;
    let unit = b"kMGTPEZY".iter().position(|unit| unit == last);
    let amount = match unit {
        None => parse_f64(text)?,
        Some(power) => {
            let mut parts = number.splitn(2, |byte| *byte == b'.');
            let whole = parse_f64(parts.next()?)?;
            let rest = parts.next().map_or(Some(0.0), parse_f64)?;
            // The order of these operations is that of node_exporter, whose last digit it is.
            (whole + rest / 10.24) * (1024_f64).powi(power as i32 + 1)
        }
    };
    (amount.is_finite() && amount >= 0.0).then_some(amount as u64)
}

fn parse_signed_amount(text: &[u8]) -> Option<i64> {
    match text.strip_prefix(b"-") {
        Some(amount) => 0_i64.checked_sub_unsigned(parse_amount(amount)?),
        None => i64::try_from(parse_amount(text)?).ok(),
    }
}

impl WritebackRate {
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut rate = WritebackRate::default();
        for (number, line) in lines(bytes) {
            let mut fields = Fields::new(number, line);
            let (Some(name), Some(value)) = (fields.next(), fields.last()) else { continue };
            let value = value.strip_suffix(b"/sec").unwrap_or(value);
            let is_read = match name {
                b"rate:" => read(&mut rate.rate, parse_amount(value)),
                b"target:" => read(&mut rate.target, parse_amount(value)),
                b"proportional:" => read(&mut rate.proportional, parse_signed_amount(value)),
                b"integral:" => read(&mut rate.integral, parse_signed_amount(value)),
                b"change:" => read(&mut rate.change, parse_signed_amount(value)),
                _ => true,
            };
            if !is_read {
                return Err(ParseError::new(number, "an amount", value));
            }
        }
        Ok(rate)
    }
}

impl PriorityStats {
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut stats = PriorityStats::default();
        for (number, line) in lines(bytes) {
            let mut fields = Fields::new(number, line);
            let (Some(name), Some(value)) = (fields.next(), fields.last()) else { continue };
            let percent = || parse_u64(value.strip_suffix(b"%").unwrap_or(value));
            let is_read = match name {
                b"Unused:" => read(&mut stats.unused, percent()),
                b"Metadata:" => read(&mut stats.metadata, percent()),
                _ => true,
            };
            if !is_read {
                return Err(ParseError::new(number, "a percentage", value));
            }
        }
        Ok(stats)
    }
}

/// Whether there was a value.
fn read<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    let is_there = value.is_some();
    *place = value;
    is_there
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_for_people_become_numbers() {
        let amounts = [
            ("0\n", Some(0)),
            ("1305\n", Some(1305)),
            ("512", Some(512)),
            ("2.0k", Some(2048)),
            ("20.4G", Some(21_894_266_880)),
            ("1.10M", Some(2_072_576)),
            ("7T", Some(7 << 40)),
            ("9.0Y", Some(u64::MAX)),
            ("", None),
            ("k", None),
            ("-1k", None),
            ("1.5x", None),
            ("nan", None),
        ];
        for (text, expected) in amounts {
            assert_eq!(amount(text.as_bytes()).ok(), expected, "{text}");
        }
    }

    #[test]
    fn terms_of_the_controller_may_be_negative() {
        let text = b"rate:\t\t1.7M/sec\ndirty:\t\t20.3G\ntarget:\t\t20.4G\nproportional:\t-1.1k\nintegral:\t-251.6k\n\
            change:\t\t2.6k/sec\nnext io:\t-150773ms\n";
        let expected = WritebackRate {
            rate: Some(1_765_376),
            target: Some(21_894_266_880),
            proportional: Some(-1124),
            integral: Some(-257_624),
            change: Some(2648),
        };
        assert_eq!(WritebackRate::parse(text), Ok(expected));
        assert_eq!(WritebackRate::parse(b"rate: 0/sec\n").map(|rate| (rate.rate, rate.target)), Ok((Some(0), None)));
        assert!(WritebackRate::parse(b"rate: fast\n").is_err());
    }

    #[test]
    fn shares_of_the_cache_are_percentages() {
        let text = b"Unused:\t\t99%\nClean:\t\t1%\nMetadata:\t5%\nAverage:\t10473\nQuantiles:\t[0 0 20946]\n";
        assert_eq!(PriorityStats::parse(text), Ok(PriorityStats { unused: Some(99), metadata: Some(5) }));
        let error = PriorityStats::parse(b"\nUnused: all\n").expect_err("no number").to_string();
        assert_eq!(error, r#"line 2: expected a percentage, found "all""#);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>(), text in "(rate:|Unused:|change:)?[ .0-9kGYe-]{0,30}") {
            for bytes in [&bytes[..], text.as_bytes()] {
                let _ = (amount(bytes), WritebackRate::parse(bytes), PriorityStats::parse(bytes));
            }
        }
    }
}
