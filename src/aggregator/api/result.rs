//! A query's value as JSON. Matrices can have millions of points, so nothing stands between samples and bytes.

use promql::{QueryStats, Value};

use super::answer::Notes;
use super::json::{write_labels, write_point, write_points, write_string, write_timestamp};
use super::params::truncate;
use crate::query_pool::{Stop, Timings};

/// The longest text of a point: `[-9223372036854775.808,"-2.2250738585072014e-308"],`
const POINT_BYTES: usize = 56;

/// `{"resultType":"vector","result":[…]`; the closing brace is left to the caller. Before each series `room` is asked
/// whether the text may become so many bytes long.
pub fn write_value(
    out: &mut Vec<u8>,
    value: &Value,
    mut room: impl FnMut(usize) -> Result<(), Stop>,
) -> Result<(), Stop> {
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
            room(out.capacity() + POINT_BYTES)?;
            out.extend_from_slice(b"{\"metric\":");
            write_labels(out, &one.labels);
            out.extend_from_slice(b",\"value\":");
            write_point(out, one.sample.timestamp_ms, one.sample.value);
            out.push(b'}');
            Ok(())
        })?,
        Value::Matrix(series) => write_list(out, series, |out, one| {
            room(out.capacity() + one.samples.len() * POINT_BYTES)?;
            out.extend_from_slice(b"{\"metric\":");
            write_labels(out, &one.labels);
            out.extend_from_slice(b",\"values\":");
            write_points(out, &one.samples);
            out.push(b'}');
            Ok(())
        })?,
    }
    Ok(())
}

pub fn write_list<T>(
    out: &mut Vec<u8>,
    list: &[T],
    mut write: impl FnMut(&mut Vec<u8>, &T) -> Result<(), Stop>,
) -> Result<(), Stop> {
    out.push(b'[');
    for (index, item) in list.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item)?;
    }
    out.push(b']');
    Ok(())
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
