//! How does the prover speak to the database? One transaction, rolled back; scripts are pipelined, so that hundreds
//! of attempts cost one round trip.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::{self, MaybeDone};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::Error;
use crate::sql::literal;

/// What one script came to: the rows of its last statement, or why it was refused.
pub(crate) type Outcome = Result<Vec<Row>, Refusal>;
/// The values of one row, as text.
pub(crate) type Row = Vec<Option<String>>;

/// Why the server refused.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// SQLSTATE.
    pub(crate) code: String,
    /// The server's message, shown to administrators only.
    pub(crate) message: String,
    /// The constraint that it names.
    pub(crate) constraint: Option<String>,
}

impl Refusal {
    /// Whether nothing was learnt: the statement never got as far as a decision.
    pub(crate) fn is_inconclusive(&self) -> bool {
        // Locks, timeouts, resources, an aborted block, a read-only session, a lost connection.
        ["55P03", "57014", "40P01", "40001", "25P02", "25006", "08006"].contains(&self.code.as_str())
            || self.code.starts_with("53")
    }
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
    pub(crate) async fn attempt(&self, scripts: Vec<String>) -> Vec<Outcome> {
        if scripts.is_empty() {
            return Vec::new();
        }
        let mut all = vec!["savepoint mako_prove".to_owned()];
        all.extend(undone(scripts));
        all.push("release savepoint mako_prove".to_owned());
        every_second(self.all(all).await.into_iter().skip(1))
    }

    /// Attempts within a fence: statements that hold for all of them and are undone afterwards.
    /// The error is the fence's own refusal; nothing was attempted then.
    pub(crate) async fn attempt_within(
        &self,
        fence: &str,
        scripts: Vec<String>,
    ) -> Result<Vec<Outcome>, Refusal> {
        let mut all = vec![
            "savepoint mako_fence".to_owned(),
            fence.to_owned(),
            "savepoint mako_prove".to_owned(),
        ];
        all.extend(undone(scripts));
        all.push("rollback to savepoint mako_fence; release savepoint mako_fence".to_owned());
        let mut outcomes = self.all(all).await.into_iter().skip(1);
        if let Some(Err(refusal)) = outcomes.next() {
            return Err(refusal);
        }
        Ok(every_second(outcomes.skip(1)))
    }

    /// Scripts that stay where they succeed. One round trip, and one more for each that is refused.
    pub(crate) async fn keep(&self, scripts: Vec<String>) -> Vec<Outcome> {
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(scripts.len());
        while outcomes.len() < scripts.len() {
            let mut batch = Vec::new();
            for script in &scripts[outcomes.len()..] {
                batch.push("savepoint mako_keep".to_owned());
                batch.push(format!("{script}; release savepoint mako_keep"));
            }
            let answers = self.all(batch).await.into_iter().skip(1).step_by(2);
            for answer in answers {
                let refused = answer.is_err();
                outcomes.push(answer);
                if refused {
                    self.all(vec![
                        "rollback to savepoint mako_keep; release savepoint mako_keep".to_owned(),
                    ])
                    .await;
                    break;
                }
            }
        }
        outcomes
    }

    pub(crate) fn round_trips(&self) -> usize {
        self.round_trips.load(Ordering::Relaxed)
    }
}

/// Each script, and what undoes it; the savepoint stays for the next.
fn undone(scripts: Vec<String>) -> impl Iterator<Item = String> {
    scripts
        .into_iter()
        .flat_map(|script| [script, "rollback to savepoint mako_prove".to_owned()])
}

/// The scripts' outcomes among those of their undoing.
fn every_second(outcomes: impl Iterator<Item = Outcome>) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = outcomes.collect();
    outcomes.pop();
    outcomes.into_iter().step_by(2).collect()
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
        None => Refusal {
            code: "08006".to_owned(),
            message: "the connection was lost".to_owned(),
            constraint: None,
        },
    }
}
