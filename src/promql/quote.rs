//! Strings as Go spells them, which is how PromQL spells them: `"…"` and `'…'` with escapes, `` `…` `` without.

use std::fmt::Write;

/// Appends the bytes as a double-quoted literal that reads back as the same bytes.
pub fn write_quoted(out: &mut impl Write, bytes: &[u8]) -> std::fmt::Result {
    out.write_char('"')?;
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            write_escaped(out, c)?;
        }
        for byte in chunk.invalid() {
            write!(out, "\\x{byte:02x}")?;
        }
    }
    out.write_char('"')
}

pub fn quoted(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 2);
    write_quoted(&mut text, bytes).expect("writing to a string cannot fail");
    text
}

fn write_escaped(out: &mut impl Write, c: char) -> std::fmt::Result {
    match c {
        '"' => out.write_str("\\\""),
        '\\' => out.write_str("\\\\"),
        '\x07' => out.write_str("\\a"),
        '\x08' => out.write_str("\\b"),
        '\x0c' => out.write_str("\\f"),
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        '\x0b' => out.write_str("\\v"),
        c if is_printable(c) => out.write_char(c),
        c if u32::from(c) < 0x80 => write!(out, "\\x{:02x}", u32::from(c)),
        c if u32::from(c) < 0x1_0000 => write!(out, "\\u{:04x}", u32::from(c)),
        c => write!(out, "\\U{:08x}", u32::from(c)),
    }
}

fn is_printable(c: char) -> bool {
    // The quote is handled before, so what `escape_debug` leaves alone is printable.
    c == '\'' || c.escape_debug().len() == 1
}

/// The bytes that a literal with its quotes means; `Err` has a message.
pub fn unquote(literal: &str) -> Result<Vec<u8>, String> {
    let quote = literal.chars().next().ok_or("invalid syntax")?;
    let inner = literal[quote.len_utf8()..].strip_suffix(quote).ok_or("invalid syntax")?;
    if quote == '`' {
        return Ok(inner.as_bytes().to_vec());
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' => rest = unescape(rest, quote, &mut out)?,
            _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Ok(out)
}

/// Reads one escape after its backslash and returns what follows.
fn unescape<'a>(text: &'a str, quote: char, out: &mut Vec<u8>) -> Result<&'a str, String> {
    let c = text.chars().next().ok_or("escape sequence not terminated")?;
    let after = &text[c.len_utf8()..];
    let byte = match c {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        c if c == quote => quote as u8,
        'x' => {
            out.push(digits(after, 2, 16)? as u8);
            return Ok(&after[2..]);
        }
        '0'..='7' => {
            let code = digits(text, 3, 8)?;
            out.push(u8::try_from(code).map_err(|_| format!("escape sequence is an invalid byte {code:#o}"))?);
            return Ok(&text[3..]);
        }
        'u' | 'U' => {
            let count = if c == 'u' { 4 } else { 8 };
            let code = digits(after, count, 16)?;
            let point = char::from_u32(code).ok_or("escape sequence is an invalid Unicode code point")?;
            out.extend_from_slice(point.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(&after[count..]);
        }
        other => return Err(format!("unknown escape sequence U+{:04X} {}", u32::from(other), quoted_char(other))),
    };
    out.push(byte);
    Ok(after)
}

fn digits(text: &str, count: usize, radix: u32) -> Result<u32, String> {
    let part = text.get(..count).ok_or("escape sequence not terminated")?;
    match part.chars().find(|c| !c.is_digit(radix)) {
        Some(c) => Err(format!("illegal character U+{:04X} {} in escape sequence", u32::from(c), quoted_char(c))),
        None => u32::from_str_radix(part, radix).map_err(|_| "escape sequence is out of range".to_owned()),
    }
}

/// A character as messages show it: `'x'`.
pub fn quoted_char(c: char) -> String {
    match c {
        '\'' => "'\\''".to_owned(),
        '"' => "'\"'".to_owned(),
        c => {
            let text = quoted(c.encode_utf8(&mut [0; 4]).as_bytes());
            format!("'{}'", &text[1..text.len() - 1])
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_three_kinds_of_quotes_are_read() {
        assert_eq!(unquote(r#""a\n\"'\x41\101\u00e9\\""#), Ok("a\n\"'AA\u{e9}\\".as_bytes().to_vec()));
        assert_eq!(unquote(r"'it\'s'"), Ok(b"it's".to_vec()));
        assert_eq!(unquote(r"`raw \n`"), Ok(br"raw \n".to_vec()));
        assert_eq!(unquote(r#""\xff""#), Ok(vec![0xff]));
    }

    #[test]
    fn unknown_escapes_are_refused() {
        for literal in [r#""\q""#, r#""\'""#, r#""\x1""#, r#""\ud800""#, r#""\777""#, "\"", ""] {
            assert!(unquote(literal).is_err(), "{literal}");
        }
    }

    #[test]
    fn quoting_spells_control_characters_and_bytes_as_go_does() {
        assert_eq!(quoted("a\"\u{7f}\u{200b}\u{e9}".as_bytes()), "\"a\\\"\\x7f\\u200b\u{e9}\"");
        assert_eq!(quoted(b"a\xc5z"), r#""a\xc5z""#);
        assert_eq!(quoted_char('~'), "'~'");
    }

    proptest! {
        #[test]
        fn every_string_of_bytes_reads_back(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(unquote(&quoted(&bytes)), Ok(bytes));
        }
    }
}
