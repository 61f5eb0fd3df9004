//! Rules of `relabel_configs` and `metric_relabel_configs`: their defaults, and which fields an action wants or does
//! not take.

use std::sync::LazyLock;

use model::AnchoredRegex;
use regex::Regex;

use super::NameValidation;
use super::section::{Field, Section};
use crate::relabel::{Action, DEFAULT_REGEX, DEFAULT_REPLACEMENT, DEFAULT_SEPARATOR, RelabelConfig};

/// A legacy label name in which `$1` and `${name}` may stand.
static LEGACY_TEMPLATE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))(?:\w|\$(?:\{\w+\}|\w+))*$").expect("the pattern is constant")
});

/// The rules of one list; those that are wrong are noted and left out.
pub(super) fn read_rules(section: &mut Section<'_>, key: &'static str, names: NameValidation) -> Vec<RelabelConfig> {
    section.items(key).iter().filter_map(|item| read_rule(item, names)).collect()
}

fn read_rule(item: &Field<'_>, names: NameValidation) -> Option<RelabelConfig> {
    if item.is_null() {
        item.wrong("the rule is empty; remove the dash or fill the rule in");
        return None;
    }
    let mut section = item.section()?;
    let given = Given::read(&mut section);
    let rule = given.rule(names).map_err(|(key, reason)| section.wrong(key, reason)).ok();
    section.finish();
    rule
}

/// A rule as written: `None` where the file says nothing, "" where it says null.
struct Given {
    action: Option<String>,
    source_labels: Option<Vec<String>>,
    separator: Option<String>,
    regex: Option<String>,
    target_label: String,
    replacement: Option<String>,
    modulus: u64,
}

/// The key that is wrong and why.
type Refusal = (&'static str, String);

impl Given {
    fn read(section: &mut Section<'_>) -> Given {
        let mut text = |key| section.given(key).map(|field| field.text_or_empty().unwrap_or_default().to_owned());
        Given {
            action: text("action"),
            separator: text("separator"),
            regex: text("regex"),
            target_label: text("target_label").unwrap_or_default(),
            replacement: text("replacement"),
            source_labels: section.field("source_labels").map(|field| field.texts()),
            modulus: section.field("modulus").and_then(|field| field.number()).unwrap_or(0),
        }
    }

    fn rule(self, names: NameValidation) -> Result<RelabelConfig, Refusal> {
        let action = self.action()?;
        self.check_fields(action, names)?;
        let source_labels = self.source_labels.unwrap_or_default();
        if let Some(bad) = source_labels.iter().find(|name| name.is_empty()) {
            return Err(("source_labels", format!("{bad:?} is not a label name")));
        }
        let pattern = self.regex.as_deref().unwrap_or(DEFAULT_REGEX);
        let regex = AnchoredRegex::new(pattern).map_err(|error| ("regex", error.to_string()))?;
        Ok(RelabelConfig {
            action,
            source_labels,
            separator: self.separator.unwrap_or_else(|| DEFAULT_SEPARATOR.to_owned()),
            regex,
            target_label: self.target_label,
            replacement: self.replacement.unwrap_or_else(|| DEFAULT_REPLACEMENT.to_owned()),
            modulus: self.modulus,
            name_validation: names,
        })
    }

    fn action(&self) -> Result<Action, Refusal> {
        match self.action.as_deref() {
            None => Ok(Action::default()),
            Some("") => Err(("action", "the action is empty".to_owned())),
            Some(text) => Action::parse(text).ok_or_else(|| {
                let known = Action::ALL.map(Action::as_str).join(", ");
                ("action", format!("unknown action {text:?}; known are {known}"))
            }),
        }
    }

    fn check_fields(&self, action: Action, names: NameValidation) -> Result<(), Refusal> {
        match action {
            Action::Replace => self.check_target(action, |target| is_template(target, names)),
            Action::HashMod => {
                if self.modulus == 0 {
                    return Err(("modulus", "hashmod needs a modulus above 0".to_owned()));
                }
                self.check_target(action, |target| names.allows_label(target))
            }
            Action::Lowercase | Action::Uppercase => {
                self.refuse(action, "replacement", self.changes_replacement())?;
                self.check_target(action, |target| names.allows_label(target))
            }
            Action::KeepEqual | Action::DropEqual => {
                self.refuse(action, "regex", self.regex.is_some())?;
                self.refuse(action, "modulus", self.modulus != 0)?;
                self.refuse(action, "separator", self.changes_separator())?;
                self.refuse(action, "replacement", self.changes_replacement())?;
                self.check_target(action, |target| names.allows_label(target))
            }
            Action::LabelDrop | Action::LabelKeep => {
                self.refuse(action, "source_labels", self.source_labels.is_some())?;
                self.refuse(action, "target_label", !self.target_label.is_empty())?;
                self.refuse(action, "modulus", self.modulus != 0)?;
                self.refuse(action, "separator", self.changes_separator())?;
                self.refuse(action, "replacement", self.changes_replacement())
            }
            Action::LabelMap => {
                let replacement = self.replacement.as_deref().unwrap_or(DEFAULT_REPLACEMENT);
                if is_template(replacement, names) {
                    return Ok(());
                }
                Err(("replacement", format!("{replacement:?} cannot become a label name, which labelmap needs")))
            }
            Action::Keep | Action::Drop => Ok(()),
        }
    }

    fn check_target(&self, action: Action, is_valid: impl Fn(&str) -> bool) -> Result<(), Refusal> {
        let (action, target) = (action.as_str(), &self.target_label);
        if target.is_empty() {
            return Err(("target_label", format!("{action} needs a target_label")));
        }
        if is_valid(target) {
            return Ok(());
        }
        Err(("target_label", format!("{target:?} is not a valid target_label for {action}")))
    }

    fn refuse(&self, action: Action, key: &'static str, is_given: bool) -> Result<(), Refusal> {
        let reason = || format!("{} does not take {key}; remove it", action.as_str());
        if is_given { Err((key, reason())) } else { Ok(()) }
    }

    fn changes_separator(&self) -> bool {
        self.separator.as_deref().is_some_and(|separator| separator != DEFAULT_SEPARATOR)
    }

    fn changes_replacement(&self) -> bool {
        self.replacement.as_deref().is_some_and(|replacement| replacement != DEFAULT_REPLACEMENT)
    }
}

/// Whether a text can become a label name once its groups are filled in.
fn is_template(text: &str, names: NameValidation) -> bool {
    match names {
        NameValidation::Utf8 => !text.is_empty(),
        NameValidation::Legacy => LEGACY_TEMPLATE.is_match(text),
    }
}
