//! `/targets`: each target's state, when it was scraped, and what was wrong, with the line of the page.

use model::format_rfc3339_ms;
use scrape::TargetStatus;

use super::html::{escape, frame, link};
use crate::program::Aggregator;

/// Targets that are dropped and shown; the API has them all.
const MAX_DROPPED: usize = 100;

pub fn page(aggregator: &Aggregator) -> String {
    let mut body = format!("<p>{}</p>\n", link(aggregator, "/", "overview"));
    let Ok(running) = aggregator.running() else {
        body.push_str("<p>Starting: nothing is scraped yet.</p>\n");
        return frame("Targets", &body);
    };
    let active = running.scraping.active_targets();
    for targets in active.chunk_by(|one, other| one.scrape_pool == other.scrape_pool) {
        body.push_str(&pool(targets));
    }
    let dropped = running.scraping.dropped_targets();
    if !dropped.is_empty() {
        body.push_str(&format!(
            "<h2>Dropped ({})</h2>\n<table><tr><th>Job</th><th>Labels</th><th>Why</th></tr>\n",
            dropped.len()
        ));
        for target in dropped.iter().take(MAX_DROPPED) {
            let why = target.error.as_deref().unwrap_or("dropped by relabelling");
            let labels = target.discovered.to_string();
            body.push_str(&row(&[escape(&target.scrape_pool), code(&labels), escape(why)]));
        }
        body.push_str("</table>\n");
    }
    frame("Targets", &body)
}

fn pool(targets: &[TargetStatus]) -> String {
    let name = targets.first().map_or("", |target| target.scrape_pool.as_str());
    let up = targets.iter().filter(|target| target.health.as_str() == "up").count();
    let mut table = format!(
        "<h2>{} ({up}/{} up)</h2>\n<table><tr><th>URL</th><th>State</th><th>Labels</th><th>Last scrape</th>\
         <th>Took</th><th>Error</th></tr>\n",
        escape(name),
        targets.len()
    );
    for target in targets {
        let state = target.health.as_str();
        table.push_str(&row(&[
            format!("<a href=\"{0}\">{0}</a>", escape(&target.url)),
            format!("<span class=\"{state}\">{state}</span>"),
            code(&target.labels.to_string()),
            target.last_scrape_ms.map_or_else(|| "never".to_owned(), format_rfc3339_ms),
            format!("{:.1} ms", target.last_duration_seconds * 1000.0),
            escape(&target.last_error),
        ]));
    }
    table.push_str("</table>\n");
    table
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}

/// Cells are HTML.
fn row(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
    format!("<tr>{}</tr>\n", cells.concat())
}
