//! Where the series come from: the tables of `/api/v1/status/tsdb`.

use std::cmp::Reverse;

use model::METRIC_NAME;

use crate::head::Head;

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

impl Cardinality {
    pub fn of(head: &Head, limit: usize) -> Self {
        let index = head.index.read();
        let mut tables = Cardinality {
            series: index.len(),
            label_pairs: index.pairs.len(),
            chunks: head.open_chunks().0,
            min_time_ms: head.times().map(|(min_ms, _)| min_ms),
            max_time_ms: head.times().map(|(_, max_ms)| max_ms),
            ..Cardinality::default()
        };
        for name in index.pairs.names() {
            let mut memory_bytes = 0;
            for pair in name.pairs.iter().map(|number| index.pairs.pair(number)) {
                let series = pair.postings.len() as u64;
                memory_bytes += pair.value.len() as u64 * series;
                if &*name.text == METRIC_NAME {
                    tables.series_count_by_metric_name.push(Count { name: pair.value.to_string(), value: series });
                }
                let text = format!("{}={}", name.text, pair.value);
                tables.series_count_by_label_value_pair.push(Count { name: text, value: series });
            }
            let count = |value| Count { name: name.text.to_string(), value };
            tables.label_value_count_by_label_name.push(count(name.pairs.len()));
            tables.memory_in_bytes_by_label_name.push(count(memory_bytes));
        }
        drop(index);
        for table in [
            &mut tables.series_count_by_metric_name,
            &mut tables.label_value_count_by_label_name,
            &mut tables.memory_in_bytes_by_label_name,
            &mut tables.series_count_by_label_value_pair,
        ] {
            table.sort_unstable_by(|a, b| (Reverse(a.value), &a.name).cmp(&(Reverse(b.value), &b.name)));
            table.truncate(limit);
        }
        tables
    }
}
