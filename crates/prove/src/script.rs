//! What is sent to the database: scripts of several steps, many to a batch, and what came of each.

mod batch;
mod reply;

use serde::Deserialize;

use crate::sql::Oid;

pub(crate) use batch::{Batch, Bundle};
pub(crate) use reply::Reply;

/// What one script came to: the first row of each question in it that had one, or why it was refused.
pub(crate) type Outcome = Result<Vec<Row>, Refusal>;
/// The values of one row, as text.
pub(crate) type Row = Vec<Option<String>>;
/// Settings of a transaction, in the order in which they are made.
pub(crate) type Settings = Vec<Setting>;
/// One of them.
pub(crate) type Setting = (&'static str, String);

/// Steps that are done one after the other, up to the first refusal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script(Vec<Step>);

#[derive(Clone, Debug)]
enum Step {
    /// Becomes somebody.
    Be(Settings),
    Do(Statement),
    Ask(Statement),
    /// Counts what is written to these relations from here on.
    Watch(Vec<Oid>),
    /// The administrator's question, if anything was written to what is watched; else an answer of nothing.
    Judge(Statement),
}

#[derive(Clone, Debug)]
enum Statement {
    /// Planned each time.
    Once(String),
    /// A query or a change that others in the batch send as well: planned once for all of them.
    Often(String),
}

impl Statement {
    fn sql(&self) -> &str {
        let (Self::Once(sql) | Self::Often(sql)) = self;
        sql
    }
}

impl Script {
    pub(crate) fn be(self, settings: Settings) -> Self {
        self.and(Step::Be(settings))
    }

    /// A statement whose answer doesn't matter.
    pub(crate) fn act(self, sql: impl Into<String>) -> Self {
        self.and(Step::Do(Statement::Once(sql.into())))
    }

    pub(crate) fn act_often(self, sql: impl Into<String>) -> Self {
        self.and(Step::Do(Statement::Often(sql.into())))
    }

    /// A statement that answers with rows, of which the first matters.
    pub(crate) fn ask(self, sql: impl Into<String>) -> Self {
        self.and(Step::Ask(Statement::Once(sql.into())))
    }

    pub(crate) fn ask_often(self, sql: impl Into<String>) -> Self {
        self.and(Step::Ask(Statement::Often(sql.into())))
    }

    pub(crate) fn watch(self, relations: Vec<Oid>) -> Self {
        self.and(Step::Watch(relations))
    }

    pub(crate) fn judge(self, sql: impl Into<String>) -> Self {
        self.and(Step::Judge(Statement::Often(sql.into())))
    }

    fn and(mut self, step: Step) -> Self {
        self.0.push(step);
        self
    }
}

/// Why the server refused.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Refusal {
    /// SQLSTATE.
    pub(crate) code: String,
    /// The server's message, shown to administrators only.
    pub(crate) message: String,
    /// The constraint that it names.
    #[serde(default)]
    pub(crate) constraint: Option<String>,
}

impl Refusal {
    /// No answer came.
    pub(crate) fn lost() -> Self {
        Self {
            code: "08006".to_owned(),
            message: "the connection was lost".to_owned(),
            constraint: None,
        }
    }

    /// Whether nothing was learnt: the statement never got as far as a decision.
    pub(crate) fn is_inconclusive(&self) -> bool {
        // Locks, timeouts, resources, an aborted block, a read-only session, a lost connection.
        ["55P03", "57014", "40P01", "40001", "25P02", "25006", "08006"].contains(&self.code.as_str())
            || self.code.starts_with("53")
    }
}
