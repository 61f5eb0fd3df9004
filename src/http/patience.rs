//! A socket with bounded patience: a request's head must be complete within a time from its first byte, and a client
//! that takes too little of its response for too long is cut off. Without these a handful of slow clients could hold all
//! connections that the server allows.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// What the parts of a connection tell each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// Moved on by the responder when it takes a request and again when it has answered: odd while it works, and never
    /// the same for two requests.
    steps: AtomicU64,
    /// The connection's place is needed: half a head is not waited for any more.
    is_ending: AtomicBool,
}

pub(crate) struct Patience<S> {
    stream: S,
    progress: Progress,
    /// The responder's progress when we last looked.
    seen: u64,
    /// `None` where heads are not waited for.
    head_timeout: Option<Duration>,
    write_timeout: Duration,
    /// Runs from the first byte of a head until the responder takes the request.
    head_timer: Option<Pin<Box<Sleep>>>,
    /// Runs from when the socket takes no more bytes until it has taken enough of them, or all.
    write_timer: Option<Pin<Box<Sleep>>>,
    /// Since then.
    taken_bytes: usize,
}

/// What a client has to take of a response within the time for writing: less, and the response would stay in memory for
/// hours.
const TAKEN_BYTES: usize = 1 << 20;

impl Progress {
    pub(crate) fn step(&self) {
        self.0.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes effect when the connection reads the next time.
    pub(crate) fn end(&self) {
        self.0.is_ending.store(true, Ordering::Relaxed);
    }

    fn is_ending(&self) -> bool {
        self.0.is_ending.load(Ordering::Relaxed)
    }
}

impl<S> Patience<S> {
    pub(crate) fn new(stream: S, progress: Progress, head_timeout: Option<Duration>, write_timeout: Duration) -> Self {
        Patience {
            stream,
            progress,
            seen: 0,
            head_timeout,
            write_timeout,
            head_timer: None,
            write_timer: None,
            taken_bytes: 0,
        }
    }

    /// Whether what is read now belongs to a head. A head that was taken meanwhile needs no timer any more.
    fn reads_a_head(&mut self) -> bool {
        let now = self.progress.0.steps.load(Ordering::Relaxed);
        if now != self.seen {
            self.seen = now;
            self.head_timer = None;
        }
        now.is_multiple_of(2)
    }

    /// The time for writing begins anew.
    fn restart_write(&mut self) {
        self.write_timer = None;
        self.taken_bytes = 0;
    }

    fn count_write(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match outcome {
            Poll::Ready(Ok(bytes)) => {
                self.taken_bytes += bytes;
                if self.taken_bytes >= TAKEN_BYTES {
                    self.restart_write();
                }
                outcome
            }
            Poll::Ready(Err(_)) => outcome,
            Poll::Pending => self.watch_write(cx).map(Err),
        }
    }

    /// While a write is pending.
    fn watch_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let timer = self.write_timer.get_or_insert_with(|| Box::pin(sleep(self.write_timeout)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patience<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buf);
        let Some(head_timeout) = self.head_timeout.filter(|_| self.reads_a_head()) else { return outcome };
        match outcome {
            Poll::Ready(Ok(())) if buf.filled().len() > before && self.head_timer.is_none() => {
                let deadline = Instant::now() + head_timeout;
                self.head_timer = Some(Box::pin(tokio::time::sleep_until(deadline)));
                outcome
            }
            Poll::Pending if self.head_timer.is_some() && self.progress.is_ending() => {
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
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
        self.count_write(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.count_write(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Pending => self.watch_write(cx).map(Err),
            flushed => {
                // All of a response has been taken.
                self.restart_write();
                flushed
            }
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
