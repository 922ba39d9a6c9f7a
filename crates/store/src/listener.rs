//! Hears that something was committed, without asking again and again: `LISTEN` on a session of its own.
//!
//! Behind a pooler a session isn't one's own, and what one listens to would be told to somebody else: there it isn't done.

use deadpool_postgres::ClientWrapper;
use tokio::sync::mpsc;

use crate::connect::Target;
use crate::error::Error;
use crate::login;
use crate::preface;
use crate::prepared::Prepared;

/// What can be listened to. A notification says nothing more: whoever hears it looks.
#[derive(Clone, Copy, Debug)]
pub enum Channel {
    /// An event was captured that somebody subscribed.
    Events,
}

impl Channel {
    fn listen(self) -> &'static str {
        match self {
            Self::Events => "listen mako_events",
        }
    }
}

/// A session that listens; it ends when this is dropped.
pub struct Listener {
    _session: ClientWrapper,
    heard: mpsc::Receiver<()>,
}

impl Listener {
    /// Begins to listen; None behind a pooler.
    pub(crate) async fn begin(
        target: &Target,
        prepared: &Prepared,
        channel: Channel,
    ) -> Result<Option<Self>, Error> {
        if !prepared.expects_own() {
            return Ok(None);
        }
        // One is enough, however many there were since one looked last.
        let (tell, heard) = mpsc::channel(1);
        let (session, preface) = preface::connect(target, move || _ = tell.try_send(())).await?;
        let process_id = preface.and_then(|preface| preface.process_id());
        if !prepared.is_own(&session, process_id).await? {
            return Ok(None);
        }
        if login::objection(&session).await?.is_some() {
            return Err(Error::Mismatch("a login that may serve tenants"));
        }
        session.query_typed(channel.listen(), &[]).await?;
        Ok(Some(Self {
            _session: session,
            heard,
        }))
    }

    /// Waits for the next notification; false once the session has ended.
    pub async fn heard(&mut self) -> bool {
        self.heard.recv().await.is_some()
    }
}
