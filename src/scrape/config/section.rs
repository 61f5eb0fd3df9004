//! Reading a map of known keys: each read names the key and the type wanted, what is wrong is noted rather than
//! thrown, and at the end every key that was never asked for is unknown.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use model::parse_duration_ms;

use super::Secret;
use super::document::{Entry, Node, Value};
use super::error::{ConfigError, Place, Problem, ProblemKind};
use super::size::parse_size_bytes;

/// One file while it is read: its name, and what was found wrong in it so far.
pub(crate) struct Reading {
    /// The file as the user named it, for messages.
    pub file: String,
    /// The folder that relative paths in the file are relative to.
    folder: PathBuf,
    problems: RefCell<Vec<Problem>>,
}

/// A map of the file and the path of keys that leads to it.
pub(crate) struct Section<'a> {
    pub reading: &'a Reading,
    place: Place,
    path: String,
    entries: &'a [Entry],
    /// Keys that were asked for.
    known: Vec<&'static str>,
}

/// One value of a section.
#[derive(Clone)]
pub(crate) struct Field<'a> {
    reading: &'a Reading,
    pub path: String,
    pub place: Place,
    pub node: &'a Node,
}

impl Reading {
    pub fn new(file: &Path) -> Self {
        let folder = file.parent().unwrap_or(Path::new("")).to_path_buf();
        Reading { file: file.display().to_string(), folder, problems: RefCell::default() }
    }

    pub fn note(&self, kind: ProblemKind, place: Place, key: &str, reason: impl Into<String>) {
        let problem = Problem { kind, file: self.file.clone(), place, key: key.to_owned(), reason: reason.into() };
        self.problems.borrow_mut().push(problem);
    }

    pub fn join(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    pub fn finish(self) -> Result<(), ConfigError> {
        let problems = self.problems.into_inner();
        if problems.is_empty() { Ok(()) } else { Err(ConfigError::new(problems)) }
    }

    /// The whole document as a section; an empty document is an empty section.
    pub fn root<'a>(&'a self, document: &'a Node) -> Section<'a> {
        let field = Field { reading: self, path: String::new(), place: document.place, node: document };
        field.section().unwrap_or_else(|| field.empty_section())
    }

    /// The whole document as a list.
    pub fn root_items<'a>(&'a self, document: &'a Node) -> Vec<Field<'a>> {
        Field { reading: self, path: String::new(), place: document.place, node: document }.items()
    }
}

impl<'a> Field<'a> {
    /// The file that the field stands in.
    pub fn reading(&self) -> &'a Reading {
        self.reading
    }

    pub fn wrong(&self, reason: impl Into<String>) {
        self.reading.note(ProblemKind::Wrong, self.place, &self.path, reason);
    }

    pub fn unsupported(&self, what: &str) {
        self.reading.note(ProblemKind::Unsupported, self.place, &self.path, format!("{what} is not supported yet"));
    }

    pub fn is_null(&self) -> bool {
        self.node.value == Value::Null
    }

    fn expected<T>(&self, what: &str) -> Option<T> {
        self.wrong(format!("expected {what}, found {}", self.node.kind()));
        None
    }

    pub fn text(&self) -> Option<&'a str> {
        self.node.text().or_else(|| self.expected("a text"))
    }

    /// A text, or a null as the empty text.
    pub fn text_or_empty(&self) -> Option<&'a str> {
        if self.is_null() { Some("") } else { self.text() }
    }

    pub fn bool(&self) -> Option<bool> {
        match self.node.value {
            Value::Bool(value, _) => Some(value),
            _ => self.expected("true or false"),
        }
    }

    /// Plain decimal digits only: `010` and `1e3` mean different numbers to different readers.
    pub fn number(&self) -> Option<u64> {
        let plain = match &self.node.value {
            Value::Number(text) => text.parse().ok().filter(|number: &u64| number.to_string() == *text),
            _ => None,
        };
        plain.or_else(|| self.expected("a whole number, 0 or more"))
    }

    pub fn fraction(&self) -> Option<f64> {
        match &self.node.value {
            Value::Number(text) => text.parse().ok().or_else(|| self.expected("a number")),
            _ => self.expected("a number"),
        }
    }

    pub fn duration_ms(&self) -> Option<i64> {
        let text = self.node.text();
        let parsed = text.and_then(|text| parse_duration_ms(text).ok());
        parsed.or_else(|| self.expected("a duration such as 30s, 5m or 1h30m"))
    }

    pub fn size_bytes(&self) -> Option<u64> {
        self.node.text().and_then(parse_size_bytes).or_else(|| self.expected("a size such as 512KB, 10MB or 1GiB"))
    }

    /// The items of a list; a null is an empty list.
    pub fn items(&self) -> Vec<Field<'a>> {
        match &self.node.value {
            Value::List(items) => items
                .iter()
                .enumerate()
                .map(|(index, node)| Field {
                    reading: self.reading,
                    path: format!("{}[{index}]", self.path),
                    place: node.place,
                    node,
                })
                .collect(),
            Value::Null => Vec::new(),
            _ => {
                self.expected::<()>("a list");
                Vec::new()
            }
        }
    }

    pub fn texts(&self) -> Vec<String> {
        self.items().iter().filter_map(|item| item.text_or_empty()).map(str::to_owned).collect()
    }

    /// The entries of a map whose keys are free, such as labels; a null is an empty map.
    pub fn pairs(&self) -> Vec<(&'a str, Field<'a>)> {
        match &self.node.value {
            Value::Map(entries) => {
                entries.iter().map(|entry| (entry.key.as_str(), field(self.reading, &self.path, entry))).collect()
            }
            Value::Null => Vec::new(),
            _ => {
                self.expected::<()>("a map");
                Vec::new()
            }
        }
    }

    /// A map of known keys; `None` and noted when it is something else, an empty section for a null.
    pub fn section(&self) -> Option<Section<'a>> {
        let empty = self.empty_section();
        match &self.node.value {
            Value::Map(entries) => Some(Section { entries, ..empty }),
            Value::Null => Some(empty),
            _ => self.expected("a map"),
        }
    }

    fn empty_section(&self) -> Section<'a> {
        Section { reading: self.reading, place: self.place, path: self.path.clone(), entries: &[], known: Vec::new() }
    }
}

