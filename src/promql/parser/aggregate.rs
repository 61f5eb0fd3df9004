//! `sum by (job) (…)`, `sum(…) by (job)`, `topk(3, …)`.

use super::Parser;
use crate::ast::{Aggregate, AggregateOp, Expr, ExprKind, Grouping};
use crate::error::ParseError;
use crate::token::{Keyword, TokenKind};

impl Parser<'_> {
    pub(super) fn aggregate(&mut self, op: AggregateOp) -> Result<Expr, ParseError> {
        let start = self.advance().start;
        let before = self.grouping()?;
        if self.peek().kind != TokenKind::LeftParen {
            return Err(self.unexpected("aggregation", ""));
        }
        let mut arguments = self.arguments()?.into_iter();
        let grouping = match before {
            Some(grouping) => grouping,
            None => self.grouping()?.unwrap_or_default(),
        };
        let count = arguments.len();
        let expected = if op.has_param() { 2 } else { 1 };
        if count == 0 {
            return Err(self.error_at(start, "no arguments for aggregate expression provided"));
        }
        let param = if op.has_param() { arguments.next() } else { None };
        match (arguments.next(), arguments.next()) {
            (Some(operand), None) => {
                let aggregate = Aggregate { op, param, operand, grouping };
                self.node(ExprKind::Aggregate(Box::new(aggregate)), self.position(start))
            }
            _ => Err(self.error_at(
                start,
                format!(
                    "wrong number of arguments for aggregate expression provided, expected {expected}, got {count}"
                ),
            )),
        }
    }

    fn grouping(&mut self) -> Result<Option<Grouping>, ParseError> {
        let without = match self.peek().kind {
            TokenKind::Keyword(Keyword::By) => false,
            TokenKind::Keyword(Keyword::Without) => true,
            _ => return Ok(None),
        };
        self.advance();
        Ok(Some(Grouping { without, labels: self.label_list()? }))
    }
}
