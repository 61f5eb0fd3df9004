//! The runner with collectors that hang, panic, give too much and fail.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use exposition::{Dialect, Family, assemble, gauge};
use kernel::Host;

use super::{Collected, CollectorState, Options, Plan, Runner, Status};
use crate::{Collector, Failure, FilterError, Outcome, Scrape, Settings, SettingsError, Spec};

const VALUE: Family = gauge("value", "A value.");
const LONG: Duration = Duration::from_secs(60);

/// Holds collectors back until it is opened. Found by its name, since a collector is built from settings alone.
#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
    waiting: Mutex<usize>,
    arrived: Condvar,
}

static GATES: Mutex<BTreeMap<String, Arc<Gate>>> = Mutex::new(BTreeMap::new());

impl Gate {
    fn named(name: &str) -> Arc<Gate> {
        GATES.lock().expect("a lock").entry(name.to_owned()).or_default().clone()
    }

    fn pass(&self) {
        *self.waiting.lock().expect("a lock") += 1;
        self.arrived.notify_all();
        let mut is_open = self.is_open.lock().expect("a lock");
        while !*is_open {
            is_open = self.opened.wait(is_open).expect("a lock");
        }
        *self.waiting.lock().expect("a lock") -= 1;
    }

    fn open(&self) {
        *self.is_open.lock().expect("a lock") = true;
        self.opened.notify_all();
    }

    fn wait_for_one(&self) {
        let mut waiting = self.waiting.lock().expect("a lock");
        while *waiting == 0 {
            waiting = self.arrived.wait(waiting).expect("a lock");
        }
    }
}

/// Does what its function says.
struct Scripted {
    gate: Arc<Gate>,
    script: fn(&Gate, &mut Scrape<'_>) -> Result<Outcome, Failure>,
}

impl Collector for Scripted {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        (self.script)(&self.gate, scrape)
    }
}

type Build = fn(&Host, &Settings) -> Result<Box<dyn Collector>, SettingsError>;

const fn spec(name: &'static str, build: Build) -> Spec {
    Spec { name, is_on_by_default: true, help: "", families: &[VALUE], flags: &[], build }
}

fn gate_of(settings: &Settings) -> Arc<Gate> {
    Gate::named(settings.text("gate"))
}

static QUICK: Spec = spec("quick", |_, settings| {
    Ok(Box::new(Scripted {
        gate: gate_of(settings),
        script: |_, scrape| {
            scrape.page.sample(&VALUE, &[("from", "quick")], 1.0);
            Ok(Outcome::Collected)
        },
    }))
});

static HELD: Spec = spec("held", |_, settings| {
    Ok(Box::new(Scripted {
        gate: gate_of(settings),
        script: |gate, scrape| {
            gate.pass();
            scrape.page.sample(&VALUE, &[("from", "held")], 1.0);
            Ok(Outcome::Collected)
        },
    }))
});

static OPENER: Spec = spec("opener", |_, settings| {
    Ok(Box::new(Scripted {
        gate: gate_of(settings),
        script: |gate, _| {
            gate.open();
            Ok(Outcome::Collected)
        },
    }))
});

/// Counts its runs and panics in the third.
static PANICS: Spec = spec("panics", |_, _| {
    struct Panics(u32);
    impl Collector for Panics {
        fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
            self.0 += 1;
            scrape.page.sample(&VALUE, &[("from", "panics")], f64::from(self.0));
            assert!(self.0 < 3, "run number {}", self.0);
            Ok(Outcome::Collected)
        }
    }
    Ok(Box::new(Panics(0)))
});

static PLENTY: Spec = spec("plenty", |_, settings| {
    Ok(Box::new(Scripted {
        gate: gate_of(settings),
        script: |_, scrape| {
            for number in 0..100 {
                scrape.page.sample(&VALUE, &[("number", &number.to_string())], 1.0);
            }
            Ok(Outcome::Collected)
        },
    }))
});

