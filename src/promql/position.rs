//! Where something stands in the text of a query.

use std::fmt;

/// Line and column, both counted from 1, the column in bytes: what Prometheus shows in its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

impl Position {
    pub const START: Position = Position { line: 1, column: 1 };
    /// Where there is no text to point at.
    pub const UNKNOWN: Position = Position { line: 0, column: 0 };

    /// The position of a byte offset; offsets past the end mean the end.
    pub fn of_offset(text: &str, offset: usize) -> Self {
        let before = &text.as_bytes()[..offset.min(text.len())];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Position { line: line as u32, column: (before.len() - line_start + 1) as u32 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Position::UNKNOWN {
            return f.write_str("unknown position");
        }
        write!(f, "{}:{}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_start_again_on_every_line() {
        let text = "sum(\n  x\n)";
        assert_eq!(Position::of_offset(text, 0), Position::START);
        assert_eq!(Position::of_offset(text, 7).to_string(), "2:3");
        assert_eq!(Position::of_offset(text, 99).to_string(), "3:2");
    }
}
