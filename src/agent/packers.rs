//! Compressors that are kept from answer to answer, each made when a scraper first asks for its kind.

use exposition::Gzip;
use http::{Encoding, Zstd};

#[derive(Default)]
pub struct Packers {
    gzip: Option<Gzip>,
    zstd: Option<Zstd>,
}

impl Packers {
    /// Replaces `out` with the packed text.
    pub fn pack(&mut self, encoding: Encoding, text: &[u8], out: &mut Vec<u8>) {
        match encoding {
            Encoding::Identity => text.clone_into(out),
            Encoding::Gzip => self.gzip.get_or_insert_default().compress(text, out),
            Encoding::Zstd => self.zstd.get_or_insert_default().compress(text, out),
        }
    }
}