static ABSENT: Spec = spec("absent", |_, settings| {
    let gate = gate_of(settings);
    Ok(Box::new(Scripted { gate, script: |_, _| Ok(Outcome::absent("no such file")) }))
});

static EMPTY: Spec = spec("empty", |_, settings| {
    let gate = gate_of(settings);
    Ok(Box::new(Scripted { gate, script: |_, _| Ok(Outcome::empty("no device")) }))
});

static FAILS: Spec = spec("fails", |_, settings| {
    Ok(Box::new(Scripted {
        gate: gate_of(settings),
        script: |_, scrape| {
            scrape.page.sample(&VALUE, &[("from", "fails")], 1.0);
            scrape.item_failed("disk sda: gone");
            Err(Failure("broken\nbadly".to_owned()))
        },
    }))
});

fn plan(gate: &str, specs: &[&'static Spec], series_limit: usize) -> Plan {
    let mut settings = Settings::default();
    settings.set("gate", vec![gate.to_owned()]);
    Plan { enabled: specs.iter().map(|spec| spec.name).collect(), settings, series_limit }
}

fn runner(gate: &str, specs: &[&'static Spec], series_limit: usize) -> Runner {
    patient_runner(gate, specs, series_limit, Duration::ZERO)
}

fn patient_runner(gate: &str, specs: &[&'static Spec], series_limit: usize, least_time: Duration) -> Runner {
    let options = Options { worker_limit: 4, patience: Duration::from_millis(5), least_time };
    let plan = plan(gate, specs, series_limit);
    Runner::new(Host::default(), specs.iter().copied(), plan, options).expect("good settings")
}

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(50)
}

fn later() -> Instant {
    Instant::now() + LONG
}

fn text(collected: &Collected) -> String {
    let mut out = Vec::new();
    let report = assemble(collected.pages(), Dialect::Text, &mut out);
    assert!(report.dropped.is_empty(), "{:?}", report.dropped);
    String::from_utf8(out).expect("UTF-8")
}

fn state<'a>(collected: &'a Collected, name: &str) -> &'a CollectorState {
    collected.states().find(|(candidate, _)| *candidate == name).expect("it is among them").1
}

#[test]
fn a_collector_that_hangs_is_left_behind_and_used_again_when_it_is_back() {
    let runner = runner("hang", &[&HELD, &QUICK], 0);
    let first = runner.collect(&runner.everything(), soon());
    assert_eq!(state(&first, "quick").status, Status::Collected);
    assert_eq!(state(&first, "held").reason, "not back before the deadline of the scrape");
    assert!(text(&first).contains("value{from=\"quick\"} 1\n") && !text(&first).contains("from=\"held\""));

    let mut most = 0;
    for _ in 0..100 {
        // With a far deadline: a scrape that waited for the lost collector would not come back.
        let collected = runner.collect(&runner.everything(), later());
        assert_eq!(state(&collected, "held").reason, "still busy with an earlier scrape");
        assert_eq!(state(&collected, "quick").status, Status::Collected);
        most = most.max(runner.stats().workers);
    }
    assert!(most <= 2, "{most} threads");
    assert_eq!(runner.stats().left_behind, 1);

    Gate::named("hang").open();
    while runner.stats().left_behind > 0 {
        std::thread::yield_now();
    }
    let collected = runner.collect(&runner.everything(), later());
    assert_eq!(state(&collected, "held").status, Status::Collected);
    assert!(text(&collected).contains("value{from=\"held\"} 1\n"));
}

#[test]
fn a_slow_collector_does_not_keep_the_others_waiting() {
    // `held` comes first and waits for `opener`, which only another worker can run.
    let runner = runner("slow", &[&HELD, &OPENER], 0);
    let collected = runner.collect(&runner.everything(), later());
    assert!(collected.states().all(|(_, state)| state.status == Status::Collected));
}

