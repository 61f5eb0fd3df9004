//! One enabled collector: its place in the schedule, and what moves to a worker while it runs.

use std::any::Any;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use exposition::Page;
use kernel::Host;

use super::collection::Collection;
use super::last_run::{self, LastRun};
use super::once::Once;
use super::outcome::{CollectorState, Report, Status, shorten};
use super::schedule::Taken;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

/// Pages that a collector keeps for later scrapes; more than one is needed only while collections overlap.
const SPARE_PAGES: usize = 2;

/// Series that are there twice and are named; the rest is only counted.
const NAMED_REPEATS: usize = 10;

pub(crate) struct Slot {
    pub spec: &'static Spec,
    pub is_enabled: bool,
    /// Grows when the collector must be built anew: its settings have changed.
    pub generation: u64,
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
    /// Of the last run.
    last_tally: Tally,
}

/// A collector that is with a worker now.
pub(crate) struct Running {
    pub since: Instant,
    /// When it has had its time.
    pub overdue: Instant,
    pub collection: Arc<Collection>,
    /// Nobody waits for the collection any more.
    pub is_abandoned: bool,
}

/// What a worker needs to run a collector.
pub(crate) struct Work {
    /// `None` after a panic, until it is built anew.
    collector: Option<Box<dyn Collector>>,
    /// The slot's when the collector was built.
    generation: u64,
    problems: Vec<String>,
    once: Once,
}

/// What a run has brought besides the report.
#[derive(Default)]
pub(super) struct Tally {
    pub panics: u64,
    pub dropped_series: u64,
    /// Families that lost series to the limit, the first of them.
    pub dropped: Vec<(String, usize)>,
    pub item_errors: u64,
    /// The first of them.
    pub problems: Vec<String>,
}

impl Slot {
    /// Of a collector that is switched off, until `exchange` gives it one.
    pub fn new(spec: &'static Spec) -> Self {
        let work = Work { collector: None, generation: 0, problems: Vec::new(), once: Once::default() };
        Slot {
            spec,
            is_enabled: false,
            generation: 0,
            work: Some(Box::new(work)),
            running: None,
            last: None,
            spare_pages: Vec::new(),
            panics: 0,
            dropped_series: 0,
            item_errors: 0,
            known_problems: 0,
            last_tally: Tally::default(),
        }
    }

    /// Puts another collector, or none, in the place of the present one, and gives back what is no longer needed. One
    /// that is busy is replaced when it is back.
    #[must_use]
    pub fn exchange(&mut self, collector: Option<Box<dyn Collector>>) -> Option<Box<dyn Collector>> {
        self.generation += 1;
        if collector.is_none() {
            self.last = None;
            self.last_tally = Tally::default();
        }
        match &mut self.work {
            Some(work) => {
                work.generation = self.generation;
                std::mem::replace(&mut work.collector, collector)
            }
            None => collector,
        }
    }

    /// A run has ended.
    pub fn note(&mut self, report: &Report, tally: Tally) {
        self.last = Some(report.state.clone());
        self.panics += tally.panics;
        self.dropped_series += tally.dropped_series;
        self.item_errors += tally.item_errors;
        self.last_tally = tally;
    }

    pub fn last_run(&self) -> LastRun {
        LastRun {
            collector: self.spec.name,
            state: self.last_state(),
            problems: self.last_tally.problems.clone(),
            problem_count: usize::try_from(self.last_tally.item_errors).unwrap_or(usize::MAX),
            dropped: self.last_tally.dropped.clone(),
        }
    }

    /// A scrape had to leave without it. When a client went away early or was in a hurry, the collector still has its
    /// time.
    pub fn is_left_behind(&self) -> bool {
        let is_overdue = |running: &Running| running.is_abandoned && Instant::now() >= running.overdue;
        self.running.as_ref().is_some_and(is_overdue)
    }

    /// What to say of a collector that is still with an earlier scrape.
    pub fn still_busy(&self) -> CollectorState {
        let seconds = self.running.as_ref().map_or(0.0, |running| running.since.elapsed().as_secs_f64());
        CollectorState::failed("still busy with an earlier scrape", seconds)
    }

