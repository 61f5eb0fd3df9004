//! A text file's samples as metric families, as Prometheus' Go library reads them: the parts of a histogram or summary
//! belong together, `# TYPE` comes before the samples, and the last line ends in a line feed (a file without one may
//! have been read while it was written). Part of the collector `textfile`.

use std::collections::{BTreeMap, BTreeSet};

use exposition::{Dialect, Entry, Kind, MetricType, ParseError, Parser, SampleLine, Series, unescape};
use model::{LabelsBuilder, METRIC_NAME, is_valid_label_name, is_valid_metric_name};

/// In the order of the file.
#[derive(Debug, Default)]
pub struct Families {
    all: Vec<FileFamily>,
    by_name: BTreeMap<String, usize>,
}

#[derive(Debug)]
pub struct FileFamily {
    pub name: String,
    pub kind: Kind,
    /// `None` when the file has none, or an empty one.
    pub help: Option<String>,
    /// By their labels, without `le` and `quantile`.
    metrics: BTreeMap<Vec<(String, String)>, Metric>,
    has_type: bool,
}

#[derive(Debug, Default)]
struct Metric {
    value: f64,
    sum: f64,
    count: f64,
    /// Buckets by upper bound, quantiles by rank.
    parts: BTreeMap<Bound, f64>,
}

/// A float as a key.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bound(f64);

/// Which part of a family a sample is.
#[derive(Clone, Copy)]
enum Part {
    Value,
    Sum,
    Count,
    Bucket,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("{0}")]
    Parse(#[from] ParseError),
    #[error("line {line}: {reason}")]
    Line { line: usize, reason: String },
    #[error("no line feed at the end: the file may be incomplete")]
    Torn,
}

impl Families {
    pub fn parse(text: &[u8]) -> Result<Families, Refusal> {
        if text.last().is_some_and(|last| *last != b'\n') {
            return Err(Refusal::Torn);
        }
        let mut families = Families::default();
        let mut parser = Parser::new(text, Dialect::Text);
        while let Some(entry) = parser.next() {
            let taken = match entry? {
                Entry::Help { name, help } => families.help(name, help),
                Entry::Type { name, kind } => families.kind(name, kind),
                Entry::Unit { .. } => Ok(()),
                Entry::Sample(sample) => families.sample(&sample),
            };
            taken.map_err(|reason| Refusal::Line { line: line_number(text, parser.line()), reason })?;
        }
        families.all.retain(|family| !family.metrics.is_empty());
        Ok(families)
    }

    pub fn into_iter(self) -> impl Iterator<Item = FileFamily> {
        self.all.into_iter()
    }

    fn help(&mut self, name: &[u8], help: &[u8]) -> Result<(), String> {
        let family = self.family(&text_of(name)?)?;
        let help = unescape(help).map_err(|reason| reason.to_string())?;
        if family.help.is_some() {
            return Err(format!("second HELP line for {}", family.name));
        }
        family.help = (!help.is_empty()).then(|| help.into_owned());
        Ok(())
    }

    fn kind(&mut self, name: &[u8], kind: MetricType) -> Result<(), String> {
        let family = self.family(&text_of(name)?)?;
        if family.has_type || !family.metrics.is_empty() {
            return Err(format!("second TYPE line for {}, or TYPE after its samples", family.name));
        }
        family.has_type = true;
        family.kind = match kind {
            MetricType::Counter => Kind::Counter,
            MetricType::Gauge => Kind::Gauge,
            MetricType::Histogram => Kind::Histogram,
            MetricType::Summary => Kind::Summary,
            _ => Kind::Untyped,
        };
        Ok(())
    }

