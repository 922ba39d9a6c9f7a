//! How long may a connection say nothing? One that stops in the middle of a request's head, or keeps silent between
//! requests, is closed: it would hold its socket and memory for ever.
//!
//! poem's own idle timeout lets a begun head finish, and so waits for it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use poem::http::uri::Scheme;
use poem::listener::Acceptor;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Accepts connections that end when nothing was read or written for `limit`.
pub(crate) struct Impatient<A> {
    pub(crate) inner: A,
    /// Longer than an answer may take to start, or a slow one would be cut.
    pub(crate) limit: Duration,
}

impl<A: Acceptor> Acceptor for Impatient<A> {
    type Io = Watched<A::Io>;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.inner.local_addr()
    }

    async fn accept(&mut self) -> io::Result<(Self::Io, LocalAddr, RemoteAddr, Scheme)> {
        let (io, local, remote, scheme) = self.inner.accept().await?;
        Ok((Watched::new(io, self.limit), local, remote, scheme))
    }
}

/// A connection that remembers when it was used last.
pub(crate) struct Watched<T> {
    inner: T,
    limit: Duration,
    used: Instant,
    /// Set again when it fires, not at every use: timers cost more than reading the clock.
    alarm: Pin<Box<Sleep>>,
}

impl<T> Watched<T> {
    fn new(inner: T, limit: Duration) -> Self {
        let used = Instant::now();
        Self {
            inner,
            limit,
            used,
            alarm: Box::pin(tokio::time::sleep_until(used + limit)),
        }
    }

    /// Notes that bytes went through.
    fn noted<R>(&mut self, progress: Poll<R>) -> Poll<R> {
        if progress.is_ready() {
            self.used = Instant::now();
        }
        progress
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let read = Pin::new(&mut this.inner).poll_read(cx, buf);
        if read.is_ready() {
            return this.noted(read);
        }
        while this.alarm.as_mut().poll(cx).is_ready() {
            let due = this.used + this.limit;
            if due <= Instant::now() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            this.alarm.as_mut().reset(due);
        }
        Poll::Pending
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write(cx, buf);
        this.noted(written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write_vectored(cx, bufs);
        this.noted(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}
