//! Brings a database to this version's shape: roles, claims functions, tables, policies, under a lock.

use std::fmt;
use std::time::{Duration, Instant};

use refinery::Report;

use super::policies::{self, PolicyFile};
use super::{Admin, AdminError};
use crate::connect::Target;

mod embedded {
    refinery::embed_migrations!("../../sql/migrations");
}

/// Postgres' lock for the length of a migration: any number will do that nobody else uses.
const LOCK: i64 = 0x6d61_6b6f; // "mako"
const PATIENCE: Duration = Duration::from_mins(2);
const ROLES: &str = include_str!("../../../../sql/roles.sql");
const LEDGER: &str = "mako.schema_history";

/// A step that is about to be done.
#[derive(Clone, Debug)]
pub enum Progress {
    /// Another migration holds the lock.
    Waiting,
    /// Roles and the `mako` schema.
    Roles,
    /// The migrations that the ledger doesn't have.
    Migrations,
    /// A policy file, by name.
    Policies(&'static str),
    /// A step of an adoption, in words.
    Step(String),
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting => write!(f, "waiting for another migration to finish"),
            Self::Roles => write!(f, "roles"),
            Self::Migrations => write!(f, "migrations"),
            Self::Policies(file) => write!(f, "policies/{file}"),
            Self::Step(words) => write!(f, "{words}"),
        }
    }
}

/// What a migration did.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// Migrations applied.
    pub migrations: usize,
    /// Policy files applied; unchanged ones are skipped.
    pub policies: usize,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} migrations and {} policy files applied",
            self.migrations, self.policies
        )
    }
}

/// The newest migration that this program knows.
#[must_use]
pub fn schema_version() -> i32 {
    embedded::migrations::runner()
        .get_migrations()
        .iter()
        .map(refinery::Migration::version)
        .max()
        .unwrap_or(0)
}

