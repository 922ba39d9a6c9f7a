//! Makes a database of a Supabase project's folder, to be proven without one that is deployed.
//!
//! ```text
//! supabase/ ─► files.rs ─► statements.rs ─► a database that has what every Supabase project has
//!                          │                ├► stand_ins.rs, where an extension isn't installed
//!                          │                └► origins.rs: which statement made what
//!                          └► workbench.rs: the next one begins where it differs
//! ```

mod cluster;
mod files;
mod origins;
mod stand_ins;
mod statements;
mod workbench;

use std::fmt;
use std::path::PathBuf;

use tokio_postgres::error::{DbError, ErrorPosition};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::Error;
pub use files::Project;
use files::Script;
pub use origins::Origins;
use origins::Timeline;
use statements::{Statement, statements};
pub use workbench::{Cluster, ConnectError, Workbench};

/// Why a folder can't be read as a project.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// It holds no migration.
    #[error("{0} holds no migrations and no schemas: name a folder `supabase`, or one of .sql files")]
    Empty(String),
    /// Its `config.toml` can't be read.
    #[error("{path}: {error}")]
    Config {
        /// The file.
        path: String,
        /// As the parser says it.
        error: toml::de::Error,
    },
    /// Its `config.toml` names files by a pattern that is none.
    #[error("{pattern}: {error}")]
    Pattern {
        /// As it says.
        pattern: String,
        /// What is wrong with it.
        error: glob::PatternError,
    },
    /// There is no session to apply it by.
    #[error("{0}")]
    Connect(ConnectError),
    /// It, or a file in it, can't be read.
    #[error("{path} can't be read: {error}")]
    Unreadable {
        /// Of what.
        path: String,
        /// As the system says it.
        error: std::io::Error,
    },
    /// The database ended.
    #[error(transparent)]
    Database(#[from] Error),
}

/// What applying a project came to.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// Statements that were run.
    pub statements: usize,
    /// Statements that the database refused.
    pub refused: Vec<Refused>,
    /// Extensions that aren't installed and were stood in for.
    pub stand_ins: Vec<&'static str>,
    /// Which statement made what.
    pub origins: Origins,
}

/// A statement that the database refused.
#[derive(Clone, Debug)]
pub struct Refused {
    file: PathBuf,
    /// From 1; that of the mistake, if the database names one.
    line: usize,
    message: String,
    /// Whether tenancy may depend on it: an index, a comment or a row of the seed decides nothing.
    pub matters: bool,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.message)
    }
}

/// What a database of Supabase's has before its project's first migration.
const GROUND: &str = include_str!("../../sql/project/ground.sql");

/// Extensions that every project has.
const ALWAYS: [&str; 1] = ["supabase_vault"];

/// Between files: a dump's settings are its own. What the database's sessions begin with, this one hasn't.
const RESET: &str = r#"reset session authorization; reset role; reset all;
    set search_path = "$user", public, extensions; set client_min_messages = error"#;

impl Applied {
    /// Makes an empty database what every project's is, as its superuser.
    async fn ground(client: &Client) -> Result<Self, Error> {
        let mut applied = Self::default();
        refusing_nothing(client, RESET).await?;
        refusing_nothing(client, GROUND).await?;
        for extension in ALWAYS {
            applied.create_extension(client, extension).await?;
        }
        Ok(applied)
    }

    /// Applies a file. What is refused is passed over.
    async fn apply_script(
        &mut self,
        client: &Client,
        script: &Script,
        timeline: &mut Timeline,
    ) -> Result<(), Error> {
        refusing_nothing(client, RESET).await?;
        for statement in statements(&script.text) {
            self.statements += 1;
            if let Some((line, message)) = self.apply(client, &statement).await? {
                self.refused.push(Refused {
                    file: script.file.clone(),
                    line,
                    message,
                    matters: statement.decides_access() && !script.is_seed,
                });
            }
            timeline.passed(client, &script.file, statement.line).await?;
        }
        refusing_nothing(client, RESET).await
    }

    /// What every project has of the beginning: the extension, or what stands in for it.
    async fn create_extension(&mut self, client: &Client, name: &str) -> Result<(), Error> {
        if run(client, &format!("create extension {name}")).await.is_err() {
            self.stand_in(client, name).await?;
        }
        Ok(())
    }

    /// Puts something in an extension's place, once; false if there is nothing.
    async fn stand_in(&mut self, client: &Client, extension: &str) -> Result<bool, Error> {
        let Some((name, script)) = stand_ins::stand_in(extension) else {
            return Ok(false);
        };
        if !self.stand_ins.contains(&name) {
            refusing_nothing(client, script).await?;
            self.stand_ins.push(name);
        }
        Ok(true)
    }

    /// Whether what a statement was to do has been done as far as this server can: Supabase's is newer, and has more
    /// extensions.
    async fn does_otherwise(
        &mut self,
        client: &Client,
        statement: &Statement<'_>,
        refusal: &DbError,
    ) -> Result<bool, Error> {
        if let Some(extension) = statement.extension() {
            return self.stand_in(client, extension).await;
        }
        if let Some(extension) = statement.extension_commented() {
            return Ok(self.stand_ins.contains(&extension));
        }
        if !refusal.message().contains("\"maintain\"") {
            return Ok(false);
        }
        let Some(rest) = statement.without_maintain() else {
            return Ok(false);
        };
        Ok(rest.is_empty() || run(client, &rest).await.is_ok())
    }

    /// Runs a statement; where and why it was refused, if it was.
    async fn apply(
        &mut self,
        client: &Client,
        statement: &Statement<'_>,
    ) -> Result<Option<(usize, String)>, Error> {
        if statement.is_of_transactions() {
            return Ok(None); // A refusal would take the rest of its transaction along.
        }
        let Err(error) = run(client, statement.text).await else {
            return Ok(None);
        };
        let Some(refusal) = error.as_db_error() else {
            return Err(Error::from_postgres(&error));
        };
        if self.does_otherwise(client, statement, refusal).await? {
            return Ok(None);
        }
        let line = match refusal.position() {
            Some(ErrorPosition::Original(position)) => statement.line_at(*position as usize),
            _ => statement.line,
        };
        Ok(Some((line, refusal.message().to_owned())))
    }
}

/// What is ours to run.
async fn refusing_nothing(client: &Client, sql: &str) -> Result<(), Error> {
    run(client, sql)
        .await
        .map_err(|error| Error::from_postgres(&error))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a migration's statement, on a database that nobody else has"
)]
async fn run(client: &Client, sql: &str) -> Result<(), tokio_postgres::Error> {
    client.batch_execute(sql).await
}

async fn rows(client: &Client, sql: &str) -> Result<Vec<Vec<String>>, Error> {
    let messages = client
        .simple_query(sql)
        .await
        .map_err(|error| Error::from_postgres(&error))?;
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    Ok(rows
        .map(|row| {
            (0..row.len())
                .filter_map(|n| row.get(n))
                .map(str::to_owned)
                .collect()
        })
        .collect())
}
