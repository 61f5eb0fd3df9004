//! A socket with bounded patience: a request's head must be complete within a time from its first byte, and a client
//! that takes nothing of its response for too long is cut off. Without these a handful of slow clients could hold all
//! connections that the server allows.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Set by the service while it works on a request; then reading is not part of a head.
pub(crate) type Busy = Arc<AtomicBool>;

pub(crate) struct Patience<S> {
    stream: S,
    busy: Busy,
    head_timeout: Duration,
    write_timeout: Duration,
    /// Runs from the first byte of a head while the service is idle.
    head_timer: Option<Pin<Box<Sleep>>>,
    /// Runs while the socket takes no bytes.
    write_timer: Option<Pin<Box<Sleep>>>,
}

impl<S> Patience<S> {
    pub(crate) fn new(stream: S, busy: Busy, head_timeout: Duration, write_timeout: Duration) -> Self {
        Patience { stream, busy, head_timeout, write_timeout, head_timer: None, write_timer: None }
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
        if self.busy.load(Ordering::Relaxed) {
            self.head_timer = None;
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