#[test]
fn hanging_collectors_never_take_more_threads_than_the_limit() {
    let runner = runner("limit", &[&HELD, &HELD, &HELD, &HELD, &HELD, &QUICK], 0);
    let collected = runner.collect(&runner.everything(), soon() + LONG / 200);
    assert_eq!(state(&collected, "quick").reason, "no worker was free before the deadline of the scrape");
    assert_eq!(runner.stats().workers, 4);
    Gate::named("limit").open();
}

#[test]
fn a_panic_loses_one_collector_for_one_scrape() {
    let runner = runner("panic", &[&PANICS, &QUICK], 0);
    for round in 1..=2 {
        let collected = runner.collect(&runner.everything(), later());
        assert!(text(&collected).contains(&format!("value{{from=\"panics\"}} {round}\n")));
    }
    let collected = runner.collect(&runner.everything(), later());
    assert_eq!(state(&collected, "panics").status, Status::Failed);
    assert_eq!(state(&collected, "panics").reason, "panicked: run number 3");
    assert!(!text(&collected).contains("from=\"panics\""), "nothing half-done is shown");
    assert_eq!(state(&collected, "quick").status, Status::Collected);

    let collected = runner.collect(&runner.everything(), later());
    assert!(text(&collected).contains("value{from=\"panics\"} 1\n"), "it was built anew");
    assert!(text(&collected).contains("vitals_collector_panics_total{collector=\"panics\"} 1\n"));
    assert_eq!(runner.stats().workers, 1);
}

#[test]
fn series_beyond_the_limit_are_dropped_and_counted() {
    let runner = runner("plenty", &[&PLENTY], 30);
    for round in 1..=2 {
        let collected = runner.collect(&runner.everything(), later());
        assert_eq!(state(&collected, "plenty").series, 30);
        let dropped = format!("vitals_series_dropped_total{{collector=\"plenty\"}} {}\n", round * 70);
        assert!(text(&collected).contains(&dropped), "{}", text(&collected));
        assert_eq!(text(&collected).matches("value{").count(), 30);
        assert_eq!(runner.last_runs()[0].dropped, [("value".to_owned(), 70)]);
    }
}

