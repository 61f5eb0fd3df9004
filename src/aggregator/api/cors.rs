//! Cross-origin headers (the Fetch standard, section 3.2), so that pages of other origins may use the API where
//! `--web.cors.origin` allows it.

use http::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue, VARY,
};
use model::AnchoredRegex;

pub fn allow(mut response: Response, origin: Option<&str>, allowed: &AnchoredRegex) -> Response {
    response.headers.append(VARY, HeaderValue::from_static("Origin"));
    match origin {
        Some(origin) if allowed.is_match(origin) => response
            .header(ACCESS_CONTROL_ALLOW_HEADERS, "Accept, Authorization, Content-Type, Origin")
            .header(ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS")
            .header(ACCESS_CONTROL_ALLOW_ORIGIN, origin)
            .header(ACCESS_CONTROL_EXPOSE_HEADERS, "Date"),
        _ => response,
    }
}
