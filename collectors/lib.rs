//! All collectors, the one table of them (`TABLE`), and the runner that gives each scrape a deadline.
//!
//! A collector is one file: what it reads, its families as constants, a struct that keeps its open files, and
//! `collect`. The table yields flags, help, docs and golden tests. The runner alone measures, isolates and reports.

mod collector;
mod container;
mod node;
mod runner;
mod table;

pub use collector::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, SettingsError, Spec, TRUE_TYPES};
pub use container::runtimes_seen;
pub use runner::{
    Collected, CollectorState, Filter, FilterError, LastRun, Options, Plan, REPORT_FAMILIES, Runner, RunnerStats,
    Status, Ticket,
};
pub use table::TABLE;
