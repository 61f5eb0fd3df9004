//! Finds out who new cgroups are, on a thread of its own: it sleeps until inotify tells of a new cgroup, asks the
//! runtimes, and keeps what they say. A runtime that does not know a container yet is asked again, ever more seldom; one
//! that does is asked now and then, since names can change.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use containers::{Answer, Identity, Metadata, RuntimeSettings, Runtimes};
use kernel::Roots;
use kernel::cgroup::Tree;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::origin;

/// Between questions about a container that no runtime knows, or that has no process yet: doubled each time.
const FIRST_RETRY: Duration = Duration::from_millis(200);
const LONGEST_RETRY: Duration = Duration::from_secs(60);
/// Until what a runtime said is asked for anew.
const BELIEVED_FOR: Duration = Duration::from_secs(300);
/// How often the thread looks at the tree when no event can wake it.
const WITHOUT_EVENTS: Duration = Duration::from_secs(2);

/// Ends its thread when dropped.
pub struct Resolver {
    shared: Arc<Shared>,
    waker: UnixStream,
    thread: JoinHandle<()>,
}

struct Shared {
    tree: Mutex<Tree>,
    known: Mutex<Known>,
    answered: Condvar,
}

#[derive(Default)]
struct Known {
    /// By cgroup.
    entries: HashMap<String, Entry>,
    /// Grows with each answer that says something new.
    generation: u64,
    /// Generation of the tree whose cgroups are all among the entries.
    tree_generation: u64,
    /// Entries without a first answer.
    unanswered: usize,
    is_stopped: bool,
}

#[derive(Default)]
struct Entry {
    metadata: Option<Arc<Metadata>>,
    /// Why its runtime could not be asked, the last time.
    unreachable: Option<String>,
    /// Questions without a full answer.
    tries: u32,
    /// When to ask again; `None` before the first question.
    next: Option<Instant>,
}

impl Known {
    /// Why the runtime of one of the cgroups could not be asked. Answers about the others do not settle that.
    fn unreachable(&self) -> Option<&str> {
        self.entries.values().find_map(|entry| entry.unreachable.as_deref())
    }
}

impl Resolver {
    /// Starts the thread.
    pub fn start(root: &Path, roots: &Arc<Roots>, settings: &RuntimeSettings) -> std::io::Result<Resolver> {
        let (waker, woken) = UnixStream::pair()?;
        waker.set_nonblocking(true)?;
        woken.set_nonblocking(true)?;
        let shared = Arc::new(Shared {
            tree: Mutex::new(Tree::new(root)),
            known: Mutex::new(Known::default()),
            answered: Condvar::new(),
        });
        let worker = Worker { shared: shared.clone(), woken };
        let (roots, settings) = (roots.clone(), settings.clone());
        let work = move || worker.run(&roots, Runtimes::new(roots.clone(), settings));
        let thread = thread::Builder::new().name("containers".to_owned()).spawn(work)?;
        Ok(Resolver { shared, waker, thread })
    }

    /// Whether the thread still runs. It only ends by itself when something panics.
    pub fn is_alive(&self) -> bool {
        !self.thread.is_finished()
    }

    /// The cgroups that are there now. Brings the tree up to date first.
    pub fn tree(&self) -> kernel::Result<MutexGuard<'_, Tree>> {
        let mut tree = lock(&self.shared.tree);
        tree.refresh()?;
        Ok(tree)
    }

    /// Waits until every cgroup of this generation of the tree was asked about once, but not past the deadline.
    pub fn wait(&self, tree_generation: u64, deadline: Instant) {
        let mut known = lock(&self.shared.known);
        if known.tree_generation < tree_generation {
            self.wake();
        }
        while known.tree_generation < tree_generation || known.unanswered > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            // A runtime that is in trouble is not worth waiting for.
            if left.is_zero() || known.unreachable().is_some() || !self.is_alive() {
                return;
            }
            known = self.shared.answered.wait_timeout(known, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Grows when anything new was learnt.
    pub fn generation(&self) -> u64 {
        lock(&self.shared.known).generation
    }

    /// Calls `take` with what is known of each cgroup.
    pub fn look<'a>(&self, paths: impl Iterator<Item = &'a str>, mut take: impl FnMut(usize, Option<&Arc<Metadata>>)) {
        let known = lock(&self.shared.known);
        for (index, path) in paths.enumerate() {
            take(index, known.entries.get(path).and_then(|entry| entry.metadata.as_ref()));
        }
    }

    /// Why a runtime could not be asked, if it still cannot.
    pub fn unreachable(&self) -> Option<String> {
        lock(&self.shared.known).unreachable().map(str::to_owned)
    }

    /// A cgroup whose files are gone, found while reading them.
    pub fn forget(&self, path: &str) {
        lock(&self.shared.tree).forget(path);
    }

    /// What is known of a cgroup has turned out to be old: its process has ended.
    pub fn doubt(&self, path: &str) {
        let mut known = lock(&self.shared.known);
        if let Some(entry) = known.entries.get_mut(path)
            && entry.tries == 0
        {
            entry.next = Some(Instant::now());
            entry.tries = 1;
            drop(known);
            self.wake();
        }
    }

    fn wake(&self) {
        // A full pipe will wake the thread as well.
        let _ = (&self.waker).write(&[0]);
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        lock(&self.shared.known).is_stopped = true;
        self.wake();
    }
}

