//! Parser of expositions, text 0.0.4 and OpenMetrics 1.0, over the bytes as they came.
//!
//! It yields one entry per line and copies nothing. What a scraper reads again and again is one look-up for the newline,
//! one for the end of the series, and the number; the labels inside a series are left alone until somebody calls
//! `Series::read`. It is as lax as Prometheus' own parser: order of metadata, counter values and buckets are not
//! checked. Any error ends the page, since a page that is half understood must not be stored.

use memchr::{memchr, memchr2, memrchr};

use crate::comment::{Comment, read_comment};
use crate::cursor::skip_blanks;
use crate::number::parse_number;
use crate::openmetrics::{ending_of_openmetrics, split_openmetrics};
use crate::{Dialect, MetricType, Series};

/// Bytes of an offending text that an error shows.
const EXCERPT_BYTES: usize = 60;

pub struct Parser<'a> {
    page: &'a [u8],
    /// Where the line starts that was read last.
    line: usize,
    /// Where the next line starts.
    next: usize,
    dialect: Dialect,
    /// What the last `# TYPE` line said.
    kind: MetricType,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Entry<'a> {
    Help {
        name: &'a [u8],
        /// Still escaped.
        help: &'a [u8],
    },
    Type {
        name: &'a [u8],
        kind: MetricType,
    },
    /// OpenMetrics only.
    Unit {
        name: &'a [u8],
        unit: &'a [u8],
    },
    Sample(SampleLine<'a>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleLine<'a> {
    pub series: Series<'a>,
    pub value: f64,
    /// Milliseconds since the epoch, when the line has a time of its own.
    pub timestamp_ms: Option<i64>,
    /// What follows ` # ` in OpenMetrics, checked but not taken apart: `{trace_id="x"} 0.5 1700000000`.
    pub exemplar: Option<&'a [u8]>,
}

/// `line 14: expected a number, found "abc"`
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ParseError {
    /// Counted from 1.
    pub line: usize,
    pub reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("expected {expected}, found {}", quoted_or_end(found))]
    Expected {
        expected: &'static str,
        /// The offending text, cut to a readable length; empty at the end of the line.
        found: String,
    },
    #[error("label {0:?} is there twice")]
    DuplicateLabel(String),
    #[error("{0:?} is not UTF-8")]
    NotUtf8(String),
    #[error("unit {unit:?} is not how the name {name:?} ends")]
    UnitNotInName { name: String, unit: String },
    #[error("the page does not end with # EOF")]
    NoEof,
    #[error("there is something after # EOF")]
    AfterEof,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    /// OpenMetrics' `# EOF` was read.
    Complete,
    Failed,
}

impl<'a> Parser<'a> {
    pub fn new(page: &'a [u8], dialect: Dialect) -> Self {
        Parser { page, line: 0, next: 0, dialect, kind: MetricType::Unknown, state: State::Reading }
    }

    /// The line that was read last, without its line feed.
    pub fn line(&self) -> &'a [u8] {
        let line = &self.page[self.line..self.next];
        line.strip_suffix(b"\n").unwrap_or(line)
    }

    /// An error in the line that was read last, such as one of `Series::read`.
    #[cold]
    pub fn error(&self, reason: Reason) -> ParseError {
        let before = &self.page[..self.line];
        ParseError { line: memchr::memchr_iter(b'\n', before).count() + 1, reason }
    }

    #[cold]
    fn fail(&mut self, reason: Reason) -> Option<Result<Entry<'a>, ParseError>> {
        self.state = State::Failed;
        Some(Err(self.error(reason)))
    }

    #[cold]
    fn end(&mut self) -> Option<Result<Entry<'a>, ParseError>> {
        if self.dialect == Dialect::OpenMetrics && self.state == State::Reading {
            self.line = self.page.len();
            return self.fail(Reason::NoEof);
        }
        None
    }

    fn sample(&self, line: &'a [u8]) -> Result<SampleLine<'a>, Reason> {
        let (raw, ending) = match self.dialect {
            Dialect::Text => {
                let (raw, rest) = split_text(line);
                (raw, ending_of_text(rest)?)
            }
            Dialect::OpenMetrics => {
                let (raw, rest) = split_openmetrics(line)?;
                (raw, ending_of_openmetrics(rest)?)
            }
        };
        let Ending { value, timestamp_ms, exemplar } = ending;
        Ok(SampleLine { series: Series { raw, dialect: self.dialect, kind: self.kind }, value, timestamp_ms, exemplar })
    }
}

