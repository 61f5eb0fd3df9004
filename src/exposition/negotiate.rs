//! What is spoken between scraper and target: the `Accept` of a request, the `Content-Type` of an answer (RFC 9110 section 12, and the media types of the two formats).

use crate::Dialect;

/// The form of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    pub dialect: Dialect,
    /// For the `Content-Type` header.
    pub content_type: String,
}

/// Why an answer cannot be read. The texts say what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentTypeError {
    #[error("the target sent no Content-Type and no fallback_scrape_protocol is set for it")]
    Blank,
    #[error("the target sent the unsupported Content-Type {0:?} and no fallback_scrape_protocol is set for it")]
    Unsupported(String),
}

/// One element of an `Accept` header.
struct Clause<'a> {
    name: &'a str,
    parameters: &'a str,
    /// From 0 to 1; 0 means "not this".
    weight: f64,
}

/// The form that the client likes best. Text 0.0.4 when it has no wish, or only such as cannot be met.
pub fn negotiate(accept: &str) -> Negotiated {
    // Our names need no escaping, so every scheme gives the same page: the one that is asked for is confirmed.
    let mut escaping = "underscores";
    for clause in by_weight(accept) {
        if let Some(asked @ ("allow-utf-8" | "underscores" | "dots" | "values")) = clause.parameter("escaping") {
            escaping = asked;
        }
        let (dialect, media_type, version) = match (clause.name, clause.parameter("version")) {
            ("text/plain", None | Some("" | "0.0.4")) => (Dialect::Text, "text/plain", "0.0.4"),
            ("application/openmetrics-text", Some("1.0.0")) => {
                (Dialect::OpenMetrics, "application/openmetrics-text", "1.0.0")
            }
            ("application/openmetrics-text", None | Some("" | "0.0.1")) => {
                (Dialect::OpenMetrics, "application/openmetrics-text", "0.0.1")
            }
            _ => continue,
        };
        let content_type = format!("{media_type}; version={version}; charset=utf-8; escaping={escaping}");
        return Negotiated { dialect, content_type };
    }
    let content_type = format!("text/plain; version=0.0.4; charset=utf-8; escaping={escaping}");
    Negotiated { dialect: Dialect::Text, content_type }
}

/// The grammar of an answer by its `Content-Type`; the fallback stands in for a blank or unknown one.
pub fn dialect_of(content_type: Option<&str>, fallback: Option<Dialect>) -> Result<Dialect, ContentTypeError> {
    let content_type = content_type.unwrap_or("").trim();
    let media_type = content_type.split(';').next().unwrap_or("").trim();
    if media_type.eq_ignore_ascii_case("text/plain") {
        return Ok(Dialect::Text);
    }
    if media_type.eq_ignore_ascii_case("application/openmetrics-text") {
        return Ok(Dialect::OpenMetrics);
    }
    fallback.ok_or_else(|| match content_type {
        "" => ContentTypeError::Blank,
        _ => ContentTypeError::Unsupported(content_type.to_owned()),
    })
}

/// Clauses that are wanted at all, the most wanted first; in the order of the header where they are equal.
fn by_weight(header: &str) -> Vec<Clause<'_>> {
    let mut wanted: Vec<_> = clauses(header).filter(|clause| clause.weight > 0.0).collect();
    wanted.sort_by(|one, other| other.weight.total_cmp(&one.weight));
    wanted
}

fn clauses(header: &str) -> impl Iterator<Item = Clause<'_>> {
    header.split(',').map(str::trim).filter(|text| !text.is_empty()).map(|text| {
        let (name, parameters) = text.split_once(';').unwrap_or((text, ""));
        let mut clause = Clause { name: name.trim_end(), parameters, weight: 1.0 };
        if let Some(weight) = clause.parameter("q") {
            // A weight that is no number cannot be a wish.
            clause.weight = weight.parse().ok().filter(|weight| (0.0..=1.0).contains(weight)).unwrap_or(0.0);
        }
        clause
    })
}

impl<'a> Clause<'a> {
    fn parameter(&self, wanted: &str) -> Option<&'a str> {
        self.parameters.split(';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().trim_matches('"'))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

    #[test]
    fn a_client_without_a_wish_gets_text() {
        for accept in ["", "*/*", "text/html,application/xhtml+xml,*/*;q=0.8", "text/plain", "application/json", ";;,q"]
        {
            assert_eq!(negotiate(accept), Negotiated { dialect: Dialect::Text, content_type: TEXT.to_owned() });
        }
    }

    #[test]
    fn weights_decide_and_zero_means_no() {
        for (accept, content_type) in [
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                 application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                 text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
            ),
            (
                "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5",
                "application/openmetrics-text; version=0.0.1; charset=utf-8; escaping=underscores",
            ),
            (
                "application/openmetrics-text;version=\"1.0.0\"",
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
            ),
            ("application/openmetrics-text;version=1.0.0;q=0.2,text/plain;q=0.9", TEXT),
            ("application/openmetrics-text;version=1.0.0;q=0,*/*;q=0.1", TEXT),
            ("application/openmetrics-text;version=2.0.0", TEXT),
            ("application/openmetrics-text;q=many", TEXT),
            ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", TEXT),
        ] {
            assert_eq!(negotiate(accept).content_type, content_type, "{accept}");
        }
    }

    #[test]
    fn an_answer_without_a_known_type_needs_a_fallback() {
        assert_eq!(dialect_of(Some("text/plain; version=0.0.4; charset=utf-8"), None), Ok(Dialect::Text));
        assert_eq!(dialect_of(Some("Application/OpenMetrics-Text;version=1.0.0"), None), Ok(Dialect::OpenMetrics));
        assert_eq!(dialect_of(None, None), Err(ContentTypeError::Blank));
        assert_eq!(dialect_of(Some(" "), Some(Dialect::OpenMetrics)), Ok(Dialect::OpenMetrics));
        assert_eq!(dialect_of(Some("text/html"), Some(Dialect::Text)), Ok(Dialect::Text));
        let error = dialect_of(Some("text/html; charset=utf-8"), None).unwrap_err().to_string();
        assert!(error.contains(r#""text/html; charset=utf-8""#), "{error}");
    }
}
