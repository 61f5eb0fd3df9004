//! Asks mounts that may never answer (network, FUSE, unknown kinds) on threads of its own, so that one that hangs costs
//! a thread and not the scrape. Part of the collector `filesystem`.
//!
//! While all answer, one thread serves them one after another. When an answer takes long and others wait, another
//! thread is started, up to a limit. A mount that has not answered in time keeps its thread, is not asked again while it
//! does, and is asked again after it came back.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::statvfs::{Statvfs, statvfs};

/// How long one mount may take before another is asked beside it.
const PATIENCE: Duration = Duration::from_millis(20);
const STACK_BYTES: usize = 64 << 10;

pub type Stat = fn(&Path) -> Result<Statvfs, Errno>;

/// What became of a question.
#[derive(Clone, Debug)]
pub enum Answer {
    Known(Statvfs),
    Refused(Errno),
    /// No answer in time, now or in an earlier scrape.
    Hung,
}

pub struct StatPool {
    shared: Arc<Shared>,
    thread_limit: usize,
}

struct Shared {
    stat: Stat,
    state: Mutex<State>,
    /// Told when there is something to ask.
    work: Condvar,
    /// Told when an answer came in.
    answered: Condvar,
}

#[derive(Default)]
struct State {
    questions: VecDeque<PathBuf>,
    /// Being asked now, some perhaps for ever.
    running: HashSet<PathBuf>,
    /// Of this scrape.
    answers: HashMap<PathBuf, Result<Statvfs, Errno>>,
    threads: usize,
    idle: usize,
    /// When a question was taken, or a thread started, last.
    last_progress: Option<Instant>,
    is_closing: bool,
}

/// The direct way, for mounts that always answer.
pub fn ask(path: &Path) -> Answer {
    Answer::from(statvfs(path))
}

impl Answer {
    pub fn known(&self) -> Option<&Statvfs> {
        if let Answer::Known(stat) = self { Some(stat) } else { None }
    }
}

impl From<Result<Statvfs, Errno>> for Answer {
    fn from(result: Result<Statvfs, Errno>) -> Self {
        match result {
            Ok(stat) => Answer::Known(stat),
            Err(errno) => Answer::Refused(errno),
        }
    }
}

impl StatPool {
    pub fn new(thread_limit: usize) -> Self {
        Self::with(thread_limit, statvfs::<Path>)
    }

    fn with(thread_limit: usize, stat: Stat) -> Self {
        let shared = Shared { stat, state: Mutex::default(), work: Condvar::new(), answered: Condvar::new() };
        StatPool { shared: Arc::new(shared), thread_limit: thread_limit.max(1) }
    }

    /// The answers in the order of the paths; returns at the deadline at the latest.
    pub fn ask_all(&self, paths: &[&Path], deadline: Instant) -> Vec<Answer> {
        let mut state = self.shared.lock();
        state.answers.clear();
        let asked: HashSet<&Path> = paths.iter().copied().filter(|path| !state.running.contains(*path)).collect();
        if state.threads == state.running.len() {
            // Every thread hangs in an earlier scrape: there is nobody to wait for.
            state.last_progress = None;
        }
        state.questions = asked.iter().map(|path| path.to_path_buf()).collect();
        self.shared.work.notify_one();
        while asked.iter().any(|path| !state.answers.contains_key(*path)) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.help(state);
            let wait = self.shared.answered.wait_timeout(state, left.min(PATIENCE));
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.questions.clear();
        paths
            .iter()
            .map(|path| match state.answers.get(*path) {
                Some(result) if asked.contains(path) => Answer::from(*result),
                _ => Answer::Hung,
            })
            .collect()
    }

    /// Starts a thread when questions wait and no thread is free.
    fn help<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let is_waiting = state.last_progress.is_none_or(|last| last.elapsed() >= PATIENCE);
        let can_start = state.idle == 0 && state.threads < self.thread_limit;
        if state.questions.is_empty() || !is_waiting || !can_start {
            return state;
        }
        state.threads += 1;
        state.last_progress = Some(Instant::now());
        let shared = self.shared.clone();
        let thread = thread::Builder::new().name("statvfs".to_owned()).stack_size(STACK_BYTES);
        if thread.spawn(move || shared.serve()).is_err() {
            // What cannot be asked counts as hung at the deadline.
            state.threads -= 1;
        }
        state
    }
}

impl Drop for StatPool {
    fn drop(&mut self) {
        self.shared.lock().is_closing = true;
        self.shared.work.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of a thread: asks while there are questions, waits while no other thread does.
    fn serve(&self) {
        let mut state = self.lock();
        loop {
            if let Some(path) = state.questions.pop_front() {
                state.running.insert(path.clone());
                state.last_progress = Some(Instant::now());
                drop(state);
                let result = (self.stat)(&path);
                state = self.lock();
                state.running.remove(&path);
                state.answers.insert(path, result);
                self.answered.notify_one();
            } else if state.idle > 0 || state.is_closing {
                state.threads -= 1;
                return;
            } else {
                state.idle += 1;
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    static IS_HUNG: AtomicBool = AtomicBool::new(true);
    static ASKED: AtomicUsize = AtomicUsize::new(0);

    fn sometimes_hangs(path: &Path) -> Result<Statvfs, Errno> {
        if path == Path::new("/hung") {
            ASKED.fetch_add(1, Ordering::Relaxed);
            while IS_HUNG.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(1));
            }
        }
        statvfs(path)
    }

    #[test]
    fn a_mount_that_hangs_costs_one_thread_and_is_asked_once() {
        let pool = StatPool::with(4, sometimes_hangs);
        let paths = [Path::new("/hung"), Path::new("/"), Path::new("/proc"), Path::new("/nowhere")];
        for scrape in 0..20 {
            let deadline = Instant::now() + if scrape == 0 { 5 * PATIENCE } else { Duration::from_secs(60) };
            let answers = pool.ask_all(&paths, deadline);
            assert!(matches!(answers[0], Answer::Hung), "{:?}", answers[0]);
            assert!(matches!(answers[1], Answer::Known(_)) && matches!(answers[2], Answer::Known(_)));
            assert!(matches!(answers[3], Answer::Refused(Errno::ENOENT)));
            assert!(pool.shared.lock().threads <= 2);
        }
        assert_eq!(ASKED.load(Ordering::Relaxed), 1);
        IS_HUNG.store(false, Ordering::Relaxed);
        while !pool.shared.lock().running.is_empty() {
            thread::yield_now();
        }
        let answers = pool.ask_all(&paths[..1], Instant::now() + Duration::from_secs(60));
        assert!(matches!(answers[0], Answer::Refused(Errno::ENOENT)), "it was asked again: {:?}", answers[0]);
    }

    #[test]
    fn threads_never_exceed_the_limit() {
        fn hangs(_: &Path) -> Result<Statvfs, Errno> {
            thread::sleep(Duration::from_secs(1));
            Err(Errno::EIO)
        }
        let pool = StatPool::with(2, hangs);
        let paths = ["/a", "/b", "/c", "/d"].map(Path::new);
        let answers = pool.ask_all(&paths, Instant::now() + 6 * PATIENCE);
        assert!(answers.iter().all(|answer| matches!(answer, Answer::Hung)));
        assert_eq!(pool.shared.lock().threads, 2);
    }
}
