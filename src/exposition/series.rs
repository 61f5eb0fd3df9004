//! A series as a sample line names it. The raw bytes are what a scraper remembers it by; only a series that it does not
//! know yet is turned into labels, which is when names, escapes and UTF-8 are checked.

use std::borrow::Cow;

use memchr::memchr;
use model::{LabelsBuilder, METRIC_NAME};

use crate::cursor::Cursor;
use crate::number::parse_number;
use crate::{Dialect, MetricType, Reason};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Series<'a> {
    /// Name and labels exactly as sent.
    pub raw: &'a [u8],
    pub dialect: Dialect,
    /// What the last `# TYPE` line said.
    pub kind: MetricType,
}

impl Series<'_> {
    /// Adds the metric name and all labels to `labels`, which should be empty. A label with an empty value is added as
    /// such. Bounds of histograms and summaries are written as floats (`le="1"` becomes `le="1.0"`), as Prometheus 3
    /// stores them, so that both dialects give the same series.
    pub fn read(&self, labels: &mut LabelsBuilder) -> Result<(), Reason> {
        let mut cursor = Cursor::new(self.raw, self.dialect);
        let mut has_name = false;
        if !cursor.is_at(b'{') {
            let name = cursor.metric_name()?;
            labels.set(METRIC_NAME, utf8(name)?);
            has_name = true;
            cursor.skip_blanks();
        }
        if has_name && cursor.is_at_end() {
            return Ok(());
        }
        cursor.expect(b'{', "a brace")?;
        loop {
            cursor.skip_blanks();
            if cursor.take(b'}') {
                break;
            }
            if cursor.is_at(b'"') {
                let quoted = unescape(cursor.quoted()?)?;
                cursor.skip_blanks();
                if cursor.is_at(b',') || cursor.is_at(b'}') {
                    if has_name {
                        return Err(Reason::DuplicateLabel(METRIC_NAME.to_owned()));
                    }
                    labels.set(METRIC_NAME, &quoted);
                    has_name = true;
                } else {
                    self.read_value(&mut cursor, &quoted, labels)?;
                }
            } else {
                let name = utf8(cursor.label_name()?)?;
                self.read_value(&mut cursor, name, labels)?;
            }
            cursor.skip_blanks();
            if !cursor.take(b',') {
                cursor.expect(b'}', "a comma or a closing brace")?;
                break;
            }
        }
        if !cursor.is_at_end() {
            return Err(cursor.expected("the end of the series"));
        }
        if has_name { Ok(()) } else { Err(cursor.expected("a metric name")) }
    }

    fn read_value(&self, cursor: &mut Cursor<'_>, name: &str, labels: &mut LabelsBuilder) -> Result<(), Reason> {
        cursor.skip_blanks();
        cursor.expect(b'=', "an equals sign")?;
        cursor.skip_blanks();
        let value = unescape(cursor.quoted()?)?;
        if labels.iter().any(|(known, _)| known == name) {
            return Err(Reason::DuplicateLabel(name.to_owned()));
        }
        let is_bound = matches!((self.kind, name), (MetricType::Histogram, "le") | (MetricType::Summary, "quantile"));
        let bound = if is_bound { parse_number(value.as_bytes()) } else { None };
        match bound {
            Some(bound) => labels.set(name, &format_bound(bound)),
            None => labels.set(name, &value),
        };
        Ok(())
    }
}

/// Resolves `\\`, `\"` and `\n`; any other backslash stands for itself, as Prometheus has it.
pub fn unescape(raw: &[u8]) -> Result<Cow<'_, str>, Reason> {
    let text = utf8(raw)?;
    if memchr(b'\\', raw).is_none() {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(position) = rest.find('\\') {
        out.push_str(&rest[..position]);
        let replacement = match rest.as_bytes().get(position + 1) {
            Some(b'\\') => "\\",
            Some(b'"') => "\"",
            Some(b'n') => "\n",
            _ => {
                out.push('\\');
                rest = &rest[position + 1..];
                continue;
            }
        };
        out.push_str(replacement);
        rest = &rest[position + 2..];
    }
    out.push_str(rest);
    Ok(Cow::Owned(out))
}

fn utf8(bytes: &[u8]) -> Result<&str, Reason> {
    std::str::from_utf8(bytes).map_err(|_| Reason::NotUtf8(crate::parse::excerpt(bytes)))
}

