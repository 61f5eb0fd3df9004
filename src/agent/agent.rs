//! What every endpoint works with.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use arc_swap::ArcSwap;
use collectors::Runner;
use http::{Limits, ServerStats};
use kernel::Host;

use crate::configuration::Reloads;
use crate::flags::Flags;
use crate::packers::Packers;
use crate::process::Process;
use crate::recycled::Recycled;
use crate::scrapes::Scrapes;

pub struct Agent {
    /// Exchanged when the configuration file changes.
    pub flags: ArcSwap<Flags>,
    pub reloads: Reloads,
    pub host: Host,
    pub runner: Runner,
    pub scrapes: Scrapes,
    pub process: Process,
    pub started: Instant,
    pub server: Arc<ServerStats>,
    pub limits: Limits,
    /// Room for answers, used again.
    pub texts: Recycled,
    pub packers: Mutex<Packers>,
}

impl Agent {
    pub fn new(flags: Flags, host: Host, runner: Runner) -> Self {
        Agent {
            scrapes: Scrapes::new(flags.max_requests),
            process: Process::new(&host),
            reloads: Reloads::new(&flags),
            flags: ArcSwap::from_pointee(flags),
            host,
            runner,
            started: Instant::now(),
            server: Arc::default(),
            limits: Limits::default(),
            texts: Recycled::default(),
            packers: Mutex::default(),
        }
    }

    pub fn with_server(self, server: Arc<ServerStats>, limits: Limits) -> Self {
        Agent { server, limits, ..self }
    }
}
