//! A label set: sorted by name, unique, without empty values (in Prometheus an empty value means "no such label").

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The label that holds a series' metric name.
pub const METRIC_NAME: &str = "__name__";

/// An immutable, cheaply cloned label set, ordered by name.
///
/// All names and values lie in one string; `ends` holds where each of them stops (name, value, name, value, …), so a
/// set costs one small allocation for the text and one for the offsets, however many labels it has.
#[derive(Clone, PartialEq, Eq)]
pub struct Labels(Arc<Packed>);

#[derive(Default, PartialEq, Eq)]
struct Packed {
    text: Box<str>,
    ends: Box<[u32]>,
}

/// Collects labels in any order; a later `set` of the same name replaces the earlier one.
#[derive(Clone, Debug, Default)]
pub struct LabelsBuilder {
    pairs: Vec<(String, String)>,
}

impl Labels {
    pub fn empty() -> Self {
        Labels(Arc::new(Packed::default()))
    }

    /// From pairs in any order. Pairs with an empty value are left out; of two equal names the last wins.
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut builder = LabelsBuilder::default();
        for (name, value) in pairs {
            builder.set(name.as_ref(), value.as_ref());
        }
        builder.build()
    }

    /// From pairs that are already sorted by name, unique and without empty values. Checked in debug builds only.
    pub fn from_sorted<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Self {
        let mut bytes = 0;
        let mut count = 0;
        for (name, value) in pairs.clone() {
            bytes += name.len() + value.len();
            count += 1;
        }
        let mut text = String::with_capacity(bytes);
        let mut ends = Vec::with_capacity(count * 2);
        let mut previous = "";
        for (name, value) in pairs {
            debug_assert!(ends.is_empty() || previous < name, "labels out of order: {previous:?} then {name:?}");
            debug_assert!(!value.is_empty(), "label {name:?} has an empty value");
            text.push_str(name);
            ends.push(text.len() as u32);
            text.push_str(value);
            ends.push(text.len() as u32);
            previous = name;
        }
        Labels(Arc::new(Packed { text: text.into(), ends: ends.into() }))
    }

    pub fn len(&self) -> usize {
        self.0.ends.len() / 2
    }

    pub fn is_empty(&self) -> bool {
        self.0.ends.is_empty()
    }

    /// Pairs in order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        (0..self.len()).map(|index| self.pair(index))
    }

    fn pair(&self, index: usize) -> (&str, &str) {
        let Packed { text, ends } = &*self.0;
        let start = if index == 0 { 0 } else { ends[index * 2 - 1] as usize };
        let middle = ends[index * 2] as usize;
        let end = ends[index * 2 + 1] as usize;
        (&text[start..middle], &text[middle..end])
    }

    /// The value of one label; `None` when the set does not have it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(candidate, _)| *candidate == name).map(|(_, value)| value)
    }

    /// The metric name, or "" when there is none.
    pub fn metric_name(&self) -> &str {
        self.get(METRIC_NAME).unwrap_or("")
    }

    pub fn to_builder(&self) -> LabelsBuilder {
        LabelsBuilder { pairs: self.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect() }
    }

    /// The same set without the named labels.
    pub fn without(&self, names: &[&str]) -> Labels {
        Labels::from_sorted(self.iter().filter(|(name, _)| !names.contains(name)))
    }

    /// Only the named labels.
    pub fn only(&self, names: &[&str]) -> Labels {
        Labels::from_sorted(self.iter().filter(|(name, _)| names.contains(name)))
    }

    /// Bytes that this set holds on the heap, for query budgets.
    pub fn heap_bytes(&self) -> usize {
        self.0.text.len() + self.0.ends.len() * 4 + 48
    }
}

impl LabelsBuilder {
    /// An empty value removes the label.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        match self.pairs.iter_mut().find(|(candidate, _)| candidate == name) {
            Some(pair) => value.clone_into(&mut pair.1),
            None => self.pairs.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.pairs.retain(|(candidate, _)| candidate != name);
        self
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) -> &mut Self {
        self.pairs.retain(|(name, value)| keep(name, value));
        self
    }

    /// The current value, "" when the label is not set.
    pub fn get(&self, name: &str) -> &str {
        self.pairs.iter().find(|(candidate, _)| candidate == name).map_or("", |(_, value)| value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub fn build(&mut self) -> Labels {
        self.pairs.retain(|(_, value)| !value.is_empty());
        self.pairs.sort_unstable();
        Labels::from_sorted(self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`: what PromQL can spell without quotes.
pub fn is_valid_label_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A label name that may also hold colons.
pub fn is_valid_metric_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b == b':')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
}

impl Hash for Labels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.text.hash(state);
        self.0.ends.hash(state);
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Pair by pair, as Prometheus sorts series.
impl Ord for Labels {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.iter().cmp(other.iter())
    }
}

/// `name{a="b", c="d"}`, as PromQL spells it.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.metric_name();
        f.write_str(name)?;
        let mut others = self.iter().filter(|(label, _)| *label != METRIC_NAME).peekable();
        if others.peek().is_none() {
            return if name.is_empty() { f.write_str("{}") } else { Ok(()) };
        }
        for (index, (label, value)) in others.enumerate() {
            f.write_str(if index == 0 { "{" } else { ", " })?;
            if is_valid_label_name(label) { write!(f, "{label}={value:?}")? } else { write!(f, "{label:?}={value:?}")? }
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_sorted_and_an_empty_value_means_no_label() {
        let labels = Labels::from_pairs([("job", "a"), ("__name__", "up"), ("zone", ""), ("job", "b")]);
        assert_eq!(labels.to_string(), r#"up{job="b"}"#);
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("__name__", "up"), ("job", "b")]);
        assert_eq!(labels.get("zone"), None);
    }

    #[test]
    fn sets_that_differ_only_in_where_a_name_ends_are_different() {
        assert_ne!(Labels::from_pairs([("ab", "c")]), Labels::from_pairs([("a", "bc")]));
    }

    #[test]
    fn sets_sort_pair_by_pair() {
        let mut sets =
            [Labels::from_pairs([("b", "1")]), Labels::from_pairs([("a", "2"), ("b", "1")]), Labels::empty()];
        sets.sort();
        assert_eq!(sets.map(|set| set.to_string()), ["{}", r#"{a="2", b="1"}"#, r#"{b="1"}"#]);
    }

    #[test]
    fn without_and_only_keep_the_order() {
        let labels = Labels::from_pairs([("a", "1"), ("b", "2"), ("c", "3")]);
        assert_eq!(labels.without(&["b"]).to_string(), r#"{a="1", c="3"}"#);
        assert_eq!(labels.only(&["c", "a"]).to_string(), r#"{a="1", c="3"}"#);
    }
}
