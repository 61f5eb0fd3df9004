//! Steps through the tokens of one line: names, quoted text, punctuation.

use memchr::memchr2;

use crate::parse::excerpt;
use crate::{Dialect, Reason};

pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
    /// Text 0.0.4 takes spaces and tabs between all tokens; OpenMetrics takes none.
    skips_blanks: bool,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8], dialect: Dialect) -> Self {
        Cursor { rest: bytes, skips_blanks: dialect == Dialect::Text }
    }

    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn is_at(&self, byte: u8) -> bool {
        self.rest.first() == Some(&byte)
    }

    pub fn skip_blanks(&mut self) {
        if self.skips_blanks {
            self.rest = skip_blanks(self.rest);
        }
    }

    pub fn step(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    /// Steps over one byte if it is the next.
    pub fn take(&mut self, byte: u8) -> bool {
        let is_next = self.is_at(byte);
        if is_next {
            self.rest = &self.rest[1..];
        }
        is_next
    }

    pub fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Reason> {
        if self.take(byte) { Ok(()) } else { Err(self.expected(what)) }
    }

    pub fn expected(&self, what: &'static str) -> Reason {
        Reason::expected(what, self.rest)
    }

    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`
    pub fn metric_name(&mut self) -> Result<&'a [u8], Reason> {
        self.name(|byte| byte == b':', "a metric name")
    }

    /// `[a-zA-Z_][a-zA-Z0-9_]*`
    pub fn label_name(&mut self) -> Result<&'a [u8], Reason> {
        self.name(|_| false, "a label name")
    }

    fn name(&mut self, is_extra: impl Fn(u8) -> bool, what: &'static str) -> Result<&'a [u8], Reason> {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || is_extra(*byte);
        let length = self.rest.iter().take_while(|byte| is_part(byte)).count();
        if length == 0 || self.rest[0].is_ascii_digit() {
            return Err(self.expected(what));
        }
        let (name, rest) = self.rest.split_at(length);
        self.rest = rest;
        Ok(name)
    }

    /// The text between two quotes, escapes left as they are.
    pub fn quoted(&mut self) -> Result<&'a [u8], Reason> {
        if !self.is_at(b'"') {
            return Err(self.expected("a quoted value"));
        }
        let mut end = 1;
        loop {
            let unread = self.rest.get(end..).unwrap_or_default();
            match memchr2(b'"', b'\\', unread) {
                None => return Err(Reason::Expected { expected: "a closing quote", found: excerpt(self.rest) }),
                Some(position) if unread[position] == b'\\' => end += position + 2,
                Some(position) => {
                    let text = &self.rest[1..end + position];
                    self.rest = &self.rest[end + position + 1..];
                    return Ok(text);
                }
            }
        }
    }
}

pub(crate) fn skip_blanks(bytes: &[u8]) -> &[u8] {
    let blanks = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &bytes[blanks..]
}
