//! Operands, prefix and infix operators, calls, parentheses.

use super::Parser;
use crate::ast::{Binary, BinaryOp, Call, Expr, ExprKind, Number, Unary};
use crate::error::ParseError;
use crate::functions::Function;
use crate::token::{Keyword, TokenKind};
use crate::value::ValueType;

/// How strongly the unary signs bind: like a product, so that only powers bind their operand first.
const SIGN: u8 = 5;
const POWER: u8 = 6;

/// Operators of the same strength group from the left, powers from the right.
fn strength(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Or => 1,
        BinaryOp::And | BinaryOp::Unless => 2,
        BinaryOp::Equal
        | BinaryOp::NotEqual
        | BinaryOp::Greater
        | BinaryOp::Less
        | BinaryOp::GreaterOrEqual
        | BinaryOp::LessOrEqual
        | BinaryOp::TrimUpper
        | BinaryOp::TrimLower => 3,
        BinaryOp::Add | BinaryOp::Subtract => 4,
        BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Modulo | BinaryOp::Atan2 => SIGN,
        BinaryOp::Power => POWER,
    }
}

impl Parser<'_> {
    pub(super) fn expression(&mut self) -> Result<Expr, ParseError> {
        self.expression_of(0)
    }

    /// An expression whose operators bind at least this strongly.
    fn expression_of(&mut self, least_strength: u8) -> Result<Expr, ParseError> {
        self.nested(|parser| {
            let mut left = parser.operand()?;
            while let TokenKind::Operator(op) = parser.peek().kind {
                if strength(op) < least_strength {
                    break;
                }
                left = parser.binary(left, op)?;
            }
            Ok(left)
        })
    }

    fn binary(&mut self, left: Expr, op: BinaryOp) -> Result<Expr, ParseError> {
        let op_token = self.advance();
        let modifiers = self.modifiers(op)?;
        let right_strength = if op == BinaryOp::Power { POWER } else { strength(op) + 1 };
        let right = self.expression_of(right_strength)?;
        let refuse = |message: String| Err(self.error_at(op_token.start, message));
        let (left_type, right_type) = (left.value_type(), right.value_type());
        if modifiers.returns_bool && !op.is_comparison() {
            return refuse("bool modifier can only be used on comparison operators".to_owned());
        }
        let both_scalar = left_type == ValueType::Scalar && right_type == ValueType::Scalar;
        if op.is_comparison() && !modifiers.returns_bool && both_scalar {
            return refuse("comparisons between scalars must use BOOL modifier".to_owned());
        }
        let matching = modifiers.matching;
        if let Some(label) = matching.labels.iter().find(|label| matching.on && matching.include.contains(*label)) {
            return refuse(format!("label {label:?} must not occur in ON and GROUP clause at once"));
        }
        let position = left.position;
        let both_vectors = left_type == ValueType::Vector && right_type == ValueType::Vector;
        if !both_vectors && !matching.labels.is_empty() {
            let message = "vector matching only allowed between instant vectors".to_owned();
            return Err(ParseError { position, message });
        }
        let matching = both_vectors.then_some(matching);
        let binary = Binary { op, left, right, returns_bool: modifiers.returns_bool, matching };
        self.node(ExprKind::Binary(Box::new(binary)), position)
    }

    /// A prefix operator with its operand, or a primary expression with the modifiers after it.
    fn operand(&mut self) -> Result<Expr, ParseError> {
        let negative = match self.peek().kind {
            TokenKind::Operator(BinaryOp::Subtract) => true,
            TokenKind::Operator(BinaryOp::Add) => false,
            _ => {
                let primary = self.primary()?;
                return self.postfixed(primary);
            }
        };
        let start = self.advance().start;
        let position = self.position(start);
        let operand = self.expression_of(POWER)?;
        if let ExprKind::Number(Number { value, is_duration }) = operand.kind {
            // The sign of a number is part of the number.
            let value = if negative { -value } else { value };
            return self.node(ExprKind::Number(Number { value, is_duration }), position);
        }
        self.node(ExprKind::Unary(Box::new(Unary { negative, operand })), position)
    }

    fn primary(&mut self) -> Result<Expr, ParseError> {
        let token = self.peek();
        let position = self.position(token.start);
        let followed_by_paren = self.peek_second().kind == TokenKind::LeftParen;
        match token.kind {
            TokenKind::Number | TokenKind::Duration => {
                let number = self.number_literal()?;
                self.node(ExprKind::Number(number), position)
            }
            TokenKind::Text => {
                let bytes = self.string(token)?;
                self.advance();
                self.node(ExprKind::Text(bytes), position)
            }
            TokenKind::LeftParen => {
                self.advance();
                let inner = self.expression()?;
                self.expect(TokenKind::RightParen, "", "")?;
                self.node(ExprKind::Paren(Box::new(inner)), position)
            }
            TokenKind::LeftBrace => self.selector(),
            TokenKind::Aggregate(op) => match self.peek_second().kind {
                TokenKind::LeftParen | TokenKind::Keyword(Keyword::By | Keyword::Without) => self.aggregate(op),
                _ => self.selector(),
            },
            TokenKind::Identifier if followed_by_paren => self.call(),
            TokenKind::Keyword(
                Keyword::Start | Keyword::End | Keyword::Step | Keyword::Range | Keyword::MinOf | Keyword::MaxOf,
            ) if followed_by_paren => self.call(),
            kind if kind.can_name_metric() => self.selector(),
            _ => Err(self.unexpected("", "")),
        }
    }

    fn call(&mut self) -> Result<Expr, ParseError> {
        let token = self.advance();
        let word = self.word(token);
        let name = if token.kind == TokenKind::Identifier { word.to_owned() } else { word.to_ascii_lowercase() };
        let function = Function::of_name(&name)
            .ok_or_else(|| self.error_at(token.start, format!("unknown function with name {word:?}")))?;
        let args = self.arguments()?;
        self.node(ExprKind::Call(Call { function, args }), self.position(token.start))
    }

    /// `(a, b, c)`
    pub(super) fn arguments(&mut self) -> Result<Vec<Expr>, ParseError> {
        self.expect(TokenKind::LeftParen, "", "")?;
        let mut arguments = Vec::new();
        if self.accept(TokenKind::RightParen) {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expression()?);
            let comma = self.peek();
            if self.accept(TokenKind::RightParen) {
                return Ok(arguments);
            }
            self.expect(TokenKind::Comma, "", "")?;
            if let TokenKind::RightParen | TokenKind::Comma = self.peek().kind {
                return Err(self.error_at(comma.start, "trailing commas not allowed in function call args"));
            }
        }
    }
}
