//! Ends a connection whose client says or takes nothing for too long.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::registry::{Connection, Phase};
use super::{Limits, refusal};

/// A socket that knows what its connection is doing, and for how long it may.
pub(super) struct Socket<T> {
    inner: T,
    connection: Arc<Connection>,
    limits: Limits,
    /// Since when the client has taken nothing of what is to be sent to it, and what the connection did before.
    stalled: Option<(Instant, Phase)>,
    /// What is sent instead of an answer that hyper made by itself, and how much of it has been.
    refusal: Option<(Vec<u8>, usize)>,
    /// Whether our side has been closed, and how many bytes were thrown away since.
    lingering: bool,
    wasted: usize,
    /// Set again when it fires, not at every use: timers cost more than reading the clock.
    alarm: Pin<Box<Sleep>>,
}

impl<T> Socket<T> {
    pub(super) fn new(inner: T, connection: Arc<Connection>, limits: Limits) -> Self {
        Self {
            inner,
            connection,
            limits,
            stalled: None,
            refusal: None,
            lingering: false,
            wasted: 0,
            alarm: Box::pin(tokio::time::sleep(limits.head.min(limits.write).min(LINGER))),
        }
    }

    /// The time at which the client will have waited too long; None while it is our turn.
    fn due(&self) -> Option<Instant> {
        if let Some((stalled, _)) = self.stalled {
            return Some(stalled + self.limits.write);
        }
        let limit = match self.connection.phase() {
            Phase::Idle => self.limits.idle,
            Phase::Head => self.limits.head,
            Phase::Stalled if self.lingering => LINGER,
            Phase::Stalled => self.limits.write,
            // The request's own time limit holds.
            Phase::Body | Phase::Working => return None,
        };
        Some(self.connection.since() + limit)
    }

    /// How long the alarm sleeps at most.
    fn nap(&self) -> Duration {
        self.limits.head.min(self.limits.write).min(LINGER)
    }

    /// Registers for the time limit; true once it has passed.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        while self.alarm.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            // While it is our turn the alarm only looks again later.
            let due = self.due().unwrap_or(now + self.limits.write);
            if due <= now {
                return true;
            }
            // Phases change without the alarm, so it never sleeps longer than the shortest limit.
            let next = due.min(now + self.nap());
            self.alarm.as_mut().reset(next);
        }
        false
    }

    /// Notes whether the client took what was written.
    fn wrote<R>(&mut self, written: Poll<io::Result<R>>, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        if written.is_ready() {
            if let Some((_, before)) = self.stalled.take()
                && self.connection.phase() == Phase::Stalled
            {
                self.connection.enter(before);
            }
            return written;
        }
        if self.stalled.is_none() {
            self.stalled = Some((Instant::now(), self.connection.phase()));
            self.connection.enter(Phase::Stalled);
        }
        if self.is_late(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        written
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Socket<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let read = Pin::new(&mut this.inner).poll_read(cx, buf);
        if read.is_ready() {
            this.connection.change(Phase::Idle, Phase::Head);
        }
        // A head that comes byte by byte is read each time, so the clock is asked here as well.
        let overdue =
            this.connection.phase() == Phase::Head && this.connection.since().elapsed() >= this.limits.head;
        if overdue || (read.is_pending() && this.is_late(cx)) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> Socket<T> {
    /// Whether hyper answers by itself: what the application answers carries an id.
    fn is_refusal(&self, head: &[u8]) -> bool {
        !matches!(self.connection.phase(), Phase::Body | Phase::Working) && refusal::is_hypers(head)
    }

    /// Writes the bytes, or in the place of hyper's own refusal one that clients can read.
    fn write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.refusal.is_none() {
            if !self.is_refusal(buf) {
                return Pin::new(&mut self.inner).poll_write(cx, buf);
            }
            self.refusal = Some((refusal::problem(buf), 0));
        }
        while let Some((text, sent)) = &mut self.refusal {
            match ready!(Pin::new(&mut self.inner).poll_write(cx, &text[*sent..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => *sent += written,
            }
            if *sent == text.len() {
                self.refusal = None;
            }
        }
        Poll::Ready(Ok(buf.len()))
    }

    /// Takes what the client still sends, for a while: closed with bytes unread, the kernel resets the connection,
    /// and the client loses an answer that it hasn't read yet.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()>
    where
        T: AsyncRead,
    {
        let mut waste = [0; 8192];
        loop {
            let mut buf = ReadBuf::new(&mut waste);
            match Pin::new(&mut self.inner).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() && self.wasted < MOST_WASTED => {
                    self.wasted += buf.filled().len();
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending if self.is_late(cx) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = this.write(cx, buf);
        this.wrote(written, cx)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.lingering {
            ready!(Pin::new(&mut this.inner).poll_shutdown(cx))?;
            this.lingering = true;
            this.stalled = None;
            this.connection.enter(Phase::Stalled);
        }
        this.poll_linger(cx).map(Ok)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = match bufs.first() {
            Some(first) if this.refusal.is_some() || this.is_refusal(first) => this.write(cx, first),
            _ => Pin::new(&mut this.inner).poll_write_vectored(cx, bufs),
        };
        this.wrote(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

/// How long, and for how many bytes, a client may go on sending after its answer.
const LINGER: Duration = Duration::from_secs(2);
const MOST_WASTED: usize = 16 << 20;
