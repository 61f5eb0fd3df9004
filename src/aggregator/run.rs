//! The program from start to end: configuration, sockets, replay, scraping, serving; then all of it backwards.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Exchange, Limits, Router, Server, WebConfig};
use scrape::{Config, ScrapeOptions, Scraping};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tsdb::{Options, ReplayReport, Tsdb};

use crate::budget::Budget;
use crate::flags::Flags;
use crate::off_thread::off_thread;
use crate::open_files::raise_open_files;
use crate::program::{Aggregator, Running};
use crate::version::{PROMETHEUS_VERSION, REVISION, VERSION};
use crate::{api, lifecycle, metrics, pages, reload};

/// For requests in flight at the end.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);
/// For scrapes at the end, and for a reload that is under way.
const SCRAPING_GRACE: Duration = Duration::from_secs(5);

/// Runs until told to end. The error is one line for standard error.
pub async fn run(flags: Flags) -> Result<(), String> {
    let mut hangup = listen(SignalKind::hangup())?;
    let mut ends = Ends { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? };
    greet(&flags);
    raise_open_files();
    // Before anything is bound or opened: a configuration that is wrong should cost nothing.
    let config = flags.config_file.as_deref().map(reload::load).transpose()?;
    let web = flags.web_config_file.as_deref().map(WebConfig::open).transpose().map_err(|error| error.to_string())?;
    let budget = Budget::of_this_machine();
    let limits = Limits {
        connections: flags.max_connections,
        idle_timeout: flags.read_timeout,
        // A query's text with every byte escaped, and some more.
        body_bytes: 4 << 20,
        responses_bytes: budget.responses_bytes(),
        shutdown_grace: SHUTDOWN_GRACE,
        ..Limits::default()
    };
    let server = Server::bind(&flags.listen_addresses, limits).await.map_err(|error| error.to_string())?;
    let server = server.with_web_config(web.map(Arc::new));
    let addresses = server.addresses();
    let own_address = addresses.first().copied().unwrap_or(SocketAddr::from(([127, 0, 0, 1], 9090)));
    let config = config.unwrap_or_else(|| Config::builtin_default(own_address, &flags.metrics_path()));
    for address in server.names() {
        tracing::info!(address, "listening");
    }
    let aggregator = Aggregator::new(flags, budget, limits, config, server.stats());
    let observer = aggregator.clone();
    let server = server.observe(move |exchange: &Exchange<'_>| observer.requests.observe(exchange));
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(Arc::new(router(&aggregator)), async {
        let _ = stopped.await;
    }));

    let mut told = None;
    // Whatever is under way (a replay, discovery on a file system that hangs, a reload), the end does not wait for it.
    let outcome = tokio::select! {
        outcome = work(&aggregator, &mut hangup) => outcome,
        signal = ends.next() => {
            told = Some(signal);
            Ok(())
        }
        () = aggregator.quit.notified() => Ok(()),
    };
    tracing::info!("ending");
    aggregator.set_stopping();
    tokio::select! {
        () = end(&aggregator, stop, serving) => tracing::info!("ended"),
        // What is stored is safe without a proper end, too.
        () = ends.again(told) => tracing::warn!("told to end again: ending without waiting for anything"),
    }
    outcome
}

/// Opens the database, scrapes, and reloads when asked to. Ends only when it cannot begin.
async fn work(aggregator: &Arc<Aggregator>, hangup: &mut Signal) -> Result<(), String> {
    let tsdb = open(aggregator).await?;
    start_scraping(aggregator, tsdb).await;
    tracing::info!("ready");
    while hangup.recv().await.is_some() {
        // What went wrong has been logged and is in the metrics. Hangups that come meanwhile are one, afterwards.
        let _ = aggregator.reload().await;
    }
    std::future::pending().await
}

