//! What OpenMetrics has on a sample line: exactly one space between the parts, times in seconds, exemplars.

use memchr::{memchr, memrchr};

use crate::cursor::Cursor;
use crate::number::parse_number;
use crate::parse::Ending;
use crate::{Dialect, Reason};

/// Series and rest of a line.
pub(crate) fn split_openmetrics(line: &[u8]) -> Result<(&[u8], &[u8]), Reason> {
    // Without a `#` there is no exemplar, and then the last brace closes the labels.
    let length = if memchr(b'#', line).is_some() {
        series_length(line)?
    } else {
        match memrchr(b'}', line) {
            Some(brace) => brace + 1,
            None => memchr(b' ', line).unwrap_or(line.len()),
        }
    };
    Ok(line.split_at(length))
}

/// Where the series ends, found from the front, past braces and hashes within label values.
fn series_length(line: &[u8]) -> Result<usize, Reason> {
    let Some(start) = line.iter().position(|byte| matches!(byte, b'{' | b' ')) else { return Ok(line.len()) };
    if line[start] == b' ' {
        return Ok(start);
    }
    let mut cursor = Cursor::new(&line[start..], Dialect::OpenMetrics);
    skip_labels(&mut cursor)?;
    Ok(line.len() - cursor.rest().len())
}

/// Steps over `{…}`, whatever is between the quotes.
fn skip_labels(cursor: &mut Cursor<'_>) -> Result<(), Reason> {
    cursor.expect(b'{', "a brace")?;
    while !cursor.take(b'}') {
        if cursor.is_at(b'"') {
            cursor.quoted()?;
        } else if cursor.is_at_end() {
            return Err(cursor.expected("a closing brace"));
        } else {
            cursor.step();
        }
    }
    Ok(())
}

/// ` value [timestamp] [# {labels} value [timestamp]]`
pub(crate) fn ending_of_openmetrics(rest: &[u8]) -> Result<Ending<'_>, Reason> {
    let (value, rest) = number(rest)?;
    let (timestamp_ms, rest) = timestamp(rest)?;
    let exemplar = match rest.strip_prefix(b" # ") {
        Some(exemplar) => Some(exemplar),
        None if rest.is_empty() => None,
        None => return Err(Reason::expected("the end of the line", rest)),
    };
    exemplar.map_or(Ok(()), check_exemplar)?;
    Ok(Ending { value, timestamp_ms, exemplar })
}

fn check_exemplar(exemplar: &[u8]) -> Result<(), Reason> {
    let mut cursor = Cursor::new(exemplar, Dialect::OpenMetrics);
    cursor.expect(b'{', "a brace")?;
    while !cursor.take(b'}') {
        if cursor.is_at(b'"') {
            cursor.quoted()?
        } else {
            cursor.label_name()?
        };
        cursor.expect(b'=', "an equals sign")?;
        cursor.quoted()?;
        if !cursor.take(b',') && !cursor.is_at(b'}') {
            return Err(cursor.expected("a comma or a closing brace"));
        }
    }
    let (_, rest) = number(cursor.rest())?;
    let (_, rest) = timestamp(rest)?;
    if rest.is_empty() { Ok(()) } else { Err(Reason::expected("the end of the line", rest)) }
}

/// A space and a number.
fn number(rest: &[u8]) -> Result<(f64, &[u8]), Reason> {
    let after_space = rest.strip_prefix(b" ").ok_or_else(|| Reason::expected("a space", rest))?;
    let (text, rest) = word(after_space);
    let value = parse_number(text).ok_or_else(|| Reason::expected("a number", text))?;
    Ok((value, rest))
}

/// A space and seconds since the epoch, as milliseconds; `None` at the end of the line and before an exemplar.
fn timestamp(rest: &[u8]) -> Result<(Option<i64>, &[u8]), Reason> {
    if rest.is_empty() || rest.starts_with(b" #") {
        return Ok((None, rest));
    }
    let after_space = rest.strip_prefix(b" ").ok_or_else(|| Reason::expected("a space", rest))?;
    let (text, rest) = word(after_space);
    let milliseconds = parse_number(text).map(|seconds| (seconds * 1000.0).round());
    match milliseconds {
        Some(milliseconds) if milliseconds.abs() < 9e18 => Ok((Some(milliseconds as i64), rest)),
        _ => Err(Reason::expected("a timestamp in seconds", text)),
    }
}

fn word(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at(memchr(b' ', bytes).unwrap_or(bytes.len()))
}
