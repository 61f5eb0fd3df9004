//! YAML as a tree that knows its lines, and the reading of maps whose keys are all known.
//!
//! One recursive type for the whole file: the YAML library is compiled once for it, where a type for each section would
//! cost the program half a megabyte.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Error, Location, Spanned};

use super::document::WebConfigError;

/// Values of all kinds in one file; a hundred times what anybody has.
const MAX_NODES: usize = 50_000;

/// A value and the line where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given<T> {
    pub line: u64,
    pub value: T,
}

/// A map, of which keys are taken one by one: what is left in the end is unknown.
pub(super) struct Keys<'a> {
    file: &'a Path,
    /// What stands before each key in messages; "" or `tls_server_config.`.
    prefix: String,
    entries: BTreeMap<String, Given<Value>>,
}

pub(super) enum Value {
    Null,
    /// As written, without quotes.
    Scalar(String),
    List(Vec<Given<Value>>),
    Map(Vec<(Given<String>, Given<Value>)>),
}

/// What the parser tells about a node. Numbers and booleans lose their spelling on the way, so it is cut out of the
/// source.
enum Raw {
    Null,
    Spelled,
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'a> Keys<'a> {
    /// Of a whole file; an empty one has none.
    pub fn parse(text: &str, file: &'a Path) -> Result<Keys<'a>, WebConfigError> {
        let options = serde_saphyr::options! {
            with_snippet: false,
            budget: serde_saphyr::budget! { max_nodes: MAX_NODES, max_events: 2 * MAX_NODES },
        };
        let root: Spanned<Raw> =
            serde_saphyr::from_str_with_options(text, options).map_err(|error| refusal(&error, file))?;
        Keys::of(file, String::new(), given(root, text))
    }

    fn of(file: &'a Path, prefix: String, node: Given<Value>) -> Result<Keys<'a>, WebConfigError> {
        let mut keys = Keys { file, prefix, entries: BTreeMap::new() };
        match node.value {
            Value::Null => {}
            Value::Map(entries) => {
                keys.entries = entries.into_iter().map(|(key, node)| (key.value, node)).collect();
            }
            Value::Scalar(_) | Value::List(_) => {
                let key = keys.prefix.trim_end_matches('.').to_owned();
                let reason = "expected keys and values".to_owned();
                return Err(WebConfigError { file: file.to_owned(), line: Some(node.line), key, reason });
            }
        }
        Ok(keys)
    }

    /// A section, which may be missing or empty.
    pub fn section(&mut self, key: &str) -> Result<Keys<'a>, WebConfigError> {
        let node = self.entries.remove(key).unwrap_or(Given { line: 0, value: Value::Null });
        Keys::of(self.file, format!("{}{key}.", self.prefix), node)
    }

    pub fn text(&mut self, key: &str) -> Result<Option<Given<String>>, WebConfigError> {
        let Some(Given { line, value }) = self.entries.remove(key) else { return Ok(None) };
        match value {
            Value::Null => Ok(None),
            Value::Scalar(value) => Ok(Some(Given { line, value })),
            Value::List(_) | Value::Map(_) => Err(self.wrong(key, line, "expected a text")),
        }
    }

    pub fn texts(&mut self, key: &str) -> Result<Option<Vec<Given<String>>>, WebConfigError> {
        let Some(Given { line, value }) = self.entries.remove(key) else { return Ok(None) };
        let items = match value {
            Value::Null => return Ok(None),
            Value::List(items) => items,
            Value::Scalar(_) | Value::Map(_) => return Err(self.wrong(key, line, "expected a list")),
        };
        let texts = items.into_iter().map(|Given { line, value }| match value {
            Value::Scalar(value) => Ok(Given { line, value }),
            _ => Err(self.wrong(key, line, "expected a text")),
        });
        texts.collect::<Result<_, _>>().map(Some)
    }

    /// In all spellings of YAML 1.1, as upstream's.
    pub fn switch(&mut self, key: &str, default: bool) -> Result<bool, WebConfigError> {
        let Some(text) = self.text(key)? else { return Ok(default) };
        match text.value.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" => Ok(true),
            "false" | "no" | "off" | "n" => Ok(false),
            other => Err(self.wrong(key, text.line, &format!("expected true or false, found {other:?}"))),
        }
    }

    /// All keys with their texts; an empty value is an empty text.
    pub fn all_texts(mut self) -> Result<Vec<(String, Given<String>)>, WebConfigError> {
        let keys: Vec<(String, u64)> = self.entries.iter().map(|(key, node)| (key.clone(), node.line)).collect();
        let text = |(key, line): (String, u64)| {
            let text = self.text(&key)?.unwrap_or(Given { line, value: String::new() });
            Ok((key, text))
        };
        keys.into_iter().map(text).collect()
    }

    /// Nothing may be left.
    pub fn finish(self) -> Result<(), WebConfigError> {
        let first = self.entries.iter().min_by_key(|(_, node)| node.line);
        first.map_or(Ok(()), |(key, node)| Err(self.wrong(key, node.line, "unknown key")))
    }

    pub fn wrong(&self, key: &str, line: u64, reason: &str) -> WebConfigError {
        WebConfigError {
            file: self.file.to_owned(),
            line: Some(line),
            key: format!("{}{key}", self.prefix),
            reason: reason.to_owned(),
        }
    }
}

/// A value stands on the line of its key: what is below it may begin later.
fn given(node: Spanned<Raw>, source: &str) -> Given<Value> {
    let line = node.referenced.line();
    let value = match node.value {
        Raw::Null => Value::Null,
        Raw::Spelled => Value::Scalar(spelling(&node.defined, source)),
        Raw::Text(text) => Value::Scalar(text),
        Raw::List(items) => Value::List(items.into_iter().map(|item| given(item, source)).collect()),
        Raw::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, node)| {
                    let line = key.referenced.line();
                    (Given { line, value: key.value }, Given { line, ..given(node, source) })
                })
                .collect(),
        ),
    };
    Given { line, value }
}

fn spelling(location: &Location, source: &str) -> String {
    let span = location.span();
    let start = span.byte_offset().and_then(|offset| usize::try_from(offset).ok());
    let length = span.byte_len().and_then(|length| usize::try_from(length).ok());
    let text = start.zip(length).and_then(|(start, length)| source.get(start..start.checked_add(length)?));
    text.unwrap_or_default().trim_matches(['"', '\'']).to_owned()
}

fn refusal(error: &Error, file: &Path) -> WebConfigError {
    let message = error.to_string();
    let message = &message[..message.rfind(" at line ").unwrap_or(message.len())];
    let (key, reason) = match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => (key.clone(), "given twice".to_owned()),
        Error::MultipleDocuments { .. } => (String::new(), "more than one document".to_owned()),
        _ => (String::new(), format!("not valid YAML: {message}")),
    };
    let line = error.location().map(|location| location.line());
    WebConfigError { file: file.to_owned(), line, key, reason }
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

    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Spelled)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Spelled)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Spelled)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Spelled)
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
