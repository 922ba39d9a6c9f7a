//! The stream against a wire that takes and gives any number of bytes at a time.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Preface;
use super::stream::Prefaced;

/// A connection to a server that says what the test lets it say.
struct Wire {
    said: VecDeque<u8>,
    heard: Vec<u8>,
    /// Bytes at a time.
    piece: usize,
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let length = self.piece.min(self.said.len()).min(buffer.remaining());
        if length == 0 {
            return Poll::Pending;
        }
        buffer.put_slice(&self.said.drain(..length).collect::<Vec<u8>>());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let length = self.piece.min(bytes.len());
        self.heard.extend_from_slice(&bytes[..length]);
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A session past its start-up.
struct Session {
    stream: Prefaced<Wire>,
    preface: Arc<Preface>,
}

impl Session {
    fn new(piece: usize) -> Self {
        let preface = Arc::<Preface>::default();
        let wire = Wire {
            said: VecDeque::new(),
            heard: Vec::new(),
            piece,
        };
        let stream = Prefaced::new(wire, Arc::clone(&preface));
        let mut session = Self { stream, preface };
        let startup = [0, 0, 0, 12, 0, 3, 0, 0, b'u', 0, b'm', 0];
        session.send(&startup).unwrap();
        assert_eq!(session.heard(), startup);
        let ready = [
            message(b'R', b"\0\0\0\0"),
            message(b'S', b"server_version\x0017.0\0"),
            message(b'K', &[0, 0, 48, 57, 1, 2, 3, 4]),
            message(b'Z', b"I"),
        ]
        .concat();
        assert_eq!(session.receive(&ready), ready);
        session
    }

    fn arm(&self) {
        self.preface.arm("select $1", &["who"], true).unwrap();
    }

    fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let context = &mut Context::from_waker(Waker::noop());
        while !bytes.is_empty() {
            match Pin::new(&mut self.stream).poll_write(context, bytes) {
                Poll::Ready(taken) => bytes = &bytes[taken?..],
                Poll::Pending => panic!("the wire always takes something"),
            }
        }
        match Pin::new(&mut self.stream).poll_flush(context) {
            Poll::Ready(flushed) => flushed,
            Poll::Pending => panic!("the wire always takes something"),
        }
    }

    /// What the server heard since it was asked last.
    fn heard(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.stream.inner.heard)
    }

    /// What of the server's messages arrives.
    fn receive(&mut self, said: &[u8]) -> Vec<u8> {
        self.stream.inner.said.extend(said);
        let context = &mut Context::from_waker(Waker::noop());
        let mut received = Vec::new();
        loop {
            let mut bytes = [0; 64];
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                Poll::Ready(done) => done.unwrap(),
                Poll::Pending => return received,
            }
            assert!(!buffer.filled().is_empty(), "it would look like the end");
            received.extend_from_slice(buffer.filled());
        }
    }
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[tag], length.to_be_bytes().as_slice(), body].concat()
}

fn messages(tags: &[u8]) -> Vec<u8> {
    tags.iter()
        .flat_map(|&tag| message(tag, b"body of any length"))
        .collect()
}

/// The tags, in order.
fn tags(mut bytes: &[u8]) -> Vec<u8> {
    let mut tags = Vec::new();
    while let [tag, a, b, c, d, ..] = *bytes {
        tags.push(tag);
        bytes = &bytes[1 + u32::from_be_bytes([a, b, c, d]) as usize..];
    }
    assert!(bytes.is_empty());
    tags
}

const PIECES: std::ops::Range<usize> = 1..80;

#[test]
fn the_preface_stands_before_its_statement_and_is_parsed_once() {
    for piece in PIECES {
        let mut session = Session::new(piece);
        let statement = messages(b"BES");
        for (sent, answered) in [
            (b"PBEBES".as_slice(), b"12DC2DDCZ".as_slice()),
            (b"BEBES", b"2DC2DDCZ"),
        ] {
            session.arm();
            session.send(&statement).unwrap();
            let heard = session.heard();
            assert_eq!(tags(&heard), sent, "{piece}");
            assert!(heard.ends_with(&statement), "{piece}");
            let own = messages(b"2DDCZ");
            assert_eq!(session.receive(&messages(answered)), own, "{piece}");
        }
        session.send(&statement).unwrap();
        assert_eq!(session.heard(), statement, "not armed, not added");
        assert_eq!(session.receive(&messages(b"2DCZ")), messages(b"2DCZ"));
    }
}

#[test]
fn an_error_in_the_preface_is_the_statements_answer() {
    for piece in PIECES {
        let mut session = Session::new(piece);
        session.arm();
        session.send(&messages(b"BES")).unwrap();
        assert_eq!(session.receive(&messages(b"12EZ")), messages(b"EZ"), "{piece}");
        session.arm();
        session.send(&messages(b"BES")).unwrap();
        assert_eq!(
            session.receive(&messages(b"2DC2DEZ")),
            messages(b"2DEZ"),
            "{piece}"
        );
    }
}

#[test]
fn what_the_server_says_unasked_arrives() {
    for piece in PIECES {
        let mut session = Session::new(piece);
        session.arm();
        session.send(&messages(b"BES")).unwrap();
        let received = session.receive(&messages(b"N1S2NDNCS2DCSZ"));
        assert_eq!(received, messages(b"NSNNS2DCSZ"), "{piece}");
    }
}

#[test]
fn answers_to_what_was_sent_before_stay() {
    for piece in PIECES {
        let mut session = Session::new(piece);
        session.arm();
        session.send(&messages(b"CSQBES")).unwrap();
        assert_eq!(tags(&session.heard()), b"CSQPBEBES", "{piece}");
        let received = session.receive(&messages(b"3ZCZ12DC2DCZ"));
        assert_eq!(received, messages(b"3ZCZ2DCZ"), "{piece}");
    }
}

#[test]
fn the_process_is_the_one_that_the_server_named() {
    for piece in PIECES {
        assert_eq!(Session::new(piece).preface.process_id(), Some(12345), "{piece}");
    }
}

#[test]
fn what_was_disarmed_is_not_sent() {
    let mut session = Session::new(80);
    session.arm();
    session.preface.disarm();
    session.send(&messages(b"Q")).unwrap();
    assert_eq!(session.heard(), messages(b"Q"));
}

#[test]
fn a_second_preface_before_the_first_is_answered_breaks_the_connection() {
    let mut session = Session::new(80);
    session.arm();
    session.send(&messages(b"BES")).unwrap();
    session.arm();
    assert!(session.send(&messages(b"BES")).is_err());
}

#[test]
fn through_a_transaction_pooler_the_preface_is_parsed_each_time() {
    let mut session = Session::new(80);
    for _ in 0..2 {
        session.preface.arm("select $1", &["who"], false).unwrap();
        session.send(&messages(b"PBDES")).unwrap();
        assert_eq!(tags(&session.heard()), b"PBEPBDES");
        assert_eq!(session.receive(&messages(b"12DC12TDCZ")), messages(b"12TDCZ"));
    }
}
