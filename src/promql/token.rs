//! The words of a query.

use crate::ast::{AggregateOp, BinaryOp};
use crate::quote::quoted;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: TokenKind,
    /// Byte offsets into the text of the query.
    pub start: usize,
    pub end: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    End,
    /// What the lexer could not read; it has the message.
    Error,
    /// A word without colons that is not a keyword.
    Identifier,
    /// A word with colons.
    MetricIdentifier,
    Number,
    Duration,
    Text,
    Operator(BinaryOp),
    Aggregate(AggregateOp),
    Keyword(Keyword),
    /// `=` in braces.
    Assign,
    /// `=~` in braces.
    RegexMatch,
    /// `!~` in braces.
    RegexMismatch,
    Comma,
    Colon,
    At,
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    Anchored,
    Bool,
    By,
    End,
    Fill,
    FillLeft,
    FillRight,
    GroupLeft,
    GroupRight,
    Ignoring,
    MaxOf,
    MinOf,
    Offset,
    On,
    Range,
    Smoothed,
    Start,
    Step,
    Without,
}

impl TokenKind {
    /// The kind of a word; keywords are recognised in any case.
    pub fn of_word(word: &str) -> Self {
        if let Some(op) = AggregateOp::of_name(word) {
            return TokenKind::Aggregate(op);
        }
        match word.to_ascii_lowercase().as_str() {
            "and" => TokenKind::Operator(BinaryOp::And),
            "or" => TokenKind::Operator(BinaryOp::Or),
            "unless" => TokenKind::Operator(BinaryOp::Unless),
            "atan2" => TokenKind::Operator(BinaryOp::Atan2),
            "inf" | "nan" => TokenKind::Number,
            "anchored" => TokenKind::Keyword(Keyword::Anchored),
            "bool" => TokenKind::Keyword(Keyword::Bool),
            "by" => TokenKind::Keyword(Keyword::By),
            "end" => TokenKind::Keyword(Keyword::End),
            "fill" => TokenKind::Keyword(Keyword::Fill),
            "fill_left" => TokenKind::Keyword(Keyword::FillLeft),
            "fill_right" => TokenKind::Keyword(Keyword::FillRight),
            "group_left" => TokenKind::Keyword(Keyword::GroupLeft),
            "group_right" => TokenKind::Keyword(Keyword::GroupRight),
            "ignoring" => TokenKind::Keyword(Keyword::Ignoring),
            "max_of" => TokenKind::Keyword(Keyword::MaxOf),
            "min_of" => TokenKind::Keyword(Keyword::MinOf),
            "offset" => TokenKind::Keyword(Keyword::Offset),
            "on" => TokenKind::Keyword(Keyword::On),
            "range" => TokenKind::Keyword(Keyword::Range),
            "smoothed" => TokenKind::Keyword(Keyword::Smoothed),
            "start" => TokenKind::Keyword(Keyword::Start),
            "step" => TokenKind::Keyword(Keyword::Step),
            "without" => TokenKind::Keyword(Keyword::Without),
            _ if word.contains(':') => TokenKind::MetricIdentifier,
            _ => TokenKind::Identifier,
        }
    }

    /// Whether the word can be the name of a metric.
    pub fn can_name_metric(self) -> bool {
        match self {
            TokenKind::Identifier | TokenKind::MetricIdentifier | TokenKind::Aggregate(_) => true,
            TokenKind::Operator(op) => op.is_set(),
            TokenKind::Keyword(keyword) => !matches!(
                keyword,
                Keyword::Bool | Keyword::GroupLeft | Keyword::GroupRight | Keyword::Ignoring | Keyword::On
            ),
            _ => false,
        }
    }

    /// Whether the word can be the name of a label where no quotes are needed.
    pub fn can_name_label(self) -> bool {
        matches!(self, TokenKind::Keyword(_)) || (self.can_name_metric() && self != TokenKind::MetricIdentifier)
    }
}

impl Token {
    /// How messages name the token.
    pub fn described(&self, text: &str) -> String {
        let value = &text[self.start..self.end];
        match self.kind {
            TokenKind::End => "end of input".to_owned(),
            TokenKind::Identifier => format!("identifier {}", quoted(value.as_bytes())),
            TokenKind::MetricIdentifier => format!("metric identifier {}", quoted(value.as_bytes())),
            TokenKind::Number => format!("number {}", shortened(value)),
            TokenKind::Duration => format!("duration {}", shortened(value)),
            TokenKind::Text => format!("string {}", shortened(value)),
            TokenKind::Keyword(_) => format!("<{value}>"),
            TokenKind::Operator(_) | TokenKind::RegexMatch | TokenKind::RegexMismatch => {
                format!("<op:{value}>")
            }
            TokenKind::Aggregate(_) => format!("<aggr:{value}>"),
            _ => shortened(value),
        }
    }
}

/// At most ten characters, in quotes.
fn shortened(value: &str) -> String {
    match value.char_indices().nth(10) {
        Some((end, _)) => format!("{}...", quoted(&value.as_bytes()[..end])),
        None => quoted(value.as_bytes()),
    }
}
