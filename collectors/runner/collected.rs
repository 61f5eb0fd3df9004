//! What a scrape gets: the pages of the collectors that are back, and a page that tells how each of them fared.

use std::sync::Arc;
use std::time::Instant;

use exposition::{Family, Page, counter, gauge};

use super::Shared;
use super::collection::Collection;
use super::outcome::CollectorState;
use super::schedule::Schedule;

const DURATION: Family =
    gauge("node_scrape_collector_duration_seconds", "node_exporter: Duration of a collector scrape.");
const SUCCESS: Family = gauge("node_scrape_collector_success", "node_exporter: Whether a collector succeeded.");
const STATUS: Family = gauge(
    "node_scrape_collector_status",
    "How a collector fared: collected, absent (nothing of the kind on this machine) or failed, and why.",
);
const PANICS: Family = counter("vitals_collector_panics_total", "Panics of a collector; each cost it one scrape.");
const DROPPED: Family =
    counter("vitals_series_dropped_total", "Series that a collector gave beyond --collector.series-limit.");
const ITEM_ERRORS: Family = counter(
    "vitals_collector_item_errors_total",
    "Single items (a device, a line, a mount) that a collector could not read and left out.",
);

/// Families that the runner itself writes.
pub const REPORT_FAMILIES: &[Family] = &[DURATION, SUCCESS, STATUS, PANICS, DROPPED, ITEM_ERRORS];

/// One scrape's view of a collection. It stays as it is when collectors come back later.
pub struct Collected {
    shared: Arc<Shared>,
    /// `None` only while it is dropped.
    collection: Option<Arc<Collection>>,
    collectors: Vec<Line>,
    report: Page,
}

/// What is told about one collector.
struct Line {
    name: &'static str,
    state: CollectorState,
    /// Whether its page belongs to the answer.
    is_back: bool,
    panics: u64,
    dropped_series: u64,
    item_errors: u64,
}

impl Collected {
    pub(super) fn new(shared: &Arc<Shared>, collection: &Arc<Collection>, deadline: Instant) -> Self {
        let mut schedule = shared.lock();
        let positions = 0..collection.filter.slots.len();
        let collectors: Vec<Line> =
            positions.map(|position| Line::new(&mut schedule, collection, position, deadline)).collect();
        let overdue = collection.leave().then(|| schedule.close(collection));
        let mut report = schedule.spare_reports.pop().unwrap_or_default();
        drop(schedule);
        if let Some(overdue) = overdue {
            overdue.log();
        }
        write_report(&collectors, &mut report);
        Collected { shared: shared.clone(), collection: Some(collection.clone()), collectors, report }
    }

    /// Every page of the answer, the report on the collectors first.
    pub fn pages(&self) -> impl Iterator<Item = &Page> {
        std::iter::once(&self.report).chain(self.pages_of_collectors())
    }

    /// Without the report.
    pub fn pages_of_collectors(&self) -> impl Iterator<Item = &Page> {
        let back = self.collectors.iter().enumerate().filter(|(_, line)| line.is_back);
        let collection = self.collection.iter();
        collection.flat_map(move |one| {
            back.clone().filter_map(|(position, _)| one.report(position)).map(|report| &report.page)
        })
    }

    pub fn states(&self) -> impl Iterator<Item = (&'static str, &CollectorState)> {
        self.collectors.iter().map(|line| (line.name, &line.state))
    }
}

impl Line {
    fn new(schedule: &mut Schedule, collection: &Arc<Collection>, position: usize, deadline: Instant) -> Line {
        let slot = &mut schedule.slots[collection.filter.slots[position]];
        let report = collection.report(position);
        let state = match report {
            Some(report) => report.state.clone(),
            None => {
                let seconds = (collection.begun.elapsed()).as_secs_f64();
                let state = match &slot.running {
                    Some(running) if Arc::ptr_eq(&running.collection, collection) => {
                        let reason = "not back before the deadline of the scrape";
                        CollectorState::failed(reason, running.since.elapsed().as_secs_f64())
                    }
                    Some(_) => slot.still_busy(),
                    None => CollectorState::failed("no worker was free before the deadline of the scrape", seconds),
                };
                // A client that went away early says nothing about the collector.
                if Instant::now() >= deadline {
                    slot.last = Some(state.clone());
                }
                state
            }
        };
        Line {
            name: slot.spec.name,
            state,
            is_back: report.is_some(),
            panics: slot.panics,
            dropped_series: slot.dropped_series,
            item_errors: slot.item_errors,
        }
    }
}

/// Pages go back to their collectors when the last scrape is done with them.
impl Drop for Collected {
    fn drop(&mut self) {
        let mut schedule = self.shared.lock();
        schedule.keep_report_page(std::mem::take(&mut self.report));
        if let Some(collection) = self.collection.take().and_then(Arc::into_inner) {
            for (slot, report) in collection.into_reports() {
                schedule.slots[slot].give_back(report.page);
            }
        }
    }
}

fn write_report(lines: &[Line], page: &mut Page) {
    page.clear();
    for line in lines {
        page.sample(&DURATION, &[("collector", line.name)], line.state.seconds);
    }
    for line in lines {
        page.sample(&SUCCESS, &[("collector", line.name)], f64::from(u8::from(line.state.has_succeeded)));
    }
    for line in lines {
        let (status, reason) = (line.state.status.as_str(), &*line.state.reason);
        page.sample(&STATUS, &[("collector", line.name), ("reason", reason), ("status", status)], 1.0);
    }
    for (family, count) in [
        (&PANICS, (|line| line.panics) as fn(&Line) -> u64),
        (&DROPPED, |line| line.dropped_series),
        (&ITEM_ERRORS, |line| line.item_errors),
    ] {
        for line in lines {
            page.sample(family, &[("collector", line.name)], count(line) as f64);
        }
    }
}
