//! `/`: what this is, how it is, where to look.

use scrape::Health;

use super::html::{frame, link};
use crate::program::Aggregator;
use crate::version::{PROMETHEUS_VERSION, VERSION};

const LINKS: &[(&str, &str)] = &[
    ("/targets", "targets and their last errors"),
    ("/api/v1/query?query=up", "a query: up"),
    ("/api/v1/status/tsdb", "series by name and label"),
    ("/api/v1/status/config", "configuration"),
    ("/api/v1/status/flags", "flags"),
    ("/api/v1/status/runtimeinfo", "runtime"),
    ("/metrics", "own metrics"),
];

pub fn page(aggregator: &Aggregator) -> String {
    let mut body = format!("<p>Version {VERSION}. Speaks the API of Prometheus {PROMETHEUS_VERSION}.</p>\n");
    match aggregator.running() {
        Err(_) => body.push_str("<p>Starting: the log is being replayed.</p>\n"),
        Ok(running) => {
            let targets = running.scraping.active_targets();
            let up = targets.iter().filter(|target| target.health == Health::Up).count();
            let down = targets.iter().filter(|target| target.health == Health::Down).count();
            let series = running.tsdb.stats().series;
            body.push_str(&format!(
                "<p>{} targets, <span class=\"up\">{up} up</span>, <span class=\"down\">{down} down</span>; \
                 {series} series.</p>\n",
                targets.len()
            ));
        }
    }
    body.push_str("<ul>\n");
    for (path, text) in LINKS {
        body.push_str(&format!("<li>{}</li>\n", link(aggregator, path, text)));
    }
    body.push_str("</ul>\n");
    frame("Vitals aggregator", &body)
}
