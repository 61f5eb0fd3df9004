//! Where the series come from: the tables of `/api/v1/status/tsdb`.

/// The largest entries of each table, largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cardinality {
    pub series_count_by_metric_name: Vec<Count>,
    pub label_value_count_by_label_name: Vec<Count>,
    /// Bytes of the values of a label, each counted once per series that has it.
    pub memory_in_bytes_by_label_name: Vec<Count>,
    /// Names are `name=value`.
    pub series_count_by_label_value_pair: Vec<Count>,
    pub series: usize,
    pub label_pairs: usize,
    /// Open chunks and those in files.
    pub chunks: usize,
    /// Milliseconds since the epoch; `None` while there are no samples.
    pub min_time_ms: Option<i64>,
    pub max_time_ms: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub name: String,
    pub value: u64,
}
