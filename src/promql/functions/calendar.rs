//! Parts of the UTC calendar for a time in seconds since the epoch.

const DAY_SECONDS: i64 = 86_400;

/// A day of the Gregorian calendar.
struct Date {
    year: i64,
    /// 1 to 12.
    month: i64,
    /// 1 to 31.
    day: i64,
}

pub(crate) fn year(seconds: i64) -> f64 {
    date(seconds).year as f64
}

pub(crate) fn month(seconds: i64) -> f64 {
    date(seconds).month as f64
}

pub(crate) fn day_of_month(seconds: i64) -> f64 {
    date(seconds).day as f64
}

/// 1 for the first of January.
pub(crate) fn day_of_year(seconds: i64) -> f64 {
    let date = date(seconds);
    let before: i64 = (1..date.month).map(|month| month_days(date.year, month)).sum();
    (before + date.day) as f64
}

/// 0 for Sunday.
pub(crate) fn day_of_week(seconds: i64) -> f64 {
    // The epoch was a Thursday.
    (seconds.div_euclid(DAY_SECONDS) + 4).rem_euclid(7) as f64
}

pub(crate) fn days_in_month(seconds: i64) -> f64 {
    let date = date(seconds);
    month_days(date.year, date.month) as f64
}

pub(crate) fn hour(seconds: i64) -> f64 {
    (seconds.rem_euclid(DAY_SECONDS) / 3600) as f64
}

pub(crate) fn minute(seconds: i64) -> f64 {
    (seconds.rem_euclid(3600) / 60) as f64
}

fn month_days(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 31,
    }
}

/// Counts in eras of 400 years that begin on the first of March, so that leap days end a year.
fn date(seconds: i64) -> Date {
    let days = seconds.div_euclid(DAY_SECONDS) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    Date {
        year: year_of_era + era * 400 + i64::from(month <= 2),
        month,
        day: day_of_year - (153 * march_month + 2) / 5 + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leap_years_have_their_day() {
        assert_eq!(day_of_year(1_483_191_420), 366.0);
        assert_eq!((month(1_456_790_399), day_of_month(1_456_790_399)), (2.0, 29.0));
        assert_eq!((days_in_month(1_454_284_800), days_in_month(1_485_907_200)), (29.0, 28.0));
    }

    #[test]
    fn times_before_the_epoch_count_backwards() {
        assert_eq!((year(-1), month(-1), day_of_month(-1)), (1969.0, 12.0, 31.0));
        assert_eq!((hour(-1), minute(-1), day_of_week(-1)), (23.0, 59.0, 3.0));
        assert_eq!((day_of_week(0), day_of_year(0)), (4.0, 1.0));
    }
}
