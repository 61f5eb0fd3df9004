//! Points in time: milliseconds since the epoch, UTC, and their two spellings (seconds with a fraction, RFC 3339).

const DAY_SECONDS: i64 = 86_400;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot parse {0:?} to a valid timestamp")]
pub struct TimestampError(pub String);

/// Unix seconds with an optional fraction (`1700000000.5`) or RFC 3339 (`2023-11-14T22:13:20.5Z`).
pub fn parse_timestamp_ms(text: &str) -> Result<i64, TimestampError> {
    let error = || TimestampError(text.to_owned());
    if let Some(seconds) = crate::parse_float(text.as_bytes()) {
        let ms = (seconds * 1000.0).round();
        return if ms.is_finite() && ms.abs() < 9.2e18 { Ok(ms as i64) } else { Err(error()) };
    }
    parse_rfc3339_ms(text).ok_or_else(error)
}

fn parse_rfc3339_ms(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let digits = |from: usize, to: usize| -> Option<i64> {
        let part = bytes.get(from..to)?;
        part.iter().all(u8::is_ascii_digit).then(|| text[from..to].parse().ok())?
    };
    let at = |index: usize, wanted: &[u8]| bytes.get(index).is_some_and(|b| wanted.contains(b));
    let separators = at(4, b"-") && at(7, b"-") && at(10, b"Tt") && at(13, b":") && at(16, b":");
    let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
    let (hour, minute, second) = (digits(11, 13)?, digits(14, 16)?, digits(17, 19)?);
    let in_range = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    if !separators || !in_range || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut index = 19;
    let mut fraction_ms = 0;
    if at(index, b".,") {
        let count = bytes[index + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
        if count == 0 {
            return None;
        }
        let fraction: f64 = format!("0.{}", &text[index + 1..index + 1 + count]).parse().ok()?;
        fraction_ms = (fraction * 1000.0).floor() as i64;
        index += 1 + count;
    }
    let offset_seconds = match bytes.get(index)? {
        b'Z' | b'z' if bytes.len() == index + 1 => 0,
        sign @ (b'+' | b'-') if bytes.len() == index + 6 && at(index + 3, b":") => {
            let (hours, minutes) = (digits(index + 1, index + 3)?, digits(index + 4, index + 6)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 3600 + minutes * 60) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    let seconds = days_from_civil(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second;
    Some((seconds - offset_seconds) * 1000 + fraction_ms)
}

/// `2023-11-14T22:13:20.5Z`; the fraction only as long as needed.
pub fn format_rfc3339_ms(timestamp_ms: i64) -> String {
    let seconds = timestamp_ms.div_euclid(1000);
    let ms = timestamp_ms.rem_euclid(1000);
    let (year, month, day) = civil_from_days(seconds.div_euclid(DAY_SECONDS));
    let of_day = seconds.rem_euclid(DAY_SECONDS);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let fraction = if ms == 0 { String::new() } else { format!(".{ms:03}").trim_end_matches('0').to_owned() };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date of the Gregorian calendar: whole 400-year eras, then the day within a year that
/// starts in March, so that the leap day comes last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * march_month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_mean_the_same_moment() {
        assert_eq!(parse_timestamp_ms("1700000000.5"), Ok(1_700_000_000_500));
        assert_eq!(parse_timestamp_ms("2023-11-14T22:13:20.5Z"), Ok(1_700_000_000_500));
        assert_eq!(parse_timestamp_ms("2023-11-15T00:13:20.5+02:00"), Ok(1_700_000_000_500));
        assert_eq!(parse_timestamp_ms("-1"), Ok(-1000));
    }

    #[test]
    fn nonsense_is_refused_with_its_text() {
        for text in ["", "now", "2023-13-01T00:00:00Z", "2023-02-29T00:00:00Z", "2023-11-14T22:13:20", "1e300"] {
            assert_eq!(parse_timestamp_ms(text), Err(TimestampError(text.to_owned())));
        }
    }

    #[test]
    fn every_day_of_eight_centuries_prints_and_parses_back() {
        let first = days_from_civil(1600, 1, 1);
        for day in first..first + 2 * 146_097 {
            let ms = day * DAY_SECONDS * 1000;
            assert_eq!(parse_timestamp_ms(&format_rfc3339_ms(ms)), Ok(ms));
        }
    }
}
