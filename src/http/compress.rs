//! Compresses responses: gzip (RFC 1952) or zstd, at level 1, of all settings the one where a byte saved costs least.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::{CONTENT_ENCODING, HeaderValue, VARY};

use crate::{Encoding, Response};

/// Below this many bytes the headers cost as much as compression saves.
const MIN_BYTES: usize = 1024;
/// Above this many bytes (about a millisecond) compression leaves the thread that serves sockets.
const INLINE_BYTES: usize = 64 * 1024;

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4 + 64), Compression::fast());
    encoder.write_all(body).expect("writing to memory cannot fail");
    encoder.finish().expect("writing to memory cannot fail")
}

#[cfg(feature = "zstd")]
fn zstd(body: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    crate::Zstd::default().compress(body, &mut packed);
    packed
}

fn pack(encoding: Encoding, body: &[u8]) -> Vec<u8> {
    match encoding {
        #[cfg(feature = "zstd")]
        Encoding::Zstd => zstd(body),
        _ => gzip(body),
    }
}

/// Compresses a response that its handler has marked as compressible.
pub(crate) async fn compress(mut response: Response, encoding: Encoding) -> Response {
    if !response.compressible || response.headers.contains_key(CONTENT_ENCODING) || response.body.len() < MIN_BYTES {
        return response;
    }
    response.headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    let Some(name) = encoding.name() else { return response };
    let plain = response.body.clone();
    let packed = if plain.len() <= INLINE_BYTES {
        pack(encoding, &plain)
    } else {
        match tokio::task::spawn_blocking(move || pack(encoding, &plain)).await {
            Ok(packed) => packed,
            Err(_) => return response,
        }
    };
    response.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
    response.body = Bytes::from(packed);
    response
}
