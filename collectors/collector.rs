//! What a collector is: the contract between the table, the runner and the collectors' files.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use exposition::{Family, Page};
use kernel::Host;

/// One subsystem of the machine. It keeps its files, patterns and buffers between scrapes and is never called twice at
/// the same time.
pub trait Collector: Send {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure>;
}

/// What a collector works with during one scrape.
pub struct Scrape<'a> {
    /// Where samples go.
    pub page: &'a mut Page,
    /// For reading files; lent by the worker, so its room is shared by all collectors.
    pub buffer: &'a mut Vec<u8>,
    /// When the answer must be ready. A collector that waits for something (a mount, a socket) must not wait longer.
    pub deadline: Instant,
    /// What went wrong with single items; the runner logs each text once and counts them.
    pub problems: &'a mut Vec<String>,
}

/// How a collection ended when it did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Collected,
    /// Nothing of the kind on this machine; says why: "no such file /proc/pressure", "PSI is switched off".
    Absent(Cow<'static, str>),
    /// As `Absent`, where node_exporter reports a success without series: a class of devices that has none, mostly.
    Empty(Cow<'static, str>),
}

/// Why a collector as a whole could not collect. Samples already on the page are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(pub String);

/// One row of the table.
pub struct Spec {
    /// As in `--collector.<name>`.
    pub name: &'static str,
    pub is_on_by_default: bool,
    /// One line for `--help` and the docs.
    pub help: &'static str,
    /// Families that are known by name; a collector that names families after kernel fields lists what it can.
    pub families: &'static [Family],
    /// Flags besides the on/off one.
    pub flags: &'static [Flag],
    /// Opens nothing that must exist: a missing file is an outcome of `collect`, only bad settings are an error.
    pub build: Build,
}

/// Makes a collector of a host from the values of its flags.
pub type Build = fn(&Host, &Settings) -> Result<Box<dyn Collector>, SettingsError>;

/// A flag of one collector.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// Without dashes, as node_exporter spells it: `collector.diskstats.device-exclude`.
    pub name: &'static str,
    pub kind: FlagKind,
    pub help: &'static str,
    /// Deprecated spellings that still work.
    pub aliases: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagKind {
    /// `--x`, `--no-x`.
    Switch { default: bool },
    /// `--x=VALUE`; "" means not given where there is no default.
    Text { default: &'static str },
    /// May be given several times.
    List,
}

/// The flag that gives series the types that they have by nature, where node_exporter's are others.
pub const TRUE_TYPES: &str = "true-types";

/// Flag values by name, after defaults.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    values: BTreeMap<String, Vec<String>>,
    /// Flags that were given, whatever their value.
    given: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--{flag}: {reason}")]
pub struct SettingsError {
    pub flag: String,
    pub reason: String,
}

impl Scrape<'_> {
    /// One item (a device, a line, a mount) could not be read; the collector goes on without it.
    pub fn item_failed(&mut self, problem: impl std::fmt::Display) {
        self.problems.push(problem.to_string());
    }
}

impl Outcome {
    pub fn absent(reason: impl Into<Cow<'static, str>>) -> Self {
        Outcome::Absent(reason.into())
    }

    pub fn empty(reason: impl Into<Cow<'static, str>>) -> Self {
        Outcome::Empty(reason.into())
    }

    /// The usual way to begin: a missing file means that there is nothing here, any other error is a failure.
    pub fn of_error(error: kernel::Error) -> Result<Outcome, Failure> {
        if error.is_absent() { Ok(Outcome::Absent(error.to_string().into())) } else { Err(error.into()) }
    }
}

impl From<kernel::Error> for Failure {
    fn from(error: kernel::Error) -> Self {
        Failure(error.to_string())
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Settings {
    /// The defaults of all flags of all collectors.
    pub fn defaults<'a>(specs: impl IntoIterator<Item = &'a Spec>) -> Self {
        let mut settings = Settings::default();
        for spec in specs {
            settings.set_collector(spec.name, spec.is_on_by_default);
            for flag in spec.flags {
                let value = match flag.kind {
                    FlagKind::Switch { default } => vec![default.to_string()],
                    FlagKind::Text { default } => vec![default.to_owned()],
                    FlagKind::List => Vec::new(),
                };
                settings.values.insert(flag.name.to_owned(), value);
            }
        }
        settings
    }

    /// Whether a collector is on, for those whose series depend on another.
    pub fn set_collector(&mut self, name: &str, is_on: bool) {
        self.values.insert(format!("collector.{name}"), vec![is_on.to_string()]);
    }

    pub fn has_collector(&self, name: &str) -> bool {
        self.is_on(&format!("collector.{name}"))
    }

    /// Another default than the table's. The flag still counts as not given.
    pub fn set_default(&mut self, flag: &str, values: Vec<String>) {
        self.values.insert(flag.to_owned(), values);
    }

    /// Sets a flag that was given.
    pub fn set(&mut self, flag: &str, values: Vec<String>) {
        self.given.insert(flag.to_owned());
        self.values.insert(flag.to_owned(), values);
    }

    /// Whether the flag was given, as opposed to having its default.
    pub fn is_given(&self, flag: &str) -> bool {
        self.given.contains(flag)
    }

    pub fn is_on(&self, flag: &str) -> bool {
        self.values.get(flag).is_some_and(|values| values.first().is_some_and(|value| value == "true"))
    }

    /// Whether series have the types that they have by nature rather than node_exporter's.
    pub fn has_true_types(&self) -> bool {
        self.is_on(TRUE_TYPES)
    }

    /// Whether a collector would be built the same from both.
    pub fn is_same_for(&self, spec: &Spec, other: &Settings) -> bool {
        let is_same = |flag: &str| self.list(flag) == other.list(flag) && self.is_given(flag) == other.is_given(flag);
        spec.flags.iter().all(|flag| is_same(flag.name)) && self.has_true_types() == other.has_true_types()
    }

    /// The value of a flag; "" when it has none.
    pub fn text(&self, flag: &str) -> &str {
        self.values.get(flag).and_then(|values| values.first()).map_or("", String::as_str)
    }

    pub fn list(&self, flag: &str) -> &[String] {
        self.values.get(flag).map_or(&[], Vec::as_slice)
    }

    /// A pattern given by a flag, matched anywhere in the text as node_exporter's are; `None` when the flag is "".
    pub fn pattern(&self, flag: &str) -> Result<Option<regex::Regex>, SettingsError> {
        match self.text(flag) {
            "" => Ok(None),
            pattern => model::search_regex(pattern)
                .map(Some)
                .map_err(|error| SettingsError { flag: flag.to_owned(), reason: error.to_string() }),
        }
    }
}