async fn end(aggregator: &Aggregator, stop: oneshot::Sender<()>, serving: JoinHandle<usize>) {
    // Scraping ends first: a last scrape of ourselves would find nobody and tell the series that we are down.
    if let Ok(running) = aggregator.running() {
        let ending = async {
            // A reload that is under way would start again what ends here.
            let _no_reload = aggregator.reloading.lock().await;
            running.scraping.stop(false).await;
        };
        if tokio::time::timeout(SCRAPING_GRACE, ending).await.is_err() {
            tracing::warn!("scraping took longer than its grace to end");
        }
    }
    let _ = stop.send(());
    if let Ok(cut @ 1..) = serving.await {
        tracing::warn!(connections = cut, "requests took longer than the grace and were cut off");
    }
    if let Ok(running) = aggregator.running() {
        let tsdb = running.tsdb.clone();
        off_thread(move || tsdb.close()).await;
    }
}

/// Everything that is served, below the route prefix.
pub fn router(aggregator: &Arc<Aggregator>) -> Router {
    let router = Router::under(&aggregator.flags.route_prefix);
    let router = lifecycle::routes(router, aggregator);
    let router = api::routes(router, aggregator);
    let router = metrics::routes(router, aggregator);
    pages::routes(router, aggregator)
}

/// The signals that end the program.
struct Ends {
    interrupt: Signal,
    terminate: Signal,
}

impl Ends {
    async fn next(&mut self) -> SignalKind {
        let (kind, name) = tokio::select! {
            _ = self.interrupt.recv() => (SignalKind::interrupt(), "SIGINT"),
            _ = self.terminate.recv() => (SignalKind::terminate(), "SIGTERM"),
        };
        tracing::info!(signal = name, "told to end");
        kind
    }

    /// Until the same signal comes again: a terminal's interrupt and the termination that a script sends after it are
    /// one wish.
    async fn again(&mut self, first: Option<SignalKind>) {
        let mut told = first;
        loop {
            let next = Some(self.next().await);
            if next == told {
                return;
            }
            told = told.or(next);
        }
    }
}

fn listen(kind: SignalKind) -> Result<Signal, String> {
    signal(kind).map_err(|error| format!("cannot listen to signals: {error}"))
}

fn greet(flags: &Flags) {
    tracing::info!(
        version = VERSION,
        revision = REVISION,
        prometheus = PROMETHEUS_VERSION,
        "starting vitals-aggregator"
    );
    for flag in flags.values.without_effect() {
        tracing::warn!(flag = format!("--{flag}"), "this flag decides nothing here");
    }
    for feature in &flags.unknown_features {
        tracing::warn!(feature, "--enable-feature: this feature is not known here");
    }
}

/// Replays the log, which may take a while.
async fn open(aggregator: &Aggregator) -> Result<Tsdb, String> {
    let flags = &aggregator.flags;
    let options = Options {
        retention_ms: flags.retention_ms,
        retention_bytes: flags.retention_bytes,
        max_series: Some(aggregator.max_series()),
        wal_sync_interval: flags.wal_sync_interval,
        ..Options::new(&flags.storage_path)
    };
    match tokio::task::spawn_blocking(move || Tsdb::open(options)).await {
        Ok(Ok((tsdb, report))) => {
            tell(&report);
            Ok(tsdb)
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(format!("opening the data directory failed: {error}")),
    }
}

fn tell(report: &ReplayReport) {
    for skipped in &report.skipped {
        let file = skipped.file.display();
        tracing::warn!(%file, offset = skipped.offset, reason = %skipped.reason, "a part of the log was passed over");
    }
    tracing::info!(
        series = report.series,
        samples = report.samples,
        records = report.records,
        skipped = report.skipped_total,
        seconds = format!("{:.3}", report.seconds),
        "log replayed"
    );
}

async fn start_scraping(aggregator: &Aggregator, tsdb: Tsdb) {
    // A reload meanwhile would change the configuration without anybody scraping by it.
    let _no_reload = aggregator.reloading.lock().await;
    let loaded = aggregator.config();
    let seed = seed(&crate::web_address::host_name(), &loaded.config.global.external_labels.to_string());
    let options = ScrapeOptions { workers: aggregator.budget.cpus, seed };
    let scraping = Scraping::start(&loaded.config, Arc::new(tsdb.clone()), options).await;
    aggregator.start_answering(Running { tsdb, scraping });
}

/// FNV-1a of texts that tell this aggregator from its twin, which scrapes the same targets at other moments.
fn seed(host: &str, external_labels: &str) -> u64 {
    let bytes = host.bytes().chain([0xff]).chain(external_labels.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
