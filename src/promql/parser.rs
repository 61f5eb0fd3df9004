//! Text to tree. A Pratt parser: operators bind by strength, modifiers follow what they modify. The first error ends
//! the work; its text and place are Prometheus'.

mod aggregate;
mod check;
mod duration;
mod expression;
mod matching;
mod number;
mod selector;

pub(crate) use duration::MAX_SECONDS;
use model::Matcher;

use crate::ast::{Expr, ExprKind};
use crate::error::ParseError;
use crate::lexer::words;
use crate::position::Position;
use crate::quote::unquote;
use crate::token::{Keyword, Token, TokenKind};

/// Levels of a tree. Deeper queries are refused, so that neither they nor their evaluation exhaust the stack.
pub const MAX_HEIGHT: u32 = 150;

pub fn parse(text: &str) -> Result<Expr, ParseError> {
    let mut parser = Parser::new(text);
    if parser.peek().kind == TokenKind::End {
        let message = "no expression found in input".to_owned();
        return Err(ParseError { position: Position::UNKNOWN, message });
    }
    let expr = parser.expression()?;
    if parser.peek().kind != TokenKind::End {
        return Err(parser.unexpected("", ""));
    }
    check::check(&expr)?;
    Ok(expr)
}

/// The matchers of a selector that stands alone, as in `match[]`.
pub fn parse_selector(text: &str) -> Result<Vec<Matcher>, ParseError> {
    let expr = parse(text)?;
    match expr.kind {
        ExprKind::Selector(selector) if selector.shift == Default::default() && selector.extension.is_none() => {
            Ok(selector.matchers)
        }
        _ => Err(ParseError { position: expr.position, message: "expected a series selector".to_owned() }),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    /// Why the last token is an `Error`.
    lexer_error: Option<String>,
    next: usize,
    /// How many expressions are being parsed within each other.
    depth: u32,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        let words = words(text);
        Parser { text, tokens: words.tokens, lexer_error: words.error, next: 0, depth: 0 }
    }

    /// The next token; the list ends with `End` or `Error`, which are never passed.
    fn peek(&self) -> Token {
        self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn peek_second(&self) -> Token {
        self.tokens[(self.next + 1).min(self.tokens.len() - 1)]
    }

    fn advance(&mut self) -> Token {
        let token = self.peek();
        self.next += 1;
        token
    }

    /// Takes the next token if it is of this kind.
    fn accept(&mut self, kind: TokenKind) -> bool {
        let found = self.peek().kind == kind;
        if found {
            self.next += 1;
        }
        found
    }

    fn accept_keyword(&mut self, keyword: Keyword) -> bool {
        self.accept(TokenKind::Keyword(keyword))
    }

    /// `context` and `expected` may be empty.
    fn expect(&mut self, kind: TokenKind, context: &str, expected: &str) -> Result<Token, ParseError> {
        if self.peek().kind == kind { Ok(self.advance()) } else { Err(self.unexpected(context, expected)) }
    }

    fn word(&self, token: Token) -> &'a str {
        &self.text[token.start..token.end]
    }

    /// The value of a string token.
    fn string(&self, token: Token) -> Result<Vec<u8>, ParseError> {
        unquote(self.word(token)).map_err(|message| self.error_at(token.start, message))
    }

    /// The value of a string token that names something.
    fn utf8_string(&self, token: Token) -> Result<String, ParseError> {
        String::from_utf8(self.string(token)?)
            .map_err(|_| self.error_at(token.start, format!("invalid UTF-8 in {}", self.word(token))))
    }

    fn position(&self, offset: usize) -> Position {
        Position::of_offset(self.text, offset)
    }

    fn error_at(&self, offset: usize, message: impl Into<String>) -> ParseError {
        ParseError { position: self.position(offset), message: message.into() }
    }

    /// The error for the next token, which does not fit here.
    fn unexpected(&self, context: &str, expected: &str) -> ParseError {
        let token = self.peek();
        if let (TokenKind::Error, Some(message)) = (token.kind, &self.lexer_error) {
            return self.error_at(token.start, message.clone());
        }
        let mut message = format!("unexpected {}", token.described(self.text));
        if !context.is_empty() {
            message.push_str(&format!(" in {context}"));
        }
        if !expected.is_empty() {
            message.push_str(&format!(", expected {expected}"));
        }
        self.error_at(token.start, message)
    }

    /// A node, unless the tree has become too high.
    fn node(&self, kind: ExprKind, position: Position) -> Result<Expr, ParseError> {
        let expr = Expr::new(kind, position);
        if expr.height() > MAX_HEIGHT {
            return Err(ParseError { position, message: too_deep() });
        }
        Ok(expr)
    }

    /// Runs `parse` one level deeper.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, ParseError>) -> Result<T, ParseError> {
        if self.depth >= MAX_HEIGHT {
            return Err(self.error_at(self.peek().start, too_deep()));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }
}

fn too_deep() -> String {
    format!("expression is nested more than {MAX_HEIGHT} levels deep")
}
