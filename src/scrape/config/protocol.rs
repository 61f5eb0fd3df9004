//! How a target may spell its answer, and which metric names are taken.

use model::is_valid_label_name;

use super::section::{Field, Section};

/// An exposition format that is asked for in the `Accept` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScrapeProtocol {
    PrometheusText0_0_4,
    PrometheusText1_0_0,
    OpenMetricsText0_0_1,
    OpenMetricsText1_0_0,
}

/// Which metric and label names a scrape accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum NameValidation {
    /// Any UTF-8 text that is not empty.
    #[default]
    Utf8,
    /// Only `[a-zA-Z_:][a-zA-Z0-9_:]*` (no colons in label names).
    Legacy,
}

/// How a target is asked to spell names that are not legacy names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EscapingScheme {
    /// As they are, quoted.
    #[default]
    AllowUtf8,
    Underscores,
    Dots,
    Values,
}

/// The only format that Prometheus knows and we do not.
const PROTOBUF: &str = "PrometheusProto";

impl ScrapeProtocol {
    /// What is asked for when the configuration does not say, the preferred first.
    pub const DEFAULT: [ScrapeProtocol; 4] = [
        ScrapeProtocol::OpenMetricsText1_0_0,
        ScrapeProtocol::OpenMetricsText0_0_1,
        ScrapeProtocol::PrometheusText1_0_0,
        ScrapeProtocol::PrometheusText0_0_4,
    ];

    /// The name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            ScrapeProtocol::PrometheusText0_0_4 => "PrometheusText0.0.4",
            ScrapeProtocol::PrometheusText1_0_0 => "PrometheusText1.0.0",
            ScrapeProtocol::OpenMetricsText0_0_1 => "OpenMetricsText0.0.1",
            ScrapeProtocol::OpenMetricsText1_0_0 => "OpenMetricsText1.0.0",
        }
    }

    /// The media type with its version, as it stands in `Accept`.
    pub fn media_type(self) -> &'static str {
        match self {
            ScrapeProtocol::PrometheusText0_0_4 => "text/plain;version=0.0.4",
            ScrapeProtocol::PrometheusText1_0_0 => "text/plain;version=1.0.0",
            ScrapeProtocol::OpenMetricsText0_0_1 => "application/openmetrics-text;version=0.0.1",
            ScrapeProtocol::OpenMetricsText1_0_0 => "application/openmetrics-text;version=1.0.0",
        }
    }

    fn parse(text: &str) -> Option<ScrapeProtocol> {
        ScrapeProtocol::DEFAULT.into_iter().find(|protocol| protocol.as_str() == text)
    }

    /// `scrape_protocols`. Protobuf in company of others is passed over: the target answers with one of those.
    pub(super) fn read_list(section: &mut Section<'_>) -> Option<Vec<ScrapeProtocol>> {
        let list = section.field("scrape_protocols")?;
        let items = list.items();
        let mut protocols = Vec::new();
        let mut seen = Vec::new();
        for item in &items {
            let Some(text) = item.text() else { continue };
            if seen.contains(&text) {
                item.wrong(format!("{text} is given twice"));
            }
            seen.push(text);
            match ScrapeProtocol::parse(text) {
                Some(protocol) => protocols.push(protocol),
                None if text == PROTOBUF => {}
                None => unknown(item, text),
            }
        }
        match (items.as_slice(), seen.as_slice()) {
            ([], _) => list.wrong("the list is empty; remove the key to ask for the usual formats"),
            ([only], [PROTOBUF]) => only.unsupported(PROTOBUF),
            _ => {}
        }
        Some(protocols)
    }

    pub(super) fn read_fallback(section: &mut Section<'_>) -> Option<ScrapeProtocol> {
        let field = section.field("fallback_scrape_protocol")?;
        let text = field.text().filter(|text| !text.is_empty())?;
        let protocol = ScrapeProtocol::parse(text);
        match protocol {
            Some(_) => {}
            None if text == PROTOBUF => field.unsupported(PROTOBUF),
            None => unknown(&field, text),
        }
        protocol
    }
}

fn unknown(field: &Field<'_>, text: &str) {
    let known = ScrapeProtocol::DEFAULT.map(ScrapeProtocol::as_str).join(", ");
    field.wrong(format!("unknown scrape protocol {text:?}; known are {known}"));
}

impl NameValidation {
    pub fn as_str(self) -> &'static str {
        match self {
            NameValidation::Utf8 => "utf8",
            NameValidation::Legacy => "legacy",
        }
    }

    pub fn allows_label(self, name: &str) -> bool {
        match self {
            NameValidation::Utf8 => !name.is_empty(),
            NameValidation::Legacy => is_valid_label_name(name),
        }
    }

    pub(super) fn read(section: &mut Section<'_>) -> Option<NameValidation> {
        let field = section.field("metric_name_validation_scheme")?;
        match field.text()? {
            "" => None,
            "utf8" => Some(NameValidation::Utf8),
            "legacy" => Some(NameValidation::Legacy),
            other => {
                field.wrong(format!("expected utf8 or legacy, found {other:?}"));
                None
            }
        }
    }
}

impl EscapingScheme {
    pub fn as_str(self) -> &'static str {
        match self {
            EscapingScheme::AllowUtf8 => "allow-utf-8",
            EscapingScheme::Underscores => "underscores",
            EscapingScheme::Dots => "dots",
            EscapingScheme::Values => "values",
        }
    }

    /// What goes with a validation scheme when nothing else is said.
    pub(super) fn fitting(validation: NameValidation) -> EscapingScheme {
        match validation {
            NameValidation::Utf8 => EscapingScheme::AllowUtf8,
            NameValidation::Legacy => EscapingScheme::Underscores,
        }
    }

    pub(super) fn read(section: &mut Section<'_>) -> Option<EscapingScheme> {
        let field = section.field("metric_name_escaping_scheme")?;
        match field.text()? {
            "" => None,
            "allow-utf-8" => Some(EscapingScheme::AllowUtf8),
            "underscores" => Some(EscapingScheme::Underscores),
            "dots" => Some(EscapingScheme::Dots),
            "values" => Some(EscapingScheme::Values),
            other => {
                field.wrong(format!("expected allow-utf-8, underscores, dots or values, found {other:?}"));
                None
            }
        }
    }
}
