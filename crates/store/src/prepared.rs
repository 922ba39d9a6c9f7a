//! Decides whether statements are prepared under names, which a server keeps for its session.
//!
//! A pooler may give each transaction another server. There a name is unknown, or worse, another process's statement; so
//! through a pooler names are used only where it translates them, as PgBouncer does from 1.21 on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use deadpool_postgres::ClientWrapper;
use tokio_postgres::error::SqlState;

/// What is asked for: `PREPARED_STATEMENTS`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PreparedStatements {
    /// Statements have no names.
    Off,
    /// They have names where those are kept: without a pooler, and through one that translates them.
    On,
    /// Through any pooler: one in session mode keeps them too, which can't be seen.
    Always,
}

/// What is done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Preparation {
    /// Statements have no names, as asked for.
    Off,
    /// Statements have names.
    On,
    /// They were asked for, and aren't kept.
    Lost,
}

/// What one pool of connections does; shared by all of them.
#[derive(Clone)]
pub(crate) struct Prepared {
    wanted: PreparedStatements,
    lost: Arc<AtomicBool>,
}

impl Prepared {
    pub(crate) fn new(wanted: PreparedStatements) -> Self {
        Self {
            wanted,
            lost: Arc::default(),
        }
    }

    /// Whether statements have names, so far.
    pub(crate) fn is_on(&self) -> bool {
        self.preparation() == Preparation::On
    }

    pub(crate) fn preparation(&self) -> Preparation {
        match self.wanted {
            PreparedStatements::Off => Preparation::Off,
            _ if self.lost.load(Ordering::Relaxed) => Preparation::Lost,
            PreparedStatements::On | PreparedStatements::Always => Preparation::On,
        }
    }

    /// Looks at a new session before its first use; `process_id` is the server's as it was told. True: the session's
    /// server is its own, and keeps also its settings.
    pub(crate) async fn begin(
        &self,
        client: &ClientWrapper,
        process_id: Option<i32>,
    ) -> Result<bool, tokio_postgres::Error> {
        if !self.is_on() {
            return Ok(false);
        }
        if !is_pooled(client, process_id).await? {
            return Ok(true);
        }
        if self.wanted == PreparedStatements::On && !translates(client).await? {
            self.lose();
        }
        Ok(false)
    }

    /// Whether a session can be one's own: other settings than `on` are for poolers.
    pub(crate) fn expects_own(&self) -> bool {
        self.wanted == PreparedStatements::On && self.is_on()
    }

    /// Whether a session is one's own, without looking further.
    pub(crate) async fn is_own(
        &self,
        client: &ClientWrapper,
        process_id: Option<i32>,
    ) -> Result<bool, tokio_postgres::Error> {
        Ok(self.expects_own() && process_id.is_some() && !is_pooled(client, process_id).await?)
    }

    /// Looks at what a statement was answered: after the first name that was forgotten none is used any more.
    pub(crate) fn notice(&self, error: &tokio_postgres::Error) {
        if is_forgotten(error) {
            tracing::debug!("a prepared statement was forgotten; it is sent again without its name");
            self.lose();
        }
    }

    fn lose(&self) {
        if !self.lost.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the database is behind a pooler that keeps no prepared statements: they are sent without names from now \
                 on, as with PREPARED_STATEMENTS=off (PREPARED_STATEMENTS=always is for poolers in session mode)"
            );
        }
    }
}

/// Whether the process that answers isn't the one that was told when the session began.
async fn is_pooled(client: &ClientWrapper, process_id: Option<i32>) -> Result<bool, tokio_postgres::Error> {
    let Some(told) = process_id else {
        return Ok(false);
    };
    let answers = client.query_typed("select pg_backend_pid()", &[]).await?;
    Ok(answers.first().is_some_and(|row| row.get::<_, i32>(0) != told))
}

/// Whether a pooler gives statements names of its own: this one looks for itself among those that its server keeps.
async fn translates(client: &ClientWrapper) -> Result<bool, tokio_postgres::Error> {
    let sql = "select name from pg_prepared_statements where not from_sql and statement like '%pg_prepared_statements%'";
    let found = async { client.query(&client.prepare(sql).await?, &[]).await };
    match found.await {
        Ok(names) => Ok(!names.is_empty() && names.iter().all(|row| !is_plain(row.get(0)))),
        Err(error) if is_forgotten(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a name is one that tokio-postgres gives.
fn is_plain(name: &str) -> bool {
    name.strip_prefix('s')
        .is_some_and(|number| number.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Whether the server doesn't know a statement by its name, or another by the same name.
fn is_forgotten(error: &tokio_postgres::Error) -> bool {
    matches!(
        error.code(),
        Some(&SqlState::INVALID_SQL_STATEMENT_NAME | &SqlState::DUPLICATE_PSTATEMENT)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poolers_name_is_told_from_one_of_our_own() {
        for (name, plain) in [
            ("s0", true),
            ("s4711", true),
            ("PGBOUNCER_12", false),
            ("supavisor_1", false),
        ] {
            assert_eq!(is_plain(name), plain, "{name}");
        }
    }

    #[test]
    fn what_was_lost_stays_lost_for_every_connection() {
        let pool = Prepared::new(PreparedStatements::Always);
        let connection = pool.clone();
        assert!(pool.is_on() && connection.is_on());
        connection.lose();
        assert_eq!(pool.preparation(), Preparation::Lost);
        assert_eq!(
            Prepared::new(PreparedStatements::Off).preparation(),
            Preparation::Off
        );
    }
}
