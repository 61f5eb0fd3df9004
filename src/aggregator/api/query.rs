//! `/api/v1/query` and `/api/v1/query_range`.

use std::sync::Arc;
use std::time::Instant;

use http::{Form, Request};
use model::Storage;
use promql::{ErrorType, Expr, Lease, Outcome, ParseError, QueryError, QueryOptions, ValueType};

use super::answer::{Answer, ApiError, ErrorKind, Notes, Success};
use super::params::{form, limit, optional_time_ms, parse_span_ms, query_text, time_ms, timeout};
use super::result::{truncate_value, write_stats, write_value};
use crate::clock::now_ms;
use crate::program::Aggregator;
use crate::query_pool::{PoolError, Slot};

/// Points per series that a range query may ask for.
const MAX_POINTS: i64 = 11_000;

/// Memory that a query's tree takes at most for each byte of its text.
pub const TREE_BYTES_PER_BYTE: usize = 64;

pub async fn instant(aggregator: Arc<Aggregator>, request: Request) -> Answer {
    let form = form(&request)?;
    let limit = limit(&form)?;
    let at_ms = optional_time_ms(&form, "time")?.unwrap_or_else(now_ms);
    let options = options(&aggregator, &form)?;
    let query = move |storage: &dyn Storage, expr: &Expr, options: &QueryOptions| {
        promql::instant(storage, expr, at_ms, options)
    };
    evaluate(aggregator, &form, options, limit, |_| Ok(()), query).await
}

pub async fn range(aggregator: Arc<Aggregator>, request: Request) -> Answer {
    let form = form(&request)?;
    let limit = limit(&form)?;
    let start_ms = time_ms(&form, "start")?;
    let end_ms = time_ms(&form, "end")?;
    if end_ms < start_ms {
        return Err(ApiError::parameter("end", "end timestamp must not be before start time"));
    }
    let step_ms = parse_span_ms(form.text("step")).map_err(|reason| ApiError::parameter("step", reason))?;
    if step_ms <= 0 {
        let reason = "zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(ApiError::parameter("step", reason));
    }
    if (end_ms - start_ms) / step_ms > MAX_POINTS {
        let reason = "exceeded maximum resolution of 11,000 points per timeseries. \
                      Try decreasing the query resolution (?step=XX)";
        return Err(ApiError::bad_data(reason));
    }
    let options = options(&aggregator, &form)?;
    let query = move |storage: &dyn Storage, expr: &Expr, options: &QueryOptions| {
        promql::range(storage, expr, start_ms, end_ms, step_ms, options)
    };
    evaluate(aggregator, &form, options, limit, has_range, query).await
}

/// Whether an expression can be evaluated step by step.
fn has_range(expr: &Expr) -> Result<(), ApiError> {
    if matches!(expr.value_type(), ValueType::Scalar | ValueType::Vector) {
        return Ok(());
    }
    let found = expr.value_type().documented();
    let reason = format!("invalid expression type {found:?} for range query, must be Scalar or instant Vector");
    Err(ApiError::parameter("query", reason))
}

/// Reads a query. Its tree is the lease's from then on.
pub fn parse(text: &str, lease: &Lease) -> Result<Expr, ApiError> {
    lease.cover(text.len() * TREE_BYTES_PER_BYTE)?;
    promql::parse(text).map_err(|error| ApiError::parameter("query", parse_error(&error)))
}

/// Prometheus knows no position in an empty text.
pub fn parse_error(error: &ParseError) -> String {
    if error.message == "no expression found in input" {
        return format!("unknown position: parse error: {}", error.message);
    }
    error.to_string()
}

fn options(aggregator: &Aggregator, form: &Form) -> Result<QueryOptions, ApiError> {
    let flags = &aggregator.flags;
    let timeout = timeout(form, flags.query_timeout)?;
    let mut lookback_ms = flags.lookback_ms;
    if let Some(text) = form.get("lookback_delta").filter(|text| !text.is_empty()) {
        let asked_ms = parse_span_ms(text)
            .map_err(|reason| ApiError::bad_data(format!("error parsing lookback delta duration: {reason}")))?;
        if asked_ms > 0 {
            lookback_ms = asked_ms;
        }
    }
    Ok(QueryOptions {
        lookback_ms,
        subquery_step_ms: aggregator.config().evaluation_interval_ms(),
        max_samples: flags.query_max_samples,
        max_bytes: aggregator.budget.query_bytes(),
        deadline: Some(Instant::now() + timeout),
        delayed_name_removal: flags.delayed_name_removal,
        ..QueryOptions::default()
    })
}

/// Waits for a free place; reads, evaluates and renders there, and returns the finished body.
async fn evaluate(
    aggregator: Arc<Aggregator>,
    form: &Form,
    mut options: QueryOptions,
    limit: Option<usize>,
    check: impl FnOnce(&Expr) -> Result<(), ApiError> + Send + 'static,
    query: impl FnOnce(&dyn Storage, &Expr, &QueryOptions) -> Result<Outcome, QueryError> + Send + 'static,
) -> Answer {
    let with_stats = !form.text("stats").is_empty();
    let text: Arc<str> = query_text(form)?.into();
    let asked = text.clone();
    let tsdb = aggregator.running()?.tsdb.clone();
    let deadline = options.deadline.unwrap_or_else(Instant::now);
    let queries = aggregator.queries.clone();
    let work = move |slot: Slot| {
        let expr = parse(&text, &slot.lease)?;
        check(&expr)?;
        options.cancel = slot.cancel.clone();
        options.lease = Some(slot.lease.clone());
        let outcome = query(&tsdb, &expr, &options).map_err(query_error)?;
        let timings = slot.evaluated(&outcome.stats);
        let mut notes = Notes { warnings: outcome.warnings, infos: outcome.infos };
        let mut value = outcome.value;
        truncate_value(&mut value, limit, &mut notes);
        let value_bytes = slot.lease.bytes();
        let mut body = Success::begin();
        write_value(&mut body, &value, |body_bytes| slot.hold(value_bytes + body_bytes))?;
        if with_stats {
            write_stats(&mut body, &outcome.stats, &timings);
        }
        body.push(b'}');
        Ok(Success::finish(body, &notes))
    };
    let answer = queries.run(deadline, work).await;
    if matches!(answer, Err(PoolError::Panicked)) {
        let begin: String = asked.chars().take(1000).collect();
        tracing::error!(query = begin, "this query made its thread panic");
    }
    answer?
}

fn query_error(error: QueryError) -> ApiError {
    if let QueryError::Parse(error) = &error {
        return ApiError::parameter("query", parse_error(error));
    }
    let kind = match error.error_type() {
        ErrorType::BadData => ErrorKind::BadData,
        ErrorType::Execution => ErrorKind::Execution,
        ErrorType::Timeout => ErrorKind::Timeout,
        ErrorType::Canceled => ErrorKind::Canceled,
        ErrorType::Internal => ErrorKind::Internal,
    };
    ApiError::new(kind, error)
}