#[test]
fn the_three_outcomes_are_told_apart() {
    let runner = runner("outcomes", &[&QUICK, &ABSENT, &EMPTY, &FAILS], 0);
    let collected = runner.collect(&runner.everything(), later());
    let text = text(&collected);
    for line in [
        r#"node_scrape_collector_status{collector="empty",reason="no device",status="absent"} 1"#,
        r#"node_scrape_collector_success{collector="empty"} 1"#,
        r#"node_scrape_collector_status{collector="quick",reason="",status="collected"} 1"#,
        r#"node_scrape_collector_status{collector="absent",reason="no such file",status="absent"} 1"#,
        r#"node_scrape_collector_status{collector="fails",reason="broken badly",status="failed"} 1"#,
        r#"node_scrape_collector_success{collector="quick"} 1"#,
        r#"node_scrape_collector_success{collector="absent"} 0"#,
        r#"node_scrape_collector_success{collector="fails"} 0"#,
        r#"vitals_collector_item_errors_total{collector="fails"} 1"#,
        r#"value{from="fails"} 1"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }
    assert_eq!(runner.stats().known_problems, 2);
    let last = runner.last_runs();
    assert_eq!(last[1].state.as_ref().map(|state| state.status), Some(Status::Absent));
    assert_eq!((last[3].problems.as_slice(), last[3].problem_count), (&["disk sda: gone".to_owned()][..], 1));
}

#[test]
fn scrapes_at_the_same_time_share_a_collection() {
    let runner = runner("share", &[&HELD, &QUICK], 0);
    let tickets: Vec<_> = (0..5).map(|_| runner.start(&runner.everything(), later())).collect();
    Gate::named("share").open();
    for ticket in tickets {
        ticket.wait();
        assert!(ticket.finish().states().all(|(_, state)| state.status == Status::Collected));
    }
    let stats = runner.stats();
    assert_eq!((stats.collections, stats.coalesced), (1, 4));
    runner.collect(&runner.everything(), later());
    assert_eq!(runner.stats().collections, 2, "a finished collection is not served again");
}

#[test]
fn a_scrape_shares_no_collection_that_had_less_time() {
    let runner = runner("haste", &[&HELD, &QUICK], 0);
    let hasty = runner.start(&runner.everything(), soon());
    let other = runner.start(&runner.everything(), later());
    let stats = runner.stats();
    assert_eq!((stats.collections, stats.coalesced), (2, 0));
    let hasty_too = runner.start(&runner.everything(), soon());
    assert_eq!(runner.stats().coalesced, 1);
    Gate::named("haste").open();
    other.wait();
    assert!(other.finish().states().all(|(_, state)| state.status == Status::Collected));
    drop((hasty, hasty_too));
}

#[test]
fn a_scrape_in_a_hurry_costs_the_next_one_nothing() {
    let runner = patient_runner("hurry", &[&HELD, &QUICK], 0, LONG);
    let hasty = runner.start(&runner.everything(), soon());
    Gate::named("hurry").wait_for_one();
    hasty.wait();
    assert_eq!(state(&hasty.finish(), "held").reason, "not back before the deadline of the scrape");
    assert_eq!(runner.stats().left_behind, 0, "it still has its time");
    let next = runner.start(&runner.everything(), later());
    Gate::named("hurry").open();
    next.wait();
    assert!(next.finish().states().all(|(_, state)| state.status == Status::Collected));
}

#[test]
fn a_scrape_waits_for_a_collector_that_another_one_is_using() {
    let runner = runner("use", &[&HELD, &QUICK], 0);
    let all = runner.start(&runner.everything(), later());
    Gate::named("use").wait_for_one();
    let only = runner.filter(&["held"], &[], |_| false).expect("it is enabled");
    let second = runner.start(&only, later());
    Gate::named("use").open();
    for ticket in [all, second] {
        ticket.wait();
        assert_eq!(state(&ticket.finish(), "held").status, Status::Collected);
    }
    assert_eq!(runner.stats().collections, 2);
}

#[test]
fn a_client_that_goes_away_leaves_nothing_waiting() {
    let runner = runner("away", &[&HELD, &QUICK], 0);
    let ticket = runner.start(&runner.everything(), later());
    Gate::named("away").wait_for_one();
    drop(ticket);
    assert_eq!(runner.stats().left_behind, 0, "it still has its time");
    let next = runner.start(&runner.everything(), later());
    Gate::named("away").open();
    next.wait();
    assert!(next.finish().states().all(|(_, state)| state.status == Status::Collected));
}

#[test]
fn filters_name_what_is_wrong_with_them() {
    let runner = runner("filter", &[&QUICK, &ABSENT, &FAILS], 0);
    let is_known = |name: &str| name == "off";
    let names = |collect: &[&str], exclude: &[&str]| {
        let filter = runner.filter(collect, exclude, is_known)?;
        Ok(runner.collect(&filter, later()).states().map(|(name, _)| name).collect::<Vec<_>>())
    };
    assert_eq!(names(&["fails", "quick", "quick"], &[]), Ok(vec!["quick", "fails"]));
    assert_eq!(names(&[], &["fails", "nonsense"]), Ok(vec!["quick", "absent"]));
    assert_eq!(names(&["quick"], &["fails"]), Err(FilterError::Combined));
    let missing = names(&["quick", "nonsense"], &[]).expect_err("unknown").to_string();
    let start = "Couldn't create filtered metrics handler: couldn't create collector:";
    assert_eq!(missing, format!("{start} missing collector: nonsense"));
    let disabled = names(&["off"], &[]).expect_err("off").to_string();
    assert_eq!(disabled, format!("{start} disabled collector: off"));
}

/// Gives the same series twice, and another one.
static STUTTERS: Spec = spec("stutters", |_, settings| {
    Ok(Box::new(Scripted {
        gate: gate_of(settings),
        script: |_, scrape| {
            scrape.page.sample(&VALUE, &[("key", "a")], 1.0);
            scrape.page.sample(&VALUE, &[("key", "a")], 2.0);
            scrape.page.sample(&VALUE, &[("key", "b")], 3.0);
            Ok(Outcome::Collected)
        },
    }))
});

#[test]
fn a_series_that_is_there_twice_is_written_once_and_told() {
    let runner = runner("stutters", &[&STUTTERS], 0);
    let collected = runner.collect(&runner.everything(), later());
    let text = text(&collected);
    assert!(text.contains("\nvalue{key=\"a\"} 1\nvalue{key=\"b\"} 3\n"), "{text}");
    assert_eq!(state(&collected, "stutters").series, 2);
    assert_eq!(runner.last_runs()[0].problems, ["series value{key=\"a\"} is there twice"]);
}

/// Counts its runs since it was built.
static COUNTS: Spec = Spec {
    flags: &[crate::Flag { name: "step", kind: crate::FlagKind::Text { default: "1" }, help: "", aliases: &[] }],
    ..spec("counts", |_, settings| {
        struct Counts(f64, f64);
        impl Collector for Counts {
            fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
                self.0 += self.1;
                scrape.page.sample(&VALUE, &[("from", "counts")], self.0);
                scrape.item_failed("odd");
                Ok(Outcome::Collected)
            }
        }
        let refused = |_| SettingsError { flag: "step".to_owned(), reason: "no number".to_owned() };
        Ok(Box::new(Counts(0.0, settings.text("step").parse().map_err(refused)?)))
    })
};

