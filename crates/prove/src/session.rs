//! How the prover speaks to the database: in one transaction, rolled back; many attempts to a round trip.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::{self, MaybeDone};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::Error;
use crate::script::{Batch, Outcome, Refusal, Reply, Row, Script};
use crate::sql::literal;

/// How many scripts make a batch; a message to the server has bounds.
const MOST: usize = 1_000;

/// Whether what a script did stays.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Effects {
    Kept,
    Undone,
}

/// The rolled-back transaction.
pub(crate) struct Session<'c> {
    client: &'c Client,
    pub(crate) admin: Admin,
    round_trips: AtomicUsize,
}

/// Who the prover is when it is nobody else.
#[derive(Debug, Default)]
pub(crate) struct Admin {
    pub(crate) superuser: bool,
    /// The role that the session had been switched to, or `none`.
    role: String,
    /// Cannot write: a replica, or a session that is read-only.
    pub(crate) read_only: bool,
}

impl<'c> Session<'c> {
    /// Begins. A snapshot for the whole transaction, so that others' commits don't look like leaks.
    pub(crate) async fn begin(client: &'c Client) -> Result<Self, Error> {
        let mut session = Self {
            client,
            admin: Admin::default(),
            round_trips: AtomicUsize::new(0),
        };
        session.must("begin isolation level repeatable read").await?;
        session
            .must(
                "set local lock_timeout = '100ms'; set local statement_timeout = '30s'; set local row_security = off; \
                 set local standard_conforming_strings = on; set local client_min_messages = error; \
                 set local idle_in_transaction_session_timeout = '60s'; set local jit = off; \
                 set local max_parallel_workers_per_gather = 0; set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres'",
            )
            .await?;
        let rows = session
            .must(
                "select rolsuper, current_setting('role'), pg_is_in_recovery() or \
                 current_setting('transaction_read_only') = 'on' from pg_roles where rolname = current_user",
            )
            .await?;
        let row = rows.first().ok_or(Error::Unexpected("the session's own role"))?;
        let text = |n: usize| row.get(n).cloned().flatten().unwrap_or_default();
        session.admin = Admin {
            superuser: text(0) == "t",
            role: text(1),
            read_only: text(2) == "t",
        };
        Ok(session)
    }

    /// Ends without a trace.
    pub(crate) async fn rollback(&self) -> Result<(), Error> {
        // What a function under attack locked for the session isn't undone by the rollback.
        self.must("rollback").await?;
        self.must("select pg_advisory_unlock_all()").await.map(drop)
    }

    /// Statements that bring the session from an attacker back to the administrator.
    pub(crate) fn back(&self) -> String {
        let authorization = if self.admin.superuser {
            "set local session authorization default; "
        } else {
            ""
        };
        let role = if self.admin.superuser && self.admin.role == "none" {
            String::new()
        } else {
            format!(
                "set local role {}; ",
                if self.admin.role == "none" {
                    "none".to_owned()
                } else {
                    literal(&self.admin.role)
                }
            )
        };
        format!("{authorization}{role}set local row_security = off")
    }

    /// One script; an error aborts the transaction.
    pub(crate) async fn must(&self, sql: &str) -> Result<Vec<Row>, Error> {
        self.all(vec![sql.to_owned()])
            .await
            .pop()
            .unwrap_or_else(|| Ok(Vec::new()))
            .map_err(|refusal| Error::Database {
                code: refusal.code,
                message: refusal.message,
            })
    }

    /// Scripts one after the other, sent without waiting for each other's answers.
    pub(crate) async fn all(&self, scripts: Vec<String>) -> Vec<Outcome> {
        if scripts.is_empty() {
            return Vec::new();
        }
        self.round_trips.fetch_add(1, Ordering::Relaxed);
        let mut answers: Vec<Pin<Box<MaybeDone<_>>>> = scripts
            .iter()
            .map(|sql| Box::pin(future::maybe_done(self.client.simple_query(sql))))
            .collect();
        // The first poll sends; in order, so that the server sees them in order.
        for answer in &mut answers {
            let _ = futures_util::poll!(answer.as_mut());
        }
        let mut outcomes = Vec::with_capacity(answers.len());
        for mut answer in answers {
            answer.as_mut().await;
            outcomes.push(match answer.as_mut().take_output() {
                Some(Ok(messages)) => Ok(last_rows(messages)),
                Some(Err(error)) => Err(refusal(&error)),
                None => Ok(Vec::new()),
            });
        }
        outcomes
    }

