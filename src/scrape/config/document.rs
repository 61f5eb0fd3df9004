//! A YAML document as a tree in which every node knows its place, so that a value that turns out wrong long after
//! parsing can still be pointed at. JSON is read the same way: YAML contains it.
//!
//! Duplicate keys, text that is not UTF-8 and documents of absurd depth or size are refused here.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::NonFiniteFloatPolicy;
use serde_saphyr::{Error, Location, Spanned};

use super::error::{ConfigError, Place, Problem, ProblemKind};

/// Values of all kinds in one file: enough for a hundred thousand targets with a dozen labels each.
const MAX_NODES: usize = 4_000_000;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub place: Place,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    /// `true`, `yes`, `on` and their opposites, with the text as written.
    Bool(bool, String),
    /// A number as written.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key of a map; keys are unique.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub key: String,
    pub place: Place,
    pub node: Node,
}

impl Node {
    /// An empty document is a null.
    pub fn parse(text: &str, file: &str) -> Result<Node, ConfigError> {
        let options = serde_saphyr::options! {
            with_snippet: false,
            non_finite_float_policy: NonFiniteFloatPolicy::AsString,
            budget: serde_saphyr::budget! { max_nodes: MAX_NODES, max_events: 2 * MAX_NODES },
        };
        let parsed: Spanned<Raw> = serde_saphyr::from_str_with_options(text, options)
            .map_err(|error| ConfigError::new(vec![problem(&error, file)]))?;
        Ok(parsed.node(text))
    }

    /// Any single value as the text that stands in the file: where a text is wanted, `1234` means "1234".
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::Number(text) | Value::Bool(_, text) => Some(text),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// What the node is, for messages that say what was found instead.
    pub fn kind(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(_, text) | Value::Number(text) => text.clone(),
            Value::Text(text) => format!("{text:?}"),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }
}

/// What the parser tells about a node. Numbers lose their spelling on the way (`007`), so it is cut out of the source.
enum Raw {
    Null,
    Bool(bool),
    Number,
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

trait IntoNode {
    fn node(self, source: &str) -> Node;
}

impl IntoNode for Spanned<Raw> {
    fn node(self, source: &str) -> Node {
        let spelling = || spelling(&self.defined, source);
        let value = match self.value {
            Raw::Null => Value::Null,
            Raw::Bool(value) => Value::Bool(value, spelling()),
            Raw::Number => Value::Number(spelling()),
            Raw::Text(text) => Value::Text(text),
            Raw::List(items) => Value::List(items.into_iter().map(|item| item.node(source)).collect()),
            Raw::Map(entries) => {
                Value::Map(entries.into_iter().map(|(key, value)| entry(key, value, source)).collect())
            }
        };
        Node { place: place(&self.referenced), value }
    }
}

fn entry(key: Spanned<String>, value: Spanned<Raw>, source: &str) -> Entry {
    Entry { place: place(&key.referenced), key: key.value, node: value.node(source) }
}

fn place(location: &Location) -> Place {
    Place { line: location.line(), column: location.column() }
}

fn spelling(location: &Location, source: &str) -> String {
    let span = location.span();
    let start = span.byte_offset().and_then(|offset| usize::try_from(offset).ok());
    let len = span.byte_len().and_then(|len| usize::try_from(len).ok());
    let text = start.zip(len).and_then(|(start, len)| source.get(start..start.checked_add(len)?));
    text.unwrap_or_default().trim_matches(['"', '\'']).to_owned()
}

fn problem(error: &Error, file: &str) -> Problem {
    let reason = match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("the key {key:?} is given twice"),
        Error::BinaryNotUtf8 { .. } => "the text is not valid UTF-8".to_owned(),
        Error::InvalidBinaryBase64 { .. } => "the !!binary text is neither base64 nor valid UTF-8".to_owned(),
        Error::NullIntoString { .. } => "a key is missing before the colon".to_owned(),
        Error::MultipleDocuments { .. } => "expected one YAML document, found another after ---".to_owned(),
        other => {
            let text = other.to_string();
            let located = text.rfind(" at line ").unwrap_or(text.len());
            format!("not valid YAML: {}", &text[..located])
        }
    };
    let place = error.location().map(|location| place(&location)).unwrap_or_default();
    Problem { kind: ProblemKind::Wrong, file: file.to_owned(), place, key: String::new(), reason }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Raw, E> {
        Ok(Raw::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<Entry> {
        match Node::parse(text, "test.yml").expect("valid").value {
            Value::Map(entries) => entries,
            other => panic!("not a map: {other:?}"),
        }
    }

    fn refusal(text: &str) -> String {
        Node::parse(text, "test.yml").expect_err("invalid").to_string()
    }

    #[test]
    fn numbers_keep_their_spelling() {
        for text in ["007", "1e3", "0x1F", "-0.50", "1_000"] {
            let entries = entries(&format!("é: {text} # comment\n"));
            assert_eq!(entries[0].node.text(), Some(text));
        }
    }

    #[test]
    fn an_alias_stands_where_it_is_used_and_reads_as_what_it_means() {
        let entries = entries("a: &x 015\nb: *x\n");
        assert_eq!(entries[1].node.text(), Some("015"));
        assert_eq!(entries[1].node.place, Place { line: 2, column: 4 });
    }

    #[test]
    fn refusals_name_the_place_and_the_reason() {
        assert_eq!(refusal("a: 1\na: 2"), r#"test.yml:2:1: the key "a" is given twice"#);
        assert_eq!(refusal("a: !!binary \"/w==\""), "test.yml:1:13: the text is not valid UTF-8");
        assert_eq!(refusal("a: 1\n---\nb: 2"), "test.yml:3:1: expected one YAML document, found another after ---");
        assert!(refusal("a: [1").starts_with("test.yml:1:4: not valid YAML: "), "{}", refusal("a: [1"));
    }

    #[test]
    fn an_empty_document_is_null() {
        for text in ["", "# only a comment", "---\n"] {
            assert_eq!(Node::parse(text, "test.yml").expect("valid").value, Value::Null);
        }
    }
}
