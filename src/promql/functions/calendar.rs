//! Parts of the UTC calendar for a time in seconds since the epoch. Times that no calendar has (NaN, infinity) are taken
//! for the earliest number of seconds there is, and arithmetic wraps around, as in Go on x86.

const DAY_SECONDS: u64 = 86_400;
/// The calendar is counted from the first of March of this year on, so that leap days end a year and all times of 64
/// bits come after it. A multiple of 400.
const FIRST_YEAR: i64 = -292_277_022_400;
/// Seconds from there to the epoch.
const BEFORE_EPOCH_SECONDS: i64 = 9_223_372_028_741_760_000;

/// A time in seconds after the start of `FIRST_YEAR`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(u64);

/// A day of the Gregorian calendar.
struct Date {
    year: i64,
    /// 1 to 12.
    month: u64,
    /// 1 to 31.
    day: u64,
}

impl Moment {
    pub fn of_seconds(seconds: f64) -> Self {
        let is_in_range = (i64::MIN as f64..-(i64::MIN as f64)).contains(&seconds);
        let seconds = if is_in_range { seconds as i64 } else { i64::MIN };
        Moment(seconds.wrapping_add(BEFORE_EPOCH_SECONDS) as u64)
    }

    fn days(self) -> u64 {
        self.0 / DAY_SECONDS
    }

    /// Counts in eras of 400 years.
    fn date(self) -> Date {
        let (era, day_of_era) = (self.days() / 146_097, self.days() % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        Date {
            year: (year_of_era + era * 400) as i64 + FIRST_YEAR + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * march_month + 2) / 5 + 1,
        }
    }
}

pub(crate) fn year(moment: Moment) -> f64 {
    moment.date().year as f64
}

pub(crate) fn month(moment: Moment) -> f64 {
    moment.date().month as f64
}

pub(crate) fn day_of_month(moment: Moment) -> f64 {
    moment.date().day as f64
}

/// 1 for the first of January.
pub(crate) fn day_of_year(moment: Moment) -> f64 {
    let date = moment.date();
    let before: u64 = (1..date.month).map(|month| month_days(date.year, month)).sum();
    (before + date.day) as f64
}

/// 0 for Sunday.
pub(crate) fn day_of_week(moment: Moment) -> f64 {
    // The first day was a Wednesday.
    ((moment.days() + 3) % 7) as f64
}

pub(crate) fn days_in_month(moment: Moment) -> f64 {
    let date = moment.date();
    month_days(date.year, date.month) as f64
}

pub(crate) fn hour(moment: Moment) -> f64 {
    (moment.0 % DAY_SECONDS / 3600) as f64
}

pub(crate) fn minute(moment: Moment) -> f64 {
    (moment.0 % 3600 / 60) as f64
}

fn month_days(year: i64, month: u64) -> u64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Moment {
        Moment::of_seconds(seconds as f64)
    }

    #[test]
    fn leap_years_have_their_day() {
        assert_eq!(day_of_year(at(1_483_191_420)), 366.0);
        assert_eq!((month(at(1_456_790_399)), day_of_month(at(1_456_790_399))), (2.0, 29.0));
        assert_eq!((days_in_month(at(1_454_284_800)), days_in_month(at(1_485_907_200))), (29.0, 28.0));
    }

    #[test]
    fn times_before_the_epoch_count_backwards() {
        assert_eq!((year(at(-1)), month(at(-1)), day_of_month(at(-1))), (1969.0, 12.0, 31.0));
        assert_eq!((hour(at(-1)), minute(at(-1)), day_of_week(at(-1))), (23.0, 59.0, 3.0));
        assert_eq!((day_of_week(at(0)), day_of_year(at(0))), (4.0, 1.0));
    }

    #[test]
    fn impossible_times_wrap_around() {
        let never = Moment::of_seconds(f64::NAN);
        assert_eq!((year(never), day_of_year(never), day_of_week(never)), (292_277_026_596.0, 339.0, 0.0));
        assert_eq!(hour(Moment::of_seconds(f64::INFINITY)), 15.0);
        assert_eq!(year(Moment::of_seconds(-9e18)), -285_198_644_592.0);
    }
}
