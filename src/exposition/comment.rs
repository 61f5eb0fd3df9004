//! Lines that start with `#`: metadata, OpenMetrics' `# EOF`, and comments.

use memchr::memchr2;

use crate::cursor::{Cursor, skip_blanks};
use crate::{Dialect, Entry, MetricType, Reason};

pub(crate) enum Comment<'a> {
    /// Text without meaning; only text 0.0.4 has it.
    Plain,
    Eof,
    Metadata(Entry<'a>),
}

pub(crate) fn read_comment(line: &[u8], dialect: Dialect) -> Result<Comment<'_>, Reason> {
    match dialect {
        Dialect::Text => read_text(line),
        Dialect::OpenMetrics => read_openmetrics(line),
    }
}

/// `# HELP name text` and `# TYPE name word`, with any number of blanks; all else is a comment.
fn read_text(line: &[u8]) -> Result<Comment<'_>, Reason> {
    let after_hash = &line[1..];
    let content = skip_blanks(after_hash);
    if content.len() == after_hash.len() {
        return Ok(Comment::Plain);
    }
    let Some(length) = memchr2(b' ', b'\t', content) else { return Ok(Comment::Plain) };
    let (word, rest) = content.split_at(length);
    let mut cursor = Cursor::new(skip_blanks(rest), Dialect::Text);
    match word {
        b"HELP" => {
            let name = name(&mut cursor)?;
            let help = cursor.rest().get(1..).unwrap_or_default();
            Ok(Comment::Metadata(Entry::Help { name, help }))
        }
        b"TYPE" => {
            let name = name(&mut cursor)?;
            let word = cursor.rest().trim_ascii();
            let kind = MetricType::from_word(word, Dialect::Text).ok_or_else(|| Reason::expected("a type", word))?;
            Ok(Comment::Metadata(Entry::Type { name, kind }))
        }
        _ => Ok(Comment::Plain),
    }
}

/// `# HELP name text`, `# TYPE name word`, `# UNIT name unit` and `# EOF`, with single spaces; there is nothing else.
fn read_openmetrics(line: &[u8]) -> Result<Comment<'_>, Reason> {
    const KEYWORDS: &str = "HELP, TYPE, UNIT or EOF";
    let content = line.strip_prefix(b"# ").ok_or_else(|| Reason::expected(KEYWORDS, line))?;
    if content == b"EOF" {
        return Ok(Comment::Eof);
    }
    let (word, rest) = content.split_at_checked(5).ok_or_else(|| Reason::expected(KEYWORDS, content))?;
    let mut cursor = Cursor::new(rest, Dialect::OpenMetrics);
    if !matches!(word, b"HELP " | b"TYPE " | b"UNIT ") {
        return Err(Reason::expected(KEYWORDS, content));
    }
    let name = name(&mut cursor)?;
    cursor.expect(b' ', "a space")?;
    let text = cursor.rest();
    Ok(Comment::Metadata(match word {
        b"HELP " => Entry::Help { name, help: text },
        b"TYPE " => {
            let kind = MetricType::from_word(text, Dialect::OpenMetrics);
            Entry::Type { name, kind: kind.ok_or_else(|| Reason::expected("a type", text))? }
        }
        _ if is_unit_of(name, text) => Entry::Unit { name, unit: text },
        _ => {
            let [name, unit] = [name, text].map(crate::parse::excerpt);
            return Err(Reason::UnitNotInName { name, unit });
        }
    }))
}

fn is_unit_of(name: &[u8], unit: &[u8]) -> bool {
    unit.is_empty() || name.strip_suffix(unit).is_some_and(|rest| rest.ends_with(b"_"))
}

/// A metric name, which stands in quotes when it has unusual characters.
fn name<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], Reason> {
    if cursor.is_at(b'"') { cursor.quoted() } else { cursor.metric_name() }
}