impl Admin {
    /// Brings the database to this version: roles, claims functions, migrations, policies.
    ///
    /// `login` is the service's own; its password becomes that of the role `mako`, as a SCRAM verifier.
    pub async fn migrate(
        mut self,
        login: Option<&Target>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Done, AdminError> {
        // The lock ends with the session, whatever happens from here on.
        self.lock(progress).await?;
        if self.is_distributed().await? {
            return self.keep_distributed(login).await;
        }
        self.bring_up(login, progress).await
    }

    /// The same, under a lock that is held already.
    pub(super) async fn bring_up(
        &mut self,
        login: Option<&Target>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Done, AdminError> {
        progress(Progress::Roles);
        self.run_roles(login).await?;
        let before = policies::FILES.iter().filter(|file| file.precedes_tables());
        let after = policies::FILES.iter().filter(|file| !file.precedes_tables());
        let mut applied = self.apply(before, progress).await?;
        self.build_indexes(progress).await?;
        progress(Progress::Migrations);
        let migrations = self.run_migrations().await?;
        applied += self.apply(after, progress).await?;
        self.run("telling PostgREST", "notify pgrst, 'reload schema'")
            .await?;
        Ok(Done {
            migrations,
            policies: applied,
        })
    }

    /// Citus takes neither the migrations nor the policies as they are.
    async fn keep_distributed(&self, login: Option<&Target>) -> Result<Done, AdminError> {
        refuse_lacking(&self.pending().await?)?;
        if let Some(login) = login {
            self.set_password(login).await?;
        }
        Ok(Done {
            migrations: 0,
            policies: 0,
        })
    }

    /// An error if a distributed database is of an older version than this.
    pub(super) async fn refuse_older(&self) -> Result<(), AdminError> {
        let mut newer = self.pending_migrations().await?;
        for file in policies::FILES {
            if !self.is_known(file).await? {
                newer.push(format!("policies/{}", file.0));
            }
        }
        refuse_lacking(&newer)
    }

    /// What [`Admin::migrate`] would do, without doing it; of a distributed database also what its distribution lacks.
    pub async fn pending(&self) -> Result<Vec<String>, AdminError> {
        let migrations = self.pending_migrations().await?;
        let mut pending: Vec<_> = migrations
            .iter()
            .map(|name| format!("migration {name}"))
            .collect();
        for file in policies::FILES {
            if !self.is_applied(file).await? {
                pending.push(format!("policies/{}", file.0));
            }
        }
        if self.is_distributed().await? {
            let lacking = self.lacking_distribution().await?;
            pending.extend(lacking.into_iter().map(|words| format!("distribution: {words}")));
        }
        Ok(pending)
    }

    /// Names of the migrations that the ledger doesn't have.
    pub(super) async fn pending_migrations(&self) -> Result<Vec<String>, AdminError> {
        let applied = self.applied_versions().await?;
        Ok(embedded::migrations::runner()
            .get_migrations()
            .iter()
            .filter(|migration| !applied.contains(&migration.version()))
            .map(ToString::to_string)
            .collect())
    }

    /// Those of them that may be run more than once, with their SQL: V1 and V2, which bring the tables.
    pub(super) async fn repeatable_migrations(&self) -> Result<Vec<(String, String)>, AdminError> {
        let applied = self.applied_versions().await?;
        Ok(embedded::migrations::runner()
            .get_migrations()
            .iter()
            .filter(|migration| migration.version() <= 2 && !applied.contains(&migration.version()))
            .filter_map(|migration| Some((migration.to_string(), migration.sql()?.to_owned())))
            .collect())
    }

    /// Roles, the schema mako, and the login's password.
    ///
    /// Roles belong to the whole cluster, where this database's lock excludes nobody: who loses a race against the
    /// migration of another database starts again.
    pub(super) async fn run_roles(&self, login: Option<&Target>) -> Result<(), AdminError> {
        let started = Instant::now();
        loop {
            match self.try_roles(login).await {
                Err(error) if error.is_lost_race() && started.elapsed() < PATIENCE => {
                    self.run("starting again with the roles", "rollback").await?;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                done => return done,
            }
        }
    }

    async fn try_roles(&self, login: Option<&Target>) -> Result<(), AdminError> {
        self.run("sql/roles.sql", ROLES).await?;
        match login {
            Some(login) => self.set_password(login).await,
            None => Ok(()),
        }
    }

    /// Tried again and again, not waited for inside Postgres: a waiter's snapshot deadlocks with
    /// CREATE INDEX CONCURRENTLY.
    pub(super) async fn lock(&self, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<(), AdminError> {
        let started = Instant::now();
        let mut told = false;
        loop {
            let row = self
                .client
                .query_one("select pg_try_advisory_lock($1)", &[&LOCK])
                .await;
            if row.map_err(AdminError::at("taking the migration lock"))?.get(0) {
                return Ok(());
            }
            if started.elapsed() > PATIENCE {
                return Err(AdminError::Locked(PATIENCE.as_secs()));
            }
            if !std::mem::replace(&mut told, true) {
                progress(Progress::Waiting);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The verifier is computed here, so that the password itself reaches neither the server's log nor `pg_stat_statements`.
    async fn set_password(&self, login: &Target) -> Result<(), AdminError> {
        let Some((user, password)) = login.credentials() else {
            return Ok(());
        };
        // Supabase's pooler wants `mako.<project>`; any other name is a role of the administrator's own.
        if user.split('.').next() != Some("mako") {
            return Ok(());
        }
        let verifier = postgres_protocol::password::scram_sha_256(password);
        self.run(
            "setting the password of the role mako",
            &format!("alter role mako password '{verifier}'"),
        )
        .await
    }

    pub(super) async fn run_migrations(&mut self) -> Result<usize, AdminError> {
        let mut runner = embedded::migrations::runner().set_abort_divergent(true);
        runner.set_migration_table_name(LEDGER);
        let report: Report = runner
            .run_async(&mut self.client)
            .await
            .map_err(|error| AdminError::Migrations(describe(&error)))?;
        Ok(report.applied_migrations().len())
    }

    pub(super) async fn applied_versions(&self) -> Result<Vec<i32>, AdminError> {
        let at = || AdminError::at("reading mako.schema_history");
        let there = self
            .client
            .query_one("select to_regclass('mako.schema_history') is not null", &[])
            .await;
        if !there.map_err(at())?.get::<_, bool>(0) {
            return Ok(Vec::new());
        }
        let rows = self
            .client
            .query("select version from mako.schema_history", &[])
            .await
            .map_err(at())?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    async fn apply(
        &self,
        files: impl Iterator<Item = &'static PolicyFile>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<usize, AdminError> {
        let mut applied = 0;
        for file in files {
            if !self.is_applied(file).await? {
                progress(Progress::Policies(file.0));
                self.apply_policies(file).await?;
                applied += 1;
            }
        }
        Ok(applied)
    }
}

/// refinery keeps the server's own message in the source.
fn describe(error: &refinery::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = match inner
            .downcast_ref::<tokio_postgres::Error>()
            .and_then(|e| e.as_db_error())
        {
            Some(refusal) => format!("{text}: {}", refusal.message()),
            None => text,
        };
        source = inner.source();
    }
    text
}
/// An error that names what a distributed database lacks.
fn refuse_lacking(lacking: &[String]) -> Result<(), AdminError> {
    if lacking.is_empty() {
        return Ok(());
    }
    Err(AdminError::Refused(format!(
        "the database is distributed, and lacks: {}; bring it to one node first: mako migrate --distributed --undo",
        lacking.join(", ")
    )))
}