struct Worker {
    shared: Arc<Shared>,
    woken: UnixStream,
}

impl Worker {
    fn run(self, roots: &Roots, mut runtimes: Runtimes) {
        let mut events = None;
        while !lock(&self.shared.known).is_stopped {
            self.take_cgroups();
            events = events.or_else(|| lock(&self.shared.tree).events());
            while let Some((path, identity)) = self.next_question() {
                let answer = runtimes.look_up(&path, &identity);
                self.note(&path, answer, roots);
            }
            self.sleep(events.as_ref());
        }
    }

    /// Brings the entries in line with the tree.
    fn take_cgroups(&self) {
        let mut tree = lock(&self.shared.tree);
        // What is wrong with the tree the scrape will see, and say.
        let _ = tree.refresh();
        let generation = tree.generation();
        if lock(&self.shared.known).tree_generation == generation {
            return;
        }
        let paths = tree.paths().clone();
        drop(tree);
        let mut known = lock(&self.shared.known);
        known.entries.retain(|path, _| paths.contains(path));
        for path in paths {
            if !known.entries.contains_key(&path) && Runtimes::may_know(&path, &Identity::of(&path)) {
                known.entries.insert(path, Entry::default());
            }
        }
        known.unanswered = known.entries.values().filter(|entry| entry.next.is_none()).count();
        known.tree_generation = generation;
        self.shared.answered.notify_all();
    }

    /// New cgroups first, then those whose time has come.
    fn next_question(&self) -> Option<(String, Identity)> {
        let known = lock(&self.shared.known);
        if known.is_stopped {
            return None;
        }
        let now = Instant::now();
        let is_due = |entry: &Entry| entry.next.is_none_or(|next| next <= now);
        let due = known.entries.iter().filter(|(_, entry)| is_due(entry));
        let (path, _) = due.min_by_key(|(_, entry)| entry.next)?;
        Some((path.clone(), Identity::of(path)))
    }

    fn note(&self, path: &str, answer: Answer, roots: &Roots) {
        let (metadata, unreachable) = match answer {
            Answer::Known(mut metadata) => {
                origin::complete(&mut metadata, roots);
                (Some(*metadata), None)
            }
            Answer::Unknown => (None, None),
            Answer::Unreachable(reason) => (None, Some(reason)),
        };
        let mut known = lock(&self.shared.known);
        let Known { entries, unanswered, generation, .. } = &mut *known;
        if let Some(entry) = entries.get_mut(path) {
            *unanswered -= usize::from(entry.next.is_none());
            let is_complete = metadata.as_ref().is_some_and(|metadata| metadata.pid.is_some());
            // A runtime that fails for once does not take back what it said.
            if metadata.is_some() && entry.metadata.as_deref() != metadata.as_ref() {
                entry.metadata = metadata.map(Arc::new);
                *generation += 1;
            }
            entry.unreachable = unreachable;
            entry.tries = if is_complete { 0 } else { entry.tries + 1 };
            let pause = if is_complete { BELIEVED_FOR } else { retry_after(entry.tries) };
            entry.next = Some(Instant::now() + pause);
        }
        self.shared.answered.notify_all();
    }

    /// Until a cgroup comes or goes, somebody asks, or a question is due.
    fn sleep(&self, events: Option<&OwnedFd>) {
        let now = Instant::now();
        let next = lock(&self.shared.known).entries.values().filter_map(|entry| entry.next).min();
        let until_question = next.map_or(LONGEST_RETRY, |next| next.saturating_duration_since(now));
        let until_walk = lock(&self.shared.tree).time_to_walk();
        let longest = if events.is_some() { LONGEST_RETRY } else { WITHOUT_EVENTS };
        let wait = until_question.min(until_walk).min(longest) + Duration::from_millis(1);
        let mut waited_for = vec![PollFd::new(self.woken.as_fd(), PollFlags::POLLIN)];
        waited_for.extend(events.map(|events| PollFd::new(events.as_fd(), PollFlags::POLLIN)));
        let timeout = PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX);
        // An interrupted wait only means one more look.
        let _ = poll(&mut waited_for, timeout);
        let mut bytes = [0; 64];
        while (&self.woken).read(&mut bytes).is_ok_and(|count| count == bytes.len()) {}
    }
}

fn retry_after(tries: u32) -> Duration {
    FIRST_RETRY.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(LONGEST_RETRY)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_runtime_is_told_of_until_it_answers_whatever_is_said_of_other_cgroups() {
        let (_waker, woken) = UnixStream::pair().expect("a pair");
        let entries = ["/docker/a", "/user/b"].map(|path| (path.to_owned(), Entry::default()));
        let known = Known { entries: HashMap::from(entries), unanswered: 2, ..Known::default() };
        let tree = Mutex::new(Tree::new(Path::new("/nonexistent")));
        let shared = Arc::new(Shared { tree, known: Mutex::new(known), answered: Condvar::new() });
        let worker = Worker { shared: shared.clone(), woken };
        let roots = Roots::default();

        worker.note("/docker/a", Answer::Unreachable("permission denied".to_owned()), &roots);
        worker.note("/user/b", Answer::Unknown, &roots);
        assert_eq!(lock(&shared.known).unreachable(), Some("permission denied"));
        worker.note("/docker/a", Answer::Unknown, &roots);
        assert_eq!(lock(&shared.known).unreachable(), None);
    }
}
