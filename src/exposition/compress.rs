//! Gzip of whole bodies (RFC 1952), into buffers that are used again. Level 1: compression is the dearest part of an
//! answer, and higher levels cost several times as much for a tenth less.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// Room that is added to an output buffer when it is full.
const CHUNK_BYTES: usize = 64 * 1024;

/// The largest window that deflate knows: 2^15 bytes.
const WINDOW_BITS: u8 = 15;

/// A compressor; about 260 KB that are kept from body to body.
#[derive(Debug)]
pub struct Gzip(Compress);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GunzipError {
    #[error("the compressed body is broken: {0}")]
    Broken(String),
    #[error("the compressed body ends too early")]
    Truncated,
    #[error("the body is larger than {limit_bytes} bytes")]
    TooLarge { limit_bytes: usize },
}

impl Default for Gzip {
    fn default() -> Self {
        Gzip(Compress::new_gzip(Compression::new(1), WINDOW_BITS))
    }
}

impl Gzip {
    /// Replaces `out` with the compressed body.
    pub fn compress(&mut self, body: &[u8], out: &mut Vec<u8>) {
        self.0.reset();
        out.clear();
        out.reserve(body.len() / 4 + 256);
        loop {
            let consumed = self.0.total_in() as usize;
            let status = self.0.compress_vec(&body[consumed..], out, FlushCompress::Finish);
            match status.expect("compression of memory into memory cannot fail") {
                Status::StreamEnd => return,
                Status::Ok | Status::BufError => out.reserve(CHUNK_BYTES),
            }
        }
    }
}

/// Replaces `out` with the decompressed body, which may have several members. Stops as soon as there is more than
/// `limit_bytes`, so what is held is bounded by the limit, whatever the body claims.
pub fn gunzip(body: &[u8], limit_bytes: usize, out: &mut Vec<u8>) -> Result<(), GunzipError> {
    out.clear();
    let mut rest = body;
    loop {
        rest = gunzip_member(rest, limit_bytes, out)?;
        if rest.is_empty() {
            return Ok(());
        }
    }
}

/// One gzip member; returns what follows it. The state is made anew, as the library's reset forgets the gzip header;
/// that is two microseconds a body.
fn gunzip_member<'a>(body: &'a [u8], limit_bytes: usize, out: &mut Vec<u8>) -> Result<&'a [u8], GunzipError> {
    let mut inflate = Decompress::new_gzip(WINDOW_BITS);
    loop {
        if out.len() == out.capacity() {
            out.reserve(CHUNK_BYTES.min(limit_bytes.saturating_sub(out.len()) + 1));
        }
        let consumed = inflate.total_in() as usize;
        let produced = out.len();
        let status = inflate.decompress_vec(&body[consumed..], out, FlushDecompress::None);
        let status = status.map_err(|error| GunzipError::Broken(error.to_string()))?;
        if out.len() > limit_bytes {
            return Err(GunzipError::TooLarge { limit_bytes });
        }
        let now_consumed = inflate.total_in() as usize;
        if status == Status::StreamEnd {
            return Ok(&body[now_consumed..]);
        }
        let stands_still = now_consumed == consumed && out.len() == produced;
        if stands_still && out.len() < out.capacity() {
            return Err(GunzipError::Truncated);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compressed(body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Gzip::default().compress(body, &mut out);
        out
    }

    #[test]
    fn a_compressor_is_used_again() {
        let (mut gzip, mut packed, mut unpacked) = (Gzip::default(), Vec::new(), Vec::new());
        for body in [&b"first"[..], &[7; 300_000], b""] {
            gzip.compress(body, &mut packed);
            assert_eq!(gunzip(&packed, 300_000, &mut unpacked), Ok(()));
            assert!(unpacked == body);
        }
    }

    #[test]
    fn a_bomb_is_refused_at_the_limit() {
        let bomb = compressed(&vec![0; 50_000_000]);
        let mut out = Vec::new();
        assert_eq!(gunzip(&bomb, 1_000_000, &mut out), Err(GunzipError::TooLarge { limit_bytes: 1_000_000 }));
        assert!(out.capacity() < 3_000_000, "{}", out.capacity());
        let exact = compressed(&[1; 1000]);
        assert_eq!(gunzip(&exact, 1000, &mut out), Ok(()));
        assert_eq!(gunzip(&exact, 999, &mut Vec::new()), Err(GunzipError::TooLarge { limit_bytes: 999 }));
    }

    #[test]
    fn members_follow_each_other() {
        let body = [compressed(b"one "), compressed(b"two")].concat();
        let mut out = Vec::new();
        assert_eq!(gunzip(&body, 100, &mut out), Ok(()));
        assert_eq!(out, b"one two");
    }

    #[test]
    fn a_cut_or_damaged_body_is_an_error() {
        let body: Vec<u8> = (0..50_000u32).flat_map(|number| (number * number).to_le_bytes()).collect();
        let packed = compressed(&body);
        let mut out = Vec::new();
        for length in [0, 1, 5, 10, 11, packed.len() / 2, packed.len() - 8, packed.len() - 1] {
            assert_eq!(gunzip(&packed[..length], 1 << 20, &mut out), Err(GunzipError::Truncated), "{length}");
        }
        let mut damaged = packed;
        let last = damaged.len() - 6;
        damaged[last] ^= 1;
        assert!(matches!(gunzip(&damaged, 1 << 20, &mut out), Err(GunzipError::Broken(_))));
    }

    proptest! {
        #[test]
        fn bodies_come_back(body: Vec<u8>) {
            let mut out = Vec::new();
            prop_assert_eq!(gunzip(&compressed(&body), body.len(), &mut out), Ok(()));
            prop_assert_eq!(out, body);
        }

        #[test]
        fn arbitrary_bytes_never_panic(body: Vec<u8>) {
            let with_header = [&[0x1f, 0x8b, 8, 0][..], &body].concat();
            let _ = gunzip(&body, 1000, &mut Vec::new());
            let _ = gunzip(&with_header, 1000, &mut Vec::new());
        }
    }
}
