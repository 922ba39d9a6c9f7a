//! A statement and who speaks in it as one message: one Sync, one transaction, one answer.
//!
//! tokio-postgres ends each statement with a Sync of its own, and Postgres pays for each: it commits, flushes and wakes
//! both sides. Here the settings of a tenant's transaction are put in front of the next statement *below*
//! tokio-postgres, in the stream, and their answers are taken out again. What stands before one Sync is one implicit
//! transaction: an error skips the rest and undoes all of it, and nothing is left that could be lent open.
//!
//! tokio-postgres knows nothing of it and needs to be told nothing: it sees its own statement answered, or the first
//! error in its place.

mod connect;
mod messages;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use postgres_protocol::IsNull;
use postgres_protocol::message::frontend::{self, BindError};
use tokio_postgres::types::Type;

pub(crate) use connect::connect;

/// What one connection is to send in front of its next statement.
#[derive(Default)]
pub(crate) struct Preface(Mutex<State>);

#[derive(Default)]
struct State {
    messages: BytesMut,
    /// There is something to send.
    armed: bool,
    /// Postgres knows the statement by its name.
    parsed: bool,
    /// The process that the server said it is.
    process_id: Option<i32>,
}

impl Preface {
    /// Puts `sql` in front of the next statement, which must be the next thing that is sent. All parameters are texts.
    ///
    /// With `named`, Postgres keeps the parsed statement; through a transaction pooler it can't.
    pub(crate) fn arm(&self, sql: &str, params: &[&str], named: bool) -> std::io::Result<()> {
        let mut state = self.state();
        state.armed = false;
        state.messages.clear();
        let name = if named { NAME } else { "" };
        if !named || !state.parsed {
            let types = params.iter().map(|_| Type::TEXT.oid());
            frontend::parse(name, sql, types, &mut state.messages)?;
        }
        let text = |param: &&str, buffer: &mut BytesMut| {
            buffer.extend_from_slice(param.as_bytes());
            Ok(IsNull::No)
        };
        frontend::bind("", name, None, params, text, None, &mut state.messages).map_err(
            |error| match error {
                BindError::Conversion(error) => std::io::Error::other(error),
                BindError::Serialization(error) => error,
            },
        )?;
        frontend::execute("", 0, &mut state.messages)?;
        state.armed = true;
        Ok(())
    }

    /// Takes back what was not sent, because its statement could not be encoded.
    pub(crate) fn disarm(&self) {
        self.state().armed = false;
    }

    /// The process that the server said it is when the session began. A pooler in between says a number of its own.
    pub(crate) fn process_id(&self) -> Option<i32> {
        self.state().process_id
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// tokio-postgres names its statements `s0`, `s1` …
const NAME: &str = "mako_preface";
