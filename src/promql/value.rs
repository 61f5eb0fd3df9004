//! What a query answers.

use model::{Labels, Sample, Samples};

/// The type of an expression or of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueType {
    Scalar,
    String,
    /// A set of series with one sample each, all of the same time.
    Vector,
    /// A set of series with a range of samples each.
    Matrix,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Scalar(Sample),
    String {
        timestamp_ms: i64,
        /// Text that was not UTF-8 in the query has U+FFFD in its place.
        text: String,
    },
    /// In the order that the query defines (`sort`, `topk`), else in order of first appearance.
    Vector(Vec<VectorSample>),
    /// Sorted by labels.
    Matrix(Vec<Series>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct VectorSample {
    pub labels: Labels,
    pub sample: Sample,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub labels: Labels,
    /// In order of time, never empty.
    pub samples: Samples,
}

/// A value with what was noticed on the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub value: Value,
    /// Likely mistakes: `PromQL warning: … (line:column)`.
    pub warnings: Vec<String>,
    /// Hints: `PromQL info: … (line:column)`.
    pub infos: Vec<String>,
    pub stats: QueryStats,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryStats {
    /// Samples that were read from the storage, markers of staleness included.
    pub samples_read: u64,
    /// Series that were read from the storage; one that two selectors choose counts twice.
    pub series_read: u64,
    /// The most samples held at one time.
    pub peak_samples: usize,
    /// The most memory held at one time, as far as it is accounted: samples, rows and labels.
    pub peak_bytes: usize,
}

impl ValueType {
    /// The name in the field `resultType` of an answer.
    pub fn as_str(self) -> &'static str {
        match self {
            ValueType::Scalar => "scalar",
            ValueType::String => "string",
            ValueType::Vector => "vector",
            ValueType::Matrix => "matrix",
        }
    }

    /// The name in messages.
    pub fn documented(self) -> &'static str {
        match self {
            ValueType::Scalar => "scalar",
            ValueType::String => "string",
            ValueType::Vector => "instant vector",
            ValueType::Matrix => "range vector",
        }
    }
}

impl Value {
    pub fn value_type(&self) -> ValueType {
        match self {
            Value::Scalar(_) => ValueType::Scalar,
            Value::String { .. } => ValueType::String,
            Value::Vector(_) => ValueType::Vector,
            Value::Matrix(_) => ValueType::Matrix,
        }
    }
}
