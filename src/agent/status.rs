//! `/status`: each collector, whether it gave something and why not. HTML for browsers, a few plain lines for a
//! terminal that asks for `text/plain`, JSON otherwise.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use collectors::{CollectorState, TABLE};
use http::header::ACCEPT;
use http::{Request, Response, StatusCode};
use serde::Serialize;

use crate::agent::Agent;
use crate::landing::{document, escape};
use crate::{metrics, version};

/// What the page waits for collectors that have never run.
const FIRST_LOOK: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Report {
    version: &'static str,
    revision: &'static str,
    uptime_seconds: f64,
    collectors: Vec<Collector>,
    /// Container runtimes on this machine, and how they are asked.
    runtimes: Vec<String>,
    /// Series that the collectors gave when they ran last.
    series: usize,
    kept_files: Used,
    collect_threads: Used,
    scrapes_in_flight: Used,
    connections: Used,
    /// Series of one collector in one scrape, at most; 0 for no limit.
    series_limit: usize,
    /// Collectors that are still busy with a scrape that left without them.
    left_behind: usize,
}

#[derive(Serialize)]
struct Collector {
    name: &'static str,
    /// `collected`, `absent`, `failed` or `disabled`.
    status: &'static str,
    reason: String,
    seconds: f64,
    series: usize,
}

#[derive(Serialize)]
struct Used {
    now: usize,
    /// 0 for no limit.
    limit: usize,
}

pub async fn answer(agent: &Agent, request: &Request) -> Response {
    if agent.runner.last_states().iter().any(|(_, state)| state.is_none()) {
        metrics::collect(agent, &agent.runner.everything(), Instant::now() + FIRST_LOOK).await;
    }
    let report = Report::new(agent);
    let accept = request.header(ACCEPT.as_str()).unwrap_or("");
    if accept.contains("text/html") {
        return Response::html(report.html());
    }
    if accept.contains("text/plain") {
        return Response::text(StatusCode::OK, report.text()).compressible();
    }
    match serde_json::to_vec_pretty(&report) {
        Ok(body) => Response::json(StatusCode::OK, body),
        Err(error) => Response::text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

impl Report {
    fn new(agent: &Agent) -> Report {
        let states = agent.runner.last_states();
        let collectors: Vec<Collector> = TABLE
            .iter()
            .map(|spec| match states.iter().find(|(name, _)| *name == spec.name) {
                Some((name, Some(state))) => Collector::new(name, state),
                Some((name, None)) => Collector::idle(name, "failed", "has not run yet"),
                None => Collector::idle(spec.name, "disabled", "switched off"),
            })
            .collect();
        let runner = agent.runner.stats();
        Report {
            version: version::VERSION,
            revision: version::REVISION,
            uptime_seconds: agent.started.elapsed().as_secs_f64(),
            series: collectors.iter().map(|one| one.series).sum(),
            collectors,
            runtimes: collectors::runtimes_seen(&agent.host, &agent.flags.settings),
            kept_files: Used { now: agent.host.files.kept(), limit: agent.host.files.limit() },
            collect_threads: Used { now: runner.workers, limit: runner.worker_limit },
            scrapes_in_flight: Used { now: agent.scrapes.in_flight(), limit: agent.scrapes.limit },
            connections: Used { now: agent.server.connections_open(), limit: agent.limits.connections },
            series_limit: agent.flags.series_limit,
            left_behind: runner.left_behind,
        }
    }

    fn with_status<'a>(&'a self, status: &'a str) -> impl Iterator<Item = &'a Collector> {
        self.collectors.iter().filter(move |one| one.status == status)
    }

    /// What a person wants to know first: how much there is, what is missing and why.
    fn text(&self) -> String {
        let names = |status| self.with_status(status).map(|one| one.name).collect::<Vec<_>>().join(" ");
        let mut text = format!("{} series from {}\n", self.series, names("collected"));
        for status in ["absent", "failed"] {
            for one in self.with_status(status) {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{status:<9} {}: {}", one.name, one.reason);
            }
        }
        if self.with_status("disabled").next().is_some() {
            let _ = writeln!(text, "disabled  {}", names("disabled"));
        }
        let runtimes = if self.runtimes.is_empty() { "none".to_owned() } else { self.runtimes.join("; ") };
        let _ = writeln!(text, "runtimes  {runtimes}");
        text
    }

    fn html(&self) -> String {
        let mut body = format!(
            "<h1>Status</h1>\n<p>Version {}, up for {:.0} s; {} series.</p>\n<table>\n\
             <tr><th>collector</th><th>status</th><th>series</th><th>seconds</th><th>reason</th></tr>\n",
            self.version, self.uptime_seconds, self.series
        );
        for one in &self.collectors {
            // Writing to a string cannot fail.
            let _ = writeln!(
                body,
                "<tr class=\"{status}\"><td>{}</td><td>{status}</td><td class=\"number\">{}</td>\
                 <td class=\"number\">{:.6}</td><td>{}</td></tr>",
                one.name,
                one.series,
                one.seconds,
                escape(&one.reason),
                status = one.status,
            );
        }
        body.push_str("</table>\n<h2>Container runtimes</h2>\n<ul>\n");
        if self.runtimes.is_empty() {
            body.push_str("<li>none</li>\n");
        }
        for runtime in &self.runtimes {
            let _ = writeln!(body, "<li>{}</li>", escape(runtime));
        }
        body.push_str("</ul>\n<h2>Limits</h2>\n<table>\n<tr><th>what</th><th>now</th><th>at most</th></tr>\n");
        for (what, used) in [
            ("kept kernel files", &self.kept_files),
            ("threads that collect", &self.collect_threads),
            ("scrapes in flight", &self.scrapes_in_flight),
            ("connections", &self.connections),
        ] {
            let limit = if used.limit == 0 { "no limit".to_owned() } else { used.limit.to_string() };
            let _ = writeln!(body, "<tr><td>{what}</td><td>{}</td><td>{limit}</td></tr>", used.now);
        }
        body.push_str("</table>\n<p><a href=\"/\">back</a></p>\n");
        document("Vitals agent: status", &body)
    }
}

impl Collector {
    fn new(name: &'static str, state: &CollectorState) -> Self {
        let CollectorState { status, reason, seconds, series } = state.clone();
        Collector { name, status: status.as_str(), reason: reason.into_owned(), seconds, series }
    }

    fn idle(name: &'static str, status: &'static str, reason: &str) -> Self {
        Collector { name, status, reason: reason.to_owned(), seconds: 0.0, series: 0 }
    }
}
