//! Relabelling as Prometheus does it: a list of rules that read, change, drop or keep one label set.

use model::{AnchoredRegex, LabelsBuilder};

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
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Action {
    #[default]
    Replace,
    Keep,
    Drop,
    KeepEqual,
    DropEqual,
    HashMod,
    LabelMap,
    LabelDrop,
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
        let mut value = String::new();
        for (index, name) in self.source_labels.iter().enumerate() {
            if index > 0 {
                value.push_str(&self.separator);
            }
            value.push_str(labels.get(name));
        }
        match self.action {
            Action::Keep => self.regex.is_match(&value),
            Action::Drop => !self.regex.is_match(&value),
            _ => true,
        }
    }
}
