//! `/api/v1/series`, `/api/v1/labels` and `/api/v1/label/<name>/values`.

use std::sync::Arc;
use std::time::Instant;

use http::Request;
use model::{Labels, Matcher, Storage, StorageError, TimeRange};
use tsdb::Tsdb;

use super::answer::{Answer, ApiError, Notes, Success};
use super::json::write_labels;
use super::params::{form, limit, matcher_sets, selectors, time_range, truncate};
use super::query::TREE_BYTES_PER_BYTE;
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
    let texts = selectors(&form)?;
    let look_up = move |tsdb: &Tsdb, slot: &Slot| {
        slot.hold(texts.iter().map(String::len).sum::<usize>() * TREE_BYTES_PER_BYTE)?;
        let sets = matcher_sets(&texts).map_err(|reason| ApiError::parameter("match[]", reason))?;
        let mut found: Vec<Labels> = Vec::new();
        let mut found_bytes = 0;
        for matchers in &sets {
            let selection = tsdb.select(matchers, range)?;
            // They are sorted: of each set only so many can be among those that are answered, and one more tells that
            // there are more.
            let enough = limit.map_or(usize::MAX, |limit| limit.saturating_add(1));
            for index in 0..selection.len().min(enough) {
                let labels = selection.labels(index);
                found_bytes += labels.heap_bytes() + 2 * size_of::<Labels>();
                slot.hold(found_bytes)?;
                found.push(labels);
            }
        }
        if sets.len() > 1 {
            found.sort_unstable();
            found.dedup();
        }
        let mut notes = Notes::default();
        truncate(&mut found, limit, &mut notes);
        let mut body = Success::begin();
        write_list(&mut body, &found, |body, labels| {
            slot.hold(found_bytes + body.capacity())?;
            write_labels(body, labels);
            Ok(())
        })?;
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
    let texts = selectors(&form)?;
    let name = request.param("name").to_owned();
    let work = move |tsdb: &Tsdb, slot: &Slot| {
        slot.hold(texts.iter().map(String::len).sum::<usize>() * TREE_BYTES_PER_BYTE)?;
        let sets = matcher_sets(&texts).map_err(ApiError::bad_data)?;
        // One look-up without any matcher where none are given.
        let everything = [Vec::new()];
        let sets = if sets.is_empty() { &everything[..] } else { &sets[..] };
        let mut found: Vec<String> = Vec::new();
        let mut found_bytes = 0;
        for matchers in sets {
            let mut more = look_up(tsdb, matchers, range, &name)?;
            found_bytes += more.iter().map(|text| text.len() + 2 * size_of::<String>()).sum::<usize>();
            slot.hold(found_bytes)?;
            found.append(&mut more);
        }
        if sets.len() > 1 {
            found.sort_unstable();
            found.dedup();
        }
        // And once more as text.
        slot.hold(2 * found_bytes)?;
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
    work: impl FnOnce(&Tsdb, &Slot) -> Answer + Send + 'static,
) -> Answer {
    if range.end_ms < range.start_ms {
        return Ok(Success::of_strings(&[], &Notes::default()));
    }
    let tsdb = aggregator.running()?.tsdb.clone();
    let deadline = Instant::now() + aggregator.flags.query_timeout;
    aggregator.queries.run(deadline, move |slot| work(&tsdb, &slot)).await?
}
