//! The `global` section: defaults for all jobs, and what belongs to none.

use model::{Labels, LabelsBuilder};

use super::section::{Field, Section};
use super::{EscapingScheme, NameValidation, ScrapeLimits, ScrapeProtocol};

pub const DEFAULT_INTERVAL_MS: i64 = 60_000;
pub const DEFAULT_TIMEOUT_MS: i64 = 10_000;

#[derive(Clone, Debug, PartialEq)]
pub struct GlobalConfig {
    pub scrape_interval_ms: i64,
    pub scrape_timeout_ms: i64,
    pub evaluation_interval_ms: i64,
    /// Labels that tell this aggregator's series apart wherever they leave it; `${NAME}` in the file is replaced by
    /// the environment.
    pub external_labels: Labels,
    pub limits: ScrapeLimits,
    /// `None`: each job asks for the usual formats.
    pub scrape_protocols: Option<Vec<ScrapeProtocol>>,
    pub metric_name_validation_scheme: NameValidation,
    pub metric_name_escaping_scheme: EscapingScheme,
}

/// Mechanisms that a job can switch on or off by itself, so that whether they are wanted is known only there.
#[derive(Default)]
pub(super) struct Inherited<'a> {
    pub scrape_native_histograms: Option<Field<'a>>,
    pub convert_classic_histograms_to_nhcb: Option<Field<'a>>,
    pub extra_scrape_metrics: Option<Field<'a>>,
}

impl Default for GlobalConfig {
    fn default() -> Self {
        GlobalConfig {
            scrape_interval_ms: DEFAULT_INTERVAL_MS,
            scrape_timeout_ms: DEFAULT_TIMEOUT_MS,
            evaluation_interval_ms: DEFAULT_INTERVAL_MS,
            external_labels: Labels::empty(),
            limits: ScrapeLimits::default(),
            scrape_protocols: None,
            metric_name_validation_scheme: NameValidation::default(),
            metric_name_escaping_scheme: EscapingScheme::default(),
        }
    }
}

impl GlobalConfig {
    pub(super) fn read<'a>(mut section: Section<'a>) -> (GlobalConfig, Inherited<'a>) {
        let scrape_interval_ms = section.duration_ms("scrape_interval").unwrap_or(DEFAULT_INTERVAL_MS);
        let scrape_timeout_ms = section.duration_ms("scrape_timeout");
        if scrape_timeout_ms.is_some_and(|timeout_ms| timeout_ms > scrape_interval_ms) {
            section.wrong("scrape_timeout", "the timeout is longer than the scrape interval");
        }
        let validation = NameValidation::read(&mut section).unwrap_or_default();
        let escaping = EscapingScheme::read(&mut section);
        let global = GlobalConfig {
            scrape_interval_ms,
            scrape_timeout_ms: scrape_timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS.min(scrape_interval_ms)),
            evaluation_interval_ms: section.duration_ms("evaluation_interval").unwrap_or(DEFAULT_INTERVAL_MS),
            external_labels: external_labels(&mut section, validation),
            limits: ScrapeLimits::read(&mut section),
            scrape_protocols: ScrapeProtocol::read_list(&mut section),
            metric_name_validation_scheme: validation,
            metric_name_escaping_scheme: escaping.unwrap_or(EscapingScheme::fitting(validation)),
        };
        let inherited = Inherited {
            scrape_native_histograms: section.field("scrape_native_histograms"),
            convert_classic_histograms_to_nhcb: section.field("convert_classic_histograms_to_nhcb"),
            extra_scrape_metrics: section.field("extra_scrape_metrics"),
        };
        // Without native histograms all that is scraped is classic, whatever this says.
        section.bool("always_scrape_classic_histograms");
        // Without rules nothing is evaluated with an offset.
        section.duration_ms("rule_query_offset");
        section.unsupported("query_log_file");
        section.unsupported("scrape_failure_log_file");
        section.finish();
        (global, inherited)
    }
}

fn external_labels(section: &mut Section<'_>, validation: NameValidation) -> Labels {
    let mut labels = LabelsBuilder::default();
    for (name, field) in section.pairs("external_labels") {
        if !validation.allows_label(name) {
            field.wrong(format!("{name:?} is not a valid label name"));
        }
        if let Some(value) = field.text_or_empty() {
            labels.set(name, &expand(value, |variable| std::env::var(variable).ok()));
        }
    }
    labels.build()
}

/// `$NAME` and `${NAME}` replaced by what is known about the name, "" when nothing is; `$$` is a dollar.
fn expand(text: &str, lookup: impl Fn(&str) -> Option<String>) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        expanded.push_str(&rest[..dollar]);
        let after = &rest[dollar + 1..];
        let (name, len) = variable(after);
        match name {
            "$" => expanded.push('$'),
            // A dollar before anything that cannot be a name stays as it is.
            "" if len == 0 => expanded.push('$'),
            name => expanded.push_str(&lookup(name).unwrap_or_default()),
        }
        rest = &after[len..];
    }
    expanded.push_str(rest);
    expanded
}

/// The variable's name after a dollar, and how many bytes of the text name it.
fn variable(text: &str) -> (&str, usize) {
    if let Some(inner) = text.strip_prefix('{') {
        return match inner.find('}') {
            Some(end) => (&inner[..end], end + 2),
            None => ("", 0),
        };
    }
    if text.starts_with('$') {
        return ("$", 1);
    }
    let len = text.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    (&text[..len], len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn external_labels_take_variables_from_the_environment() {
        let lookup = |name: &str| (name == "HOST").then(|| "node1".to_owned());
        for (text, expanded) in [
            ("$HOST", "node1"),
            ("a-${HOST}-b", "a-node1-b"),
            ("$HOST.x", "node1.x"),
            ("$NONE", ""),
            ("$$HOST", "$HOST"),
            ("${$}", "$"),
            ("5$", "5$"),
            ("${HOST", "${HOST"),
            ("plain", "plain"),
        ] {
            assert_eq!(expand(text, lookup), expanded, "{text}");
        }
    }
}
