//! `--agent.config-file`: YAML whose keys are the names of flags. Dots may be written as nesting, in any mixture:
//!
//! ```yaml
//! collector.netdev.device-exclude: ^veth
//! collector:
//!   wifi: true
//!   textfile.directory: [/var/lib/vitals, /run/vitals]
//! ```

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

/// Nodes of one file; a hundred times what all flags need.
const MAX_NODES: usize = 50_000;

/// What a file gives, in its order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct File {
    pub entries: Vec<Entry>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// All names above it and its own, joined by dots.
    pub key: String,
    /// Several where the file has a list.
    pub values: Vec<Scalar>,
    pub line: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Scalar {
    /// As written, without quotes.
    pub text: String,
    /// Set for `true`, `yes`, `on` and their opposites where they stand without quotes.
    pub is_true: Option<bool>,
}

enum Node {
    Null,
    Bool(bool),
    Number,
    Text(String),
    List(Vec<Spanned<Node>>),
    Map(Vec<(Spanned<String>, Spanned<Node>)>),
}

impl File {
    /// A fault names its line.
    pub fn parse(text: &str) -> Result<File, (u64, String)> {
        let options = serde_saphyr::options! {
            with_snippet: false,
            budget: serde_saphyr::budget! { max_nodes: MAX_NODES, max_events: 2 * MAX_NODES },
        };
        let root: Spanned<Node> = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let words = error.to_string();
            // The parser's advice to programmers is none to whoever wrote the file.
            let reason = match &error {
                serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => format!("{key}: given twice"),
                serde_saphyr::Error::MultipleDocuments { .. } => "more than one document".to_owned(),
                _ => words.split(" at line ").next().unwrap_or_default().to_owned(),
            };
            (error.location().map_or(1, |location| location.line()), reason)
        })?;
        let mut file = File::default();
        match root.value {
            Node::Null => {}
            Node::Map(entries) => file.take_map("", entries, text)?,
            _ => return Err((root.referenced.line(), "expected flags by name".to_owned())),
        }
        Ok(file)
    }

    fn take_map(
        &mut self,
        above: &str,
        entries: Vec<(Spanned<String>, Spanned<Node>)>,
        source: &str,
    ) -> Result<(), (u64, String)> {
        for (name, node) in entries {
            let line = name.referenced.line();
            let key = if above.is_empty() { name.value } else { format!("{above}.{}", name.value) };
            let of_list = |item: Spanned<Node>| {
                let line = item.referenced.line();
                scalar(item, source).ok_or_else(|| (line, format!("{key}: expected a list of single values")))
            };
            let values = match node.value {
                Node::Map(below) => {
                    self.take_map(&key, below, source)?;
                    continue;
                }
                Node::List(items) => items.into_iter().map(of_list).collect::<Result<_, _>>()?,
                _ => vec![scalar(node, source).ok_or_else(|| (line, format!("{key}: expected a value")))?],
            };
            self.entries.push(Entry { key, values, line });
        }
        Ok(())
    }
}

fn scalar(node: Spanned<Node>, source: &str) -> Option<Scalar> {
    let (text, is_true) = match node.value {
        Node::Bool(value) => (spelling(&node.defined, source), Some(value)),
        Node::Number => (spelling(&node.defined, source), None),
        Node::Text(text) => (text, None),
        Node::Null | Node::List(_) | Node::Map(_) => return None,
    };
    Some(Scalar { text, is_true })
}

/// Numbers lose their spelling in the parser (`007`), so it is cut out of the source.
fn spelling(location: &Location, source: &str) -> String {
    let span = location.span();
    let start = span.byte_offset().and_then(|offset| usize::try_from(offset).ok());
    let length = span.byte_len().and_then(|length| usize::try_from(length).ok());
    let text = start.zip(length).and_then(|(start, length)| source.get(start..start.checked_add(length)?));
    text.unwrap_or_default().trim_matches(['"', '\'']).to_owned()
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Number)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Node::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<(String, String, u64)> {
        let file = File::parse(text).expect("valid");
        let joined = |entry: &Entry| entry.values.iter().map(|one| one.text.as_str()).collect::<Vec<_>>().join(" ");
        file.entries.iter().map(|entry| (entry.key.clone(), joined(entry), entry.line)).collect()
    }

    #[test]
    fn dots_and_nesting_are_the_same() {
        let text = "# mine\ncollector.cpu: true\ncollector:\n  cpu.info: yes\n  textfile:\n    directory: [/a, /b]\n\
            path:\n  max-kept-files: 0100\nweb.timeout-offset: 0.50\n";
        let owned = |(key, value, line): (&str, &str, u64)| (key.to_owned(), value.to_owned(), line);
        let expected = [
            ("collector.cpu", "true", 2),
            ("collector.cpu.info", "yes", 4),
            ("collector.textfile.directory", "/a /b", 6),
            ("path.max-kept-files", "0100", 8),
            ("web.timeout-offset", "0.50", 9),
        ];
        assert_eq!(entries(text), expected.map(owned));
        assert_eq!(entries(""), []);
        assert_eq!(entries("# nothing\n"), []);
    }

    #[test]
    fn what_cannot_be_read_names_its_line() {
        for (text, line, part) in [
            ("a: 1\nb: [1", 2, ""),
            ("a: 1\na: 2\n", 2, "a: given twice"),
            ("a: 1\n---\nb: 2\n", 3, "more than one document"),
            ("- a\n", 1, "expected flags by name"),
            ("a:\n  b:\n", 2, "a.b: expected a value"),
            ("a:\n- [1]\n", 2, "a: expected a list of single values"),
        ] {
            let (found, reason) = File::parse(text).expect_err(text);
            assert!(found == line && reason.contains(part), "{text:?}: {found}: {reason}");
        }
    }
}
