//! `/metrics`: one scrape. Filters and error texts are node_exporter's; the answer is there before the scraper gives up.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use collectors::{Collected, Filter, TABLE};
use exposition::{Page, assemble, negotiate};
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};
use http::{Encoding, Form, Request, Response, StatusCode};

use crate::agent::Agent;
use crate::{left_out, own_metrics};

/// Without a word from the scraper: Prometheus' default timeout.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// No scraper waits longer.
const LONGEST_TIMEOUT_SECONDS: f64 = 3600.0;

/// The collector of containers, which has a path of its own.
const CONTAINERS: &str = "containers";

pub async fn answer(agent: &Agent, request: &Request) -> Response {
    let filter = match filter(agent, request) {
        Ok(filter) => filter,
        Err(refusal) => return Response::text(StatusCode::BAD_REQUEST, refusal),
    };
    scrape(agent, request, &filter, |collected, page| {
        own_metrics::write(agent, page);
        collected.pages().collect()
    })
    .await
}

/// Containers alone, as a kubelet answers: nothing about the agent, nothing of the node.
pub async fn answer_containers(agent: &Agent, request: &Request) -> Response {
    match agent.runner.filter(&[CONTAINERS], &[], |_| true) {
        Ok(filter) => scrape(agent, request, &filter, |collected, _| collected.pages_of_collectors().collect()).await,
        Err(_) => Response::text(StatusCode::NOT_FOUND, "the collector containers is switched off\n"),
    }
}

/// Collects and answers with the pages that `pages` picks, and what it writes on another one.
async fn scrape(
    agent: &Agent,
    request: &Request,
    filter: &Filter,
    pages: impl for<'a> FnOnce(&'a Collected, &mut Page) -> Vec<&'a Page>,
) -> Response {
    let deadline = Instant::now() + patience(request, agent.flags.load().timeout_offset);
    let Some(_in_flight) = agent.scrapes.enter() else {
        let text = format!("Limit of concurrent requests reached ({}), try again later.\n", agent.scrapes.limit);
        return Response::text(StatusCode::SERVICE_UNAVAILABLE, text);
    };
    let collected = collect(agent, filter, deadline).await;
    let mut own = Page::new();
    let pages = pages(&collected, &mut own);
    let response = write(agent, request, std::iter::once(&own).chain(pages));
    agent.scrapes.ok.fetch_add(1, Ordering::Relaxed);
    response
}

/// Waits until all collectors are back or the deadline has come.
pub async fn collect(agent: &Agent, filter: &Filter, deadline: Instant) -> Collected {
    let mut ticket = agent.runner.start(filter, deadline);
    loop {
        let next_look = tokio::time::Instant::from_std(ticket.next_look());
        match tokio::time::timeout_at(next_look, &mut ticket).await {
            Err(_) if ticket.tend() => {}
            Ok(()) | Err(_) => return ticket.finish(),
        }
    }
}

fn filter(agent: &Agent, request: &Request) -> Result<Filter, String> {
    // As upstream: of the query alone, whatever the method, and what is malformed in it is passed over.
    let query = Form::parse_leniently(&request.query);
    let collect: Vec<&str> = query.all("collect[]").collect();
    let mut exclude: Vec<&str> = query.all("exclude[]").collect();
    if collect.is_empty() && !agent.flags.load().shows_containers {
        exclude.push(CONTAINERS);
    }
    if collect.is_empty() && exclude.is_empty() {
        return Ok(agent.runner.everything());
    }
    let is_known =
        |name: &str| TABLE.iter().any(|spec| spec.name == name) || left_out::collectors().any(|one| one == name);
    agent.runner.filter(&collect, &exclude, is_known).map_err(|error| error.to_string())
}

fn write<'a>(agent: &Agent, request: &Request, pages: impl Iterator<Item = &'a Page>) -> Response {
    let negotiated = negotiate(request.header(ACCEPT.as_str()).unwrap_or(""));
    let mut text = agent.texts.take();
    let assembled = assemble(pages, negotiated.dialect, &mut text);
    agent.scrapes.note_dropped(&assembled.dropped);
    let response = Response::empty(StatusCode::OK).header(CONTENT_TYPE, &negotiated.content_type);
    let encoding = Encoding::negotiate(&request.headers);
    let Some(name) = encoding.name() else {
        return Response { body: agent.texts.lend(text), ..response };
    };
    let mut packed = agent.texts.take();
    agent.packers.lock().unwrap_or_else(PoisonError::into_inner).pack(encoding, &text, &mut packed);
    agent.texts.give_back(text);
    Response { body: agent.texts.lend(packed), ..response }.header(CONTENT_ENCODING, name)
}

/// How long the scraper waits, less the margin for the way back; half of it where the margin would leave too little.
fn patience(request: &Request, offset: Duration) -> Duration {
    let header = request.header("X-Prometheus-Scrape-Timeout-Seconds");
    let seconds = header.and_then(|text| text.trim().parse::<f64>().ok()).filter(|seconds| *seconds > 0.0);
    let timeout = match seconds {
        Some(seconds) => Duration::from_secs_f64(seconds.min(LONGEST_TIMEOUT_SECONDS)),
        None => return DEFAULT_TIMEOUT,
    };
    timeout.saturating_sub(offset).max(timeout / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience_for(header: Option<&str>) -> f64 {
        let mut request = Request::get("/metrics", "");
        if let Some(header) = header {
            request.headers.insert("x-prometheus-scrape-timeout-seconds", header.parse().expect("a header"));
        }
        patience(&request, Duration::from_millis(500)).as_secs_f64()
    }

    #[test]
    fn the_scrapers_timeout_is_kept_with_a_margin() {
        assert_eq!(patience_for(None), 10.0);
        assert_eq!(patience_for(Some("5")), 4.5);
        assert_eq!(patience_for(Some("0.4")), 0.2);
        for odd in ["", "x", "-1", "0", "NaN"] {
            assert_eq!(patience_for(Some(odd)), 10.0, "{odd}");
        }
        assert_eq!(patience_for(Some("inf")), 3599.5);
    }
}
