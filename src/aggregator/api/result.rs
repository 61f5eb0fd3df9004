//! A query's value as JSON. Matrices can have millions of points, so nothing stands between samples and bytes.

use promql::{QueryStats, Value};

use super::answer::Notes;
use super::json::{write_labels, write_point, write_points, write_string, write_timestamp};
use super::params::truncate;
use crate::query_pool::Timings;

/// `{"resultType":"vector","result":[…]`; the closing brace is left to the caller.
pub fn write_value(out: &mut Vec<u8>, value: &Value) {
    out.extend_from_slice(b"{\"resultType\":\"");
    out.extend_from_slice(value.value_type().as_str().as_bytes());
    out.extend_from_slice(b"\",\"result\":");
    match value {
        Value::Scalar(sample) => write_point(out, sample.timestamp_ms, sample.value),
        Value::String { timestamp_ms, text } => {
            out.push(b'[');
            write_timestamp(out, *timestamp_ms);
            out.push(b',');
            write_string(out, text);
            out.push(b']');
        }
        Value::Vector(samples) => write_list(out, samples, |out, one| {
            out.extend_from_slice(b"{\"metric\":");
            write_labels(out, &one.labels);
            out.extend_from_slice(b",\"value\":");
            write_point(out, one.sample.timestamp_ms, one.sample.value);
            out.push(b'}');
        }),
        Value::Matrix(series) => write_list(out, series, |out, one| {
            out.extend_from_slice(b"{\"metric\":");
            write_labels(out, &one.labels);
            out.extend_from_slice(b",\"values\":");
            write_points(out, &one.samples);
            out.push(b'}');
        }),
    }
}

pub fn write_list<T>(out: &mut Vec<u8>, list: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (index, item) in list.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

/// `,"stats":{…}`, all times in seconds.
pub fn write_stats(out: &mut Vec<u8>, stats: &QueryStats, timings: &Timings) {
    let (queued, evaluated) = (timings.queued.as_secs_f64(), timings.evaluated.as_secs_f64());
    let stats = serde_json::json!({
        "timings": {
            "evalTotalTime": evaluated,
            "resultSortTime": 0,
            "queryPreparationTime": 0,
            "innerEvalTime": evaluated,
            "execQueueTime": queued,
            "execTotalTime": queued + evaluated,
        },
        "samples": { "totalQueryableSamples": stats.samples_read, "peakSamples": stats.peak_samples },
    });
    out.extend_from_slice(b",\"stats\":");
    out.extend_from_slice(stats.to_string().as_bytes());
}

pub fn truncate_value(value: &mut Value, limit: Option<usize>, notes: &mut Notes) {
    match value {
        Value::Vector(samples) => truncate(samples, limit, notes),
        Value::Matrix(series) => truncate(series, limit, notes),
        Value::Scalar(_) | Value::String { .. } => {}
    }
}
