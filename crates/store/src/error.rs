//! What can go wrong at the database, without HTTP and without values.
//!
//! A `tokio_postgres` error is never kept or shown: its `Display` appends DETAIL, which quotes the rows'
//! values. What is kept is SQLSTATE and the names of constraint, table and schema.

use deadpool::managed::{HookError, PoolError};
use tokio_postgres::error::{Severity, SqlState};

/// Why a statement or transaction gave no rows.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The server can't be reached, is shutting down, or closed the connection.
    #[error("the database can't be reached ({0})")]
    Unavailable(&'static str),
    /// Every connection was in use for longer than a request may wait.
    #[error("no database connection came free in time")]
    PoolExhausted,
    /// The user's own requests held the user's share of the connections for that long.
    #[error("the user's share of the database connections was taken for too long")]
    ShareExhausted,
    /// The server doesn't know a prepared statement by its name: a pooler gave the transaction another server.
    #[error("the database is behind a pooler that keeps no prepared statements; see PREPARED_STATEMENTS")]
    StatementForgotten,
    /// The statement ran longer than `STATEMENT_TIMEOUT` (SQLSTATE 57014).
    #[error("the statement was stopped by its timeout")]
    StatementTimeout,
    /// Postgres refused the statement.
    #[error("Postgres answered {0}")]
    Sql(SqlError),
    /// The login role may not serve tenants; the text says why and what to do.
    #[error("{0}")]
    UnsafeLogin(String),
    /// A parameter or answer didn't fit the statement: a mistake of ours, not of the caller.
    #[error("statement and code disagree ({0})")]
    Mismatch(&'static str),
    /// A statement inside a transaction was given up before its answer came: nothing was committed.
    #[error("a statement of the transaction was abandoned; nothing was committed")]
    Abandoned,
}

/// A refusal by Postgres, by names only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SqlError {
    /// The five-character SQLSTATE.
    pub code: String,
    /// The constraint, where one is named.
    pub constraint: Option<String>,
    /// The table, where one is named.
    pub table: Option<String>,
    /// The column, where one is named.
    pub column: Option<String>,
}

impl std::fmt::Display for SqlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SQLSTATE {}", self.code)?;
        for (what, name) in [
            ("table", &self.table),
            ("column", &self.column),
            ("constraint", &self.constraint),
        ] {
            if let Some(name) = name {
                write!(f, ", {what} {name}")?;
            }
        }
        Ok(())
    }
}

impl Error {
    /// The SQLSTATE, if Postgres gave one.
    #[must_use]
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Sql(refusal) => Some(&refusal.code),
            Self::StatementTimeout => Some(SqlState::QUERY_CANCELED.code()),
            _ => None,
        }
    }

    /// Whether a row names a parent that isn't there: for a first write, the user's own row.
    pub(crate) fn is_missing_parent(&self) -> bool {
        self.sqlstate() == Some(SqlState::FOREIGN_KEY_VIOLATION.code())
    }

    /// Whether the state of the database is the reason, whatever is asked of it: it is away, full, a standby before its
    /// promotion, read-only, empty or half restored, or doesn't let the service work.
    #[must_use]
    pub fn is_away(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::PoolExhausted | Self::UnsafeLogin(_) | Self::StatementForgotten => {
                true
            }
            Self::Sql(refusal) => STATES.iter().any(|class| refusal.code.starts_with(class)),
            Self::ShareExhausted | Self::StatementTimeout | Self::Mismatch(_) | Self::Abandoned => false,
        }
    }

    /// Whether two transactions were in each other's way: the same may succeed at once.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Sql(refusal) if refusal.code.starts_with("40"))
    }

    /// Whether the same may succeed later: the database is away (`is_away`) or busy, or two transactions met.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        self.is_away() || self.is_conflict() || self.is_locked()
    }

    /// Whether a lock, a slow statement or the user's other requests were in the way for too long.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        matches!(self, Self::StatementTimeout | Self::ShareExhausted)
            || matches!(self, Self::Sql(refusal) if refusal.code == SqlState::LOCK_NOT_AVAILABLE.code())
    }

    /// Whether a row with that key is there already: a concurrent request with the same idempotency key.
    pub(crate) fn is_duplicate(&self) -> bool {
        self.sqlstate() == Some(SqlState::UNIQUE_VIOLATION.code())
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(refusal) = error.as_db_error() else {
            // Without an answer from the server: the connection, TLS or authentication failed, or a
            // parameter could not be encoded. The texts carry no values, but only their kind is kept.
            return match std::error::Error::source(&error) {
                Some(source) if source.is::<std::io::Error>() => Self::Unavailable("connection lost"),
                _ if error.is_closed() => Self::Unavailable("connection closed"),
                _ if is_mismatch(&error) => Self::Mismatch("parameter or column type"),
                _ => Self::Unavailable("connecting failed"),
            };
        };
        let code = refusal.code().code();
        // What ends a connection is of the server or a pooler: no database, no place, no tenant, shutting down.
        // Poolers give the severity in its translatable form only.
        let fatal = |severity: &str| matches!(severity, "FATAL" | "PANIC");
        if fatal(refusal.severity())
            || matches!(refusal.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
        {
            return Self::Unavailable(match code {
                "57P01" | "57P02" | "57P03" => "the server is stopping or starting",
                "53300" => "the server has no connection left",
                _ if code.starts_with("28") => "the login was refused",
                _ => "the server or its pooler refuses the connection",
            });
        }
        match code {
            "57014" => Self::StatementTimeout,
            "26000" | "42P05" => Self::StatementForgotten,
            // Shutting down, starting up, too many connections, wrong password, no such database.
            "57P01" | "57P02" | "57P03" => Self::Unavailable("the server is stopping or starting"),
            "53300" => Self::Unavailable("the server has no connection left"),
            _ if code.starts_with("08") => Self::Unavailable("connection exception"),
            _ if code.starts_with("28") => Self::Unavailable("the login was refused"),
            _ => Self::Sql(SqlError {
                code: code.to_owned(),
                constraint: refusal.constraint().map(str::to_owned),
                table: refusal.table().map(str::to_owned),
                column: refusal.column().map(str::to_owned),
            }),
        }
    }
}

/// SQLSTATEs, or their beginnings, that say something of the database and nothing of the request.
const STATES: &[&str] = &[
    "08",    // one of several nodes is away
    "0A000", // no writes: a standby that isn't promoted yet
    "25006", // no writes: read-only by setting
    "22023", // no such role: not migrated, or not restored yet
    "3D000", "3F000", "42P01", "42703", "42883", // no database, schema, table, column, function
    "53", "57P", "58", "XX", // no room or connections; stopping; files; broken
];

/// Errors of encoding and decoding have no type of their own in tokio-postgres, only a text.
fn is_mismatch(error: &tokio_postgres::Error) -> bool {
    let text = error.to_string();
    text.starts_with("error serializing parameter")
        || text.starts_with("error deserializing column")
        || text.starts_with("expected ")
}

impl From<PoolError<Error>> for Error {
    fn from(error: PoolError<Error>) -> Self {
        match error {
            PoolError::Timeout(_) => Self::PoolExhausted,
            PoolError::PostCreateHook(HookError::Message(why)) => Self::UnsafeLogin(why.into_owned()),
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => error,
            PoolError::Closed | PoolError::NoRuntimeSpecified => Self::Unavailable("shutting down"),
        }
    }
}
