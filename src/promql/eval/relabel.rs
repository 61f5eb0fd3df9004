//! `label_replace` and `label_join`.

use model::{AnchoredRegex, METRIC_NAME};

use super::merge::{MergedRows, SAME_LABELSET};
use super::metric::Metric;
use super::result::text;
use super::steps::Steps;
use super::{Evaluator, Sink};
use crate::ast::{Call, Expr};
use crate::error::QueryError;

impl Evaluator<'_> {
    /// `label_replace(v, target, template, source, pattern)`
    pub(crate) fn label_replace(&self, call: &Call, steps: Steps, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let target = label_name(&call.args[1], "destination label name in label_replace()")?;
        let template = lossy(&call.args[2])?;
        let source = lossy(&call.args[3])?;
        let pattern = lossy(&call.args[4])?;
        let regex = AnchoredRegex::new(&pattern)
            .map_err(|_| QueryError::execution(format!("invalid regular expression in label_replace(): {pattern}")))?;
        self.relabelled(call, steps, sink, |metric| {
            match regex.expand(metric.labels.get(&source).unwrap_or(""), &template) {
                Some(value) => with_label(metric, &target, &value),
                None => metric,
            }
        })
    }

    /// `label_join(v, target, separator, source…)`
    pub(crate) fn label_join(&self, call: &Call, steps: Steps, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let target = label_name(&call.args[1], "destination label name in label_join()")?;
        let separator = lossy(&call.args[2])?;
        let sources = call.args[3..]
            .iter()
            .map(|arg| label_name(arg, "source label name in label_join()"))
            .collect::<Result<Vec<_>, _>>()?;
        self.relabelled(call, steps, sink, |metric| {
            let values: Vec<&str> = sources.iter().map(|name| metric.labels.get(name).unwrap_or("")).collect();
            let value = values.join(&separator);
            with_label(metric, &target, &value)
        })
    }

    fn relabelled(
        &self,
        call: &Call,
        steps: Steps,
        sink: &mut Sink<'_>,
        relabel: impl Fn(Metric) -> Metric,
    ) -> Result<(), QueryError> {
        let mut rows = MergedRows::new(&self.budget);
        self.vector(&call.args[0], steps, &mut |metric, row| rows.add(relabel(metric), row, SAME_LABELSET))?;
        rows.emit(sink)
    }
}

/// A name that is set is there to stay.
fn with_label(metric: Metric, name: &str, value: &str) -> Metric {
    let labels = metric.labels.to_builder().set(name, value).build();
    Metric { labels, loses_name: metric.loses_name && name != METRIC_NAME }
}

fn lossy(arg: &Expr) -> Result<String, QueryError> {
    Ok(String::from_utf8_lossy(text(arg)?).into_owned())
}

fn label_name(arg: &Expr, what: &str) -> Result<String, QueryError> {
    let bytes = text(arg)?;
    match std::str::from_utf8(bytes) {
        Ok(name) if !name.is_empty() => Ok(name.to_owned()),
        _ => Err(QueryError::execution(format!("invalid {what}: {}", String::from_utf8_lossy(bytes)))),
    }
}
