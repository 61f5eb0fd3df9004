//! `/etc/os-release` and `/usr/lib/os-release` (os-release(5), since systemd 17): which distribution this is, as
//! assignments in the style of a shell.

use std::collections::BTreeMap;

use crate::scan::{ParseError, lines, to_text};

/// The assignments by name. A later one wins over an earlier one, as in a shell; unknown names are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OsRelease {
    values: BTreeMap<String, String>,
}

impl OsRelease {
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut values = BTreeMap::new();
        for (number, line) in lines(bytes) {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let equals = memchr::memchr(b'=', line).filter(|equals| *equals > 0);
            let equals = equals.ok_or_else(|| ParseError::new(number, "NAME=value", line))?;
            let value = unquote(&line[equals + 1..]);
            let value = value.ok_or_else(|| ParseError::new(number, "a closing quote", line))?;
            values.insert(to_text(&line[..equals]), to_text(&value));
        }
        Ok(OsRelease { values })
    }

    /// The value of a name such as `VERSION_ID`; "" when it is not set.
    pub fn value(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }
}

/// Takes quotes away and resolves backslashes. `None` when a quote is not closed. What follows a blank outside of quotes
/// is no longer the value, as in a shell.
fn unquote(text: &[u8]) -> Option<Vec<u8>> {
    let mut value = Vec::with_capacity(text.len());
    let mut quote = None;
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (Some(open), _) if open == byte => quote = None,
            (Some(b'\''), _) => value.push(byte),
            (_, b'\\') => value.extend(bytes.next()),
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b' ' | b'\t') => break,
            _ => value.push(byte),
        }
    }
    quote.is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quotes_and_backslashes_are_resolved() {
        let release = OsRelease::parse(
            b"# a comment\nNAME=\"Debian GNU/Linux\"\nID=debian\nVERSION='12 (\"bookworm\")'\n\nPRETTY_NAME=\"a \\\"b\\\" \\$c\"\nEMPTY=\n",
        )
        .expect("valid");
        assert_eq!(release.value("NAME"), "Debian GNU/Linux");
        assert_eq!(release.value("ID"), "debian");
        assert_eq!(release.value("VERSION"), "12 (\"bookworm\")");
        assert_eq!(release.value("PRETTY_NAME"), "a \"b\" $c");
        assert_eq!(release.value("EMPTY"), "");
        assert_eq!(release.value("MISSING"), "");
    }

    #[test]
    fn what_is_no_assignment_is_named() {
        let error = OsRelease::parse(b"NAME=x\nwhatever\n").expect_err("no assignment");
        assert_eq!(error.to_string(), r#"line 2: expected NAME=value, found "whatever""#);
        assert!(OsRelease::parse(b"NAME=\"open\n").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = OsRelease::parse(&bytes);
        }
    }
}