    fn sample(&mut self, sample: &SampleLine<'_>) -> Result<(), String> {
        if sample.timestamp_ms.is_some() {
            return Err("unsupported client-side timestamp".to_owned());
        }
        // Bounds are kept as they are written, so the type is not told.
        let series = Series { kind: MetricType::Unknown, ..sample.series };
        let mut labels = LabelsBuilder::default();
        series.read(&mut labels).map_err(|reason| reason.to_string())?;
        let mut name = "";
        let mut pairs = Vec::new();
        for (label, value) in labels.iter() {
            match label {
                METRIC_NAME => name = value,
                label if !is_valid_label_name(label) => return Err(format!("invalid label name {label:?}")),
                label => pairs.push((label.to_owned(), value.to_owned())),
            }
        }
        pairs.sort();
        let (family, part) = self.owner(name)?;
        let bound = match (family.kind, part) {
            (Kind::Histogram, Part::Bucket) => Some(take_bound(&mut pairs, "le")?),
            (Kind::Summary, Part::Value) => Some(take_bound(&mut pairs, "quantile")?),
            (Kind::Histogram, Part::Value) => return Err(format!("{name} is a histogram, not a sample")),
            _ => None,
        };
        let is_simple = matches!(family.kind, Kind::Counter | Kind::Gauge | Kind::Untyped);
        if is_simple && family.metrics.contains_key(&pairs) {
            return Err(format!("{name} is there twice with the same labels"));
        }
        let metric = family.metrics.entry(pairs).or_default();
        match (part, bound) {
            (_, Some(bound)) => {
                metric.parts.insert(bound, sample.value);
            }
            (Part::Sum, _) => metric.sum = sample.value,
            (Part::Count, _) => metric.count = sample.value,
            (Part::Value | Part::Bucket, _) => metric.value = sample.value,
        }
        Ok(())
    }

    /// The family of a sample: its own name's, else the histogram or summary of which it is a part.
    fn owner(&mut self, name: &str) -> Result<(&mut FileFamily, Part), String> {
        if !self.by_name.contains_key(name) {
            for (suffix, part) in [("_sum", Part::Sum), ("_count", Part::Count), ("_bucket", Part::Bucket)] {
                let Some(&place) = name.strip_suffix(suffix).and_then(|base| self.by_name.get(base)) else { continue };
                let is_part = match self.all[place].kind {
                    Kind::Histogram => true,
                    Kind::Summary => !matches!(part, Part::Bucket),
                    _ => false,
                };
                if is_part {
                    return Ok((&mut self.all[place], part));
                }
            }
        }
        Ok((self.family(name)?, Part::Value))
    }

    fn family(&mut self, name: &str) -> Result<&mut FileFamily, String> {
        if !is_valid_metric_name(name) {
            return Err(format!("invalid metric name {name:?}"));
        }
        let place = *self.by_name.entry(name.to_owned()).or_insert_with(|| {
            self.all.push(FileFamily {
                name: name.to_owned(),
                kind: Kind::Untyped,
                help: None,
                metrics: BTreeMap::new(),
                has_type: false,
            });
            self.all.len() - 1
        });
        Ok(&mut self.all[place])
    }
}

impl FileFamily {
    /// Every sample: the name's suffix, its labels and its value. Labels that only some metrics have are empty in the
    /// others; parts of a histogram or summary that the file leaves out are 0.
    pub fn each(&self, mut each: impl FnMut(&str, &[(&str, &str)], f64)) {
        let names: BTreeSet<&str> = self.metrics.keys().flatten().map(|(name, _)| name.as_str()).collect();
        for (pairs, metric) in &self.metrics {
            let value_of = |name: &str| pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value);
            let labels: Vec<(&str, &str)> = names.iter().map(|name| (*name, value_of(name))).collect();
            let (bound_label, suffix) = match self.kind {
                Kind::Histogram => ("le", "_bucket"),
                Kind::Summary => ("quantile", ""),
                _ => {
                    each("", &labels, metric.value);
                    continue;
                }
            };
            for (bound, value) in metric.all_parts(self.kind) {
                let bound = bound.text();
                let with_bound: Vec<_> = labels.iter().copied().chain([(bound_label, bound.as_str())]).collect();
                each(suffix, &with_bound, value);
            }
            each("_sum", &labels, metric.sum);
            each("_count", &labels, metric.count);
        }
    }
}

impl Metric {
    /// A histogram always has its last bucket.
    fn all_parts(&self, kind: Kind) -> impl Iterator<Item = (Bound, f64)> {
        let last = Bound(f64::INFINITY);
        let lacks_last = kind == Kind::Histogram && !self.parts.contains_key(&last);
        let parts = self.parts.iter().map(|(bound, value)| (*bound, *value));
        parts.chain(lacks_last.then_some((last, self.count)))
    }
}

