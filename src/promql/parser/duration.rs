//! Durations: in brackets an expression of numbers (seconds), durations, `step()`, `range()`, `min_of`, `max_of`; after
//! `offset` one such operand, signed if need be.

use model::{DurationError, parse_duration_ms};

use super::{Parser, number::number};
use crate::ast::{BinaryOp, DurationExpr, DurationOp, Number};
use crate::error::ParseError;
use crate::token::{Keyword, TokenKind};

pub(super) const EXPECTED: &str = "number, duration, step(), or range()";

impl Parser<'_> {
    /// A number or a duration as a number of seconds.
    pub(super) fn number_literal(&mut self) -> Result<Number, ParseError> {
        let token = self.advance();
        let word = self.word(token);
        if token.kind == TokenKind::Duration {
            let ms = parse_duration_ms(word).map_err(|error| match error {
                DurationError::TooLong(_) => self.error_at(token.start, "duration out of range"),
                error => self.error_at(token.start, error.to_string()),
            })?;
            return Ok(Number { value: ms as f64 / 1000.0, is_duration: true });
        }
        match number(word) {
            Some(value) => Ok(Number { value, is_duration: false }),
            None => Err(self.error_at(
                token.start,
                format!("error parsing number: strconv.ParseFloat: parsing {word:?}: invalid syntax"),
            )),
        }
    }

    /// A duration in brackets, which must be positive as far as can be told now.
    pub(super) fn positive_duration(&mut self, context: &str) -> Result<DurationExpr, ParseError> {
        let start = self.peek().start;
        let duration = self.duration_expression(0, context)?;
        match duration.constant_ms() {
            Some(Err(message)) => Err(self.error_at(start, message)),
            Some(Ok(ms)) if ms <= 0 => Err(self.error_at(start, "duration must be greater than 0")),
            _ => Ok(whole(duration)),
        }
    }

    /// What follows `offset`.
    pub(super) fn offset_duration(&mut self) -> Result<DurationExpr, ParseError> {
        let start = self.peek().start;
        let sign = match self.peek().kind {
            TokenKind::Operator(BinaryOp::Add) => Some(false),
            TokenKind::Operator(BinaryOp::Subtract) => Some(true),
            _ => None,
        };
        let duration = match sign {
            Some(negative) => {
                self.advance();
                signed(negative, self.duration_operand("offset")?)
            }
            None => self.duration_operand("offset")?,
        };
        match duration.constant_ms() {
            Some(Err(message)) => Err(self.error_at(start, message)),
            _ => Ok(whole(duration)),
        }
    }

    fn duration_expression(&mut self, least_strength: u8, context: &str) -> Result<DurationExpr, ParseError> {
        let mut left = self.nested(|parser| parser.duration_unary(context))?;
        let mut operators = 0;
        while let Some((op, strength)) = operator(self.peek().kind).filter(|(_, strength)| *strength >= least_strength)
        {
            operators += 1;
            if operators > super::MAX_HEIGHT {
                return Err(self.error_at(self.peek().start, super::too_deep()));
            }
            self.advance();
            // Only powers group from the right.
            let right_strength = if op == DurationOp::Power { strength } else { strength + 1 };
            let right = self.nested(|parser| parser.duration_expression(right_strength, context))?;
            left = DurationExpr::Binary { op, left: Box::new(left), right: Box::new(right) };
        }
        Ok(left)
    }

    fn duration_unary(&mut self, context: &str) -> Result<DurationExpr, ParseError> {
        let negative = match self.peek().kind {
            TokenKind::Operator(BinaryOp::Add) => false,
            TokenKind::Operator(BinaryOp::Subtract) => true,
            _ => return self.duration_operand(context),
        };
        self.advance();
        let operand = self.nested(|parser| parser.duration_expression(POWER, context))?;
        Ok(signed(negative, operand))
    }

    fn duration_operand(&mut self, context: &str) -> Result<DurationExpr, ParseError> {
        match self.peek().kind {
            TokenKind::Number | TokenKind::Duration => {
                let start = self.peek().start;
                let number = self.number_literal()?;
                if !number.value.is_finite() || number.value.abs() > MAX_SECONDS {
                    return Err(self.error_at(start, "duration out of range"));
                }
                Ok(DurationExpr::Number(number))
            }
            TokenKind::LeftParen => {
                self.advance();
                let inner = self.nested(|parser| parser.duration_expression(0, context))?;
                self.expect(TokenKind::RightParen, context, "\")\"")?;
                Ok(DurationExpr::Paren(Box::new(inner)))
            }
            TokenKind::Keyword(keyword @ (Keyword::Step | Keyword::Range)) => {
                self.advance();
                self.expect(TokenKind::LeftParen, context, "\"(\"")?;
                self.expect(TokenKind::RightParen, context, "\")\"")?;
                Ok(if keyword == Keyword::Step { DurationExpr::Step } else { DurationExpr::Range })
            }
            TokenKind::Keyword(keyword @ (Keyword::MinOf | Keyword::MaxOf)) => {
                self.advance();
                self.expect(TokenKind::LeftParen, context, "\"(\"")?;
                let left = Box::new(self.nested(|parser| parser.duration_expression(0, context))?);
                self.expect(TokenKind::Comma, context, "\",\"")?;
                let right = Box::new(self.nested(|parser| parser.duration_expression(0, context))?);
                self.expect(TokenKind::RightParen, context, "\")\"")?;
                let is_min = keyword == Keyword::MinOf;
                Ok(if is_min { DurationExpr::MinOf(left, right) } else { DurationExpr::MaxOf(left, right) })
            }
            _ => Err(self.unexpected(context, EXPECTED)),
        }
    }
}

/// What 64 bits of nanoseconds hold.
pub(crate) const MAX_SECONDS: f64 = 9_223_372_036.0;

const POWER: u8 = 3;

fn operator(kind: TokenKind) -> Option<(DurationOp, u8)> {
    Some(match kind {
        TokenKind::Operator(BinaryOp::Add) => (DurationOp::Add, 1),
        TokenKind::Operator(BinaryOp::Subtract) => (DurationOp::Subtract, 1),
        TokenKind::Operator(BinaryOp::Multiply) => (DurationOp::Multiply, 2),
        TokenKind::Operator(BinaryOp::Divide) => (DurationOp::Divide, 2),
        TokenKind::Operator(BinaryOp::Modulo) => (DurationOp::Modulo, 2),
        TokenKind::Operator(BinaryOp::Power) => (DurationOp::Power, POWER),
        _ => return None,
    })
}

/// A number that stands alone is a duration of whole milliseconds.
fn whole(duration: DurationExpr) -> DurationExpr {
    match duration {
        DurationExpr::Number(Number { value, .. }) => {
            DurationExpr::Number(Number { value: (value * 1000.0).round() / 1000.0, is_duration: true })
        }
        computed => computed,
    }
}

/// The sign of a number is part of the number.
fn signed(negative: bool, operand: DurationExpr) -> DurationExpr {
    match operand {
        DurationExpr::Number(Number { value, is_duration }) => {
            DurationExpr::Number(Number { value: if negative { -value } else { value }, is_duration })
        }
        operand => DurationExpr::Unary { negative, operand: Box::new(operand) },
    }
}
