//! `--agent.config-file` while the agent runs: read again on SIGHUP and when the file changes. Collectors whose settings
//! have changed are built anew, the others and all counters go on. A bad file is told and changes nothing.

use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use exposition::{Family, Page, counter, gauge};
use tokio::signal::unix::{SignalKind, signal};

use crate::agent::Agent;
use crate::flags::Flags;
use crate::log;

const SUCCESSFUL: Family = gauge(
    "vitals_agent_config_last_reload_successful",
    "Whether the last attempt to read the configuration file succeeded.",
);
const SUCCESS_TIME: Family = gauge(
    "vitals_agent_config_last_reload_success_timestamp_seconds",
    "When the configuration file was read with success last, since unix epoch in seconds.",
);
const FAILURES: Family =
    counter("vitals_agent_config_reload_failures_total", "Attempts to read the configuration file that failed.");

/// How often the file is looked at; one stat(2) each time.
const LOOK: Duration = Duration::from_secs(3);

/// Patterns are compiled on this thread.
const STACK_BYTES: usize = 1 << 20;

/// How reading the file went.
pub struct Reloads {
    has_file: bool,
    is_last_good: AtomicBool,
    last_success_seconds: AtomicU64,
    failures: AtomicU64,
}

/// What tells that a file is another one: a mounted ConfigMap changes by a link to another folder.
type Stamp = Option<(u64, u64, i64, i64, u64)>;

impl Reloads {
    /// Of an agent that has read its file just now.
    pub fn new(flags: &Flags) -> Self {
        Reloads {
            has_file: flags.origin.file.is_some(),
            is_last_good: AtomicBool::new(true),
            last_success_seconds: AtomicU64::new(now_seconds()),
            failures: AtomicU64::new(0),
        }
    }

    pub fn write(&self, page: &mut Page) {
        if !self.has_file {
            return;
        }
        page.sample(&SUCCESSFUL, &[], f64::from(u8::from(self.is_last_good.load(Ordering::Relaxed))));
        page.sample(&SUCCESS_TIME, &[], self.last_success_seconds.load(Ordering::Relaxed) as f64);
        page.sample(&FAILURES, &[], self.failures.load(Ordering::Relaxed) as f64);
    }

    fn note(&self, is_good: bool) {
        self.is_last_good.store(is_good, Ordering::Relaxed);
        if is_good {
            self.last_success_seconds.store(now_seconds(), Ordering::Relaxed);
        } else {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Looks after the file for ever. Without one, SIGHUP does nothing.
pub async fn watch(agent: Arc<Agent>) -> std::io::Result<()> {
    let mut hangups = signal(SignalKind::hangup())?;
    let Some(file) = agent.flags.load().origin.file.clone() else {
        while hangups.recv().await.is_some() {
            tracing::info!("SIGHUP: there is no --agent.config-file to read again");
        }
        return Ok(());
    };
    let (ask, asked) = channel();
    // A thread of its own: the file may lie on a mount that never answers, and building collectors reads files too.
    let thread = thread::Builder::new().name("configuration".to_owned()).stack_size(STACK_BYTES);
    thread.spawn(move || look_after(&agent, &file, &asked))?;
    while hangups.recv().await.is_some() && ask.send(()).is_ok() {}
    Ok(())
}

/// Until nobody can ask any more.
fn look_after(agent: &Agent, file: &Path, asked: &Receiver<()>) {
    let mut known = stamp(file);
    loop {
        let is_asked = match asked.recv_timeout(LOOK) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let now = stamp(file);
        if !is_asked && now == known {
            continue;
        }
        known = now;
        if catch_unwind(AssertUnwindSafe(|| read_again(agent))).is_err() {
            agent.reloads.note(false);
            tracing::error!("reading the configuration file ended in a panic; the settings stay as they are");
        }
    }
}

fn read_again(agent: &Agent) {
    let before = agent.flags.load_full();
    let read = before.again().and_then(|(flags, kept)| {
        agent.runner.change(flags.plan.clone()).map_err(|error| flags.origin.explain(&error))?;
        Ok((flags, kept))
    });
    agent.reloads.note(read.is_ok());
    match read {
        Ok((flags, kept)) => {
            for flag in kept {
                tracing::warn!(flag, "cannot change while the agent runs; it does at the next start");
            }
            for warning in &flags.warnings {
                tracing::warn!(warning, "passed over");
            }
            log::set_level(flags.log_level);
            tracing::info!(names = agent.runner.names().join(","), "configuration file read again; enabled collectors");
            agent.flags.store(Arc::new(flags));
        }
        Err(error) => tracing::error!(error, "configuration file refused; the settings stay as they are"),
    }
}

fn stamp(file: &Path) -> Stamp {
    let data = std::fs::metadata(file).ok()?;
    Some((data.dev(), data.ino(), data.mtime(), data.mtime_nsec(), data.len()))
}

fn now_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
