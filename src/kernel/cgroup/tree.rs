//! Which cgroups there are. Walked on a timer; between walks inotify tells what came and went, so that a look at the
//! tree costs one system call. Where inotify cannot watch everything (its limits are used up, events were lost) the
//! timer is faster instead.
//!
//! Cost: a walk takes about 5 µs for each directory.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::watch::{Event, Watch, child};
use crate::{Error, Result};

/// Between walks while inotify sees everything: only a second line of defence.
const WALK_INTERVAL: Duration = Duration::from_secs(60);
/// Between walks when it does not.
const WALK_INTERVAL_UNWATCHED: Duration = Duration::from_secs(2);
/// More cgroups than this are left out.
const MAX_CGROUPS: usize = 10_000;
/// Deeper than this nobody nests containers; a bound for the walk.
const MAX_DEPTH: usize = 64;

/// The cgroups of one hierarchy by their paths below its root: `/`, `/docker`, `/system.slice/ssh.service`. Mount units
/// of systemd are cgroups too, but hold nothing; they are left out with all below them.
pub struct Tree {
    root: PathBuf,
    paths: BTreeSet<String>,
    watch: Option<Watch>,
    walked: Option<Instant>,
    generation: u64,
    left_out: usize,
    max_watches: usize,
}

impl Tree {
    /// Does nothing yet; `refresh` does.
    pub fn new(root: &Path) -> Tree {
        Tree::with_watches(root, MAX_CGROUPS)
    }

    pub(super) fn with_watches(root: &Path, max_watches: usize) -> Tree {
        Tree {
            root: root.to_owned(),
            paths: BTreeSet::new(),
            watch: None,
            walked: None,
            generation: 0,
            left_out: 0,
            max_watches,
        }
    }

    /// Brings the tree up to date. An error only when the root itself cannot be read.
    pub fn refresh(&mut self) -> Result<()> {
        for event in self.watch.as_mut().map(Watch::drain).unwrap_or_default() {
            match event {
                Event::Created(path) => self.add(path),
                Event::Removed(path) => self.forget(&path),
            }
        }
        if self.time_to_walk().is_zero() { self.walk() } else { Ok(()) }
    }

    /// How long the tree may be left alone if no event comes.
    pub fn time_to_walk(&self) -> Duration {
        let interval = if self.is_watched() { WALK_INTERVAL } else { WALK_INTERVAL_UNWATCHED };
        self.walked.map_or(Duration::ZERO, |walked| interval.saturating_sub(walked.elapsed()))
    }

    /// Becomes readable when something happens. `None` before the first `refresh` and without inotify.
    pub fn events(&self) -> Option<OwnedFd> {
        self.watch.as_ref()?.descriptor()
    }

    /// Whether inotify sees every directory.
    pub fn is_watched(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.is_complete)
    }

    pub fn paths(&self) -> &BTreeSet<String> {
        &self.paths
    }

    /// Grows whenever the set of cgroups changes.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Cgroups beyond the limit on their number, as of the last walk.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Takes out a cgroup that is gone, with all below it.
    pub fn forget(&mut self, path: &str) {
        let below = child(path, "");
        let gone: Vec<String> =
            self.paths.range(below.clone()..).take_while(|other| other.starts_with(&below)).cloned().collect();
        let was_there = self.paths.remove(path);
        gone.iter().for_each(|other| {
            self.paths.remove(other);
        });
        if was_there || !gone.is_empty() {
            self.generation += 1;
        }
    }

    fn walk(&mut self) -> Result<()> {
        self.walked = Some(Instant::now());
        fs::read_dir(&self.root).map_err(|source| Error::io(&self.root, source))?;
        self.left_out = 0;
        match &mut self.watch {
            Some(watch) => watch.is_complete = true,
            None => self.watch = Watch::new(self.max_watches),
        }
        let before = std::mem::take(&mut self.paths);
        let generation = self.generation;
        self.add("/".to_owned());
        self.generation = if self.paths == before { generation } else { generation + 1 };
        Ok(())
    }

    /// Adds a cgroup and all below it. Each is watched before it is listed, so none can slip in between.
    fn add(&mut self, path: String) {
        let mut open = vec![path];
        while let Some(path) = open.pop() {
            if !self.paths.contains(&path) {
                if self.paths.len() >= MAX_CGROUPS {
                    self.left_out += 1;
                    continue;
                }
                self.generation += 1;
            }
            let directory = self.root.join(path.trim_start_matches('/'));
            if let Some(watch) = &mut self.watch {
                watch.add(&directory, &path);
            }
            // What is gone by now will have its own event.
            let Ok(entries) = fs::read_dir(&directory) else { continue };
            let is_deep = path.split('/').count() > MAX_DEPTH;
            for entry in entries.flatten().filter(|_| !is_deep) {
                let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if let Some(name) = entry.file_name().to_str().filter(|name| is_directory && !is_mount_unit(name)) {
                    open.push(child(&path, name));
                }
            }
            self.paths.insert(path);
        }
    }
}

fn is_mount_unit(name: &str) -> bool {
    name.ends_with(".mount")
}
