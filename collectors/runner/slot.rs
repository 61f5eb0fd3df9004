//! One enabled collector: its place in the schedule, and what moves to a worker while it runs.

use std::any::Any;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use exposition::Page;

use super::Shared;
use super::collection::Collection;
use super::once::Once;
use super::outcome::{CollectorState, Report, Status, shorten};
use crate::{Collector, Failure, Outcome, Scrape, Spec};

/// Pages that a collector keeps for later scrapes; more than one is needed only while collections overlap.
const SPARE_PAGES: usize = 2;

pub(crate) struct Slot {
    pub spec: &'static Spec,
    /// `None` while a worker has it.
    pub work: Option<Box<Work>>,
    pub running: Option<Running>,
    /// When it ran last, or when a scrape had to leave without it.
    pub last: Option<CollectorState>,
    pub spare_pages: Vec<Page>,
    pub panics: u64,
    pub dropped_series: u64,
    pub item_errors: u64,
    pub known_problems: usize,
}

/// A collector that is with a worker now.
pub(crate) struct Running {
    pub since: Instant,
    pub collection: Arc<Collection>,
    /// Nobody waits for the collection any more.
    pub is_abandoned: bool,
}

/// What a worker needs to run a collector.
pub(crate) struct Work {
    /// `None` after a panic, until it is built anew.
    collector: Option<Box<dyn Collector>>,
    problems: Vec<String>,
    once: Once,
}

/// What a run has brought besides the report; added to the slot's counters.
#[derive(Default)]
pub(super) struct Tally {
    pub panics: u64,
    pub dropped_series: u64,
    pub item_errors: u64,
}

impl Slot {
    pub fn new(spec: &'static Spec, collector: Box<dyn Collector>) -> Self {
        let work = Work { collector: Some(collector), problems: Vec::new(), once: Once::default() };
        Slot {
            spec,
            work: Some(Box::new(work)),
            running: None,
            last: None,
            spare_pages: Vec::new(),
            panics: 0,
            dropped_series: 0,
            item_errors: 0,
            known_problems: 0,
        }
    }

    /// A scrape had to leave without it. When a client only went away early, the collector still has its time.
    pub fn is_left_behind(&self) -> bool {
        let is_overdue = |running: &Running| running.is_abandoned && Instant::now() >= running.collection.deadline();
        self.running.as_ref().is_some_and(is_overdue)
    }

    /// What to say of a collector that is still with an earlier scrape.
    pub fn still_busy(&self) -> CollectorState {
        let seconds = self.running.as_ref().map_or(0.0, |running| running.since.elapsed().as_secs_f64());
        CollectorState::failed("still busy with an earlier scrape", seconds)
    }

    pub fn last_state(&self) -> Option<CollectorState> {
        if self.is_left_behind() { Some(self.still_busy()) } else { self.last.clone() }
    }

    pub fn give_back(&mut self, page: Page) {
        if self.spare_pages.len() < SPARE_PAGES {
            self.spare_pages.push(page);
        }
    }
}

impl Work {
    pub(super) fn known_problems(&self) -> usize {
        self.once.known()
    }

    /// Runs the collector once. Never panics, and never gives more than the series limit.
    pub(super) fn run(
        &mut self,
        spec: &'static Spec,
        shared: &Shared,
        deadline: Instant,
        mut page: Page,
        buffer: &mut Vec<u8>,
    ) -> (Report, Tally) {
        let begin = Instant::now();
        let mut tally = Tally::default();
        page.clear();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let collector = match &mut self.collector {
                Some(collector) => collector,
                None => self
                    .collector
                    .insert((spec.build)(&shared.host, &shared.settings).map_err(|error| Failure(error.to_string()))?),
            };
            let problems = &mut self.problems;
            collector.collect(&mut Scrape { page: &mut page, buffer, deadline, problems })
        }));
        let (status, reason) = match outcome {
            Ok(Ok(Outcome::Collected)) => (Status::Collected, Cow::Borrowed("")),
            Ok(Ok(Outcome::Absent(reason))) => (Status::Absent, reason),
            Ok(Err(failure)) => (Status::Failed, failure.0.into()),
            Err(panic) => {
                tally.panics = 1;
                page.clear();
                self.forget_collector();
                (Status::Failed, format!("panicked: {}", panic_text(&*panic)).into())
            }
        };
        let limit = shared.options.series_limit;
        if limit > 0 {
            tally.dropped_series = page.truncate(limit) as u64;
        }
        tally.item_errors = self.problems.len() as u64;
        self.log(spec.name, status, &reason, &tally);
        let seconds = begin.elapsed().as_secs_f64();
        let state = CollectorState { status, reason: shorten(reason), seconds, series: page.samples() };
        (Report { state, page }, tally)
    }

    /// What a panic left behind may be broken, even its destructor.
    fn forget_collector(&mut self) {
        let collector = self.collector.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(collector)));
    }

    fn log(&mut self, collector: &str, status: Status, reason: &str, tally: &Tally) {
        for problem in self.problems.drain(..) {
            if self.once.is_first(&problem) {
                tracing::warn!(collector, problem, "one item could not be read");
            }
        }
        if status == Status::Failed && self.once.is_first(reason) {
            tracing::error!(collector, reason, "collector failed");
        }
        if tally.dropped_series > 0 && self.once.is_first("series limit") {
            tracing::warn!(
                collector,
                dropped = tally.dropped_series,
                "more series than --collector.series-limit allows"
            );
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("with no message")
}
