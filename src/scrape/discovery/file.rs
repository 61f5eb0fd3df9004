//! `file_sd_configs`: lists of target groups in JSON or YAML files that others write while we run.
//!
//! Files are looked at by `stat` (time, size, inode) rather than watched: it works on every file system and for
//! configuration maps that are swapped by a symlink. A file that is broken or half written keeps its former targets; a
//! file that is gone takes them along.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{TargetGroup, matching_files};
use crate::config::section::Reading;
use crate::config::sources::read_group;
use crate::config::{ConfigError, FileSdConfig, Node};

/// The label that holds the file a target came from.
const FILE_PATH: &str = "__meta_filepath";

/// Larger files are refused unread.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// The files of one `file_sd_configs` entry.
pub(super) struct FileSource {
    job_name: String,
    patterns: Vec<PathBuf>,
    refresh_interval: Duration,
    files: BTreeMap<PathBuf, KnownFile>,
}

#[derive(Default)]
struct KnownFile {
    /// When the file was read last.
    read_at: Option<Instant>,
    /// What the file looked like when it was read last.
    stamp: Stamp,
    groups: Vec<TargetGroup>,
    /// Why the last reading failed.
    problem: Option<String>,
}

#[derive(Clone, Copy, Default, PartialEq)]
struct Stamp {
    modified_seconds: i64,
    modified_nanoseconds: i64,
    bytes: u64,
    inode: u64,
}

impl FileSource {
    pub fn new(config: &FileSdConfig, job_name: &str) -> Self {
        FileSource {
            job_name: job_name.to_owned(),
            patterns: config.files.clone(),
            refresh_interval: Duration::from_millis(config.refresh_interval_ms.unsigned_abs()),
            files: BTreeMap::new(),
        }
    }

    /// Reads what seems to have changed; `true` when anything was read or is gone.
    pub fn poll(&mut self, now: Instant) -> bool {
        let mut has_read = false;
        let mut before = std::mem::take(&mut self.files);
        for path in self.patterns.iter().flat_map(|pattern| matching_files(pattern)) {
            if self.files.contains_key(&path) {
                continue;
            }
            let mut file = before.remove(&path).unwrap_or_default();
            has_read |= self.refresh(&path, &mut file, now);
            self.files.insert(path, file);
        }
        has_read || !before.is_empty()
    }

    fn refresh(&self, path: &Path, file: &mut KnownFile, now: Instant) -> bool {
        let stamp = std::fs::metadata(path).map(|metadata| Stamp {
            modified_seconds: metadata.mtime(),
            modified_nanoseconds: metadata.mtime_nsec(),
            bytes: metadata.len(),
            inode: metadata.ino(),
        });
        let is_due = file.read_at.is_none_or(|read_at| now.duration_since(read_at) >= self.refresh_interval);
        if stamp.as_ref().is_ok_and(|stamp| *stamp == file.stamp) && !is_due {
            return false;
        }
        file.read_at = Some(now);
        let outcome = stamp.map_err(|error| of_file(path, error)).and_then(|stamp| {
            // Taken before reading: a write in between is seen at the next poll.
            file.stamp = stamp;
            if stamp.bytes > MAX_FILE_BYTES {
                return Err(of_file(path, format!("larger than {MAX_FILE_BYTES} bytes")));
            }
            let text = std::fs::read_to_string(path).map_err(|error| of_file(path, error))?;
            parse(&text, path).map_err(|error| error.to_string())
        });
        match outcome {
            Ok(groups) => {
                file.groups = groups;
                file.problem = None;
            }
            Err(problem) => {
                // Once for each problem, not once for each poll.
                if file.problem.as_ref() != Some(&problem) {
                    tracing::warn!(job = self.job_name, "targets of this file are kept as they were: {problem}");
                }
                file.problem = Some(problem);
            }
        }
        true
    }

    pub fn groups(&self) -> impl Iterator<Item = &TargetGroup> {
        self.files.values().flat_map(|file| &file.groups)
    }

    pub fn problems(&self) -> impl Iterator<Item = &str> {
        self.files.values().filter_map(|file| file.problem.as_deref())
    }
}

fn of_file(path: &Path, reason: impl std::fmt::Display) -> String {
    format!("{}: {reason}", path.display())
}

/// The groups of one file, each with the label that names the file.
fn parse(text: &str, path: &Path) -> Result<Vec<TargetGroup>, ConfigError> {
    let reading = Reading::new(path);
    let document = Node::parse(text, &reading.file)?;
    let items = reading.root_items(&document);
    let groups = items.iter().enumerate().filter_map(|(index, item)| {
        let mut group = read_group(item, format!("{}:{index}", reading.file))?;
        group.labels = group.labels.to_builder().set(FILE_PATH, &reading.file).build();
        Some(group)
    });
    let groups = groups.collect();
    reading.finish()?;
    Ok(groups)
}
