//! `application/x-www-form-urlencoded` (WHATWG URL, section 5): query strings and form bodies. Keys may repeat
//! (`match[]`, `collect[]`); `+` is a space.

use crate::percent::hex_value;

/// Pairs in the order sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    pairs: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    #[error("invalid URL escape {0:?}")]
    Escape(String),
    #[error("invalid semicolon separator in query")]
    Semicolon,
    #[error("{0:?} is not UTF-8")]
    Utf8(String),
    #[error("more than {MAX_PAIRS} values")]
    TooMany,
}

/// Pairs of one form. Each costs fifty times the two bytes that it takes to send one.
const MAX_PAIRS: usize = 10_000;

impl Form {
    pub fn parse(text: &str) -> Result<Form, FormError> {
        let mut form = Form::default();
        form.extend(text)?;
        Ok(form)
    }

    /// Passes over what is malformed, as Go's `URL.Query` does, and whatever is beyond the largest size.
    pub fn parse_leniently(text: &str) -> Form {
        let mut form = Form::default();
        for pair in text.split('&') {
            let _ = form.extend(pair);
        }
        form
    }

    /// Appends the pairs of one more encoded text.
    pub(crate) fn extend(&mut self, text: &str) -> Result<(), FormError> {
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            if pair.contains(';') {
                return Err(FormError::Semicolon);
            }
            if self.pairs.len() == MAX_PAIRS {
                return Err(FormError::TooMany);
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.pairs.push((decode(name)?, decode(value)?));
        }
        Ok(())
    }

    /// The first value of a key; `None` when it was not sent at all.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(candidate, _)| *candidate == name).map(|(_, value)| value)
    }

    /// The first value of a key, "" when it was not sent.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or("")
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(candidate, _)| candidate == name).map(|(_, value)| value.as_str())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn decode(text: &str) -> Result<String, FormError> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        match bytes[index] {
            b'+' => decoded.push(b' '),
            b'%' => {
                let digits = bytes.get(index + 1..index + 3);
                let value = digits.and_then(|digits| Some(hex_value(digits[0])? * 16 + hex_value(digits[1])?));
                let escape = || String::from_utf8_lossy(&bytes[index..bytes.len().min(index + 3)]).into_owned();
                decoded.push(value.ok_or_else(|| FormError::Escape(escape()))?);
                index += 2;
            }
            byte => decoded.push(byte),
        }
        index += 1;
    }
    String::from_utf8(decoded).map_err(|_| FormError::Utf8(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_repeat_and_keep_their_order() {
        let form = Form::parse("match[]=up&match%5B%5D=a%2Bb+c&x=&flag").expect("valid");
        assert_eq!(form.all("match[]").collect::<Vec<_>>(), ["up", "a+b c"]);
        assert_eq!((form.get("x"), form.get("flag"), form.get("y")), (Some(""), Some(""), None));
    }

    #[test]
    fn lenient_parsing_keeps_what_is_well_formed() {
        let form = Form::parse_leniently("a=1&%zz&b;c&=&x%4=1&a=2");
        assert_eq!(form.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(form.iter().count(), 3);
    }

    #[test]
    fn forms_have_a_largest_size() {
        assert!(Form::parse(&"a&".repeat(10_000)).is_ok());
        assert_eq!(Form::parse(&"a&".repeat(10_001)), Err(FormError::TooMany));
    }

    #[test]
    fn broken_escapes_are_named() {
        assert_eq!(Form::parse("q=1%zz2"), Err(FormError::Escape("%zz".to_owned())));
        assert_eq!(Form::parse("q=%4"), Err(FormError::Escape("%4".to_owned())));
        assert_eq!(Form::parse("a=1;b=2"), Err(FormError::Semicolon));
        assert!(matches!(Form::parse("a=%ff"), Err(FormError::Utf8(_))));
    }
}
