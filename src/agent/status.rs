//! `/status`: each collector, whether it gave something and why not. HTML for browsers, a few plain lines for a
//! terminal that asks for `text/plain`, JSON otherwise.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use collectors::{LastRun, TABLE};
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
    /// Single items (a device, a line, a mount) that it could not read when it ran last; the first of them.
    problems: Vec<String>,
    /// All of them.
    problem_count: usize,
    /// Families that lost series to `--collector.series-limit` when it ran last.
    dropped: Vec<Dropped>,
}

#[derive(Serialize)]
struct Dropped {
    family: String,
    series: usize,
}

#[derive(Serialize)]
struct Used {
    now: usize,
    /// 0 for no limit.
    limit: usize,
}

pub async fn answer(agent: &Agent, request: &Request) -> Response {
    if agent.runner.last_runs().iter().any(|run| run.state.is_none()) {
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
        let runs = agent.runner.last_runs();
        let flags = agent.flags.load();
        let collectors: Vec<Collector> = TABLE
            .iter()
            .map(|spec| match runs.iter().find(|run| run.collector == spec.name) {
                Some(run) => Collector::new(run),
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
            runtimes: collectors::runtimes_seen(&agent.host, &flags.plan.settings),
            kept_files: Used { now: agent.host.files.kept(), limit: agent.host.files.limit() },
            collect_threads: Used { now: runner.workers, limit: runner.worker_limit },
            scrapes_in_flight: Used { now: agent.scrapes.in_flight(), limit: agent.scrapes.limit },
            connections: Used { now: agent.server.connections_open(), limit: agent.limits.connections },
            series_limit: flags.plan.series_limit,
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
        for one in &self.collectors {
            for remark in one.remarks() {
                let _ = writeln!(text, "remark    {}: {remark}", one.name);
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
        body.push_str("</table>\n");
        if self.collectors.iter().any(|one| one.remarks().next().is_some()) {
            body.push_str("<h2>What was left out</h2>\n<table>\n<tr><th>collector</th><th>what</th></tr>\n");
            for one in &self.collectors {
                for remark in one.remarks() {
                    let _ = writeln!(body, "<tr><td>{}</td><td>{}</td></tr>", one.name, escape(&remark));
                }
            }
            body.push_str("</table>\n");
        }
        body.push_str("<h2>Container runtimes</h2>\n<ul>\n");
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
    fn new(run: &LastRun) -> Self {
        let Some(state) = &run.state else { return Collector::idle(run.collector, "failed", "has not run yet") };
        let dropped = run.dropped.iter().map(|(family, series)| Dropped { family: family.clone(), series: *series });
        Collector {
            name: run.collector,
            status: state.status.as_str(),
            reason: state.reason.to_string(),
            seconds: state.seconds,
            series: state.series,
            problems: run.problems.clone(),
            problem_count: run.problem_count,
            dropped: dropped.collect(),
        }
    }

    fn idle(name: &'static str, status: &'static str, reason: &str) -> Self {
        Collector {
            name,
            status,
            reason: reason.to_owned(),
            seconds: 0.0,
            series: 0,
            problems: Vec::new(),
            problem_count: 0,
            dropped: Vec::new(),
        }
    }

    /// What was left out in the last run, as lines.
    fn remarks(&self) -> impl Iterator<Item = String> {
        let further = self.problem_count - self.problems.len().min(self.problem_count);
        let further = (further > 0).then(|| format!("{further} further items could not be read"));
        let dropped = self.dropped.iter().map(|one| format!("{} series of {} dropped: limit", one.series, one.family));
        self.problems.iter().cloned().chain(further).chain(dropped)
    }
}
