//! Lets raw bytes stand in a request's target as Go's servers do: `/api/v1/query?query=up{job="x"}>0`. RFC 3986 wants
//! `"`, `<`, `>`, `` ` `` and all that is not ASCII encoded, people type them nevertheless, and hyper would refuse them
//! (or, for `#`, cut the target off) before our code sees the request. So they are percent-encoded on their way from
//! the socket to hyper. A raw space ends the target and a control character is refused, in Go as here.
//!
//! To know what is a request line, the bytes are followed as hyper's own parser reads them (RFC 9112): heads line by
//! line, bodies by their Content-Length. After a `Transfer-Encoding`, and after anything that hyper will refuse, the
//! rest of the connection passes as it is. An ordinary request is neither copied nor changed: one look at each byte of
//! its target and a memchr over its head.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use memchr::memchr;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A socket whose request targets hyper accepts.
pub(crate) struct EncodedTargets<S> {
    stream: S,
    follower: Follower,
    /// Encoded bytes that did not fit into the reader's buffer. At most three times what one read brought.
    overflow: Vec<u8>,
    /// How much of `overflow` has been read.
    taken: usize,
}

/// Knows at each moment which part of which request the next byte belongs to.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    place: Place,
    /// Of the head that is being read.
    content_length: Option<u64>,
    /// The beginning of a header line that one read did not bring to its end; at most `LINE_BYTES`.
    line: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Before a request line, where empty lines are passed over.
    #[default]
    Between,
    Method,
    Target,
    Version,
    Fields,
    /// So many bytes of a body are still to come.
    Body(u64),
    /// From here on nothing is changed any more.
    Unknown,
}

/// Long enough for every header line that matters here.
const LINE_BYTES: usize = 64;

/// The space that ends a target, and what has to be encoded in it.
const STOPS: [bool; 256] = {
    let mut stops = [false; 256];
    let mut byte = 0;
    while byte < stops.len() {
        stops[byte] = matches!(byte as u8, b' ' | b'"' | b'#' | b'<' | b'>' | b'`' | 0x80..);
        byte += 1;
    }
    stops
};

impl<S> EncodedTargets<S> {
    pub(crate) fn new(stream: S) -> Self {
        EncodedTargets { stream, follower: Follower::default(), overflow: Vec::new(), taken: 0 }
    }

    fn take_overflow(&mut self, buf: &mut ReadBuf<'_>) {
        let rest = &self.overflow[self.taken..];
        let fitting = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..fitting]);
        self.taken += fitting;
        if self.taken == self.overflow.len() {
            self.overflow = Vec::new();
            self.taken = 0;
        }
    }
}

impl Follower {
    /// The bytes as hyper shall see them; `None` when that is just as they are.
    pub(crate) fn encode(&mut self, mut bytes: &[u8]) -> Option<Vec<u8>> {
        let mut refused = self.next_refused(bytes)?;
        let mut encoded = Vec::with_capacity(bytes.len() + bytes.len() / 2);
        loop {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            let byte = usize::from(bytes[refused]);
            encoded.extend_from_slice(&bytes[..refused]);
            encoded.extend_from_slice(&[b'%', HEX[byte / 16], HEX[byte % 16]]);
            bytes = &bytes[refused + 1..];
            match self.next_refused(bytes) {
                Some(next) => refused = next,
                None => break,
            }
        }
        encoded.extend_from_slice(bytes);
        Some(encoded)
    }

    #[cfg(test)]
    pub(crate) fn held_bytes(&self) -> usize {
        self.line.capacity()
    }

    /// Goes on behind the next byte that has to be encoded, and says where that is; to the end where there is none.
    fn next_refused(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            at += match self.place {
                Place::Between if matches!(rest[0], b'\r' | b'\n') => 1,
                Place::Between => {
                    self.place = Place::Method;
                    0
                }
                Place::Method => self.pass(rest, b' ', Place::Target),
                Place::Version => self.pass(rest, b'\n', Place::Fields),
                Place::Target => match rest.iter().position(|byte| STOPS[usize::from(*byte)]) {
                    Some(stop) if rest[stop] == b' ' => self.pass(rest, b' ', Place::Version),
                    Some(refused) => return Some(at + refused),
                    None => rest.len(),
                },
                Place::Fields => self.pass_line(rest),
                Place::Body(left) => {
                    let passed = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    self.place = Place::after_head(left - passed as u64);
                    passed
                }
                Place::Unknown => return None,
            };
        }
        None
    }

    /// The number of bytes up to and with the one that ends this place.
    fn pass(&mut self, rest: &[u8], end: u8, next: Place) -> usize {
        match memchr(end, rest) {
            Some(end) => {
                self.place = next;
                end + 1
            }
            None => rest.len(),
        }
    }

    /// The number of bytes of a header line, which may have begun before and may not end yet.
    fn pass_line(&mut self, rest: &[u8]) -> usize {
        let end = memchr(b'\n', rest);
        let passed = end.map_or(rest.len(), |end| end + 1);
        let part = &rest[..end.unwrap_or(rest.len())];
        if end.is_some() && self.line.is_empty() {
            self.take_line(part);
            return passed;
        }
        let room = LINE_BYTES - self.line.len();
        self.line.extend_from_slice(&part[..part.len().min(room)]);
        if end.is_some() {
            let mut line = std::mem::take(&mut self.line);
            self.take_line(&line);
            line.clear();
            self.line = line;
        }
        passed
    }

    /// What a header line, without its line feed, says about the body; the empty one ends the head.
    fn take_line(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            self.place = Place::after_head(self.content_length.take().unwrap_or(0));
            return;
        }
        let Some(colon) = memchr(b':', &line[..line.len().min(LINE_BYTES)]) else { return };
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.place = Place::Unknown;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let length = length(value).filter(|_| line.len() < LINE_BYTES);
            if length.is_none() || self.content_length.is_some_and(|other| Some(other) != length) {
                self.place = Place::Unknown;
            }
            self.content_length = length;
        }
    }
}

impl Place {
    fn after_head(body_bytes: u64) -> Place {
        if body_bytes == 0 { Place::Between } else { Place::Body(body_bytes) }
    }
}

/// Digits and nothing else, as hyper has it.
fn length(value: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(value).ok()?.trim_matches([' ', '\t']);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

impl<S: AsyncRead + Unpin> AsyncRead for EncodedTargets<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.overflow.is_empty() {
            let before = buf.filled().len();
            ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
            if let Some(encoded) = self.follower.encode(&buf.filled()[before..]) {
                buf.set_filled(before);
                self.overflow = encoded;
            }
        }
        self.take_overflow(buf);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for EncodedTargets<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
