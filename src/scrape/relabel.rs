//! Relabelling as Prometheus does it: a list of rules that read, change, drop or keep one label set.
//!
//! A label that is not there reads as "", and writing "" removes a label. Regular expressions match whole values.

use md5::{Digest, Md5};
use model::{AnchoredRegex, LabelsBuilder};

use crate::config::NameValidation;

/// The text between the values of several source labels when a rule names no other.
pub const DEFAULT_SEPARATOR: &str = ";";
/// The pattern of a rule that names no other: anything, as group 1.
pub const DEFAULT_REGEX: &str = "(.*)";
/// The replacement of a rule that names no other.
pub const DEFAULT_REPLACEMENT: &str = "$1";

/// One rule. Which fields mean something depends on the action.
#[derive(Clone, Debug, PartialEq)]
pub struct RelabelConfig {
    pub action: Action,
    /// Labels whose values, joined by the separator, are what the rule looks at.
    pub source_labels: Vec<String>,
    pub separator: String,
    pub regex: AnchoredRegex,
    /// The label that is written; for `replace` a template.
    pub target_label: String,
    /// What is written, a template over the groups of the regex.
    pub replacement: String,
    /// The number of buckets of `hashmod`.
    pub modulus: u64,
    /// Which names the expanded target label of `replace` may have; others are not written.
    pub name_validation: NameValidation,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Action {
    /// When the regex matches, write the expanded replacement into the expanded target label.
    #[default]
    Replace,
    /// Drop the set unless the regex matches.
    Keep,
    /// Drop the set if the regex matches.
    Drop,
    /// Drop the set unless the target label has the value of the source labels.
    KeepEqual,
    /// Drop the set if the target label has the value of the source labels.
    DropEqual,
    /// Write the bucket, below the modulus, that the value falls into.
    HashMod,
    /// Copy each label whose name matches to the name that the replacement makes of it.
    LabelMap,
    /// Remove each label whose name matches.
    LabelDrop,
    /// Remove each label whose name does not match.
    LabelKeep,
    Lowercase,
    Uppercase,
}

/// Applies the rules in order; `false` as soon as one of them drops the set.
pub fn relabel(rules: &[RelabelConfig], labels: &mut LabelsBuilder) -> bool {
    rules.iter().all(|rule| rule.apply(labels))
}

impl RelabelConfig {
    fn apply(&self, labels: &mut LabelsBuilder) -> bool {
        let value = self.source_value(labels);
        match self.action {
            Action::Keep => return self.regex.is_match(&value),
            Action::Drop => return !self.regex.is_match(&value),
            Action::KeepEqual => return labels.get(&self.target_label) == value,
            Action::DropEqual => return labels.get(&self.target_label) != value,
            Action::Replace => self.replace(&value, labels),
            Action::HashMod => write(labels, &self.target_label, &bucket(&value, self.modulus).to_string()),
            Action::Lowercase => write(labels, &self.target_label, &lowercase(&value)),
            Action::Uppercase => write(labels, &self.target_label, &uppercase(&value)),
            Action::LabelMap => self.map_names(labels),
            Action::LabelDrop => drop(labels.retain(|name, _| !self.regex.is_match(name))),
            Action::LabelKeep => drop(labels.retain(|name, _| self.regex.is_match(name))),
        }
        true
    }

    fn source_value(&self, labels: &LabelsBuilder) -> String {
        let mut value = String::new();
        for (index, name) in self.source_labels.iter().enumerate() {
            if index > 0 {
                value.push_str(&self.separator);
            }
            value.push_str(labels.get(name));
        }
        value
    }

    fn replace(&self, value: &str, labels: &mut LabelsBuilder) {
        let Some(target) = self.regex.expand(value, &self.target_label) else { return };
        let Some(replacement) = self.regex.expand(value, &self.replacement) else { return };
        if self.name_validation.allows_label(&target) {
            write(labels, &target, &replacement);
        }
    }

    fn map_names(&self, labels: &mut LabelsBuilder) {
        let mapped: Vec<(String, String)> = labels
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(name, value)| Some((self.regex.expand(name, &self.replacement)?, value.to_owned())))
            .collect();
        for (name, value) in mapped.iter().filter(|(name, _)| !name.is_empty()) {
            labels.set(name, value);
        }
    }
}

impl Action {
    pub const ALL: [Action; 11] = [
        Action::Replace,
        Action::Keep,
        Action::Drop,
        Action::KeepEqual,
        Action::DropEqual,
        Action::HashMod,
        Action::LabelMap,
        Action::LabelDrop,
        Action::LabelKeep,
        Action::Lowercase,
        Action::Uppercase,
    ];

    /// In any case of letters.
    pub fn parse(text: &str) -> Option<Action> {
        Action::ALL.into_iter().find(|action| action.as_str().eq_ignore_ascii_case(text))
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Action::Replace => "replace",
            Action::Keep => "keep",
            Action::Drop => "drop",
            Action::KeepEqual => "keepequal",
            Action::DropEqual => "dropequal",
            Action::HashMod => "hashmod",
            Action::LabelMap => "labelmap",
            Action::LabelDrop => "labeldrop",
            Action::LabelKeep => "labelkeep",
            Action::Lowercase => "lowercase",
            Action::Uppercase => "uppercase",
        }
    }
}

fn write(labels: &mut LabelsBuilder, name: &str, value: &str) {
    if value.is_empty() {
        labels.remove(name)
    } else {
        labels.set(name, value)
    };
}

/// The last 8 bytes of the digest as a big-endian number.
fn bucket(value: &str, modulus: u64) -> u64 {
    let digest = Md5::digest(value.as_bytes());
    let number = digest[8..].iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    number.checked_rem(modulus).unwrap_or(0)
}

/// Letter by letter, without the mappings that make two letters of one: Prometheus has one letter for each.
fn lowercase(text: &str) -> String {
    text.chars().map(|c| c.to_lowercase().next().unwrap_or(c)).collect()
}

fn uppercase(text: &str) -> String {
    let upper = |c: char| {
        let mut letters = c.to_uppercase();
        letters.next().filter(|_| letters.next().is_none()).unwrap_or(c)
    };
    text.chars().map(upper).collect()
}

#[cfg(test)]
#[path = "relabel_tests.rs"]
mod tests;
