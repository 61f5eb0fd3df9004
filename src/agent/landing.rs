//! `/`: what this is and where to look.

use http::Response;

use crate::agent::Agent;
use crate::version;

const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"UTF-8\">\n\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";

/// Shared by all pages of the agent.
const STYLE: &str = "<style>\n\
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #222; }\n\
table { border-collapse: collapse; width: 100%; }\n\
th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #ddd; vertical-align: top; }\n\
td.number { text-align: right; font-variant-numeric: tabular-nums; }\n\
.failed { color: #b00020; } .absent, .disabled { color: #777; }\n\
@media (prefers-color-scheme: dark) { body { background: #181818; color: #ddd; } a { color: #8ab4f8; } \
th, td { border-color: #444; } .failed { color: #ff8a80; } }\n</style>\n";

pub fn answer(agent: &Agent) -> Response {
    let metrics = escape(&agent.flags.load().telemetry_path);
    let body = format!(
        "<h1>Vitals agent</h1>\n<p>Version {} (revision {}). The vital signs of this machine and of every container on \
         it, for Prometheus and whatever speaks its language.</p>\n<ul>\n\
         <li><a href=\"{metrics}\">Metrics</a></li>\n\
         <li><a href=\"/metrics/cadvisor\">Metrics of containers</a> alone, as a kubelet answers</li>\n\
         <li><a href=\"/status\">Status</a>: each collector, and why something is missing</li>\n\
         <li><a href=\"/healthz\">/healthz</a>, <a href=\"/readyz\">/readyz</a></li>\n</ul>\n",
        version::VERSION,
        version::REVISION
    );
    Response::html(document("Vitals agent", &body))
}

/// A whole page around its body.
pub fn document(title: &str, body: &str) -> String {
    format!("{HEAD}<title>{title}</title>\n{STYLE}</head>\n<body>\n{body}</body>\n</html>\n")
}

pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_comes_from_outside_is_markup() {
        assert_eq!(escape("<a href=\"x\">'&'</a>"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
    }
}
