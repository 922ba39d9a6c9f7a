//! Rows that name no user are nobody's: kept, counted, invisible to every tenant, until an admin says.

use std::fmt;

use super::super::{Admin, AdminError, Progress};
use super::TENANT_TABLES;
use super::batches::BATCH;
use super::plan::Table;

/// The rows of a table that name no user, by kind.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Orphans {
    /// No user at all.
    pub none: i64,
    /// An empty or meaningless id.
    pub unknown: i64,
    /// An id that Supabase Auth knows (`auth.users`) and `public.users` doesn't.
    pub known_to_auth: i64,
}

impl Orphans {
    /// All kinds together.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.none + self.unknown + self.known_to_auth
    }
}

impl fmt::Display for Orphans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({} without a user, {} with an empty or unknown one, {} whose user only auth.users knows)",
            self.total(),
            self.none,
            self.unknown,
            self.known_to_auth
        )
    }
}

/// What an assignment did to one table.
#[derive(Clone, Debug)]
pub struct Assigned {
    /// The table, of the schema public.
    pub relation: String,
    /// Rows that the user has got.
    pub assigned: i64,
    /// Rows that the user can't have, since one of the same key is there already.
    pub left: i64,
}

impl fmt::Display for Assigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} rows assigned", self.relation, self.assigned)?;
        if self.left > 0 {
            write!(
                f,
                "; {} stay orphans, since the user has a row of the same key: delete one of the two",
                self.left
            )?;
        }
        Ok(())
    }
}

/// Whether a row `t` is an orphan. An event that is nobody's yet is none: routing says whose it is.
fn condition(relation: &str) -> String {
    let nobody = "not exists (select from public.users u where u.id = t.user_id)";
    match relation {
        "webhook_events" => format!("t.user_id is not null and {nobody}"),
        _ => format!("(t.user_id is null or {nobody})"),
    }
}

/// Which rows the user `$1` can't have, on tables where a key is unique within a tenant.
fn clash(relation: &str) -> &'static str {
    match relation {
        "api_keys" => {
            "exists (select from public.api_keys o where o.service_name = t.service_name and (o.user_id = $1
            or (o.id < t.id and not exists (select from public.users u where u.id = o.user_id))))"
        }
        "user_phone_numbers" => {
            "exists (select from public.user_phone_numbers o where o.phone = t.phone and (o.user_id = $1
            or (o.id < t.id and not exists (select from public.users u where u.id = o.user_id))))"
        }
        _ => "false",
    }
}

impl Admin {
    /// Counts a table's rows and its orphans, by kind.
    pub(super) async fn count_rows(
        &self,
        relation: &str,
        columns: &[String],
    ) -> Result<(i64, Orphans), AdminError> {
        let is_owned = TENANT_TABLES.contains(&relation);
        let has_user = columns.iter().any(|name| name == "user_id");
        let (kinds, joins) = match (is_owned, has_user) {
            (false, _) => ("0::bigint, 0::bigint, 0::bigint".to_owned(), String::new()),
            // Before the column is there, no row names anybody.
            (true, false) if relation == "webhook_events" => {
                ("0::bigint, 0::bigint, 0::bigint".to_owned(), String::new())
            }
            (true, false) => ("count(*), 0::bigint, 0::bigint".to_owned(), String::new()),
            (true, true) => self.kinds(relation).await?,
        };
        let row = self
            .client
            .query_one(
                &format!("select count(*), {kinds} from public.{relation} t {joins}"),
                &[],
            )
            .await
            .map_err(AdminError::at(format!("counting the rows of {relation}")))?;
        let orphans = Orphans {
            none: row.get(1),
            unknown: row.get(2),
            known_to_auth: row.get(3),
        };
        Ok((row.get(0), orphans))
    }

    /// Columns that count the three kinds, and the joins that they need.
    async fn kinds(&self, relation: &str) -> Result<(String, String), AdminError> {
        let orphan = condition(relation);
        let readable = self
            .client
            .query_opt(
                "select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace
                 where (n.nspname, c.relname) = ('auth', 'users')
                   and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')",
                &[],
            )
            .await
            .map_err(AdminError::at("looking for auth.users"))?
            .is_some();
        let (known, join) = if readable {
            (
                "a.id is not null",
                "left join auth.users a on a.id::text = t.user_id",
            )
        } else {
            ("false", "")
        };
        Ok((
            format!(
                "count(*) filter (where {orphan} and t.user_id is null),
                 count(*) filter (where {orphan} and t.user_id is not null and not {known}),
                 count(*) filter (where {orphan} and t.user_id is not null and {known})"
            ),
            join.to_owned(),
        ))
    }

    /// Gives every orphan to a user, a few rows at a time.
    pub async fn assign_orphans(
        &self,
        user_id: &str,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Vec<Assigned>, AdminError> {
        self.lock(progress).await?;
        self.prepare_session().await?;
        let tables = self.live_tables().await?;
        let found = if tables.iter().any(|table| table.relation == "users") {
            self.client
                .query("select 1 from public.users where id = $1", &[&user_id])
                .await
                .map_err(AdminError::at("looking for the user"))?
        } else {
            Vec::new()
        };
        if found.is_empty() {
            return Err(AdminError::Refused(format!(
                "public.users has no user with the id {user_id:?}; orphans can only be given to one that is there"
            )));
        }
        let mut assigned = Vec::new();
        for table in tables
            .iter()
            .filter(|table| TENANT_TABLES.contains(&table.relation.as_str()))
        {
            if !table.columns.iter().any(|name| name == "user_id") {
                return Err(AdminError::Refused(format!(
                    "public.{} has no column user_id yet: run `mako adopt --apply` first",
                    table.relation
                )));
            }
            let done = self.assign(&table.relation, user_id, progress).await?;
            if done.assigned + done.left > 0 {
                assigned.push(done);
            }
        }
        Ok(assigned)
    }

    async fn assign(
        &self,
        relation: &str,
        user_id: &str,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Assigned, AdminError> {
        let (orphan, clash) = (condition(relation), clash(relation));
        let change = format!(
            "with batch as (select id from public.{relation} where id > $2 order by id limit {BATCH}),
             changed as (
               update public.{relation} t set user_id = $1 from batch
               where t.id = batch.id and {orphan} and not {clash}
               returning 1
             )
             select (select max(id) from batch), (select count(*) from changed)"
        );
        let what = format!("assigning orphans of {relation}");
        let assigned = self.walk(&what, &change, &[&user_id], progress).await?;
        let left = self
            .client
            .query_one(
                &format!("select count(*) from public.{relation} t where {orphan}"),
                &[],
            )
            .await
            .map_err(AdminError::at(what))?;
        Ok(Assigned {
            relation: relation.to_owned(),
            assigned,
            left: left.get(0),
        })
    }
}

/// The tables of a plan that have orphans.
pub(super) fn with_orphans(tables: &[Table]) -> impl Iterator<Item = &Table> {
    tables.iter().filter(|table| table.orphans.total() > 0)
}
