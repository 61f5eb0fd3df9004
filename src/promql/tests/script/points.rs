//! The notation of series and their points: `name{label="v"} 1 2+3x4 _x2 stale`.

use model::{Labels, parse_duration_ms, stale_marker};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Point {
    Missing,
    Value(f64),
    /// A native histogram; what it holds is not read.
    Histogram,
}

/// A line of a script: labels, whether it gives start timestamps, and what follows.
pub struct SeriesLine<'a> {
    pub labels: Labels,
    pub is_start_times: bool,
    pub points: &'a str,
}

pub fn series_line(line: &str) -> Option<SeriesLine<'_>> {
    let name_end = line.find(|c: char| c.is_whitespace() || matches!(c, '{' | '@')).unwrap_or(line.len());
    let end = if line[name_end..].starts_with('{') { name_end + closing_brace(&line[name_end..])? } else { name_end };
    let (text, rest) = line.split_at(end);
    let labels = if text == "{}" {
        Labels::empty()
    } else {
        let matchers = promql::parse_selector(text).ok()?;
        Labels::from_pairs(matchers.into_iter().map(|matcher| (matcher.name, matcher.value)))
    };
    let is_start_times = rest.starts_with("@st");
    Some(SeriesLine { labels, is_start_times, points: rest.trim_start_matches("@st").trim() })
}

/// The offset after the brace that ends a label set.
fn closing_brace(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut is_escaped = false;
    for (offset, c) in text.char_indices() {
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some(open) if c == open => quote = None,
            Some(_) => is_escaped = c == '\\',
            None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
            None if c == '}' => return Some(offset + 1),
            None => {}
        }
    }
    None
}

pub fn points(text: &str) -> Option<Vec<Point>> {
    let mut all = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let word = &rest[..word_end(rest)];
        rest = rest[word.len()..].trim_start();
        push_points(word, &mut all)?;
    }
    Some(all)
}

/// Words end at blanks, but not within a histogram.
fn word_end(text: &str) -> usize {
    let mut depth = 0;
    for (offset, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            c if c.is_whitespace() && depth == 0 => return offset,
            _ => {}
        }
    }
    text.len()
}

fn push_points(word: &str, all: &mut Vec<Point>) -> Option<()> {
    if word.starts_with('{') {
        let times = word.rsplit_once("}x").map_or(Some(0), |(_, times)| times.parse().ok())?;
        all.extend((0..=times).map(|_: usize| Point::Histogram));
        return Some(());
    }
    let (item, times) = match word.rsplit_once('x').map(|(item, times)| (item, times.parse::<usize>())) {
        Some((item, Ok(times))) => (item, Some(times)),
        _ => (word, None),
    };
    match item {
        "_" => all.extend((0..times.unwrap_or(1)).map(|_| Point::Missing)),
        "stale" => all.extend((0..=times.unwrap_or(0)).map(|_| Point::Value(stale_marker()))),
        _ => {
            let (mut value, step) = match number(item) {
                Some(value) => (value, 0.0),
                None => value_and_step(item)?,
            };
            for _ in 0..=times.unwrap_or(0) {
                all.push(Point::Value(value));
                value += step;
            }
        }
    }
    Some(())
}

/// `a+b` or `a-b`
fn value_and_step(text: &str) -> Option<(f64, f64)> {
    let bytes = text.as_bytes();
    let is_sign = |at: &usize| matches!(bytes[*at], b'+' | b'-') && !matches!(bytes[*at - 1], b'e' | b'E');
    let sign = (1..bytes.len()).find(is_sign)?;
    Some((number(&text[..sign])?, number(&text[sign..])?))
}

pub fn number(text: &str) -> Option<f64> {
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok().map(|value| value as f64);
    }
    model::parse_float(text.as_bytes())
}

/// A time or step of a command: a duration, or a number of seconds.
pub fn time_ms(text: &str) -> Option<i64> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |text| (-1, text));
    let seconds = || text.parse::<f64>().ok().map(|seconds| (seconds * 1000.0).round() as i64);
    parse_duration_ms(text).ok().or_else(seconds).map(|ms| sign * ms)
}
