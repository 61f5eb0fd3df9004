//! The effective configuration as YAML, in Prometheus' order of keys: every default spelled out, every secret replaced.

use std::fmt::{Display, Write};
use std::path::{Path, PathBuf};

use model::{Labels, format_duration_ms};

use super::size::format_size;
use super::{
    Authorization, Credentials, FileSdConfig, GlobalConfig, HeaderValue, HttpClientConfig, HttpHeader, ScrapeConfig,
    ScrapeLimits, TlsConfig,
};
use crate::discovery::{ADDRESS, TargetGroup};
use crate::relabel::{Action, DEFAULT_REGEX, DEFAULT_REPLACEMENT, DEFAULT_SEPARATOR, RelabelConfig};

const SECRET: &str = "<secret>";

pub(super) fn yaml(global: &GlobalConfig, files: &[PathBuf], jobs: &[ScrapeConfig]) -> String {
    let mut out = Printer::default();
    out.map("global", |out| print_global(out, global));
    out.texts("scrape_config_files", files.iter().map(|path| path.to_string_lossy()));
    out.list("scrape_configs", jobs, print_job);
    out.text
}

fn print_global(out: &mut Printer, global: &GlobalConfig) {
    out.duration("scrape_interval", global.scrape_interval_ms);
    out.duration("scrape_timeout", global.scrape_timeout_ms);
    let protocols = global.scrape_protocols.iter().flatten();
    out.texts("scrape_protocols", protocols.map(|protocol| protocol.as_str()));
    out.duration("evaluation_interval", global.evaluation_interval_ms);
    out.labels("external_labels", &global.external_labels);
    print_limits(out, &global.limits);
    out.scalar("metric_name_validation_scheme", global.metric_name_validation_scheme.as_str());
    out.scalar("metric_name_escaping_scheme", global.metric_name_escaping_scheme.as_str());
}

fn print_job(out: &mut Printer, job: &ScrapeConfig) {
    out.scalar("job_name", &job.job_name);
    out.raw("honor_labels", job.honor_labels);
    out.raw("honor_timestamps", job.honor_timestamps);
    out.raw("track_timestamps_staleness", job.track_timestamps_staleness);
    out.map("params", |out| {
        for (name, values) in &job.params {
            out.texts(&quoted(name), values.iter());
        }
    });
    out.duration("scrape_interval", job.scrape_interval_ms);
    out.duration("scrape_timeout", job.scrape_timeout_ms);
    out.texts("scrape_protocols", job.scrape_protocols.iter().map(|protocol| protocol.as_str()));
    if let Some(protocol) = job.fallback_scrape_protocol {
        out.scalar("fallback_scrape_protocol", protocol.as_str());
    }
    out.scalar("metrics_path", &job.metrics_path);
    out.scalar("scheme", job.scheme.as_str());
    out.raw("enable_compression", job.enable_compression);
    print_limits(out, &job.limits);
    out.scalar("metric_name_validation_scheme", job.metric_name_validation_scheme.as_str());
    out.scalar("metric_name_escaping_scheme", job.metric_name_escaping_scheme.as_str());
    print_client(out, &job.http);
    out.list("relabel_configs", &job.relabel_configs, print_rule);
    out.list("metric_relabel_configs", &job.metric_relabel_configs, print_rule);
    out.list("static_configs", &job.static_configs, print_group);
    out.list("file_sd_configs", &job.file_sd_configs, print_files);
}

fn print_limits(out: &mut Printer, limits: &ScrapeLimits) {
    if let Some(bytes) = limits.body_size_limit_bytes {
        out.raw("body_size_limit", format_size(bytes));
    }
    for (key, limit) in [
        ("sample_limit", limits.sample_limit),
        ("target_limit", limits.target_limit),
        ("label_limit", limits.label_limit),
        ("label_name_length_limit", limits.label_name_length_limit_bytes),
        ("label_value_length_limit", limits.label_value_length_limit_bytes),
        ("keep_dropped_targets", limits.keep_dropped_targets),
    ] {
        if let Some(limit) = limit {
            out.raw(key, limit);
        }
    }
}

fn print_client(out: &mut Printer, client: &HttpClientConfig) {
    match &client.authorization {
        Some(Authorization::Basic { username, password }) => out.map("basic_auth", |out| {
            match username {
                Credentials::Inline(name) => out.scalar("username", name.reveal()),
                other => print_credentials(out, "username", "username_file", other),
            }
            print_credentials(out, "password", "password_file", password);
        }),
        Some(Authorization::Scheme { scheme, credentials }) => out.map("authorization", |out| {
            out.scalar("type", scheme);
            print_credentials(out, "credentials", "credentials_file", credentials);
        }),
        None => {}
    }
    out.map("tls_config", |out| print_tls(out, &client.tls));
    out.raw("follow_redirects", client.follow_redirects);
    out.raw("enable_http2", client.enable_http2);
    out.map("http_headers", |out| client.headers.iter().for_each(|header| print_header(out, header)));
}

fn print_credentials(out: &mut Printer, key: &str, file_key: &str, credentials: &Credentials) {
    match credentials {
        Credentials::Absent => {}
        Credentials::Inline(_) => out.raw(key, SECRET),
        Credentials::File(path) => out.path(file_key, path),
    }
}

fn print_header(out: &mut Printer, header: &HttpHeader) {
    out.map(&quoted(&header.name), |out| {
        let values = || header.values.iter();
        out.texts("values", values().filter_map(HeaderValue::plain));
        out.texts("secrets", values().filter(|value| matches!(value, HeaderValue::Secret(_))).map(|_| SECRET));
        out.texts("files", values().filter_map(HeaderValue::file).map(|path| path.to_string_lossy()));
    });
}

