//! Parameters of requests: times, durations, limits, selectors, with Prometheus' texts for what is wrong with them.

use std::time::Duration;

use http::{Form, Request};
use model::{Matcher, TimeRange, parse_duration_ms, parse_float, parse_timestamp_ms};

use super::answer::{ApiError, Notes};

/// How Prometheus prints the earliest and the latest time that it knows; clients send them back.
const EARLIEST: &str = "-292273086-05-16T16:47:06Z";
const LATEST: &str = "292277025-08-18T07:12:54.999999999Z";
/// The times that these texts mean; the sums that are made with times stay far from the ends of the type.
const EARLIEST_MS: i64 = i64::MIN / 4;
const LATEST_MS: i64 = i64::MAX / 4;

pub fn form(request: &Request) -> Result<Form, ApiError> {
    request.form().map_err(|error| ApiError::bad_data(format!("error parsing form values: {error}")))
}

/// A time that has to be there.
pub fn time_ms(form: &Form, name: &str) -> Result<i64, ApiError> {
    parse_time_ms(form.text(name)).map_err(|reason| ApiError::parameter(name, reason))
}

/// A time that may be left out.
pub fn optional_time_ms(form: &Form, name: &str) -> Result<Option<i64>, ApiError> {
    match form.text(name) {
        "" => Ok(None),
        text => parse_time_ms(text)
            .map(Some)
            .map_err(|reason| ApiError::parameter(name, format!("invalid time value for '{name}': {reason}"))),
    }
}

/// `start` and `end`, all of time by default.
pub fn time_range(form: &Form) -> Result<TimeRange, ApiError> {
    let start_ms = optional_time_ms(form, "start")?.unwrap_or(EARLIEST_MS);
    let end_ms = optional_time_ms(form, "end")?.unwrap_or(LATEST_MS);
    Ok(TimeRange { start_ms, end_ms })
}

fn parse_time_ms(text: &str) -> Result<i64, String> {
    match text {
        EARLIEST => Ok(EARLIEST_MS),
        LATEST => Ok(LATEST_MS),
        _ => parse_timestamp_ms(text)
            .map(|time_ms| time_ms.clamp(EARLIEST_MS, LATEST_MS))
            .map_err(|_| format!("cannot parse {text:?} to a valid timestamp")),
    }
}

/// Seconds, or a duration such as `1m30s`; in milliseconds.
pub fn parse_span_ms(text: &str) -> Result<i64, String> {
    if let Some(seconds) = parse_float(text.as_bytes()) {
        // Prometheus counts nanoseconds in 64 bits.
        let in_range = (seconds * 1e9).abs() < i64::MAX as f64;
        return if in_range {
            Ok((seconds * 1000.0) as i64)
        } else {
            Err(format!("cannot parse {text:?} to a valid duration. It overflows int64"))
        };
    }
    parse_duration_ms(text).map_err(|_| format!("cannot parse {text:?} to a valid duration"))
}

/// The time that a query may take: the parameter, at most what the program allows.
pub fn timeout(form: &Form, longest: Duration) -> Result<Duration, ApiError> {
    match form.text("timeout") {
        "" => Ok(longest),
        text => {
            let timeout_ms = parse_span_ms(text).map_err(|reason| ApiError::parameter("timeout", reason))?;
            Ok(Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0)).min(longest))
        }
    }
}

/// `limit`: `None` for 0 or when it is not there.
pub fn limit(form: &Form) -> Result<Option<usize>, ApiError> {
    let text = form.text("limit");
    if text.is_empty() {
        return Ok(None);
    }
    let limit = go_int(text).map_err(|reason| ApiError::parameter("limit", reason))?;
    let limit = usize::try_from(limit).map_err(|_| ApiError::parameter("limit", "limit must be non-negative"))?;
    Ok(Some(limit).filter(|limit| *limit > 0))
}

