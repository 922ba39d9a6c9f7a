//! Makes a database of a Supabase project's folder, to be proven without one that is deployed.
//!
//! ```text
//! supabase/migrations/*.sql, seed.sql ─► statements.rs ─► a database that has what every Supabase project has
//!                                                         ├► stand_ins.rs, where an extension isn't installed
//!                                                         └► origins.rs: which statement made what
//! ```

mod cluster;
mod origins;
mod stand_ins;
mod statements;

use std::fmt;
use std::path::{Path, PathBuf};

use tokio_postgres::error::ErrorPosition;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::Error;
pub use cluster::empty_database;
pub use origins::Origins;
use origins::Timeline;
use statements::{Statement, statements};

/// A folder with a Supabase project's migrations.
#[derive(Debug)]
pub struct Project {
    folder: PathBuf,
    migrations: Vec<PathBuf>,
    seed: Option<PathBuf>,
    model: Option<PathBuf>,
}

/// Why a folder can't be read as a project.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// It holds no migration.
    #[error("{0} holds no migrations: name a folder `supabase`, or one of .sql files")]
    Empty(String),
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
#[derive(Debug, Default)]
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
#[derive(Debug)]
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

impl Project {
    /// The project in a folder: one of `.sql` files, or one with a folder `migrations`, itself or in its `supabase`.
    pub fn at(folder: &Path) -> Result<Self, ProjectError> {
        let candidates = [
            folder.join("supabase/migrations"),
            folder.join("migrations"),
            folder.to_owned(),
        ];
        let migrations = candidates
            .into_iter()
            .find(|candidate| candidate.is_dir())
            .unwrap_or_else(|| folder.to_owned());
        let mut files = Vec::new();
        for entry in read(&migrations, |path| std::fs::read_dir(path))? {
            let path = read(&migrations, |_| entry)?.path();
            if path.extension().is_some_and(|extension| extension == "sql") && path.is_file() {
                files.push(path);
            }
        }
        if files.is_empty() {
            return Err(ProjectError::Empty(folder.display().to_string()));
        }
        // Their names begin with the time at which they were made.
        files.sort();
        // What stands beside a folder of mere files may be anybody's.
        let beside = migrations.parent().filter(|_| migrations.ends_with("migrations"));
        let of_project = |name: &str| {
            let path = beside?.join(name);
            path.is_file().then_some(path)
        };
        Ok(Self {
            folder: beside.unwrap_or(&migrations).to_owned(),
            migrations: files,
            seed: of_project("seed.sql"),
            model: of_project("tenancy.toml"),
        })
    }

    /// The project's own model, `supabase/tenancy.toml`, if it has one.
    #[must_use]
    pub fn model(&self) -> Option<&Path> {
        self.model.as_deref()
    }

    /// Where its files are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Applies it to an empty database, as its superuser. What is refused is passed over.
    pub async fn apply(&self, client: &Client) -> Result<Applied, ProjectError> {
        let mut applied = Applied::default();
        refusing_nothing(client, RESET).await?;
        refusing_nothing(client, GROUND).await?;
        for extension in ALWAYS {
            applied.create_extension(client, extension).await?;
        }
        let mut timeline = Timeline::begin(client).await?;
        for file in self.migrations.iter().chain(&self.seed) {
            let text = read(file, |path| std::fs::read_to_string(path))?;
            refusing_nothing(client, RESET).await?;
            for statement in statements(&text) {
                applied.statements += 1;
                if let Some((line, message)) = applied.apply(client, &statement).await? {
                    let matters = statement.decides_access() && self.seed.as_ref() != Some(file);
                    let file = file.clone();
                    applied.refused.push(Refused {
                        file,
                        line,
                        message,
                        matters,
                    });
                }
                timeline.passed(client, file, statement.line).await?;
            }
        }
        refusing_nothing(client, RESET).await?;
        applied.origins = timeline.origins(client).await?;
        Ok(applied)
    }
}

impl Applied {
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
        if let Some(extension) = statement.extension()
            && self.stand_in(client, extension).await?
        {
            return Ok(None);
        }
        let Some(refusal) = error.as_db_error() else {
            return Err(Error::from_postgres(&error));
        };
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

fn read<T>(path: &Path, how: impl FnOnce(&Path) -> std::io::Result<T>) -> Result<T, ProjectError> {
    how(path).map_err(|error| ProjectError::Unreadable {
        path: path.display().to_string(),
        error,
    })
}
