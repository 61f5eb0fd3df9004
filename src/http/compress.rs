//! gzip (RFC 1952) at level 1: of all settings the one where a byte saved costs least.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::HeaderMap;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue, VARY};

use crate::Response;

/// Below this many bytes the headers cost as much as compression saves.
const MIN_BYTES: usize = 1024;
/// Above this many bytes (about a millisecond) compression leaves the thread that serves sockets.
const INLINE_BYTES: usize = 64 * 1024;

/// Whether a request's `Accept-Encoding` allows gzip.
pub fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut verdict = None;
    for item in values.flat_map(|value| value.split(',')) {
        let mut parts = item.split(';').map(str::trim);
        let coding = parts.next().unwrap_or("");
        let weight = parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse::<f64>().ok()).unwrap_or(1.0);
        if coding.eq_ignore_ascii_case("gzip") {
            return weight > 0.0;
        }
        if coding == "*" {
            verdict = Some(weight > 0.0);
        }
    }
    verdict.unwrap_or(false)
}

pub fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4 + 64), Compression::fast());
    encoder.write_all(body).expect("writing to memory cannot fail");
    encoder.finish().expect("writing to memory cannot fail")
}

/// Compresses a response that its handler has marked as compressible.
pub(crate) async fn compress(mut response: Response, accepts_gzip: bool) -> Response {
    if !response.compressible || response.headers.contains_key(CONTENT_ENCODING) || response.body.len() < MIN_BYTES {
        return response;
    }
    response.headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    if !accepts_gzip {
        return response;
    }
    let plain = response.body.clone();
    let packed = if plain.len() <= INLINE_BYTES {
        gzip(&plain)
    } else {
        match tokio::task::spawn_blocking(move || gzip(&plain)).await {
            Ok(packed) => packed,
            Err(_) => return response,
        }
    };
    response.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response.body = Bytes::from(packed);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, value.parse().expect("a header"));
        accepts_gzip(&headers)
    }

    #[test]
    fn weights_are_respected() {
        assert!(accepts("gzip") && accepts("deflate, gzip;q=0.5") && accepts("*") && accepts("GZIP"));
        assert!(!accepts("") && !accepts("br") && !accepts("gzip;q=0") && !accepts("*, gzip;q=0"));
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
