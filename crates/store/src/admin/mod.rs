//! What an owner role does: everything that isn't a tenant's: roles, migrations, policies.
//!
//! Runs with `row_security = off`: a role that is subject to row-level security then gets an error instead
//! of an `UPDATE 0` or a constraint validated on the rows that it happens to see.

pub mod adopt;
mod distribute;
mod events;
mod events_out;
mod indexes;
mod keys;
mod migrate;
mod numbers;
mod policies;
mod stats;

pub use numbers::NumberOwner;
pub use stats::Drift;

use tokio_postgres::Client;

use crate::connect::Target;
use crate::error::Error;

pub use events::{AdminEvent, EventFilter};
pub use events_out::{AdminDelivery, DeliveryFilter};
pub use keys::{KeyCount, Resealed, UnopenedValue};
pub use migrate::{Done, Progress, schema_version};

/// A session of an owner role, on a connection of its own.
pub struct Admin {
    client: Client,
}

/// Why an administrative command could not do its work; the text names the fix.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The database refused or can't be reached. `what` says at which step.
    #[error("{what}: {message}")]
    Database {
        /// The step.
        what: String,
        /// The server's message. Administrators see it; it never goes to an HTTP client.
        message: String,
        /// The SQLSTATE, if the server gave one.
        code: Option<String>,
    },
    /// Advisory locks and session settings don't survive a transaction pooler.
    #[error(
        "ADMIN_DATABASE_URL goes through a transaction pooler, which loses the lock that migrations need; \
         use the direct connection or a session-mode pooler (Supabase: port 5432)"
    )]
    TransactionPooler,
    /// Another migration has held the lock for too long.
    #[error("another migration is running on this database and has not finished in {0} s")]
    Locked(u64),
    /// A value can't be sealed.
    #[error("the operating system gives no random bytes to seal with")]
    Unsealable,
    /// A number can be a user's only.
    #[error("there is no user {0}")]
    NoSuchUser(String),
    /// Two users' events would be mixed up.
    #[error("the number is verified for user {0}; take it away first: mako numbers remove")]
    NumberTaken(String),
    /// A file among the applied migrations was changed afterwards.
    #[error("migrations: {0}")]
    Migrations(String),
    /// The database is not in the state that the command needs; nothing was changed.
    #[error("{0}")]
    Refused(String),
}

impl AdminError {
    /// Another session changed the same catalog row at the same time. Postgres has no SQLSTATE of its own for it, and
    /// doesn't translate the message.
    pub(crate) fn is_lost_race(&self) -> bool {
        matches!(self, Self::Database { message, code, .. }
            if code.as_deref() == Some("XX000") && message.starts_with("tuple concurrently "))
    }

    pub(crate) fn at(what: impl Into<String>) -> impl FnOnce(tokio_postgres::Error) -> Self {
        let what = what.into();
        move |error| {
            let code = error.code().map(|code| code.code().to_owned());
            let message = match error.as_db_error() {
                Some(refusal) => {
                    let hint = refusal
                        .hint()
                        .map(|hint| format!(" ({hint})"))
                        .unwrap_or_default();
                    format!("{}{hint} [{}]", refusal.message(), refusal.code().code())
                }
                None => Error::from(error).to_string(),
            };
            Self::Database { what, message, code }
        }
    }

    /// The SQLSTATE, if the server gave one.
    pub(crate) fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Database { code, .. } => code.as_deref(),
            _ => None,
        }
    }
}

impl Admin {
    /// Connects, and makes sure that the session is one's own.
    #[expect(clippy::disallowed_methods, reason = "an owner's session, not a tenant's")]
    pub async fn connect(target: &Target) -> Result<Self, AdminError> {
        let client = open(target).await?;
        let other = open(target).await?;
        if shares_servers(&client, &other)
            .await
            .map_err(AdminError::at("looking for a pooler"))?
        {
            return Err(AdminError::TransactionPooler);
        }
        client
            .batch_execute(
                "set row_security = off; set statement_timeout = 0; set client_min_messages = warning",
            )
            .await
            .map_err(AdminError::at("preparing the session"))?;
        Ok(Self { client })
    }

    /// Runs SQL of ours as the owner: demo rows, the creation of a database.
    #[expect(clippy::disallowed_methods, reason = "an owner's session, not a tenant's")]
    pub async fn run(&self, what: &str, sql: &str) -> Result<(), AdminError> {
        self.client.batch_execute(sql).await.map_err(AdminError::at(what))
    }
}

impl Admin {
    /// Whether the server has a database of this name.
    pub async fn has_database(&self, name: &str) -> Result<bool, AdminError> {
        let found = self
            .client
            .query("select 1 from pg_database where datname = $1", &[&name])
            .await;
        Ok(!found
            .map_err(AdminError::at("looking for the database"))?
            .is_empty())
    }
}

/// A plain session for `mako prove`, which begins a transaction, attacks as the API roles in it, and rolls it back.
///
/// Not an [`Admin`]: that one has `row_security = off`, which an attacker doesn't. It is no way to rows either: what
/// is read here is made up by the prover, and never leaves it.
pub async fn attacker(target: &Target) -> Result<Client, AdminError> {
    let (client, other) = (open(target).await?, open(target).await?);
    match shares_servers(&client, &other).await {
        Ok(false) => Ok(client),
        Ok(true) => Err(AdminError::TransactionPooler),
        Err(error) => Err(AdminError::at("looking for a pooler")(error)),
    }
}

/// The same on another node of a database that Citus has spread; as a role, without a password, if one is named.
pub async fn attacker_elsewhere(
    target: &Target,
    host: &str,
    port: u16,
    role: Option<&str>,
) -> Result<Client, String> {
    let target = target
        .elsewhere(host, port, role)
        .map_err(|error| error.to_string())?;
    let connected = target.config.connect(target.tls.clone()).await;
    let (client, connection) = connected.map_err(|error| match error.as_db_error() {
        Some(refusal) => format!("{} [{}]", refusal.message(), refusal.code().code()),
        None => Error::from(error).to_string(),
    })?;
    tokio::spawn(connection); // Ends with the client.
    Ok(client)
}

/// A plain session of the service's login, to look at the catalog before serving. That login has no rights on rows.
pub async fn observer(target: &Target) -> Result<Client, AdminError> {
    open_as("DATABASE_URL", target).await
}

async fn open(target: &Target) -> Result<Client, AdminError> {
    open_as("ADMIN_DATABASE_URL", target).await
}

async fn open_as(setting: &str, target: &Target) -> Result<Client, AdminError> {
    let (client, connection) = target
        .config
        .connect(target.tls.clone())
        .await
        .map_err(AdminError::at(setting))?;
    tokio::spawn(connection); // Ends with the client.
    Ok(client)
}

/// Whether two sessions are given the same server process in turn: then neither is a session.
///
/// While `other` is inside a transaction it occupies a server; a transaction pooler has most likely given it
/// the one that `client` just used, and must then give `client` another.
#[expect(clippy::disallowed_methods, reason = "an owner's session, not a tenant's")]
async fn shares_servers(client: &Client, other: &Client) -> Result<bool, tokio_postgres::Error> {
    let before = server(client).await?;
    other.batch_execute("begin").await?;
    let occupied = server(other).await?;
    let after = server(client).await?;
    other.batch_execute("rollback").await?;
    Ok(before == occupied || before != after)
}

/// The server process behind a session; unnamed, since a pooler may not know named statements.
async fn server(client: &Client) -> Result<i32, tokio_postgres::Error> {
    Ok(client.query_typed("select pg_backend_pid()", &[]).await?[0].get(0))
}