    fn last_state(&self) -> Option<CollectorState> {
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

    /// The collector, when it is no longer wanted.
    pub(super) fn give_up(&mut self) -> Option<Box<dyn Collector>> {
        self.collector.take()
    }

    /// The first problems, each as one line of bounded length; all of them are counted and, once each, logged.
    fn tell_problems(&mut self, collector: &str, tally: &mut Tally) {
        tally.item_errors = self.problems.len() as u64;
        for problem in self.problems.drain(..) {
            if self.once.is_first(&problem) {
                tracing::warn!(collector, problem, "one item could not be read");
            }
            if tally.problems.len() < last_run::KEPT {
                tally.problems.push(shorten(problem.into()).into_owned());
            }
        }
    }

    /// What a panic left behind may be broken, even its destructor.
    fn forget_collector(&mut self) {
        let collector = self.collector.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(collector)));
    }

    fn log(&mut self, collector: &str, status: Status, reason: &str, tally: &Tally) {
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

impl Taken {
    /// Runs the collector once. Never panics, never gives a series twice, nor more than the limit allows.
    pub(super) fn run(&mut self, spec: &'static Spec, host: &Host, buffer: &mut Vec<u8>) -> (Report, Tally) {
        let begin = Instant::now();
        let mut tally = Tally::default();
        let deadline = self.job.collection.deadline();
        let mut page = std::mem::take(&mut self.page);
        page.clear();
        let (work, plan) = (&mut *self.work, &self.plan);
        if work.generation != self.generation {
            work.forget_collector();
            work.generation = self.generation;
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let collector = match &mut work.collector {
                Some(collector) => collector,
                None => work
                    .collector
                    .insert((spec.build)(host, &plan.settings).map_err(|error| Failure(error.to_string()))?),
            };
            let problems = &mut work.problems;
            collector.collect(&mut Scrape { page: &mut page, buffer, deadline, problems })
        }));
        let has_succeeded = matches!(outcome, Ok(Ok(Outcome::Collected | Outcome::Empty(_))));
        let (status, reason) = match outcome {
            Ok(Ok(Outcome::Collected)) => (Status::Collected, Cow::Borrowed("")),
            Ok(Ok(Outcome::Absent(reason) | Outcome::Empty(reason))) => (Status::Absent, reason),
            Ok(Err(failure)) => (Status::Failed, failure.0.into()),
            Err(panic) => {
                tally.panics = 1;
                page.clear();
                work.forget_collector();
                (Status::Failed, format!("panicked: {}", panic_text(&*panic)).into())
            }
        };
        drop_repeats(&mut page, &mut work.problems);
        if plan.series_limit > 0 {
            tally.dropped_series = page.truncate(plan.series_limit, |family, series| tally.drop(family, series)) as u64;
        }
        work.tell_problems(spec.name, &mut tally);
        work.log(spec.name, status, &reason, &tally);
        let seconds = begin.elapsed().as_secs_f64();
        let state = CollectorState { status, has_succeeded, reason: shorten(reason), seconds, series: page.samples() };
        (Report { state, page }, tally)
    }
}

impl Tally {
    fn drop(&mut self, family: &str, series: usize) {
        if let Some((_, count)) = self.dropped.iter_mut().find(|(known, _)| known == family) {
            *count += series;
        } else if self.dropped.len() < last_run::KEPT {
            self.dropped.push((family.to_owned(), series));
        }
    }
}

/// A file may say a thing twice; scrapers refuse a page that does.
fn drop_repeats(page: &mut Page, problems: &mut Vec<String>) {
    let mut further = 0;
    let mut named = 0;
    page.drop_repeats(|series| {
        if named < NAMED_REPEATS {
            named += 1;
            problems.push(format!("series {} is there twice", String::from_utf8_lossy(series)));
        } else {
            further += 1;
        }
    });
    if further > 0 {
        problems.push(format!("{further} further series are there twice"));
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("with no message")
}
