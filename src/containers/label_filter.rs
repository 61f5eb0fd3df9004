//! Which labels of containers may leave the machine. Labels carry what people put there, secrets too; so none leaves
//! that is not asked for, and what is not asked for is not even kept.

use std::collections::BTreeMap;

/// More labels of one container than this are left out, in alphabetical order.
const MAX_LABELS: usize = 64;
/// Longer values are cut.
const MAX_VALUE_BYTES: usize = 1024;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LabelFilter {
    #[default]
    Nothing,
    /// The labels with these keys.
    Only(Vec<String>),
    Everything,
}

impl LabelFilter {
    /// From `--store_container_labels` and `--whitelisted_container_labels`.
    pub fn new(is_everything: bool, allowed: &str) -> LabelFilter {
        let keys: Vec<String> =
            allowed.split(',').map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned).collect();
        match (is_everything, keys.is_empty()) {
            (true, _) => LabelFilter::Everything,
            (false, true) => LabelFilter::Nothing,
            (false, false) => LabelFilter::Only(keys),
        }
    }

    /// The labels that may leave, sorted by key.
    pub fn apply(&self, labels: &BTreeMap<String, String>) -> Vec<(String, String)> {
        let is_allowed = |key: &String| match self {
            LabelFilter::Nothing => false,
            LabelFilter::Only(keys) => keys.contains(key),
            LabelFilter::Everything => true,
        };
        let allowed = labels.iter().filter(|(key, _)| is_allowed(key));
        allowed.take(MAX_LABELS).map(|(key, value)| (key.clone(), cut(value).to_owned())).collect()
    }
}

fn cut(value: &str) -> &str {
    let mut end = value.len().min(MAX_VALUE_BYTES);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    &value[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_asked_for_leaves() {
        let labels =
            BTreeMap::from([("app", "web"), ("secret", "x"), ("tier", "é")].map(|(k, v)| (k.to_owned(), v.to_owned())));
        let keys = |filter: LabelFilter| filter.apply(&labels).into_iter().map(|(key, _)| key).collect::<Vec<_>>();
        assert_eq!(keys(LabelFilter::new(false, "")), Vec::<String>::new());
        assert_eq!(keys(LabelFilter::new(false, "tier, app,")), ["app", "tier"]);
        assert_eq!(keys(LabelFilter::new(true, "")), ["app", "secret", "tier"]);
    }

    #[test]
    fn number_and_length_are_bounded() {
        let labels = (0..1000).map(|number| (format!("key{number}"), "é".repeat(1000))).collect();
        let kept = LabelFilter::Everything.apply(&labels);
        assert_eq!((kept.len(), kept[0].1.len()), (MAX_LABELS, MAX_VALUE_BYTES));
    }
}