#[test]
fn another_plan_changes_what_it_must_and_keeps_the_rest() {
    let with = |step: &str, specs: &[&'static Spec]| {
        let mut plan = plan("change", specs, 0);
        plan.settings.set("step", vec![step.to_owned()]);
        plan
    };
    let rows = [&QUICK, &COUNTS];
    let runner = Runner::new(Host::default(), rows, with("1", &rows), Options::default()).expect("good settings");
    let counted = |expected: &str| {
        let text = text(&runner.collect(&runner.everything(), later()));
        assert!(text.contains(&format!("value{{from=\"counts\"}} {expected}\n")), "{expected} is not in {text}");
        text
    };
    counted("1");
    runner.change(with("1", &[&COUNTS])).expect("good settings");
    assert!(!counted("2").contains("quick"), "the other one is off; this one has kept its state");
    runner.change(with("10", &rows)).expect("good settings");
    let text = counted("10");
    assert!(text.contains("value{from=\"quick\"} 1\n"), "on again");
    assert!(text.contains("vitals_collector_item_errors_total{collector=\"counts\"} 3\n"), "counters go on: {text}");
    assert!(runner.change(with("many", &[&COUNTS])).is_err());
    assert!(counted("20").contains("quick"), "bad settings change nothing");
    runner.change(with("1", &[&QUICK])).expect("good settings");
    assert_eq!(runner.names(), ["quick"]);
    assert!(runner.filter(&["counts"], &[], |_| true).is_err());
}

#[test]
fn a_busy_collector_changes_when_it_is_back() {
    let runner = runner("busy", &[&HELD, &QUICK], 0);
    let first = runner.collect(&runner.everything(), soon());
    assert_eq!(state(&first, "held").status, Status::Failed);
    Gate::named("open at once").open();
    runner.change(plan("open at once", &[&HELD, &QUICK], 0)).expect("good settings");
    runner.change(plan("busy", &[&QUICK], 0)).expect("good settings");
    assert_eq!(runner.stats().left_behind, 1, "it is still where it was");
    Gate::named("busy").open();
    while runner.stats().left_behind > 0 {
        std::thread::yield_now();
    }
    runner.change(plan("open at once", &[&HELD, &QUICK], 0)).expect("good settings");
    let collected = runner.collect(&runner.everything(), later());
    assert_eq!(state(&collected, "held").status, Status::Collected);
}
