//! What stands between a binary operator and its right side: `bool`, `on`, `ignoring`, `group_left`, `group_right`,
//! `fill`; and lists of labels.

use super::Parser;
use crate::ast::{BinaryOp, Cardinality, Matching, Number};
use crate::error::ParseError;
use crate::token::{Keyword, TokenKind};

pub(super) struct Modifiers {
    pub returns_bool: bool,
    pub matching: Matching,
}

impl Parser<'_> {
    pub(super) fn modifiers(&mut self, op: BinaryOp) -> Result<Modifiers, ParseError> {
        let returns_bool = self.accept_keyword(Keyword::Bool);
        let cardinality = if op.is_set() { Cardinality::ManyToMany } else { Cardinality::OneToOne };
        let mut matching = Matching {
            on: false,
            labels: Vec::new(),
            cardinality,
            include: Vec::new(),
            fill_left: None,
            fill_right: None,
        };
        if let TokenKind::Keyword(keyword @ (Keyword::On | Keyword::Ignoring)) = self.peek().kind {
            self.advance();
            matching.on = keyword == Keyword::On;
            matching.labels = self.label_list()?;
            self.group(&mut matching)?;
        }
        self.fill(&mut matching)?;
        Ok(Modifiers { returns_bool, matching })
    }

    fn group(&mut self, matching: &mut Matching) -> Result<(), ParseError> {
        let cardinality = match self.peek().kind {
            TokenKind::Keyword(Keyword::GroupLeft) => Cardinality::ManyToOne,
            TokenKind::Keyword(Keyword::GroupRight) => Cardinality::OneToMany,
            _ => return Ok(()),
        };
        self.advance();
        matching.cardinality = cardinality;
        if self.peek().kind == TokenKind::LeftParen {
            matching.include = self.label_list()?;
        }
        Ok(())
    }

    /// `fill (1)`, or `fill_left (1)` and `fill_right (2)` in any order; the words alone may be names of metrics.
    fn fill(&mut self, matching: &mut Matching) -> Result<(), ParseError> {
        while let TokenKind::Keyword(keyword @ (Keyword::Fill | Keyword::FillLeft | Keyword::FillRight)) =
            self.peek().kind
        {
            if self.peek_second().kind != TokenKind::LeftParen {
                break;
            }
            self.advance();
            self.advance();
            let value = self.signed_number("fill modifier")?;
            self.expect(TokenKind::RightParen, "fill modifier", "\")\"")?;
            if keyword != Keyword::FillRight {
                matching.fill_left = Some(value);
            }
            if keyword != Keyword::FillLeft {
                matching.fill_right = Some(value);
            }
        }
        Ok(())
    }

    pub(super) fn signed_number(&mut self, context: &str) -> Result<Number, ParseError> {
        let is_negative = self.accept(TokenKind::Operator(BinaryOp::Subtract));
        if !is_negative {
            self.accept(TokenKind::Operator(BinaryOp::Add));
        }
        if !matches!(self.peek().kind, TokenKind::Number | TokenKind::Duration) {
            return Err(self.unexpected(context, "number"));
        }
        let number = self.number_literal()?;
        Ok(Number { value: if is_negative { -number.value } else { number.value }, ..number })
    }

    /// `(a, b, "c d")`, a comma after the last one allowed.
    pub(super) fn label_list(&mut self) -> Result<Vec<String>, ParseError> {
        const CONTEXT: &str = "grouping opts";
        self.expect(TokenKind::LeftParen, CONTEXT, "\"(\"")?;
        let mut labels = Vec::new();
        while !self.accept(TokenKind::RightParen) {
            let token = self.peek();
            let label = match token.kind {
                TokenKind::Text => self.utf8_string(token)?,
                kind if kind.can_name_label() => self.word(token).to_owned(),
                _ => return Err(self.unexpected(CONTEXT, "label")),
            };
            self.advance();
            labels.push(label);
            if self.peek().kind != TokenKind::RightParen {
                self.expect(TokenKind::Comma, CONTEXT, "\",\" or \")\"")?;
            }
        }
        Ok(labels)
    }
}
