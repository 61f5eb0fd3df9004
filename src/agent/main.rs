//! The agent: one per machine, answers scrapes with the series of the machine and of every container on it.
//!
//! One thread carries the sockets, one collects; more are started only while a collector hangs.

mod agent;
mod arguments;
mod configuration;
mod endpoints;
mod flags;
mod landing;
mod left_out;
mod log;
mod metrics;
#[cfg(test)]
mod metrics_doc;
mod own_metrics;
mod packers;
mod process;
mod recycled;
mod scrapes;
mod status;
mod version;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use collectors::{Options, Runner, TABLE};
use http::{Limits, Server, WebConfig};
use kernel::{Host, Network};
use tokio::signal::unix::{SignalKind, signal};

use agent::Agent;
use flags::{Flags, Wish};

/// Open files beside the kept ones: sockets, and what is open for a moment.
const OTHER_FILES: u64 = 1024;

fn main() -> ExitCode {
    let outcome = match flags::parse(std::env::args().skip(1)) {
        Ok(Wish::Print(text)) => {
            print!("{text}");
            Ok(())
        }
        Ok(Wish::Serve(flags)) => run(*flags),
        Err(line) => Err(line),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(line) => {
            eprintln!("vitals-agent: error: {line}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut flags: Flags) -> Result<(), String> {
    log::start(flags.log_level, flags.logs_json);
    tracing::info!(version = version::VERSION, revision = version::REVISION, "starting vitals-agent");
    if kernel::limits::is_root() {
        tracing::warn!("running as root, which is not required");
    }
    for warning in flags.warnings.drain(..) {
        tracing::warn!(warning, "passed over");
    }
    // Everything would be absent, and nobody would wonder.
    for (flag, path) in [("path.procfs", &flags.roots.procfs), ("path.sysfs", &flags.roots.sysfs)] {
        if let Err(error) = std::fs::read_dir(path) {
            tracing::error!(path = %path.display(), %error, "--{flag}: nothing can be read there");
        }
    }
    kernel::limits::keep_heap_small();
    let max_kept_files = kept_files(flags.max_kept_files);
    let host = Host::new(flags.roots.clone(), max_kept_files);
    match host.network() {
        Network::Host => {}
        Network::Other => tracing::info!("outside the host's network namespace; the host's is read by its files"),
        Network::Unknown(error) => tracing::warn!(%error, "taken to be in the host's network namespace"),
    }
    let runner = Runner::new(host.clone(), TABLE, flags.plan.clone(), Options::default());
    let runner = runner.map_err(|error| flags.origin.explain(&error))?;
    tracing::info!(names = runner.names().join(","), "enabled collectors");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    runtime.block_on(serve(Agent::new(flags, host, runner)))
}

async fn serve(agent: Agent) -> Result<(), String> {
    // No request has a body that matters here; waiting for one that does not come would hold a place.
    let limits = Limits { body_timeout: Duration::from_secs(2), ..Limits::default() };
    let web = web_config(&agent.flags.load())?;
    let server = bind(&agent.flags.load(), limits).await?.with_web_config(web.clone());
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| format!("cannot watch signals: {error}"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| format!("cannot watch signals: {error}"))?;
    for address in server.names() {
        tracing::info!(address, tls = web.as_ref().is_some_and(|web| web.speaks_tls()), "listening");
    }
    let agent = Arc::new(agent.with_server(server.stats(), limits));
    let watched = agent.clone();
    let watch = tokio::spawn(async move {
        if let Err(error) = configuration::watch(watched).await {
            tracing::error!(%error, "the configuration file is not looked after");
        }
    });
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping after the requests in flight");
    };
    let cut_off = server.serve(Arc::new(endpoints::router(&agent)), stop).await;
    watch.abort();
    if cut_off > 0 {
        tracing::warn!(connections = cut_off, "cut off what took too long");
    }
    Ok(())
}

fn web_config(flags: &Flags) -> Result<Option<Arc<WebConfig>>, String> {
    let open = |path: &PathBuf| WebConfig::open(path).map(Arc::new).map_err(|error| error.to_string());
    flags.web_config_file.as_ref().map(open).transpose()
}

async fn bind(flags: &Flags, limits: Limits) -> Result<Server, String> {
    if !flags.has_systemd_sockets {
        return Server::bind(&flags.listen_addresses, limits).await.map_err(|error| error.to_string());
    }
    let sockets = kernel::systemd_sockets().map_err(|error| format!("sockets of systemd: {error}"))?;
    if sockets.is_empty() {
        return Err("--web.systemd-socket: systemd has handed over no socket (LISTEN_PID, LISTEN_FDS)".to_owned());
    }
    Server::adopt(sockets, limits).map_err(|error| error.to_string())
}

/// As many as asked for, or fewer where this process may not open that many files.
fn kept_files(wanted: usize) -> usize {
    let allowed = match kernel::limits::raise_open_files(wanted as u64 + OTHER_FILES) {
        Ok(allowed) => allowed,
        Err(error) => {
            tracing::warn!(%error, "cannot raise the limit of open files");
            return wanted.min(OTHER_FILES as usize / 2);
        }
    };
    let kept = usize::try_from(allowed.saturating_sub(OTHER_FILES).max(allowed / 2)).unwrap_or(wanted).min(wanted);
    if kept < wanted {
        tracing::warn!(allowed, kept, wanted, "the limit of open files allows fewer than --path.max-kept-files");
    }
    kept
}
