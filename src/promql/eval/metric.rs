//! The labels of a series during evaluation, and what the language calls its name.

use model::{Labels, METRIC_NAME};

/// Labels that describe the metric itself; what computes new values removes them.
const OF_THE_METRIC: [&str; 3] = [METRIC_NAME, "__type__", "__unit__"];

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Metric {
    pub labels: Labels,
    /// The name is to go, but only from the final result.
    pub loses_name: bool,
}

impl Metric {
    pub fn of(labels: Labels) -> Self {
        Metric { labels, loses_name: false }
    }

    /// The labels as the caller of the query sees them.
    pub fn into_final(self) -> Labels {
        if self.loses_name { without_name(&self.labels) } else { self.labels }
    }
}

pub(crate) fn without_name(labels: &Labels) -> Labels {
    if OF_THE_METRIC.iter().any(|name| labels.get(name).is_some()) {
        labels.without(&OF_THE_METRIC)
    } else {
        labels.clone()
    }
}

/// `{__name__="up", job="a"}`: the form of messages about several series.
pub(crate) fn in_braces(labels: &Labels) -> String {
    let mut text = String::from("{");
    for (index, (name, value)) in labels.iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        if model::is_valid_label_name(name) {
            text.push_str(name);
        } else {
            text.push_str(&crate::quote::quoted(name.as_bytes()));
        }
        text.push('=');
        text.push_str(&crate::quote::quoted(value.as_bytes()));
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_and_unit_go_with_the_name() {
        let pairs = [("__name__", "x"), ("__type__", "counter"), ("__unit__", "s"), ("a", "1")];
        let labels = Labels::from_pairs(pairs);
        assert_eq!(Metric { labels: labels.clone(), loses_name: true }.into_final(), Labels::from_pairs([("a", "1")]));
        assert_eq!(Metric::of(labels.clone()).into_final(), labels);
    }

    #[test]
    fn messages_show_the_name_as_a_label() {
        let labels = Labels::from_pairs([("__name__", "x"), ("a b", "\"1\"")]);
        assert_eq!(in_braces(&labels), r#"{__name__="x", "a b"="\"1\""}"#);
    }
}
