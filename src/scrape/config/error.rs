//! What is wrong with a file, where, and in words that the reader can act on.

use std::fmt;

/// A position in a file; both count from 1, columns in characters. Line 0: the file as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub line: u64,
    pub column: u64,
}

/// Whether the text is wrong, or right but beyond what this program does so far. Errors are told first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemKind {
    Wrong,
    Unsupported,
}

/// One reason to refuse a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub kind: ProblemKind,
    /// The file, as it was named by the user.
    pub file: String,
    pub place: Place,
    /// The path of keys, such as `scrape_configs[0].job_name`; empty for the whole file.
    pub key: String,
    pub reason: String,
}

/// Why a configuration was refused: never empty, the most telling problem first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    pub problems: Vec<Problem>,
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    /// Wrong things before unsupported ones, each in the order of the file.
    pub(crate) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| (problem.kind, problem.place));
        ConfigError { problems }
    }

    pub(crate) fn of_file(file: &str, place: Place, reason: impl fmt::Display) -> Self {
        ConfigError::new(vec![Problem {
            kind: ProblemKind::Wrong,
            file: file.to_owned(),
            place,
            key: String::new(),
            reason: reason.to_string(),
        }])
    }
}

/// `prometheus.yml:7:5: scrape_configs[0].scrape_timeout: the reason`
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.place.line > 0 {
            write!(f, ":{}:{}", self.place.line, self.place.column)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// One line, whatever the file held.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.problems.first() else { return f.write_str("refused") };
        let line = first.to_string();
        for c in line.chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { write!(f, "{c}")? }
        }
        match self.problems.len() - 1 {
            0 => Ok(()),
            1 => f.write_str(" (and 1 more problem)"),
            more => write!(f, " (and {more} more problems)"),
        }
    }
}
