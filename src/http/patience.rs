//! A socket with bounded patience: a request's head must be complete within a time from its first byte, and a client
//! that takes nothing of its response for too long is cut off. Without these a handful of slow clients could hold all
//! connections that the server allows.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Moved on by the responder when it takes a request and again when it has answered: odd while it works, and never the
/// same for two requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Arc<AtomicU64>);

pub(crate) struct Patience<S> {
    stream: S,
    progress: Progress,
    /// The responder's progress when we last looked.
    seen: u64,
    head_timeout: Duration,
    write_timeout: Duration,
    /// Runs from the first byte of a head until the responder takes the request.
    head_timer: Option<Pin<Box<Sleep>>>,
    /// Runs while the socket takes no bytes.
    write_timer: Option<Pin<Box<Sleep>>>,
}

impl Progress {
    pub(crate) fn step(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl<S> Patience<S> {
    pub(crate) fn new(stream: S, progress: Progress, head_timeout: Duration, write_timeout: Duration) -> Self {
        Patience { stream, progress, seen: 0, head_timeout, write_timeout, head_timer: None, write_timer: None }
    }

    /// Whether what is read now belongs to a head. A head that was taken meanwhile needs no timer any more.
    fn reads_a_head(&mut self) -> bool {
        let now = self.progress.0.load(Ordering::Relaxed);
        if now != self.seen {
            self.seen = now;
            self.head_timer = None;
        }
        now.is_multiple_of(2)
    }

    /// Passes a write on and lets the timer run as long as it is pending.
    fn watch_write<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.write_timer = None;
            return outcome;
        }
        let timer = self.write_timer.get_or_insert_with(|| Box::pin(sleep(self.write_timeout)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patience<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buf);
        if !self.reads_a_head() {
            return outcome;
        }
        match outcome {
            Poll::Ready(Ok(())) if buf.filled().len() > before && self.head_timer.is_none() => {
                let deadline = Instant::now() + self.head_timeout;
                self.head_timer = Some(Box::pin(tokio::time::sleep_until(deadline)));
                outcome
            }
            Poll::Pending => match &mut self.head_timer {
                Some(timer) => {
                    ready!(timer.as_mut().poll(cx));
                    Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
                }
                None => Poll::Pending,
            },
            outcome => outcome,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patience<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch_write(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.watch_write(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch_write(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