    /// Scripts that leave no trace, each undone before the next.
    pub(crate) async fn attempt(&self, scripts: Vec<Script>) -> Vec<Outcome> {
        self.run(Effects::Undone, "", &scripts)
            .await
            .unwrap_or_else(|refusal| {
                // As if each had been refused: nothing of it was run.
                scripts.iter().map(|_| Err(refusal.clone())).collect()
            })
    }

    /// Attempts within a fence: a statement that holds for all of them and is undone afterwards.
    /// The error is the fence's own refusal; nothing was attempted then.
    pub(crate) async fn attempt_within(
        &self,
        fence: &str,
        scripts: &[Script],
    ) -> Result<Vec<Outcome>, Refusal> {
        self.run(Effects::Undone, fence, scripts).await
    }

    /// Scripts that stay where they succeed.
    pub(crate) async fn keep(&self, scripts: Vec<Script>) -> Vec<Outcome> {
        self.run(Effects::Kept, "", &scripts)
            .await
            .unwrap_or_else(|refusal| scripts.iter().map(|_| Err(refusal.clone())).collect())
    }

    /// Runs scripts in as few batches as time allows.
    async fn run(&self, effects: Effects, fence: &str, scripts: &[Script]) -> Result<Vec<Outcome>, Refusal> {
        let mut outcomes = Vec::with_capacity(scripts.len());
        while outcomes.len() < scripts.len() {
            let rest = &scripts[outcomes.len()..];
            let batch = Batch::new(effects == Effects::Kept, fence, &rest[..rest.len().min(MOST)]);
            let reply = self.batch(&batch).await?;
            if let Some(refusal) = reply.refused {
                return Err(refusal);
            }
            let before = outcomes.len();
            outcomes.extend(reply.outcomes());
            if outcomes.len() == before {
                return Err(Refusal::lost());
            }
        }
        Ok(outcomes)
    }

    /// Three statements, so that what the server logs of a failure is never the whole batch.
    async fn batch(&self, batch: &Batch<'_>) -> Result<Reply, Refusal> {
        let work = serde_json::to_string(batch).unwrap_or_default();
        let answers = self
            .all(vec![
                "savepoint mako_batch".to_owned(),
                format!("select set_config('mako.work', {}, true)", literal(&work)),
                include_str!("../sql/batch.sql").to_owned(),
                "select current_setting('mako.outcomes')".to_owned(),
                "release savepoint mako_batch".to_owned(),
            ])
            .await;
        if let Some(refusal) = answers.iter().find_map(|answer| answer.as_ref().err()) {
            // Left as it is, the transaction would refuse everything else.
            self.all(vec![
                "rollback to savepoint mako_batch; release savepoint mako_batch".to_owned(),
            ])
            .await;
            return Err(refusal.clone());
        }
        let json = answers
            .into_iter()
            .nth(3)
            .transpose()?
            .into_iter()
            .flatten()
            .flatten()
            .flatten()
            .next();
        json.and_then(|json| serde_json::from_str(&json).ok())
            .ok_or_else(Refusal::lost)
    }

    pub(crate) fn round_trips(&self) -> usize {
        self.round_trips.load(Ordering::Relaxed)
    }
}

/// The rows of the last statement that gave any.
fn last_rows(messages: Vec<SimpleQueryMessage>) -> Vec<Row> {
    let mut rows = Vec::new();
    for message in messages {
        match message {
            SimpleQueryMessage::RowDescription(_) => rows.clear(),
            SimpleQueryMessage::Row(row) => {
                rows.push((0..row.len()).map(|n| row.get(n).map(str::to_owned)).collect());
            }
            _ => {}
        }
    }
    rows
}

fn refusal(error: &tokio_postgres::Error) -> Refusal {
    match error.as_db_error() {
        Some(db) => Refusal {
            code: db.code().code().to_owned(),
            message: db.message().to_owned(),
            constraint: db.constraint().map(str::to_owned),
        },
        None => Refusal::lost(),
    }
}
