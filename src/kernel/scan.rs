//! Taking kernel files apart: lines, blank-separated fields, numbers. Works on bytes, allocates only for an error.

use std::fmt;

/// What a parser found in place of what it expected. The path is added by whoever knows it (`kernel::Error`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Counted from 1; 0 when the file as a whole is meant.
    pub line: usize,
    /// Such as "a number for MemTotal".
    pub expected: String,
    /// The offending text, shortened.
    pub found: String,
}

/// The fields of one line, separated by any number of blanks and tabs.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
    line: usize,
}

const LONGEST_FOUND: usize = 60;

/// The lines of a file with their numbers, counted from 1. A last line without line feed counts.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut rest = bytes;
    let mut number = 0;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        number += 1;
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or(&[]);
        Some((number, line))
    })
}

/// A decimal number; `None` for anything else, for an empty text and past 64 bits.
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let mut value: u64 = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

pub fn parse_i64(text: &[u8]) -> Option<i64> {
    match text.strip_prefix(b"-") {
        Some(digits) => 0i64.checked_sub_unsigned(parse_u64(digits)?),
        None => i64::try_from(parse_u64(text)?).ok(),
    }
}

/// A hexadecimal number without `0x`.
pub fn parse_hex_u64(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    if text.starts_with('+') { None } else { u64::from_str_radix(text, 16).ok() }
}

/// A decimal number with an optional fraction, as `/proc/loadavg` and PSI files have it.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Text without blanks, tabs and line feeds at its ends: the value of a single-value file.
pub fn trim(text: &[u8]) -> &[u8] {
    text.trim_ascii()
}

/// The content of a file that is one decimal number.
pub fn number(bytes: &[u8]) -> Result<u64, ParseError> {
    let text = trim(bytes);
    parse_u64(text).ok_or_else(|| ParseError::new(1, "a number", text))
}

/// The lines of a file that is a list of `name value`, in any number of blanks.
pub fn named_numbers(bytes: &[u8]) -> impl Iterator<Item = Result<(&[u8], u64), ParseError>> {
    lines(bytes).filter(|(_, line)| !line.trim_ascii().is_empty()).map(|(number, line)| {
        let mut fields = Fields::new(number, line);
        let name = fields.text("a field name")?;
        Ok((name, fields.number("the field")?))
    })
}

/// A signed decimal number that is all of a file.
pub fn signed_number(bytes: &[u8]) -> Result<i64, ParseError> {
    let text = trim(bytes);
    parse_i64(text).ok_or_else(|| ParseError::new(1, "a number", text))
}

/// Bytes of the kernel as text; what is not UTF-8 becomes U+FFFD.
pub fn to_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl ParseError {
    pub fn new(line: usize, expected: impl Into<String>, found: &[u8]) -> Self {
        let shortened = &found[..found.len().min(LONGEST_FOUND)];
        ParseError { line, expected: expected.into(), found: to_text(shortened) }
    }

    pub(crate) fn text(&self) -> String {
        format!("expected {}, found {:?}", self.expected, self.found)
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.text())
    }
}

impl std::error::Error for ParseError {}

impl<'a> Fields<'a> {
    /// `line` is the line's number, for errors.
    pub fn new(line: usize, text: &'a [u8]) -> Self {
        Fields { rest: text, line }
    }

    /// The next field as it is; an error that names it when the line has ended.
    pub fn text(&mut self, name: &str) -> Result<&'a [u8], ParseError> {
        self.next().ok_or_else(|| ParseError::new(self.line, name, b""))
    }

    /// The next field as a decimal number.
    pub fn number(&mut self, name: &str) -> Result<u64, ParseError> {
        let text = self.text(name)?;
        parse_u64(text).ok_or_else(|| ParseError::new(self.line, format!("a number for {name}"), text))
    }

    /// What is left of the line, without blanks at its ends.
    pub fn rest(&self) -> &'a [u8] {
        self.rest.trim_ascii()
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let is_blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
        let start = self.rest.iter().position(|b| !is_blank(b))?;
        let field = &self.rest[start..];
        let end = field.iter().position(is_blank).unwrap_or(field.len());
        self.rest = &field[end..];
        Some(&field[..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_one_and_the_last_may_be_open() {
        let all: Vec<_> = lines(b"a\n\nb").collect();
        assert_eq!(all, [(1, &b"a"[..]), (2, b""), (3, b"b")]);
    }

    #[test]
    fn a_missing_or_wrong_field_is_named_with_its_line() {
        let mut fields = Fields::new(14, b"  cpu\t12  x");
        assert_eq!(fields.text("cpu"), Ok(&b"cpu"[..]));
        assert_eq!(fields.number("user"), Ok(12));
        let error = fields.number("nice").expect_err("not a number");
        assert_eq!(error.to_string(), r#"line 14: expected a number for nice, found "x""#);
        assert!(fields.text("system").is_err());
    }

    #[test]
    fn numbers_past_their_range_are_no_numbers() {
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), None);
        assert_eq!(parse_i64(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse_i64(b"9223372036854775808"), None);
        assert_eq!(parse_u64(b""), None);
        assert_eq!(parse_hex_u64(b"ff"), Some(255));
        assert_eq!(parse_hex_u64(b"+f"), None);
    }
}
