//! Text to words. What counts as a word depends on where it stands: in braces names have no colons and `=` is a match,
//! in brackets a colon stands alone. The first thing that is not a word ends the list, with a message.

use crate::ast::BinaryOp;
use crate::quote::quoted_char;
use crate::token::{Keyword, Token, TokenKind};

/// The words of a text, the last of them `End` or `Error`.
#[derive(Debug)]
pub struct Words {
    pub tokens: Vec<Token>,
    /// Why the last token is an `Error`.
    pub error: Option<String>,
}

pub fn words(text: &str) -> Words {
    let mut lexer = Lexer { text, at: 0, start: 0, tokens: Vec::new(), open_parens: 0, state: State::Outside };
    let error = loop {
        match lexer.next_token() {
            Ok(Some(TokenKind::End)) => break None,
            Ok(_) => {}
            Err(message) => break Some(message),
        }
    };
    if error.is_some() {
        lexer.tokens.push(Token { kind: TokenKind::Error, start: lexer.start, end: lexer.at });
    }
    Words { tokens: lexer.tokens, error }
}

struct Lexer<'a> {
    text: &'a str,
    /// The offset of the next byte.
    at: usize,
    /// The offset of the token that is being read.
    start: usize,
    tokens: Vec<Token>,
    open_parens: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Outside,
    Braces,
    /// `has_duration`: something stands before; `has_colon`: the colon was seen.
    Brackets {
        has_duration: bool,
        has_colon: bool,
    },
}

