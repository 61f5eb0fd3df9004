//! What the pages share: their frame and the escaping of text (HTML, section 13.3).

use crate::program::Aggregator;

const STYLE: &str = "body{font-family:sans-serif;margin:2em;color:#222}table{border-collapse:collapse;margin:1em 0}\
    td,th{border:1px solid #ccc;padding:.3em .6em;text-align:left;vertical-align:top}.up{color:#060}.down{color:#b00}\
    .unknown{color:#777}code{font-size:90%}";

/// A whole page; `body` is HTML.
pub fn frame(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title><style>{STYLE}</style></head>\
         \n<body><h1>{0}</h1>\n{body}</body></html>\n",
        escape(title)
    )
}

/// A link below the route prefix.
pub fn link(aggregator: &Aggregator, path: &str, text: &str) -> String {
    let prefix = aggregator.flags.external_url.path.as_str();
    format!("<a href=\"{}{}\">{}</a>", escape(prefix), escape(path), escape(text))
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
    fn text_cannot_become_markup() {
        assert_eq!(escape("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
    }
}
