//! `/proc/loadavg`, any kernel: `0.75 0.60 0.45 2/300 12345`.

use crate::scan::{Fields, ParseError, parse_f64};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadAverage {
    /// Mean number of runnable and uninterruptible tasks over 1 minute.
    pub one: f64,
    /// The same over 5 minutes.
    pub five: f64,
    /// The same over 15 minutes.
    pub fifteen: f64,
}

impl LoadAverage {
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut fields = Fields::new(1, bytes);
        let mut average = |name| {
            let text = fields.text(name)?;
            parse_f64(text).ok_or_else(|| ParseError::new(1, format!("a number for {name}"), text))
        };
        Ok(LoadAverage {
            one: average("the 1m load")?,
            five: average("the 5m load")?,
            fifteen: average("the 15m load")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_averages_are_read() {
        let load = LoadAverage::parse(b"0.75 0.60 12.45 2/300 12345\n").expect("valid");
        assert_eq!(load, LoadAverage { one: 0.75, five: 0.6, fifteen: 12.45 });
    }

    #[test]
    fn a_word_in_the_place_of_a_number_is_named() {
        let error = LoadAverage::parse(b"0.75 idle 0.45").expect_err("not a number");
        assert_eq!(error.to_string(), r#"line 1: expected a number for the 5m load, found "idle""#);
    }
}