fn field<'a>(reading: &'a Reading, path: &str, entry: &'a Entry) -> Field<'a> {
    let path = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
    // Only a scalar can be pointed at; the key stands for anything else.
    let place = if entry.node.text().is_some() { entry.node.place } else { entry.place };
    Field { reading, path, place, node: &entry.node }
}

impl<'a> Section<'a> {
    /// The value of a key if the key is there, even if it is null.
    pub fn given(&mut self, key: &'static str) -> Option<Field<'a>> {
        self.known.push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(field(self.reading, &self.path, entry))
    }

    /// The value of a key; null is as good as not given.
    pub fn field(&mut self, key: &'static str) -> Option<Field<'a>> {
        self.given(key).filter(|field| !field.is_null())
    }

    pub fn text(&mut self, key: &'static str) -> Option<&'a str> {
        self.field(key)?.text()
    }

    /// A text that is not empty.
    pub fn filled_text(&mut self, key: &'static str) -> Option<&'a str> {
        self.text(key).filter(|text| !text.is_empty())
    }

    pub fn bool(&mut self, key: &'static str) -> Option<bool> {
        self.field(key)?.bool()
    }

    /// A duration other than 0, which means "the default" everywhere.
    pub fn duration_ms(&mut self, key: &'static str) -> Option<i64> {
        self.field(key)?.duration_ms().filter(|&ms| ms != 0)
    }

    /// A count; 0 means "no limit" everywhere.
    pub fn limit(&mut self, key: &'static str) -> Option<u64> {
        self.field(key)?.number().filter(|&limit| limit != 0)
    }

    pub fn size_limit(&mut self, key: &'static str) -> Option<u64> {
        self.field(key)?.size_bytes().filter(|&limit| limit != 0)
    }

    pub fn secret(&mut self, key: &'static str) -> Option<Secret> {
        self.filled_text(key).map(Secret::new)
    }

    /// A path, relative to the folder of the file.
    pub fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        self.filled_text(key).map(|path| self.reading.join(path))
    }

    pub fn items(&mut self, key: &'static str) -> Vec<Field<'a>> {
        self.field(key).map(|field| field.items()).unwrap_or_default()
    }

    pub fn pairs(&mut self, key: &'static str) -> Vec<(&'a str, Field<'a>)> {
        self.field(key).map(|field| field.pairs()).unwrap_or_default()
    }

    pub fn section(&mut self, key: &'static str) -> Option<Section<'a>> {
        self.field(key)?.section()
    }

    /// Refuses a key by its name, unless its value is empty.
    pub fn unsupported(&mut self, key: &'static str) {
        let Some(field) = self.field(key) else { return };
        let is_empty = match &field.node.value {
            Value::List(items) => items.is_empty(),
            Value::Map(entries) => entries.is_empty(),
            Value::Text(text) => text.is_empty(),
            _ => false,
        };
        if !is_empty {
            field.unsupported(key);
        }
    }

    /// Refuses `true`; `false` is what happens anyway.
    pub fn unsupported_if_true(&mut self, key: &'static str) {
        if let Some(field) = self.field(key)
            && field.bool() == Some(true)
        {
            field.unsupported(key);
        }
    }

    /// Notes a problem of one key, or of the section when the key is not there.
    pub fn wrong(&self, key: &str, reason: impl Into<String>) {
        let entry = self.entries.iter().find(|entry| entry.key == key);
        let place = entry.map_or(self.place, |entry| field(self.reading, "", entry).place);
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        self.reading.note(ProblemKind::Wrong, place, &path, reason);
    }

    /// The keys that were asked for so far.
    #[cfg(test)]
    pub fn known(&self) -> &[&'static str] {
        &self.known
    }

    /// Every key that was not asked for is unknown.
    pub fn finish(self) {
        for entry in self.entries.iter().filter(|entry| !self.known.contains(&entry.key.as_str())) {
            let reason = match closest(&entry.key, &self.known) {
                Some(known) => format!("unknown key; did you mean {known}?"),
                None => "unknown key".to_owned(),
            };
            let path = field(self.reading, &self.path, entry).path;
            self.reading.note(ProblemKind::Wrong, entry.place, &path, reason);
        }
    }
}

/// The known key that the given one is most likely a misspelling of: at most two letters differ.
fn closest(given: &str, known: &[&'static str]) -> Option<&'static str> {
    let near = known.iter().map(|key| (distance(given, key), *key)).filter(|(distance, _)| *distance <= 2);
    near.min().map(|(_, key)| key)
}

/// Letters to insert, delete or replace to get from one text to the other.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in to.bytes().enumerate() {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}
