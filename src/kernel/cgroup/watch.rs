//! New and removed directories of one cgroup hierarchy, by inotify. One watch for each directory, about 1 KB of kernel
//! memory; their number is bounded here and by `fs.inotify.max_user_watches`.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};

pub(super) struct Watch {
    inotify: Inotify,
    /// The cgroup behind each watch.
    cgroups: HashMap<WatchDescriptor, String>,
    limit: usize,
    /// Every directory that was asked for is watched, and no event was lost.
    pub is_complete: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A cgroup appeared.
    Created(String),
    Removed(String),
}

impl Watch {
    /// `None` where the kernel has no instance left for us.
    pub fn new(limit: usize) -> Option<Watch> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).ok()?;
        Some(Watch { inotify, cgroups: HashMap::new(), limit, is_complete: true })
    }

    /// A second descriptor of the same queue, for waiting.
    pub fn descriptor(&self) -> Option<OwnedFd> {
        self.inotify.as_fd().try_clone_to_owned().ok()
    }

    /// Watches a directory; doing so twice does no harm.
    pub fn add(&mut self, directory: &Path, cgroup: &str) {
        let flags =
            AddWatchFlags::IN_CREATE | AddWatchFlags::IN_DELETE | AddWatchFlags::IN_MOVE | AddWatchFlags::IN_ONLYDIR;
        if self.cgroups.len() >= self.limit {
            self.is_complete = false;
            return;
        }
        match self.inotify.add_watch(directory, flags) {
            Ok(descriptor) => {
                self.cgroups.insert(descriptor, cgroup.to_owned());
            }
            // It went away in the meantime.
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ENODEV) => {}
            Err(_) => self.is_complete = false,
        }
    }

    /// What has happened since the last call, in order. Lost events clear `is_complete`.
    pub fn drain(&mut self) -> Vec<Event> {
        // Whoever makes cgroups in a loop must not keep us here: the rest is for the next call.
        const MOST_BATCHES: usize = 64;
        let mut happened = Vec::new();
        for _ in 0..MOST_BATCHES {
            match self.inotify.read_events() {
                Ok(events) if !events.is_empty() => {
                    happened.extend(events.iter().filter_map(|event| self.translate(event)));
                }
                Ok(_) | Err(Errno::EAGAIN) => break,
                Err(_) => {
                    self.is_complete = false;
                    break;
                }
            }
        }
        happened
    }

    fn translate(&mut self, event: &InotifyEvent) -> Option<Event> {
        if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
            self.is_complete = false;
            return None;
        }
        if event.mask.contains(AddWatchFlags::IN_IGNORED) {
            self.cgroups.remove(&event.wd);
            return None;
        }
        if !event.mask.contains(AddWatchFlags::IN_ISDIR) {
            return None;
        }
        let path = child(self.cgroups.get(&event.wd)?, event.name.as_ref()?.to_str()?);
        let is_new = event.mask.intersects(AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO);
        Some(if is_new { Event::Created(path) } else { Event::Removed(path) })
    }
}

/// `/` and `docker` make `/docker`.
pub(super) fn child(parent: &str, name: &str) -> String {
    let separator = if parent.ends_with('/') { "" } else { "/" };
    format!("{parent}{separator}{name}")
}
