//! Log lines in Prometheus' form, on standard error: logfmt (`time=… level=INFO msg="…" key=value`) or one JSON object.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Logfmt,
    Json,
}

/// The fields of one event, in order, the message first.
#[derive(Default)]
struct Fields(Vec<(&'static str, String)>);

impl LogFormat {
    pub fn of_name(name: &str) -> Option<LogFormat> {
        match name {
            "logfmt" => Some(LogFormat::Logfmt),
            "json" => Some(LogFormat::Json),
            _ => None,
        }
    }

    /// From here on all parts of the program log in this form.
    pub fn install(self, level: Level) {
        tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).event_format(self).init();
    }
}

impl<S, N> FormatEvent<S, N> for LogFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let time = time_text(crate::clock::now_ms());
        let level = event.metadata().level().as_str();
        let component = event.metadata().target().split("::").next().unwrap_or("");
        let head = [("time", time.as_str()), ("level", level), ("component", component)];
        let pairs = head.into_iter().chain(fields.0.iter().map(|(name, text)| (*name, text.as_str())));
        match self {
            LogFormat::Logfmt => write_logfmt(&mut out, pairs),
            LogFormat::Json => write_json(&mut out, pairs),
        }
    }
}

/// Always with three digits behind the second, so that lines stand below each other.
fn time_text(now_ms: i64) -> String {
    let seconds = model::format_rfc3339_ms(now_ms - now_ms.rem_euclid(1000));
    format!("{}.{:03}Z", seconds.trim_end_matches('Z'), now_ms.rem_euclid(1000))
}

fn write_logfmt<'a>(out: &mut Writer<'_>, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> fmt::Result {
    for (index, (name, text)) in pairs.enumerate() {
        let separator = if index == 0 { "" } else { " " };
        let is_plain = !text.is_empty() && text.chars().all(|c| c > ' ' && !c.is_control() && !"\"=\\".contains(c));
        if is_plain { write!(out, "{separator}{name}={text}")? } else { write!(out, "{separator}{name}={text:?}")? }
    }
    out.write_char('\n')
}

fn write_json<'a>(out: &mut Writer<'_>, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> fmt::Result {
    for (index, (name, text)) in pairs.enumerate() {
        let separator = if index == 0 { '{' } else { ',' };
        let text = serde_json::to_string(text).map_err(|_| fmt::Error)?;
        write!(out, "{separator}\"{name}\":{text}")?;
    }
    out.write_str("}\n")
}

impl Fields {
    fn push(&mut self, field: &Field, text: String) {
        match field.name() {
            "message" => self.0.insert(0, ("msg", text)),
            name => self.0.push((name, text)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.push(field, value.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_behind_the_second() {
        assert_eq!(time_text(1_700_000_000_050), "2023-11-14T22:13:20.050Z");
        assert_eq!(time_text(1_700_000_000_000), "2023-11-14T22:13:20.000Z");
    }

    #[test]
    fn texts_are_quoted_only_where_they_must_be() {
        let pairs = [("a", "x"), ("b", "two words"), ("c", ""), ("d", "x=\"1\"\n")];
        let mut text = String::new();
        write_logfmt(&mut Writer::new(&mut text), pairs.into_iter()).expect("memory");
        assert_eq!(text, "a=x b=\"two words\" c=\"\" d=\"x=\\\"1\\\"\\n\"\n");
        text.clear();
        write_json(&mut Writer::new(&mut text), pairs.into_iter()).expect("memory");
        assert_eq!(text, "{\"a\":\"x\",\"b\":\"two words\",\"c\":\"\",\"d\":\"x=\\\"1\\\"\\n\"}\n");
    }
}
