//! Where targets come from: lists in the configuration and lists in files.

mod file;
mod glob;
mod target;

use std::time::{Duration, Instant};

use model::Labels;

pub(crate) use glob::matching_files;
pub use target::{Dropped, Target, build_targets};

use crate::config::ScrapeConfig;
use file::FileSource;

/// The label that holds `host:port` of a target.
pub const ADDRESS: &str = "__address__";

/// How long a changed file may go unnoticed.
pub const POLL_INTERVAL: Duration = Duration::from_secs(3);

/// Targets that belong together and share labels.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetGroup {
    /// Where the group came from, unique within its job: `static/0`, or a file and the position in it.
    pub source: String,
    /// Labels of every target of the group; a target's own label wins.
    pub labels: Labels,
    /// One set for each target; each has `__address__`.
    pub targets: Vec<Labels>,
}

/// What one job's targets are right now. Plain and synchronous: whoever drives the job calls `poll` every
/// `POLL_INTERVAL` and builds targets anew when it says so. Costs one `stat` for each file and poll.
pub struct Discovery {
    groups: Vec<TargetGroup>,
    static_groups: Vec<TargetGroup>,
    files: Vec<FileSource>,
    version: u64,
}

impl Discovery {
    /// Reads the files at once, so that `groups` is complete from the start.
    pub fn new(config: &ScrapeConfig, now: Instant) -> Self {
        let mut discovery = Discovery {
            groups: Vec::new(),
            static_groups: config.static_configs.clone(),
            files: config.file_sd_configs.iter().map(|files| FileSource::new(files, &config.job_name)).collect(),
            version: 0,
        };
        for source in &mut discovery.files {
            source.poll(now);
        }
        discovery.collect();
        discovery
    }

    /// Looks after changed files; `true` when the groups are not what they were.
    pub fn poll(&mut self, now: Instant) -> bool {
        let mut has_read = false;
        for source in &mut self.files {
            has_read |= source.poll(now);
        }
        has_read && self.collect()
    }

    fn collect(&mut self) -> bool {
        let from_files = self.files.iter().flat_map(FileSource::groups);
        let groups: Vec<TargetGroup> = self.static_groups.iter().chain(from_files).cloned().collect();
        let has_changed = groups != self.groups;
        if has_changed {
            self.groups = groups;
            self.version += 1;
        }
        has_changed
    }

    pub fn groups(&self) -> &[TargetGroup] {
        &self.groups
    }

    /// Grows with each change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether there is anything that can change: without, nobody needs to poll.
    pub fn can_change(&self) -> bool {
        !self.files.is_empty()
    }

    /// What is wrong with files now, a line each. Their former targets are still in the groups.
    pub fn problems(&self) -> impl Iterator<Item = &str> {
        self.files.iter().flat_map(FileSource::problems)
    }
}

#[cfg(test)]
#[path = "discovery_tests.rs"]
mod tests;
