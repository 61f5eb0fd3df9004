//! zstd (RFC 8878) at level 1: no dearer than gzip, and pages of metrics get a fifth smaller.

use zstd::bulk::Compressor;

const LEVEL: i32 = 1;

/// A compressor; some hundred KB that are kept from body to body.
pub struct Zstd(Compressor<'static>);

impl Default for Zstd {
    fn default() -> Self {
        Zstd(Compressor::new(LEVEL).expect("level 1 exists"))
    }
}

impl Zstd {
    /// Replaces `out` with the compressed body.
    pub fn compress(&mut self, body: &[u8], out: &mut Vec<u8>) {
        out.clear();
        out.reserve(zstd::zstd_safe::compress_bound(body.len()));
        self.0.compress_to_buffer(body, out).expect("there is room for the worst case");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compressor_is_used_again() {
        let (mut zstd, mut packed) = (Zstd::default(), Vec::new());
        for body in [&b"first"[..], &[7; 300_000], b""] {
            zstd.compress(body, &mut packed);
            assert_eq!(zstd::bulk::decompress(&packed, 300_000).expect("valid"), body);
        }
    }
}
