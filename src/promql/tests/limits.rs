//! What a query may take, and how it ends when it takes more.

mod script;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use model::{Labels, Matcher, Selection, Storage, StorageError, TimeRange};
use promql::{ErrorType, MemoryPool, MemoryTaken, Outcome, QueryError, QueryOptions, Value, instant, parse, range};
use script::memory::Memory;

/// So many series `x` with a sample a minute for ten minutes.
fn series(count: usize) -> Memory {
    let mut memory = Memory::default();
    let samples: Vec<(i64, f64)> = (0..=10).map(|minute| (minute * 60_000, minute as f64)).collect();
    for index in 0..count {
        let index = index.to_string();
        memory.append(&Labels::from_pairs([("__name__", "x"), ("n", index.as_str())]), &samples);
    }
    memory
}

fn ten_minutes(memory: &Memory, text: &str, options: &QueryOptions) -> Result<Outcome, QueryError> {
    range(memory, &parse(text).expect(text), 0, 600_000, 60_000, options)
}

#[test]
fn a_sum_holds_its_groups_and_not_its_series() {
    let options = QueryOptions::default();
    let peak = |count| ten_minutes(&series(count), "sum(rate(x[5m]))", &options).expect("an answer").stats.peak_bytes;
    assert_eq!(peak(10), peak(300));
    let stats = ten_minutes(&series(10), "x", &options).expect("an answer").stats;
    assert_eq!((stats.samples_read, stats.series_read), (110, 10));
    assert!(stats.peak_samples >= 110 && stats.peak_bytes >= 110 * 16);
}

#[test]
fn too_many_samples_end_a_query() {
    let options = QueryOptions { max_samples: 100, ..QueryOptions::default() };
    let error = ten_minutes(&series(10), "x", &options).expect_err("110 samples");
    assert_eq!(error, QueryError::TooManySamples);
    assert_eq!(error.error_type(), ErrorType::Execution);
    assert!(ten_minutes(&series(10), "sum(x)", &options).is_ok());
    // Whatever keeps series counts them.
    for text in
        ["x + on (n) x", "x or x", "label_replace(x, \"a\", \"b\", \"c\", \"d\")", "topk(10, x)", "quantile(1, x)"]
    {
        assert_eq!(ten_minutes(&series(10), text, &options), Err(QueryError::TooManySamples), "{text}");
    }
}

#[test]
fn too_much_memory_ends_a_query() {
    let options = QueryOptions { max_bytes: 1000, ..QueryOptions::default() };
    let error = ten_minutes(&series(10), "x", &options).expect_err("more than 1000 bytes");
    assert_eq!(error, QueryError::TooManyBytes { limit: 1000 });
    assert!(ten_minutes(&series(1), "x", &options).is_ok());
}

#[test]
fn memory_that_other_queries_hold_is_not_there() {
    let pool = MemoryPool::new(1 << 20);
    let other = pool.lease();
    let options = QueryOptions { lease: Some(Arc::new(pool.lease())), ..QueryOptions::default() };
    assert!(ten_minutes(&series(10), "x", &options).is_ok());
    assert!(pool.leased_bytes() > 0, "as long as the caller holds the lease");
    drop(options);
    assert_eq!(pool.leased_bytes(), 0);
    let options = QueryOptions { lease: Some(Arc::new(pool.lease())), ..QueryOptions::default() };
    other.cover(1 << 20).expect("the pool is empty");
    let error = ten_minutes(&series(10), "x", &options).expect_err("nothing left");
    assert_eq!(error, QueryError::MemoryTaken(MemoryTaken { limit_bytes: 1 << 20 }));
    assert_eq!(error.error_type(), ErrorType::Execution);
}

#[test]
fn a_late_query_times_out() {
    let options = QueryOptions { deadline: Some(Instant::now()), ..QueryOptions::default() };
    let error = ten_minutes(&series(1), "x", &options).expect_err("late");
    assert_eq!(
        (error.error_type().as_str(), error.to_string()),
        ("timeout", "query timed out in query execution".into())
    );
}

