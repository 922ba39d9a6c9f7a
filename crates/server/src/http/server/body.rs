//! Bodies that are counted: what clients send and what they leave unread shares one bounded memory.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Frame, SizeHint};
use poem::{Request, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::registry::{Connection, Phase};

/// Bytes that requests and answers of all clients may hold together, beyond the first ones of each.
pub(super) struct BodyBudget {
    requests: Arc<Semaphore>,
    answers: Arc<Semaphore>,
}

/// The memory for bodies is used up.
#[derive(Debug, thiserror::Error)]
#[error("the memory for bodies under way is used up")]
pub(crate) struct BudgetExhausted;

/// Marks an answer whose bytes all clients share.
#[derive(Clone, Copy)]
pub(crate) struct SharedBytes;

/// What a body holds of it.
type Held = Option<OwnedSemaphorePermit>;

impl BodyBudget {
    pub(super) fn new() -> Self {
        Self {
            requests: Arc::new(Semaphore::new(REQUESTS / UNIT)),
            answers: Arc::new(Semaphore::new(ANSWERS / UNIT)),
        }
    }

    /// Memory for an answer, until it has been sent. One that is streamed is held by whoever makes it.
    pub(super) fn hold_answer(&self, response: &mut Response) -> Result<Held, BudgetExhausted> {
        if response.data::<SharedBytes>().is_some() {
            return Ok(None);
        }
        let body: BoxBody<Bytes, io::Error> = response.take_body().into();
        let size = body.size_hint().exact().unwrap_or_default();
        response.set_body(poem::Body::from(body));
        take(
            &self.answers,
            usize::try_from(size).unwrap_or(usize::MAX).saturating_sub(FREE),
        )
    }
}

fn take(memory: &Arc<Semaphore>, size: usize) -> Result<Held, BudgetExhausted> {
    let units = u32::try_from(size.div_ceil(UNIT)).map_err(|_| BudgetExhausted)?;
    if units == 0 {
        return Ok(None);
    }
    Arc::clone(memory)
        .try_acquire_many_owned(units)
        .map(Some)
        .map_err(|_| BudgetExhausted)
}

/// So much of each body isn't counted: usual requests and answers are never refused, whatever others hold.
const FREE: usize = 16 << 10;
const REQUESTS: usize = 24 << 20;
const ANSWERS: usize = 32 << 20;
/// What each piece of a body takes beside its bytes: they may come one by one.
const FRAME: usize = 64;
/// A permit of the semaphores, in bytes.
const UNIT: usize = 1 << 10;

/// A request's body: the application reads it, and what it leaves is still there to be taken off the wire.
#[derive(Clone)]
pub(super) struct RequestBody(Arc<Incoming>);

struct Incoming {
    inner: Mutex<BoxBody<Bytes, io::Error>>,
    hint: SizeHint,
    ended: AtomicBool,
    awaited: Arc<AtomicBool>,
    read: AtomicUsize,
    memory: Arc<Semaphore>,
    held: Mutex<Held>,
    connection: Arc<Connection>,
}

/// Tells whether the client keeps a request waiting for its body.
#[derive(Clone)]
pub(crate) struct BodyPending(Arc<AtomicBool>);

impl BodyPending {
    pub(crate) fn is_awaited(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl RequestBody {
    /// Counts the body of a request, if it has one.
    pub(super) fn of(
        request: &mut Request,
        connection: &Arc<Connection>,
        memory: &BodyBudget,
    ) -> Option<Self> {
        let body: BoxBody<Bytes, io::Error> = request.take_body().into();
        if body.is_end_stream() {
            return None;
        }
        let counted = Self(Arc::new(Incoming {
            hint: body.size_hint(),
            inner: Mutex::new(body),
            ended: AtomicBool::new(false),
            awaited: Arc::default(),
            read: AtomicUsize::new(0),
            memory: Arc::clone(&memory.requests),
            held: Mutex::new(None),
            connection: Arc::clone(connection),
        }));
        request.set_data(BodyPending(Arc::clone(&counted.0.awaited)));
        request.set_body(poem::Body::from(BoxBody::new(counted.clone())));
        Some(counted)
    }

    /// Takes a small rest off the wire; whether the body has ended.
    ///
    /// A body that the application still reads (it passes it on) is left alone.
    pub(super) async fn drain(&self) -> bool {
        let mut rest = self.clone();
        let drained = async {
            let mut size = 0;
            while size < SMALL_REST && !self.ended() && Arc::strong_count(&self.0) <= ALONE {
                match rest.frame().await {
                    Some(Ok(frame)) => size += frame.data_ref().map_or(0, Bytes::len),
                    Some(Err(_)) => break,
                    None => {}
                }
            }
        };
        drop(tokio::time::timeout(SHORT_WHILE, drained).await);
        self.ended()
    }

    fn ended(&self) -> bool {
        self.0.ended.load(Ordering::Relaxed)
    }

    /// Counts what the application now has.
    fn count(&self, size: usize) -> Result<(), BudgetExhausted> {
        let before = self.0.read.fetch_add(size, Ordering::Relaxed);
        let counted = |read: usize| read.saturating_sub(FREE).div_ceil(UNIT);
        let more = (counted(before + size) - counted(before)) * UNIT;
        if let Some(more) = take(&self.0.memory, more)? {
            match &mut *lock(&self.0.held) {
                Some(held) => held.merge(more),
                none => *none = Some(more),
            }
        }
        Ok(())
    }
}

/// This handle and the one that drains.
const ALONE: usize = 2;
/// What is read after the answer is made, so that the connection can be used again.
const SMALL_REST: usize = 64 << 10;
const SHORT_WHILE: Duration = Duration::from_millis(100);

impl Body for RequestBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let polled = Pin::new(&mut *lock(&self.0.inner)).poll_frame(cx);
        let connection = &self.0.connection;
        self.0.awaited.store(polled.is_pending(), Ordering::Relaxed);
        if polled.is_pending() {
            connection.change(Phase::Working, Phase::Body);
            return Poll::Pending;
        }
        connection.change(Phase::Body, Phase::Working);
        // Copied: the bytes are a part of hyper's buffer, and one of them would hold all of that.
        let frame = ready!(polled)
            .map(|frame| frame.map(|frame| frame.map_data(|data| Bytes::copy_from_slice(&data))));
        match &frame {
            Some(Ok(frame)) => {
                let size = frame.data_ref().map_or(0, Bytes::len);
                if let Err(busy) = self.count(size + FRAME) {
                    return Poll::Ready(Some(Err(io::Error::other(busy))));
                }
            }
            // An error ends it for the application, but there may be more on the wire.
            Some(Err(_)) => {}
            None => self.0.ended.store(true, Ordering::Relaxed),
        }
        if lock(&self.0.inner).is_end_stream() {
            self.0.ended.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.hint
    }
}

/// Our turn in a connection: from a request's head to the end of its answer.
pub(super) struct RequestSlot(Arc<Connection>);

impl RequestSlot {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        connection.enter(Phase::Working);
        Self(connection)
    }
}

impl Drop for RequestSlot {
    fn drop(&mut self) {
        self.0.enter(Phase::Idle);
    }
}

/// An answer's body. Its connection's turn ends when hyper has all of it, its memory is free when it has been sent.
pub(super) struct AnswerBody {
    inner: BoxBody<Bytes, io::Error>,
    _turn: RequestSlot,
    held: Option<Arc<OwnedSemaphorePermit>>,
}

/// Bytes that hyper keeps until the client has taken them.
struct HeldBytes {
    bytes: Bytes,
    _held: Arc<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for HeldBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl AnswerBody {
    pub(super) fn new(inner: BoxBody<Bytes, io::Error>, turn: RequestSlot, held: Held) -> Self {
        Self {
            inner,
            _turn: turn,
            held: held.map(Arc::new),
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.inner).poll_frame(cx));
        let Some(held) = &this.held else {
            return Poll::Ready(frame);
        };
        Poll::Ready(frame.map(|frame| {
            frame.map(|frame| {
                frame.map_data(|bytes| {
                    Bytes::from_owner(HeldBytes {
                        bytes,
                        _held: Arc::clone(held),
                    })
                })
            })
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
