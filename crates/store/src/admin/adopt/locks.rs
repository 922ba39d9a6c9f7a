//! Takes locks without stopping a live site. Whoever waits for a strong lock makes everybody who comes later
//! wait behind it, so strong locks are asked for briefly, again and again.

use std::time::{Duration, Instant};

use super::super::{Admin, AdminError, Progress};

/// How long a strong lock is waited for at a time: what a request behind it may lose.
pub(super) const BRIEF: &str = "250ms";
/// How long a lock is waited for that stops nobody: reading.
pub(super) const UNHURRIED: &str = "30s";
/// How long it is tried.
const PATIENCE: Duration = Duration::from_mins(10);
/// What the sleep between two tries grows to.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// How often the one who is in the way is named.
const REMINDER: Duration = Duration::from_secs(5);

impl Admin {
    /// Runs statements as one transaction that alters these tables of the schema public.
    ///
    /// First a lock that stops neither readers nor writers, waited for longer: after a second of that Postgres ends an
    /// autovacuum that is in the way, which it would never do within [`BRIEF`].
    pub(super) async fn gently(
        &self,
        what: &str,
        relations: &[&str],
        sql: &str,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), AdminError> {
        let tables: Vec<_> = relations.iter().map(|name| format!("public.{name}")).collect();
        let weak = if tables.is_empty() {
            String::new()
        } else {
            format!("lock table {} in share update exclusive mode;", tables.join(", "))
        };
        let transaction = format!(
            "begin; set local lock_timeout = '5s'; {weak} set local lock_timeout = '{BRIEF}';\n{sql}\n;\ncommit"
        );
        self.again_and_again(what, &tables, &transaction, progress).await
    }

    /// How long later statements wait for a lock; `0` is for ever.
    pub(super) async fn wait_at_most(&self, time: &str) -> Result<(), AdminError> {
        self.run("setting lock_timeout", &format!("set lock_timeout = '{time}'"))
            .await
    }

    /// Runs a statement until it gets its locks.
    pub(super) async fn again_and_again(
        &self,
        what: &str,
        tables: &[String],
        sql: &str,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), AdminError> {
        let started = Instant::now();
        let mut told: Option<Instant> = None;
        let mut sleep = Duration::from_millis(50);
        loop {
            let refusal = match self.run(what, sql).await {
                Ok(()) => return Ok(()),
                Err(refusal) => refusal,
            };
            if sql.starts_with("begin") {
                self.run("ending a transaction", "rollback").await?;
            }
            // lock_not_available, deadlock_detected
            if !matches!(refusal.sqlstate(), Some("55P03" | "40P01")) || started.elapsed() > PATIENCE {
                return Err(refusal);
            }
            if told.is_none_or(|at| at.elapsed() > REMINDER) {
                told = Some(Instant::now());
                let who = self.in_the_way(tables).await?;
                progress(Progress::Step(format!("{what}: waiting for {who}")));
            }
            tokio::time::sleep(sleep).await;
            sleep = (sleep * 2).min(LONGEST_SLEEP);
        }
    }

    /// The oldest other transaction that holds a lock on one of the tables; without its statement, which names rows.
    async fn in_the_way(&self, tables: &[String]) -> Result<String, AdminError> {
        let found = self
            .client
            .query_opt(
                "select format('process %s of %s, %s for %s s on %s', a.pid, coalesce(a.usename, a.backend_type),
                   coalesce(a.state, 'running'), round(extract(epoch from clock_timestamp() - a.xact_start)), l.relation::regclass)
                 from pg_locks l
                 join pg_stat_activity a using (pid)
                 where l.granted and l.pid <> pg_backend_pid() and l.relation = any ($1::text[]::regclass[]::oid[])
                 order by a.xact_start
                 limit 1",
                &[&tables],
            )
            .await
            .map_err(AdminError::at("looking for the one who is in the way"))?;
        Ok(found.map_or_else(|| "a transaction that has ended".to_owned(), |row| row.get(0)))
    }
}
