//! `/api/v1/series`, `/api/v1/labels` and `/api/v1/label/<name>/values`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use http::Request;
use model::{Labels, Matcher, Storage, StorageError, TimeRange};
use tsdb::Tsdb;

use super::answer::{Answer, ApiError, ErrorKind, Notes, Success};
use super::json::write_labels;
use super::params::{form, limit, matcher_sets, time_range, truncate};
use super::query::pool_error;
use super::result::write_list;
use crate::program::Aggregator;
use crate::query_pool::Slot;

pub async fn series(aggregator: Arc<Aggregator>, request: Request) -> Answer {
    let form = form(&request)?;
    if form.all("match[]").next().is_none() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let limit = limit(&form)?;
    let range = time_range(&form)?;
    let sets = matcher_sets(&form).map_err(|reason| ApiError::parameter("match[]", reason))?;
    let look_up = move |tsdb: &Tsdb, slot: &Slot| {
        let mut found: Vec<Labels> = Vec::new();
        for matchers in &sets {
            let selection = tsdb.select(matchers, range)?;
            for index in 0..selection.len() {
                slot.check()?;
                found.push(selection.labels(index));
            }
        }
        if sets.len() > 1 {
            found.sort_unstable();
            found.dedup();
        }
        let mut notes = Notes::default();
        truncate(&mut found, limit, &mut notes);
        let mut body = Success::begin();
        write_list(&mut body, &found, write_labels);
        Ok(Success::finish(body, &notes))
    };
    run(aggregator, range, look_up).await
}

pub async fn labels(aggregator: Arc<Aggregator>, request: Request) -> Answer {
    names(aggregator, request, |tsdb, matchers, range, _| tsdb.label_names(matchers, range)).await
}

pub async fn label_values(aggregator: Arc<Aggregator>, request: Request) -> Answer {
    names(aggregator, request, |tsdb, matchers, range, name| tsdb.label_values(name, matchers, range)).await
}

/// What one look-up finds for each `match[]`, together, sorted and cut to the limit.
async fn names(
    aggregator: Arc<Aggregator>,
    request: Request,
    look_up: impl Fn(&Tsdb, &[Matcher], TimeRange, &str) -> Result<Vec<String>, StorageError> + Send + 'static,
) -> Answer {
    let form = form(&request)?;
    let limit = limit(&form)?;
    let range = time_range(&form)?;
    let sets = matcher_sets(&form).map_err(ApiError::bad_data)?;
    let name = request.param("name").to_owned();
    let work = move |tsdb: &Tsdb, slot: &Slot| {
        let mut found = match sets.first() {
            None => look_up(tsdb, &[], range, &name)?,
            Some(matchers) => look_up(tsdb, matchers, range, &name)?,
        };
        if sets.len() > 1 {
            let mut union: BTreeSet<String> = found.into_iter().collect();
            for matchers in &sets[1..] {
                slot.check()?;
                union.extend(look_up(tsdb, matchers, range, &name)?);
            }
            found = union.into_iter().collect();
        }
        let mut notes = Notes::default();
        truncate(&mut found, limit, &mut notes);
        Ok(Success::of_strings(&found, &notes))
    };
    run(aggregator, range, work).await
}

/// Runs a look-up in the pool; a range that ends before it starts holds nothing.
async fn run(
    aggregator: Arc<Aggregator>,
    range: TimeRange,
    work: impl FnOnce(&Tsdb, &Slot) -> Result<Success, StorageError> + Send + 'static,
) -> Answer {
    if range.end_ms < range.start_ms {
        return Ok(Success::of_strings(&[], &Notes::default()));
    }
    let tsdb = aggregator.running()?.tsdb.clone();
    let deadline = Instant::now() + aggregator.flags.query_timeout;
    let outcome = aggregator.queries.run(deadline, move |slot| work(&tsdb, &slot)).await.map_err(pool_error)?;
    outcome.map_err(|error| match error {
        StorageError::Cancelled => ApiError::new(ErrorKind::Timeout, "query timed out in query execution"),
        StorageError::Unreadable(_) => ApiError::new(ErrorKind::Execution, error),
    })
}