/// The canonical float of OpenMetrics: always a point or an exponent, which starts at 1e+06 and below 1e-04.
fn format_bound(bound: f64) -> String {
    if !bound.is_finite() {
        return model::format_float(bound);
    }
    let scientific = format!("{bound:e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("the {:e} format always has an exponent");
    let exponent: i32 = exponent.parse().expect("the {:e} format has an integer exponent");
    if bound != 0.0 && !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs());
    }
    // `Debug` of a float always has a point in this range.
    format!("{bound:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str, dialect: Dialect, kind: MetricType) -> Result<String, String> {
        let mut labels = LabelsBuilder::default();
        let series = Series { raw: raw.as_bytes(), dialect, kind };
        series.read(&mut labels).map_err(|reason| reason.to_string())?;
        Ok(labels.build().to_string())
    }

    fn text(raw: &str) -> Result<String, String> {
        read(raw, Dialect::Text, MetricType::Unknown)
    }

    #[test]
    fn names_and_labels_are_read_in_every_spelling() {
        for (raw, labels) in [
            ("up", "up"),
            ("a:b_c1", "a:b_c1"),
            ("up{}", "up"),
            (r#"up{b="2",a="1"}"#, r#"up{a="1", b="2"}"#),
            (r#"up { a = "1" , b="2", }"#, r#"up{a="1", b="2"}"#),
            (r#"up{a="",b="}{,= #"}"#, r#"up{b="}{,= #"}"#),
            (r#"up{a="C:\\dir \"x\"\n\t"}"#, "up{a=\"C:\\\\dir \\\"x\\\"\\n\\\\t\"}"),
            (r#"{"my.metric","a.b"="1",c="2"}"#, r#"my.metric{"a.b"="1", c="2"}"#),
            (r#"{a="1","up"}"#, r#"up{a="1"}"#),
        ] {
            assert_eq!(text(raw).as_deref(), Ok(labels), "{raw}");
        }
    }

    #[test]
    fn what_is_no_series_is_refused_with_the_offending_text() {
        for (raw, error) in [
            ("0a", r#"expected a metric name, found "0a""#),
            ("a.b", r#"expected a brace, found ".b""#),
            (r#"a{1="1"}"#, r#"expected a label name, found "1=\"1\"}""#),
            (r#"a{b}"#, r#"expected an equals sign, found "}""#),
            (r#"a{b=}"#, r#"expected a quoted value, found "}""#),
            (r#"a{b='1'}"#, r#"expected a quoted value, found "'1'}""#),
            (r#"a{b="1}"#, r#"expected a closing quote, found "\"1}""#),
            (r#"a{b="1"c="2"}"#, r#"expected a comma or a closing brace, found "c=\"2\"}""#),
            (r#"a{b="1",b="2"}"#, r#"label "b" is there twice"#),
            (r#"a{__name__="b"}"#, r#"label "__name__" is there twice"#),
            (r#"{b="1"}"#, "expected a metric name, found the end of the line"),
            (r#"a{b="1"} }"#, r#"expected the end of the series, found " }""#),
            ("", "expected a metric name, found the end of the line"),
        ] {
            assert_eq!(text(raw), Err(error.to_owned()), "{raw}");
        }
    }

    #[test]
    fn a_label_that_is_not_utf8_is_refused() {
        let series = Series { raw: b"a{b=\"\xff\"}", dialect: Dialect::Text, kind: MetricType::Unknown };
        let reason = series.read(&mut LabelsBuilder::default()).unwrap_err();
        assert_eq!(reason.to_string(), "\"\u{fffd}\" is not UTF-8");
    }

    #[test]
    fn openmetrics_has_no_blanks_between_labels() {
        assert!(read(r#"up{a="1", b="2"}"#, Dialect::OpenMetrics, MetricType::Unknown).is_err());
        assert!(read(r#"up{a="1",b="2"}"#, Dialect::OpenMetrics, MetricType::Unknown).is_ok());
    }

    #[test]
    fn bounds_are_written_as_floats() {
        for (bound, written) in [
            ("1", "1.0"),
            ("0", "0.0"),
            ("+Inf", "+Inf"),
            ("0.005", "0.005"),
            ("1e-04", "0.0001"),
            ("0.00001", "1e-05"),
            ("100000", "100000.0"),
            ("1000000", "1e+06"),
            ("1234567", "1.234567e+06"),
            ("364.5", "364.5"),
            ("x", "x"),
        ] {
            let raw = format!(r#"a_bucket{{le="{bound}"}}"#);
            let wanted = format!(r#"a_bucket{{le="{written}"}}"#);
            assert_eq!(read(&raw, Dialect::Text, MetricType::Histogram), Ok(wanted));
        }
        assert_eq!(read(r#"a{le="1"}"#, Dialect::Text, MetricType::Gauge).as_deref(), Ok(r#"a{le="1"}"#));
        assert_eq!(
            read(r#"a{quantile="1"}"#, Dialect::Text, MetricType::Summary).as_deref(),
            Ok(r#"a{quantile="1.0"}"#)
        );
    }
}
