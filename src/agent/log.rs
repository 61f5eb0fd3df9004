//! The log on standard error: one line per event, as logfmt or as JSON, in node_exporter's field order.
//!
//! There are no spans and no filters by module, so this is a whole subscriber in itself.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

struct Log {
    is_json: bool,
}

/// Place of the least severity that is logged in `LEVELS`.
static LEVEL: AtomicUsize = AtomicUsize::new(2);
const LEVELS: [Level; 5] = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];

/// Fields of one event, in the order given.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

/// From here on events are written, and panics are events too.
pub fn start(level: Level, is_json: bool) {
    set_level(level);
    if tracing::subscriber::set_global_default(Log { is_json }).is_ok() {
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            let text = panic.payload_as_str().unwrap_or("no message");
            tracing::error!(place, text, "panic");
        }));
    }
}

pub fn set_level(level: Level) {
    let place = LEVELS.iter().position(|one| *one == level).unwrap_or_default();
    if LEVEL.swap(place, Ordering::Relaxed) != place {
        tracing::callsite::rebuild_interest_cache();
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= LEVELS[LEVEL.load(Ordering::Relaxed)]
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = self.line(*event.metadata().level(), &time(SystemTime::now()), fields);
        // A log that cannot be written has nobody to be told.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Log {
    fn line(&self, level: Level, time: &str, fields: Fields) -> String {
        let first = [("time", time.to_owned()), ("level", level.to_string()), ("msg", fields.message)];
        let all = first.into_iter().chain(fields.others);
        if self.is_json {
            let object: serde_json::Map<_, _> = all.map(|(name, text)| (name.to_owned(), text.into())).collect();
            return format!("{}\n", serde_json::Value::Object(object));
        }
        let mut line = String::new();
        for (name, text) in all {
            let separator = if line.is_empty() { "" } else { " " };
            // Writing to a string cannot fail.
            let _ = if needs_quotes(&text) {
                write!(line, "{separator}{name}={text:?}")
            } else {
                write!(line, "{separator}{name}={text}")
            };
        }
        line.push('\n');
        line
    }
}

fn needs_quotes(text: &str) -> bool {
    text.is_empty() || text.contains(|c: char| c <= ' ' || c == '"' || c == '=' || c.is_control())
}

/// Always with three digits behind the second, so that lines stand below each other.
fn time(now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = model::format_rfc3339_ms(i64::try_from(since.as_secs()).unwrap_or(0) * 1000);
    format!("{}.{:03}Z", seconds.trim_end_matches('Z'), since.subsec_millis())
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, format!("{value:?}"));
    }
}

impl Fields {
    fn push(&mut self, field: &Field, text: String) {
        match field.name() {
            "message" => self.message = text,
            name => self.others.push((name, text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(is_json: bool) -> String {
        let others = vec![("collector", "cpu".to_owned()), ("reason", "a \"b\"\nc=d".to_owned())];
        let fields = Fields { message: "it failed".to_owned(), others };
        Log { is_json }.line(Level::WARN, "2026-01-02T03:04:05.678Z", fields)
    }

    #[test]
    fn times_have_the_same_length() {
        let at = |ms| time(UNIX_EPOCH + std::time::Duration::from_millis(ms));
        assert_eq!(at(1_700_000_000_000), "2023-11-14T22:13:20.000Z");
        assert_eq!(at(1_700_000_000_050), "2023-11-14T22:13:20.050Z");
    }

    #[test]
    fn an_event_is_one_line_of_logfmt_or_json() {
        assert_eq!(
            line(false),
            "time=2026-01-02T03:04:05.678Z level=WARN msg=\"it failed\" collector=cpu reason=\"a \\\"b\\\"\\nc=d\"\n"
        );
        let json: serde_json::Value = serde_json::from_str(&line(true)).expect("JSON");
        assert_eq!((&json["level"], &json["reason"]), (&"WARN".into(), &"a \"b\"\nc=d".into()));
        assert_eq!(line(true).matches('\n').count(), 1);
    }
}