fn print_tls(out: &mut Printer, tls: &TlsConfig) {
    for (key, path) in [("ca_file", &tls.ca_file), ("cert_file", &tls.cert_file), ("key_file", &tls.key_file)] {
        if let Some(path) = path {
            out.path(key, path);
        }
    }
    if let Some(name) = &tls.server_name {
        out.scalar("server_name", name);
    }
    for (key, version) in [("min_version", tls.min_version), ("max_version", tls.max_version)] {
        if let Some(version) = version {
            out.raw(key, version.as_str());
        }
    }
    if *tls != TlsConfig::default() {
        out.raw("insecure_skip_verify", tls.insecure_skip_verify);
    }
}

/// Only the fields that differ from their defaults where an action does not take them.
fn print_rule(out: &mut Printer, rule: &RelabelConfig) {
    let takes_source = !matches!(rule.action, Action::LabelMap | Action::LabelDrop | Action::LabelKeep);
    let takes_regex = !matches!(rule.action, Action::KeepEqual | Action::DropEqual);
    out.texts("source_labels", rule.source_labels.iter());
    if takes_source && takes_regex || rule.separator != DEFAULT_SEPARATOR {
        out.scalar("separator", &rule.separator);
    }
    if takes_regex || rule.regex.pattern() != DEFAULT_REGEX {
        out.scalar("regex", rule.regex.pattern());
    }
    if rule.modulus != 0 {
        out.raw("modulus", rule.modulus);
    }
    if !rule.target_label.is_empty() {
        out.scalar("target_label", &rule.target_label);
    }
    if matches!(rule.action, Action::Replace | Action::LabelMap) || rule.replacement != DEFAULT_REPLACEMENT {
        out.scalar("replacement", &rule.replacement);
    }
    out.scalar("action", rule.action.as_str());
}

fn print_group(out: &mut Printer, group: &TargetGroup) {
    let addresses = group.targets.iter().map(|target| target.get(ADDRESS).unwrap_or_default());
    match group.targets.is_empty() {
        true => out.raw("targets", "[]"),
        false => out.texts("targets", addresses),
    }
    out.labels("labels", &group.labels);
}

fn print_files(out: &mut Printer, config: &FileSdConfig) {
    out.texts("files", config.files.iter().map(|path| path.to_string_lossy()));
    out.duration("refresh_interval", config.refresh_interval_ms);
}

/// Writes block style, two spaces a level. Keys come in already spelled.
#[derive(Default)]
struct Printer {
    text: String,
    /// Levels that the next line stands below the top.
    depth: usize,
    /// Whether the next line starts an item of a list.
    dash: bool,
}

impl Printer {
    fn line(&mut self, text: impl Display) {
        let dash = std::mem::take(&mut self.dash);
        self.text.push_str(&"  ".repeat(self.depth - usize::from(dash)));
        self.text.push_str(if dash { "- " } else { "" });
        writeln!(self.text, "{text}").expect("writing to memory cannot fail");
    }

    fn raw(&mut self, key: &str, value: impl Display) {
        self.line(format_args!("{key}: {value}"));
    }

    fn scalar(&mut self, key: &str, text: &str) {
        self.raw(key, quoted(text));
    }

    fn duration(&mut self, key: &str, duration_ms: i64) {
        self.raw(key, format_duration_ms(duration_ms));
    }

    fn path(&mut self, key: &str, path: &Path) {
        self.scalar(key, &path.to_string_lossy());
    }

    /// A key with what the body writes below it; nothing when the body writes nothing.
    fn map(&mut self, key: &str, body: impl FnOnce(&mut Printer)) {
        let mut inner = Printer { depth: self.depth + 1, ..Printer::default() };
        body(&mut inner);
        if !inner.text.is_empty() {
            self.line(format_args!("{key}:"));
            self.text.push_str(&inner.text);
        }
    }

    fn list<T>(&mut self, key: &str, items: impl IntoIterator<Item = T>, body: impl Fn(&mut Printer, T)) {
        self.map(key, |inner| {
            for item in items {
                inner.dash = true;
                body(inner, item);
            }
        });
    }

    fn texts<T: AsRef<str>>(&mut self, key: &str, items: impl Iterator<Item = T>) {
        self.list(key, items, |out, item| out.line(quoted(item.as_ref())));
    }

    fn labels(&mut self, key: &str, labels: &Labels) {
        self.map(key, |out| labels.iter().for_each(|(name, value)| out.scalar(&quoted(name), value)));
    }
}

/// A text as a YAML scalar: as it is where that cannot be mistaken for anything else, otherwise in double quotes.
pub(super) fn quoted(text: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_-./:$()+*;<>".contains(&b);
    let starts_plain = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b"_/$(.<".contains(&b));
    let is_word = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"].contains(&text.to_lowercase().as_str());
    // Numbers such as `.5` and `.inf` start with a dot.
    let is_number = text.starts_with('.') && text[1..].chars().all(|c| c.is_ascii_alphanumeric() || "+-".contains(c));
    if starts_plain && text.bytes().all(is_plain) && !text.ends_with(':') && !is_word && !is_number {
        return text.to_owned();
    }
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                write!(quoted, "\\u{:04x}", u32::from(c)).expect("writing to memory cannot fail");
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
#[path = "print_tests.rs"]
mod tests;