/// A storage whose first series cancels the query.
struct Cancelling(QueryOptions, Memory);

impl Storage for Cancelling {
    fn select(&self, matchers: &[Matcher], range: TimeRange) -> Result<Box<dyn Selection>, StorageError> {
        let selection = self.1.select(matchers, range);
        self.0.cancel.store(true, Ordering::Relaxed);
        selection
    }

    fn label_names(&self, _: &[Matcher], _: TimeRange) -> Result<Vec<String>, StorageError> {
        Ok(Vec::new())
    }

    fn label_values(&self, _: &str, _: &[Matcher], _: TimeRange) -> Result<Vec<String>, StorageError> {
        Ok(Vec::new())
    }
}

#[test]
fn a_cancelled_query_ends_at_the_next_series() {
    let options = QueryOptions::default();
    let storage = Cancelling(options.clone(), series(3));
    let error = instant(&storage, &parse("x").expect("valid"), 0, &options).expect_err("cancelled");
    assert_eq!((error.error_type().as_str(), error), ("canceled", QueryError::Cancelled));
}

#[test]
fn what_is_not_computed_is_named_with_its_place() {
    let memory = series(1);
    for (text, message) in [
        ("1 + info(x)", "1:5: the function info is not supported"),
        ("sum(x smoothed)", "1:5: the modifier smoothed is not supported"),
        ("rate(x[5m] anchored)", "1:6: the modifier anchored is not supported"),
        ("x + fill(0) x", "1:1: the modifier fill is not supported"),
        ("limit_ratio(0.5, x)", "1:1: the aggregation limit_ratio is not supported"),
        ("x </ 5", "1:1: the operator </ is not supported"),
    ] {
        let error = instant(&memory, &parse(text).expect(text), 0, &QueryOptions::default()).expect_err(text);
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn a_query_without_steps_has_no_answer_but_no_error() {
    let memory = series(1);
    let options = QueryOptions::default();
    for text in ["x", "sum(x)", "1", "x + x", "topk(1, x)", "rate(x[5m:])", "absent(y)", "x @ 60", "vector(1)"] {
        let outcome = range(&memory, &parse(text).expect(text), 1000, 0, 1000, &options).expect(text);
        assert_eq!(outcome.value, Value::Matrix(Vec::new()), "{text}");
    }
    assert!(range(&memory, &parse("x").expect("valid"), 0, 1000, 0, &options).is_err());
}

#[test]
fn a_range_query_of_a_range_is_bad_data() {
    let error = ten_minutes(&series(1), "x[5m]", &QueryOptions::default()).expect_err("a range vector");
    assert_eq!(error.error_type(), ErrorType::BadData);
    let message = "invalid expression type \"range vector\" for range query, must be Scalar or instant Vector";
    assert_eq!(error.to_string(), message);
}

#[test]
fn more_steps_than_memory_are_refused_before_they_take_it() {
    let memory = series(1);
    let options = QueryOptions::default();
    for text in ["x", "1", "sum(x)", "time() * 2", "vector(time())"] {
        let answer = range(&memory, &parse(text).expect(text), 0, i64::MAX / 4, 1, &options);
        assert!(matches!(answer, Err(QueryError::TooManyBytes { .. })), "{text}");
    }
    let subquery = parse("max_over_time(x[100y:1ms])").expect("valid");
    assert_eq!(instant(&memory, &subquery, 0, &options), Err(QueryError::TooManySamples));
}

#[test]
fn times_at_the_ends_of_sixty_four_bits_do_no_harm() {
    let memory = series(1);
    let options = QueryOptions::default();
    for text in ["x", "rate(x[5m])", "x offset 1y", "max_over_time(x[1y:1d])", "x @ 9e12", "x @ -9e12 offset 100y"] {
        for at_ms in [i64::MIN / 4 + 1, -1, i64::MAX / 4] {
            instant(&memory, &parse(text).expect(text), at_ms, &options).expect(text);
        }
        assert!(instant(&memory, &parse(text).expect(text), i64::MAX, &options).is_err());
    }
}