impl Bound {
    /// As Go's library writes it: an exponent from 1e+06 and below 1e-04.
    fn text(self) -> String {
        let Bound(value) = self;
        if value.is_infinite() {
            return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
        }
        let scientific = format!("{value:e}");
        match scientific
            .split_once('e')
            .and_then(|(mantissa, exponent)| Some((mantissa, exponent.parse::<i32>().ok()?)))
        {
            Some((mantissa, exponent)) if value != 0.0 && !(-4..6).contains(&exponent) => {
                let sign = if exponent < 0 { '-' } else { '+' };
                format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
            }
            _ => value.to_string(),
        }
    }
}

impl Eq for Bound {}

impl PartialOrd for Bound {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bound {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Takes the label of a bucket or quantile out of the others.
fn take_bound(pairs: &mut Vec<(String, String)>, name: &str) -> Result<Bound, String> {
    let place = pairs.iter().position(|(known, _)| known == name).ok_or_else(|| format!("label {name} is missing"))?;
    let (_, text) = pairs.remove(place);
    model::parse_float(text.as_bytes())
        .map(Bound)
        .ok_or_else(|| format!("expected a number for {name}, found {text:?}"))
}

fn text_of(name: &[u8]) -> Result<String, String> {
    std::str::from_utf8(name).map(str::to_owned).map_err(|_| "a name that is not UTF-8".to_owned())
}

/// The number of a line that lies in the text.
fn line_number(text: &[u8], line: &[u8]) -> usize {
    let offset = (line.as_ptr() as usize).saturating_sub(text.as_ptr() as usize).min(text.len());
    text[..offset].iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(text: &str) -> Result<Vec<String>, String> {
        let families = Families::parse(text.as_bytes()).map_err(|refusal| refusal.to_string())?;
        let mut lines = Vec::new();
        for family in families.into_iter() {
            family.each(|suffix, labels, value| {
                let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
                lines.push(format!("{}{suffix}{{{}}} {value}", family.name, labels.join(",")));
            });
        }
        Ok(lines)
    }

    #[test]
    fn labels_are_filled_up_and_parts_completed() {
        assert_eq!(said("a{x=\"1\"} 1\na{y=\"2\"} 2\n"), Ok(vec!["a{x=1,y=} 1".into(), "a{x=,y=2} 2".into()]));
        let histogram = "# TYPE h histogram\nh_bucket{le=\"1638400\"} 1\nh_bucket{le=\"0.5\"} 0\nh_count 3\n";
        let expected =
            ["h_bucket{le=0.5} 0", "h_bucket{le=1.6384e+06} 1", "h_bucket{le=+Inf} 3", "h_sum{} 0", "h_count{} 3"];
        assert_eq!(said(histogram), Ok(expected.map(str::to_owned).to_vec()));
        let summary = "# TYPE s summary\ns{quantile=\"0.00001\"} 7\ns_sum 1\n";
        assert_eq!(said(summary), Ok(["s{quantile=1e-05} 7", "s_sum{} 1", "s_count{} 0"].map(str::to_owned).to_vec()));
        assert_eq!(said("# TYPE alone counter\n"), Ok(vec![]));
        assert_eq!(said("x_sum 1\n# TYPE x gauge\nx 2\n"), Ok(vec!["x_sum{} 1".into(), "x{} 2".into()]));
    }

    #[test]
    fn what_go_refuses_is_refused_with_its_line() {
        for (text, refusal) in [
            ("a 1", "no line feed at the end: the file may be incomplete"),
            ("a 1\nb x\n", r#"line 2: expected a number, found "x""#),
            ("a 1\na 2 1441205977284\n", "line 2: unsupported client-side timestamp"),
            ("a 1\na 2\n", "line 2: a is there twice with the same labels"),
            ("# TYPE a gauge\n\n# TYPE a gauge\n", "line 3: second TYPE line for a, or TYPE after its samples"),
            ("# HELP a x\n# HELP a y\n", "line 2: second HELP line for a"),
            ("# TYPE h histogram\nh_bucket 1\n", "line 2: label le is missing"),
            ("# TYPE s summary\ns{quantile=\"x\"} 1\n", r#"line 2: expected a number for quantile, found "x""#),
            ("{\"a.b\"} 1\n", r#"line 1: invalid metric name "a.b""#),
        ] {
            assert_eq!(said(text), Err(refusal.to_owned()), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Families::parse(&bytes);
        }
    }
}
