//! Room for answers that is used again: a page of a hundred kilobytes costs more to allocate than to write.

use std::sync::{Arc, Mutex, PoisonError};

use http::Bytes;

/// Buffers that are kept; more are needed only while answers overlap.
const KEPT: usize = 2;
/// A buffer that one large answer has grown beyond this is not kept.
const LARGEST_KEPT_BYTES: usize = 4 << 20;

#[derive(Clone, Default)]
pub struct Recycled(Arc<Mutex<Vec<Vec<u8>>>>);

/// The body of an answer; its room goes back when the last of it is sent.
struct Lent {
    text: Vec<u8>,
    home: Recycled,
}

impl Recycled {
    /// An empty buffer.
    pub fn take(&self) -> Vec<u8> {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        text.clear();
        text
    }

    /// The buffer as a body.
    pub fn lend(&self, text: Vec<u8>) -> Bytes {
        Bytes::from_owner(Lent { text, home: self.clone() })
    }

    pub fn give_back(&self, text: Vec<u8>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT && text.capacity() <= LARGEST_KEPT_BYTES {
            kept.push(text);
        }
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.home.give_back(std::mem::take(&mut self.text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_comes_back_when_the_body_is_gone() {
        let recycled = Recycled::default();
        let mut text = recycled.take();
        text.extend_from_slice(&[7; 1000]);
        let body = recycled.lend(text);
        assert_eq!(body[..], [7; 1000]);
        drop(body);
        let again = recycled.take();
        assert!(again.is_empty() && again.capacity() >= 1000);
        recycled.give_back(vec![0; LARGEST_KEPT_BYTES + 1]);
        assert_eq!(recycled.take().capacity(), 0);
    }
}