impl Lexer<'_> {
    /// Reads one token, or blanks and comments (then `None`).
    fn next_token(&mut self) -> Result<Option<TokenKind>, String> {
        let start = self.at;
        self.start = start;
        let Some(c) = self.peek() else {
            let kind = self.end_of_input()?;
            self.tokens.push(Token { kind, start, end: start });
            return Ok(Some(kind));
        };
        if c == '#' {
            self.skip_while(|c| c != '\n');
            return Ok(None);
        }
        if c.is_ascii_whitespace() {
            self.skip_while(|c| c.is_ascii_whitespace());
            return Ok(None);
        }
        let kind = match self.state {
            State::Outside => self.outside(c)?,
            State::Braces => self.in_braces(c)?,
            State::Brackets { has_duration, has_colon } => self.in_brackets(c, has_duration, has_colon)?,
        };
        self.tokens.push(Token { kind, start, end: self.at });
        Ok(Some(kind))
    }

    fn end_of_input(&self) -> Result<TokenKind, String> {
        match self.state {
            State::Braces => Err("unexpected end of input inside braces".to_owned()),
            State::Brackets { .. } => Err("unclosed left bracket".to_owned()),
            State::Outside if self.open_parens > 0 => Err("unclosed left parenthesis".to_owned()),
            State::Outside => Ok(TokenKind::End),
        }
    }

    fn outside(&mut self, c: char) -> Result<TokenKind, String> {
        if c.is_ascii_digit() || (c == '.' && self.peek_second().is_some_and(|c| c.is_ascii_digit())) {
            return self.number_or_duration();
        }
        if is_alpha(c) || c == ':' {
            let start = self.at;
            self.skip_while(|c| is_alphanumeric(c) || c == ':');
            return Ok(TokenKind::of_word(&self.text[start..self.at]));
        }
        if matches!(c, '"' | '\'' | '`') {
            return self.quoted_text(c);
        }
        self.at += c.len_utf8();
        let kind = match c {
            ',' => TokenKind::Comma,
            '@' => TokenKind::At,
            '(' => {
                self.open_parens += 1;
                TokenKind::LeftParen
            }
            ')' => self.close_paren()?,
            '{' => {
                self.state = State::Braces;
                TokenKind::LeftBrace
            }
            '[' => {
                self.state = State::Brackets { has_duration: false, has_colon: false };
                TokenKind::LeftBracket
            }
            ']' => return Err("unexpected right bracket ']'".to_owned()),
            '=' => match self.peek() {
                Some('=') => self.operator(1, BinaryOp::Equal),
                Some('~') => return Err("unexpected character after '=': '~'".to_owned()),
                _ => TokenKind::Assign,
            },
            '!' => match self.peek() {
                Some('=') => self.operator(1, BinaryOp::NotEqual),
                other => return Err(format!("unexpected character after '!': {}", shown(other))),
            },
            '<' => match self.peek() {
                Some('=') => self.operator(1, BinaryOp::LessOrEqual),
                Some('/') => self.operator(1, BinaryOp::TrimUpper),
                _ => self.operator(0, BinaryOp::Less),
            },
            '>' => match self.peek() {
                Some('=') => self.operator(1, BinaryOp::GreaterOrEqual),
                Some('/') => self.operator(1, BinaryOp::TrimLower),
                _ => self.operator(0, BinaryOp::Greater),
            },
            other => match arithmetic(other) {
                Some(op) => TokenKind::Operator(op),
                None => return Err(format!("unexpected character: {}", quoted_char(other))),
            },
        };
        Ok(kind)
    }

    fn in_braces(&mut self, c: char) -> Result<TokenKind, String> {
        if is_alpha(c) {
            let start = self.at;
            self.skip_while(is_alphanumeric);
            return Ok(TokenKind::of_word(&self.text[start..self.at]));
        }
        if matches!(c, '"' | '\'' | '`') {
            return self.quoted_text(c);
        }
        self.at += c.len_utf8();
        match c {
            ',' => Ok(TokenKind::Comma),
            '=' if self.peek() == Some('~') => {
                self.at += 1;
                Ok(TokenKind::RegexMatch)
            }
            '=' => Ok(TokenKind::Assign),
            '!' => match self.peek() {
                Some('~') => {
                    self.at += 1;
                    Ok(TokenKind::RegexMismatch)
                }
                Some('=') => Ok(self.operator(1, BinaryOp::NotEqual)),
                other => Err(format!("unexpected character after '!' inside braces: {}", shown(other))),
            },
            '{' => Err("unexpected left brace '{'".to_owned()),
            '}' => {
                self.state = State::Outside;
                Ok(TokenKind::RightBrace)
            }
            other => Err(format!("unexpected character inside braces: {}", quoted_char(other))),
        }
    }

    fn in_brackets(&mut self, c: char, has_duration: bool, has_colon: bool) -> Result<TokenKind, String> {
        if c == ':' {
            self.at += 1;
            if !has_duration {
                self.start = self.at;
                return Err("unexpected colon before duration in duration expression".to_owned());
            }
            if has_colon {
                return Err("unexpected colon ':'".to_owned());
            }
            self.state = State::Brackets { has_duration, has_colon: true };
            return Ok(TokenKind::Colon);
        }
        if c.is_ascii_digit() || (c == '.' && self.peek_second().is_some_and(|c| c.is_ascii_digit())) {
            self.state = State::Brackets { has_duration: true, has_colon };
            return self.number_or_duration();
        }
        if is_alpha(c) {
            self.state = State::Brackets { has_duration: true, has_colon };
            let start = self.at;
            self.skip_while(is_alphanumeric);
            let word = TokenKind::of_word(&self.text[start..self.at]);
            return match word {
                TokenKind::Keyword(Keyword::Step | Keyword::Range | Keyword::MinOf | Keyword::MaxOf) => Ok(word),
                _ => {
                    self.at = start + 1;
                    Err(format!("unexpected character in duration expression: {}", quoted_char(c)))
                }
            };
        }
        self.at += c.len_utf8();
        match c {
            ']' => {
                self.state = State::Outside;
                Ok(TokenKind::RightBracket)
            }
            ',' => Ok(TokenKind::Comma),
            '(' => {
                self.open_parens += 1;
                Ok(TokenKind::LeftParen)
            }
            ')' => self.close_paren(),
            other => match arithmetic(other) {
                Some(op) => Ok(TokenKind::Operator(op)),
                None => Err(format!("unexpected character in duration expression: {}", quoted_char(other))),
            },
        }
    }

    fn close_paren(&mut self) -> Result<TokenKind, String> {
        if self.open_parens == 0 {
            self.start = self.at;
            return Err("unexpected right parenthesis ')'".to_owned());
        }
        self.open_parens -= 1;
        Ok(TokenKind::RightParen)
    }

    fn operator(&mut self, more_bytes: usize, op: BinaryOp) -> TokenKind {
        self.at += more_bytes;
        TokenKind::Operator(op)
    }

    /// The token is checked for its end only; what escapes mean is the parser's to find out.
    fn quoted_text(&mut self, quote: char) -> Result<TokenKind, String> {
        self.at += 1;
        loop {
            let unterminated = if quote == '`' { "unterminated raw string" } else { "unterminated quoted string" };
            let c = self.peek().ok_or(unterminated)?;
            if c == '\n' && quote != '`' {
                return Err(unterminated.to_owned());
            }
            self.at += c.len_utf8();
            if c == quote {
                return Ok(TokenKind::Text);
            }
            if c == '\\' && quote != '`' {
                let escaped = self.peek().ok_or("escape sequence not terminated")?;
                self.at += escaped.len_utf8();
            }
        }
    }

    fn number_or_duration(&mut self) -> Result<TokenKind, String> {
        let start = self.at;
        if self.number() {
            return Ok(TokenKind::Number);
        }
        if self.rest_of_duration() {
            return Ok(TokenKind::Duration);
        }
        let text = crate::quote::quoted(&self.text.as_bytes()[start..self.at]);
        Err(format!("bad number or duration syntax: {text}"))
    }

    /// Numbers are decimal with fraction and exponent or hexadecimal, and may hold single underscores. False leaves the
    /// position at the first character that cannot belong to a number.
    fn number(&mut self) -> bool {
        let is_hex = self.accept("0") && self.accept("xX");
        if is_hex {
            self.accept("_");
        }
        let digits = if is_hex { "0123456789abcdefABCDEF" } else { "0123456789" };
        self.accept(".");
        self.accept(digits);
        let (mut has_dot, mut has_exponent) = (false, false);
        while let Some(c) = self.peek() {
            if c == '.' {
                self.at += 1;
                if has_dot || is_hex || self.accept("_.") {
                    return false;
                }
                has_dot = true;
            } else if matches!(c, 'e' | 'E') {
                self.at += 1;
                if has_exponent {
                    return false;
                }
                has_exponent = true;
                self.accept("+-");
                if self.accept("._eE") || self.peek().is_none() {
                    return false;
                }
            } else if c == '_' {
                self.at += 1;
                if self.accept("._eE") || self.peek().is_none() {
                    return false;
                }
            } else if digits.contains(c) {
                self.at += 1;
            } else {
                break;
            }
        }
        !self.peek().is_some_and(is_alphanumeric)
    }

    /// What follows the first number of a duration: its unit, then further numbers and units. False leaves the position
    /// after the first character that does not fit.
    fn rest_of_duration(&mut self) -> bool {
        if !self.accept("smhdwy") {
            return false;
        }
        self.accept("s");
        while self.accept("0123456789") {
            while self.accept("0123456789") {}
            if !self.accept("smhdw") {
                return false;
            }
            self.accept("s");
        }
        let misfit = self.peek().filter(|c| is_alphanumeric(*c));
        self.at += misfit.map_or(0, char::len_utf8);
        misfit.is_none()
    }

    fn accept(&mut self, set: &str) -> bool {
        let accepted = self.peek().filter(|c| set.contains(*c));
        self.at += accepted.map_or(0, char::len_utf8);
        accepted.is_some()
    }

    fn skip_while(&mut self, condition: impl Fn(char) -> bool) {
        while let Some(c) = self.peek().filter(|c| condition(*c)) {
            self.at += c.len_utf8();
        }
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn peek_second(&self) -> Option<char> {
        self.text[self.at..].chars().nth(1)
    }
}

fn is_alpha(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic()
}

fn is_alphanumeric(c: char) -> bool {
    is_alpha(c) || c.is_ascii_digit()
}

fn arithmetic(c: char) -> Option<BinaryOp> {
    Some(match c {
        '+' => BinaryOp::Add,
        '-' => BinaryOp::Subtract,
        '*' => BinaryOp::Multiply,
        '/' => BinaryOp::Divide,
        '%' => BinaryOp::Modulo,
        '^' => BinaryOp::Power,
        _ => return None,
    })
}

/// A character of a message, or Go's mark for the end of the text.
fn shown(c: Option<char>) -> String {
    c.map_or_else(|| "'\u{fffd}'".to_owned(), quoted_char)
}
