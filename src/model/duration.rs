//! Durations as Prometheus spells them: `1h30m`, `15s`, `100ms`, `1y`. A year has 365 days, a week 7, a day 24 hours.

/// Units from the longest to the shortest; in a duration they must stand in this order, each at most once.
const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    #[error("empty duration string")]
    Empty,
    #[error("not a valid duration string: {0:?}")]
    Malformed(String),
    #[error("duration out of range: {0:?}")]
    TooLong(String),
}

/// Milliseconds of a duration such as `1h30m`; `0` needs no unit.
pub fn parse_duration_ms(text: &str) -> Result<i64, DurationError> {
    let malformed = || DurationError::Malformed(text.to_owned());
    let too_long = || DurationError::TooLong(text.to_owned());
    match text {
        "" => return Err(DurationError::Empty),
        "0" => return Ok(0),
        _ => {}
    }
    let mut rest = text;
    let mut total_ms: i64 = 0;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let letters = rest[digits..].bytes().take_while(u8::is_ascii_lowercase).count();
        let (number, unit) = (&rest[..digits], &rest[digits..digits + letters]);
        let position = UNITS.iter().position(|(name, _)| *name == unit).ok_or_else(malformed)?;
        if digits == 0 || position < next_unit {
            return Err(malformed());
        }
        let count: i64 = number.parse().map_err(|_| too_long())?;
        let part_ms = count.checked_mul(UNITS[position].1).ok_or_else(too_long)?;
        total_ms = total_ms.checked_add(part_ms).ok_or_else(too_long)?;
        next_unit = position + 1;
        rest = &rest[digits + letters..];
    }
    // Prometheus holds durations as nanoseconds in 64 bits.
    if total_ms > i64::MAX / 1_000_000 { Err(too_long()) } else { Ok(total_ms) }
}

/// The shortest spelling that parses back to the same value, as Prometheus prints it: years, weeks and days only when
/// they divide the whole.
pub fn format_duration_ms(duration_ms: i64) -> String {
    if duration_ms == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    let mut rest = duration_ms.unsigned_abs();
    if duration_ms < 0 {
        text.push('-');
    }
    for (unit, unit_ms) in UNITS {
        let unit_ms = unit_ms.unsigned_abs();
        let only_when_exact = matches!(unit, "y" | "w" | "d");
        if rest < unit_ms || (only_when_exact && !rest.is_multiple_of(unit_ms)) {
            continue;
        }
        text.push_str(&format!("{}{unit}", rest / unit_ms));
        rest %= unit_ms;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_prometheus_are_understood() {
        for (text, ms) in [
            ("0", 0),
            ("0s", 0),
            ("324ms", 324),
            ("3s", 3_000),
            ("1h30m", 5_400_000),
            ("4d1h", 349_200_000),
            ("10y", 315_360_000_000),
        ] {
            assert_eq!(parse_duration_ms(text), Ok(ms), "{text}");
        }
    }

    #[test]
    fn other_spellings_are_refused_with_their_text() {
        for text in ["1", "1y1m1d", "-1w", "1.5d", "d", "294y", "200y10400w", "107675d", "2584200h", "", "1m1m", "5 m"]
        {
            assert!(parse_duration_ms(text).is_err(), "{text}");
        }
    }

    #[test]
    fn printed_durations_parse_back() {
        for (ms, text) in
            [(0, "0s"), (1, "1ms"), (5_400_000, "1h30m"), (86_400_000, "1d"), (90_000_000, "25h"), (300_000, "5m")]
        {
            assert_eq!(format_duration_ms(ms), text);
            assert_eq!(parse_duration_ms(text), Ok(ms));
        }
    }
}