/// A whole number, with the text of Go's parser when it is none.
pub fn go_int(text: &str) -> Result<i64, String> {
    text.parse().map_err(|error: std::num::ParseIntError| {
        let reason = match error.kind() {
            std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        format!("strconv.Atoi: parsing {text:?}: {reason}")
    })
}

/// Bytes of the text of a query, or of all selectors of a request. What is read from it takes many times as much,
/// before any other limit holds.
const MAX_TEXT_BYTES: usize = 1 << 20;

pub fn query_text(form: &Form) -> Result<String, ApiError> {
    within_limit("query", vec![form.text("query").to_owned()]).map(|texts| texts.concat())
}

/// The texts of all `match[]`. Reading them belongs into the pool of queries: it can take its time.
pub fn selectors(form: &Form) -> Result<Vec<String>, ApiError> {
    within_limit("match[]", form.all("match[]").map(str::to_owned).collect())
}

fn within_limit(name: &str, texts: Vec<String>) -> Result<Vec<String>, ApiError> {
    if texts.iter().map(String::len).sum::<usize>() > MAX_TEXT_BYTES {
        return Err(ApiError::parameter(name, format!("longer than {MAX_TEXT_BYTES} bytes")));
    }
    Ok(texts)
}

/// What selectors mean; each must name something.
pub fn matcher_sets(texts: &[String]) -> Result<Vec<Vec<Matcher>>, String> {
    texts.iter().map(|text| matchers(text)).collect()
}

fn matchers(text: &str) -> Result<Vec<Matcher>, String> {
    promql::parse_selector(text).map_err(|error| {
        if error.message.contains("must contain at least one non-empty matcher") {
            "match[] must contain at least one non-empty matcher".to_owned()
        } else {
            error.to_string()
        }
    })
}

/// Cuts a list to the limit and says so.
pub fn truncate<T>(list: &mut Vec<T>, limit: Option<usize>, notes: &mut Notes) {
    if let Some(limit) = limit
        && list.len() > limit
    {
        list.truncate(limit);
        notes.warnings.push("results truncated due to limit".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_seconds_or_durations() {
        for (text, span) in [
            ("15", Ok(15_000)),
            ("0.1111", Ok(111)),
            ("1m30s", Ok(90_000)),
            ("-1", Ok(-1000)),
            ("x", Err("cannot parse \"x\" to a valid duration")),
            ("", Err("cannot parse \"\" to a valid duration")),
            ("1e20", Err("cannot parse \"1e20\" to a valid duration. It overflows int64")),
        ] {
            assert_eq!(parse_span_ms(text), span.map_err(str::to_owned), "{text}");
        }
    }

    #[test]
    fn the_ends_of_time_are_understood() {
        let form =
            Form::parse("start=-292273086-05-16T16:47:06Z&end=292277025-08-18T07:12:54.999999999Z").expect("valid");
        let all = TimeRange { start_ms: EARLIEST_MS, end_ms: LATEST_MS };
        assert_eq!(time_range(&form), Ok(all));
        assert_eq!(time_range(&Form::default()), Ok(all));
        assert_eq!(optional_time_ms(&Form::parse("time=-9e15").expect("valid"), "time"), Ok(Some(EARLIEST_MS)));
    }

    #[test]
    fn selectors_must_name_something() {
        let form = Form::parse("match[]=%7B%7D").expect("valid");
        let sets = |form: &Form| matcher_sets(&selectors(form).expect("short"));
        assert_eq!(sets(&form), Err("match[] must contain at least one non-empty matcher".to_owned()));
        assert!(sets(&Form::parse("match[]=up&match[]=%7Ba!=''%7D").expect("valid")).is_ok());
    }

    #[test]
    fn texts_have_a_largest_size() {
        let query = |bytes: usize| query_text(&Form::parse(&format!("query={}", "x".repeat(bytes))).expect("valid"));
        assert_eq!(query(MAX_TEXT_BYTES).map(|text| text.len()), Ok(MAX_TEXT_BYTES));
        let too_long = "invalid parameter \"query\": longer than 1048576 bytes";
        assert_eq!(query(MAX_TEXT_BYTES + 1), Err(ApiError::bad_data(too_long)));
        let many = format!("match[]={}&match[]=yy", "x".repeat(MAX_TEXT_BYTES - 1));
        assert!(selectors(&Form::parse(&many).expect("valid")).is_err(), "all of them count");
    }
}
