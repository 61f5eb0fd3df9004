//! Times as runtimes write them: `2026-01-01T00:00:01.25Z`, `2026-01-01T01:00:00+01:00` (RFC 3339).

/// Seconds since the epoch. `None` for what is no time, and for the year 1, Go's way to write "never".
pub(crate) fn parse_seconds(text: &str) -> Option<f64> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let zone_at = rest.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = rest.split_at(zone_at);
    let mut time = time.splitn(3, ':');
    let (hour, minute) = (time.next()?.parse::<i64>().ok()?, time.next()?.parse::<i64>().ok()?);
    let second: f64 = time.next()?.parse().ok()?;
    let is_in_range = (1..=12).contains(&month) && (1..=31).contains(&day) && (0..24).contains(&hour);
    if !is_in_range || !(0..60).contains(&minute) || !(0.0..61.0).contains(&second) || year <= 1 {
        return None;
    }
    let minutes = days_since_epoch(year, month, day) * 1440 + hour * 60 + minute - zone_minutes(zone)?;
    Some((minutes * 60) as f64 + second)
}

fn zone_minutes(zone: &str) -> Option<i64> {
    let (sign, offset) = match zone.split_at_checked(1)? {
        ("Z" | "z", "") => return Some(0),
        ("+", offset) => (1, offset),
        (_, offset) => (-1, offset),
    };
    let (hours, minutes) = offset.split_once(':')?;
    Some(sign * (hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?))
}

/// Days of the proleptic Gregorian calendar. Years begin in March here, so that leap days come last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    const EPOCH: i64 = 719_468;
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - EPOCH
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_of_runtimes() {
        assert_eq!(parse_seconds("1970-01-01T00:00:00Z"), Some(0.0));
        assert_eq!(parse_seconds("2026-01-01T00:00:01.25Z"), Some(1_767_225_601.25));
        assert_eq!(parse_seconds("2026-01-01T01:00:00+01:00"), Some(1_767_225_600.0));
        assert_eq!(parse_seconds("2024-02-29T23:59:59-00:30"), Some(1_709_252_999.0));
        assert_eq!(parse_seconds("0001-01-01T00:00:00Z"), None);
        for odd in
            ["", "2026-01-01", "2026-13-01T00:00:00Z", "2026-01-01T25:00:00Z", "yesterday at noon", "2026-01-01T00:00Z"]
        {
            assert_eq!(parse_seconds(odd), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9]{0,5}-[0-9]{0,3}-?[0-9]{0,3}[T ][0-9:.]{0,12}[Z+-]?[0-9:]{0,6}") {
            let _ = parse_seconds(&text);
        }
    }
}
