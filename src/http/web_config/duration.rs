//! Durations as Go writes them: `1s`, `250ms`, `1m30s`, `1.5h`; a bare number counts nanoseconds.

use std::time::Duration;

/// Longest first where one begins with another.
const UNITS: [(&str, f64); 8] =
    [("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("μs", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

/// `None` for what is no duration, and for negative ones.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    if let Ok(nanoseconds) = text.parse::<u64>() {
        return Some(Duration::from_nanos(nanoseconds));
    }
    let mut rest = text;
    let mut total_seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, seconds) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit))?;
        rest = &rest[unit.len()..];
        total_seconds += number * seconds;
    }
    if text.is_empty() { None } else { Duration::try_from_secs_f64(total_seconds).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gos_spellings_are_understood() {
        for (text, ms) in
            [("1s", 1000), ("250ms", 250), ("1m30s", 90_000), ("1.5h", 5_400_000), ("2000000", 2), ("0", 0)]
        {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "s", "1x", "-1s", "1s2", "é", "1..s", "1e400h"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
