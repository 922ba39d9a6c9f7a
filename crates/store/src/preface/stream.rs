//! The stream below tokio-postgres: adds the preface to what is sent, takes its answers from what is received.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use postgres_protocol::message::backend::Message;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsStream};

use super::Preface;
use super::messages::Messages;

/// A stream whose statements may have a [`Preface`].
pub(super) struct Prefaced<S> {
    pub(super) inner: S,
    preface: Arc<Preface>,
    sent: Messages,
    received: Messages,
    /// A preface and what follows it, as far as the socket has not taken it yet.
    outgoing: BytesMut,
    /// Requests that Postgres hasn't answered with `ReadyForQuery`.
    unanswered: u32,
    /// A preface that was sent and not answered: how many `ReadyForQuery` come before its answers.
    awaited: Option<u32>,
    /// The message that is being received is an answer to the preface.
    dropping: bool,
    /// What the server has said before it is ready for the first time.
    greeting: Option<BytesMut>,
}

impl<S> Prefaced<S> {
    pub(super) fn new(inner: S, preface: Arc<Preface>) -> Self {
        Self {
            inner,
            preface,
            sent: Messages::from_client(),
            received: Messages::from_server(),
            outgoing: BytesMut::new(),
            unanswered: 1, // The start-up ends with one, too.
            awaited: None,
            dropping: false,
            greeting: Some(BytesMut::new()),
        }
    }

    /// Follows what tokio-postgres sends, and puts an armed preface in front of the first statement among it.
    /// False: there is none, and `bytes` may be sent as they are.
    fn prepend(&mut self, bytes: &[u8]) -> io::Result<bool> {
        let mut state = self.preface.state();
        if !state.armed {
            return Ok(false);
        }
        let mut at = 0;
        while at < bytes.len() {
            let (tag, length) = self.sent.step(&bytes[at..]);
            if matches!(tag, Some(PARSE | BIND)) && state.armed {
                if self.awaited.is_some() {
                    return Err(io::Error::other(
                        "a statement was sent before the last was answered",
                    ));
                }
                state.armed = false;
                self.awaited = Some(self.unanswered);
                self.outgoing.extend_from_slice(&state.messages);
            }
            self.unanswered += u32::from(matches!(tag, Some(SYNC | QUERY)));
            self.outgoing.extend_from_slice(&bytes[at..at + length]);
            at += length;
        }
        Ok(true)
    }

    /// Follows what was sent as it is.
    fn passed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (tag, length) = self.sent.step(bytes);
            self.unanswered += u32::from(matches!(tag, Some(SYNC | QUERY)));
            bytes = &bytes[length..];
        }
    }

    /// Takes the preface's answers out of what was received; how many bytes are left.
    fn strip(&mut self, bytes: &mut [u8]) -> usize {
        let (mut at, mut kept) = (0, 0);
        if let Some(greeting) = &mut self.greeting {
            greeting.extend_from_slice(bytes);
        }
        while at < bytes.len() {
            let (tag, length) = self.received.step(&bytes[at..]);
            if let Some(tag) = tag {
                self.dropping = self.is_preface(tag);
            }
            if !self.dropping {
                if kept < at {
                    bytes.copy_within(at..at + length, kept);
                }
                kept += length;
            }
            at += length;
        }
        kept
    }

    /// Whether the message that begins with this tag answers the preface.
    fn is_preface(&mut self, tag: u8) -> bool {
        match (tag, &mut self.awaited) {
            (READY_FOR_QUERY, awaited) => {
                self.unanswered = self.unanswered.saturating_sub(1);
                if let Some(greeting) = self.greeting.take() {
                    self.preface.state().process_id = process_id(greeting);
                }
                *awaited = awaited.and_then(|before| before.checked_sub(1));
                false
            }
            (PARSE_COMPLETE, Some(0)) => {
                self.preface.state().parsed = true;
                true
            }
            (BIND_COMPLETE | DATA_ROW, Some(0)) => true,
            (COMMAND_COMPLETE, awaited @ Some(0)) => {
                *awaited = None;
                true
            }
            // The statement itself is skipped, so that this is its answer.
            (ERROR_RESPONSE, awaited @ Some(0)) => {
                *awaited = None;
                false
            }
            _ => false,
        }
    }
}

fn process_id(mut greeting: BytesMut) -> Option<i32> {
    while let Ok(Some(message)) = Message::parse(&mut greeting) {
        if let Message::BackendKeyData(key) = message {
            return Some(key.process_id());
        }
    }
    None
}

impl<S: AsyncWrite + Unpin> Prefaced<S> {
    fn poll_outgoing(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outgoing.is_empty() {
            let taken = ready!(Pin::new(&mut self.inner).poll_write(context, &self.outgoing))?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outgoing.advance(taken);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prefaced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_outgoing(context))?;
        if self.prepend(bytes)? {
            // What the socket doesn't take now, it takes when tokio-postgres flushes.
            if let Poll::Ready(Err(error)) = self.poll_outgoing(context) {
                return Poll::Ready(Err(error));
            }
            return Poll::Ready(Ok(bytes.len()));
        }
        let taken = ready!(Pin::new(&mut self.inner).poll_write(context, bytes))?;
        self.passed(&bytes[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_outgoing(context))?;
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_outgoing(context))?;
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prefaced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        loop {
            ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
            let received = &mut buffer.filled_mut()[before..];
            if received.is_empty() {
                return Poll::Ready(Ok(())); // The end.
            }
            let kept = self.strip(received);
            buffer.set_filled(before + kept);
            if kept > 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: TlsStream + Unpin> TlsStream for Prefaced<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.inner.channel_binding()
    }
}

const PARSE: u8 = b'P';
const BIND: u8 = b'B';
const SYNC: u8 = b'S';
const QUERY: u8 = b'Q';
const PARSE_COMPLETE: u8 = b'1';
const BIND_COMPLETE: u8 = b'2';
const DATA_ROW: u8 = b'D';
const COMMAND_COMPLETE: u8 = b'C';
const ERROR_RESPONSE: u8 = b'E';
const READY_FOR_QUERY: u8 = b'Z';
