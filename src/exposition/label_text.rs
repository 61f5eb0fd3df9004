//! Labels as they stand between the braces. What does not change from scrape to scrape (the identity of a container)
//! is escaped once, kept, and copied from then on.

use memchr::memchr3;

/// `a="1",b="2"`, escaped, without braces and without a trailing comma.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LabelText(Vec<u8>);

impl LabelText {
    pub fn new<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut text = LabelText::default();
        for (name, value) in labels {
            text.push(name, value);
        }
        text
    }

    pub fn push(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push(b',');
        }
        write_label(&mut self.0, name, value);
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// `name="value"` with backslash, quote and line feed escaped.
pub(crate) fn write_label(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    let mut rest = value.as_bytes();
    while let Some(position) = memchr3(b'\\', b'"', b'\n', rest) {
        out.extend_from_slice(&rest[..position]);
        out.extend_from_slice(match rest[position] {
            b'\\' => b"\\\\",
            b'"' => b"\\\"",
            _ => b"\\n",
        });
        rest = &rest[position + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_and_pairs_joined() {
        let text = LabelText::new([("a", "1"), ("path", "C:\\dir \"x\"\n")]);
        assert_eq!(text.as_bytes(), br#"a="1",path="C:\\dir \"x\"\n""#);
    }
}
