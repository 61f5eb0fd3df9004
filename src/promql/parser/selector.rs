//! Selectors, and the modifiers after an expression: ranges, subqueries, `offset`, `@`, `anchored`, `smoothed`.

use model::{METRIC_NAME, MatchOp, Matcher};

use super::Parser;
use crate::ast::{At, BinaryOp, Expr, ExprKind, Extension, RangeSelector, Selector, Shift, Subquery};
use crate::error::ParseError;
use crate::eval::MAX_TIME_MS;
use crate::position::Position;
use crate::quote::quoted;
use crate::token::{Keyword, TokenKind};

const CONTEXT: &str = "label matching";

impl Parser<'_> {
    /// `name`, `name{…}` or `{…}`
    pub(super) fn selector(&mut self) -> Result<Expr, ParseError> {
        let token = self.peek();
        let name = token.kind.can_name_metric().then(|| self.word(token).to_owned());
        if name.is_some() {
            self.advance();
        }
        let mut matchers = if self.peek().kind == TokenKind::LeftBrace { self.matchers()? } else { Vec::new() };
        if let Some(name) = &name {
            if let Some(other) = matchers.iter().find(|matcher| matcher.name == METRIC_NAME) {
                let names = format!("{} or {}", quoted(name.as_bytes()), quoted(other.value.as_bytes()));
                return Err(self.error_at(token.start, format!("metric name must not be set twice: {names}")));
            }
            matchers.push(Matcher::equal(METRIC_NAME, name.as_str()));
        }
        let selector = Selector { name, matchers, shift: Shift::default(), extension: None };
        self.node(ExprKind::Selector(selector), self.position(token.start))
    }

    /// `{a="b", "quoted name"!="c", "metric name"}`, a comma after the last one allowed.
    fn matchers(&mut self) -> Result<Vec<Matcher>, ParseError> {
        self.advance();
        let mut matchers = Vec::new();
        while !self.accept(TokenKind::RightBrace) {
            matchers.push(self.matcher()?);
            if self.peek().kind != TokenKind::RightBrace {
                self.expect(TokenKind::Comma, CONTEXT, "\",\" or \"}\"")?;
            }
        }
        Ok(matchers)
    }

    fn matcher(&mut self) -> Result<Matcher, ParseError> {
        let token = self.peek();
        let name = match token.kind {
            TokenKind::Text => self.utf8_string(token)?,
            // In braces every word is a name, keyword or not.
            kind if kind.can_name_label() || kind == TokenKind::Number => self.word(token).to_owned(),
            _ => return Err(self.unexpected(CONTEXT, "identifier or \"}\"")),
        };
        self.advance();
        let stands_alone = matches!(self.peek().kind, TokenKind::Comma | TokenKind::RightBrace);
        if token.kind == TokenKind::Text && stands_alone {
            return Ok(Matcher::equal(METRIC_NAME, name));
        }
        let op = match self.peek().kind {
            TokenKind::Assign => MatchOp::Equal,
            TokenKind::Operator(BinaryOp::NotEqual) => MatchOp::NotEqual,
            TokenKind::RegexMatch => MatchOp::Regex,
            TokenKind::RegexMismatch => MatchOp::NotRegex,
            _ => return Err(self.unexpected(CONTEXT, "label matching operator")),
        };
        self.advance();
        let value = self.peek();
        if value.kind != TokenKind::Text {
            return Err(self.unexpected(CONTEXT, "string"));
        }
        let text = self.utf8_string(value)?;
        self.advance();
        Matcher::new(name, op, text).map_err(|error| self.error_at(token.start, error.to_string()))
    }

    /// The expression with all modifiers that follow it.
    pub(super) fn postfixed(&mut self, mut expr: Expr) -> Result<Expr, ParseError> {
        loop {
            expr = match self.peek().kind {
                TokenKind::LeftBracket => self.bracketed(expr)?,
                TokenKind::Keyword(Keyword::Offset) => self.offset(expr)?,
                TokenKind::At => self.at(expr)?,
                TokenKind::Keyword(Keyword::Anchored) => self.extension(expr, Extension::Anchored)?,
                TokenKind::Keyword(Keyword::Smoothed) => self.extension(expr, Extension::Smoothed)?,
                _ => return Ok(expr),
            }
        }
    }

    /// `[5m]`, `[1h:5m]` or `[1h:]`
    fn bracketed(&mut self, expr: Expr) -> Result<Expr, ParseError> {
        let bracket = self.advance();
        let range = self.positive_duration("subquery or range selector")?;
        let position = expr.position;
        if self.accept(TokenKind::Colon) {
            let step = match self.peek().kind {
                TokenKind::RightBracket => None,
                _ => Some(self.positive_duration("subquery selector")?),
            };
            self.expect(TokenKind::RightBracket, "subquery selector", "\"]\"")?;
            let subquery = Subquery { inner: expr, range, step, shift: Shift::default() };
            return self.node(ExprKind::Subquery(Box::new(subquery)), position);
        }
        self.expect(TokenKind::RightBracket, "subquery or range", "\":\" or \"]\"")?;
        match expr.kind {
            ExprKind::Selector(selector) if selector.shift.offset.is_some() => {
                Err(self.error_at(bracket.start, "no offset modifiers allowed before range"))
            }
            ExprKind::Selector(selector) if selector.shift.at.is_some() => {
                Err(self.error_at(bracket.start, "no @ modifiers allowed before range"))
            }
            ExprKind::Selector(selector) => self.node(ExprKind::Range(RangeSelector { selector, range }), position),
            _ => Err(self.error_at(bracket.start, "ranges only allowed for vector selectors")),
        }
    }

    fn offset(&mut self, mut expr: Expr) -> Result<Expr, ParseError> {
        self.advance();
        let offset = self.offset_duration()?;
        let position = expr.position;
        let refuse = |message: &str| Err(ParseError { position, message: message.to_owned() });
        match shift_of(&mut expr) {
            None => refuse(
                "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            ),
            Some(Shift { offset: Some(_), .. }) => refuse("offset may not be set multiple times"),
            Some(shift) => {
                shift.offset = Some(offset);
                Ok(expr)
            }
        }
    }

    fn at(&mut self, mut expr: Expr) -> Result<Expr, ParseError> {
        self.advance();
        let position = expr.position;
        let at = self.at_time(position)?;
        let refuse = |message: &str| Err(ParseError { position, message: message.to_owned() });
        match shift_of(&mut expr) {
            None => refuse(
                "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            ),
            Some(Shift { at: Some(_), .. }) => refuse("@ <timestamp> may not be set multiple times"),
            Some(shift) => {
                shift.at = Some(at);
                Ok(expr)
            }
        }
    }

    fn at_time(&mut self, selector: Position) -> Result<At, ParseError> {
        let bound = match self.peek().kind {
            TokenKind::Keyword(Keyword::Start) => Some(At::Start),
            TokenKind::Keyword(Keyword::End) => Some(At::End),
            _ => None,
        };
        if let Some(bound) = bound {
            self.advance();
            self.expect(TokenKind::LeftParen, "@", "timestamp")?;
            self.expect(TokenKind::RightParen, "@", "timestamp")?;
            return Ok(bound);
        }
        let may_start = matches!(
            self.peek().kind,
            TokenKind::Number | TokenKind::Duration | TokenKind::Operator(BinaryOp::Add | BinaryOp::Subtract)
        );
        if !may_start {
            return Err(self.unexpected("@", "timestamp"));
        }
        let seconds = self.signed_number("@")?.value;
        if seconds.is_nan() || seconds.abs() > MAX_TIME_MS as f64 / 1000.0 {
            let shown = if seconds.is_finite() { format!("{seconds:.6}") } else { model::format_float(seconds) };
            let message = format!("timestamp out of bounds for @ modifier: {shown}");
            return Err(ParseError { position: selector, message });
        }
        Ok(At::Time((seconds * 1000.0).round() as i64))
    }

    fn extension(&mut self, mut expr: Expr, extension: Extension) -> Result<Expr, ParseError> {
        let token = self.advance();
        let selector = match &mut expr.kind {
            ExprKind::Selector(selector) => selector,
            ExprKind::Range(range) => &mut range.selector,
            _ => {
                let message = format!("{} modifier must be preceded by a vector selector", self.word(token));
                return Err(ParseError { position: expr.position, message });
            }
        };
        selector.extension = Some(extension);
        Ok(expr)
    }
}

fn shift_of(expr: &mut Expr) -> Option<&mut Shift> {
    match &mut expr.kind {
        ExprKind::Selector(selector) => Some(&mut selector.shift),
        ExprKind::Range(range) => Some(&mut range.selector.shift),
        ExprKind::Subquery(subquery) => Some(&mut subquery.shift),
        _ => None,
    }
}