/// What follows a series on its line.
pub(crate) struct Ending<'a> {
    pub value: f64,
    pub timestamp_ms: Option<i64>,
    pub exemplar: Option<&'a [u8]>,
}

impl<'a> Iterator for Parser<'a> {
    type Item = Result<Entry<'a>, ParseError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.state != State::Reading {
            return None;
        }
        loop {
            let rest = &self.page[self.next..];
            if rest.is_empty() {
                return self.end();
            }
            self.line = self.next;
            let mut line = match memchr(b'\n', rest) {
                Some(length) => {
                    self.next += length + 1;
                    &rest[..length]
                }
                None => {
                    self.next = self.page.len();
                    rest
                }
            };
            if self.dialect == Dialect::Text {
                line = skip_blanks(line);
                if line.is_empty() {
                    continue;
                }
            }
            if line.first() != Some(&b'#') {
                return match self.sample(line) {
                    Ok(sample) => Some(Ok(Entry::Sample(sample))),
                    Err(reason) => self.fail(reason),
                };
            }
            match read_comment(line, self.dialect) {
                Ok(Comment::Plain) => {}
                Ok(Comment::Eof) => {
                    self.state = State::Complete;
                    if self.next == self.page.len() {
                        return None;
                    }
                    self.line = self.next;
                    return self.fail(Reason::AfterEof);
                }
                Ok(Comment::Metadata(entry)) => {
                    if let Entry::Type { kind, .. } = entry {
                        self.kind = kind;
                    }
                    return Some(Ok(entry));
                }
                Err(reason) => return self.fail(reason),
            }
        }
    }
}

/// Series and rest of a line. Nothing after the labels can hold a brace, so the last one closes them.
#[inline]
fn split_text(line: &[u8]) -> (&[u8], &[u8]) {
    let length = match memrchr(b'}', line) {
        Some(brace) => brace + 1,
        None => memchr2(b' ', b'\t', line).unwrap_or(line.len()),
    };
    line.split_at(length)
}

/// ` value [timestamp]`, the time in milliseconds.
#[inline]
fn ending_of_text<'a>(rest: &[u8]) -> Result<Ending<'a>, Reason> {
    let rest = skip_blanks(rest);
    let length = rest.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(rest.len());
    let (number, rest) = rest.split_at(length);
    let value = parse_number(number).ok_or_else(|| Reason::expected("a number", number))?;
    let rest = skip_blanks(rest);
    let timestamp_ms = if rest.is_empty() { None } else { Some(timestamp_of_text(rest)?) };
    Ok(Ending { value, timestamp_ms, exemplar: None })
}

fn timestamp_of_text(text: &[u8]) -> Result<i64, Reason> {
    let digits = text.trim_ascii_end();
    let timestamp = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    timestamp.ok_or_else(|| Reason::expected("a timestamp in milliseconds", text))
}

impl Reason {
    #[cold]
    pub(crate) fn expected(expected: &'static str, found: &[u8]) -> Reason {
        Reason::Expected { expected, found: excerpt(found) }
    }
}

/// The beginning of a text that may be long and may not be UTF-8.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(EXCERPT_BYTES)];
    let mut text = String::from_utf8_lossy(cut).into_owned();
    if cut.len() < bytes.len() {
        text.push('…');
    }
    text
}

fn quoted_or_end(found: &str) -> String {
    if found.is_empty() { "the end of the line".to_owned() } else { format!("{found:?}") }
}
