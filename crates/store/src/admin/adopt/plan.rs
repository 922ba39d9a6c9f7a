//! Plans what an adoption would do here. Read in one read-only transaction: the tables as they are, what they lack,
//! what is in the way, and the SQL that would take it all back.

use super::super::policies::{self, PolicyFile};
use super::super::{Admin, AdminError};
use super::locks::UNHURRIED;
use super::orphans::Orphans;
use super::steps::{Kind, Phase, Step};
use super::{TABLES, blockers};

/// A table of the CRM, as it is.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name in the schema public.
    pub relation: String,
    /// Its rows.
    pub rows: i64,
    /// Its size with indexes, in bytes.
    pub bytes: i64,
    /// Its columns.
    pub columns: Vec<String>,
    /// Its rows that name no user.
    pub orphans: Orphans,
    /// What it lacks, in the order in which it comes.
    pub steps: Vec<Step>,
    /// Policies on it that are not Mako's.
    pub policies: Vec<Policy>,
    /// Rights on it that its policy file takes away or gives anew.
    pub grants: Vec<Grant>,
    /// Roles other than the API's that row-level security will bind.
    pub bound: Vec<Grant>,
    /// The SQL that brings it back to what it is now, or was before the first adoption.
    pub rollback: String,
    pub(super) owner: String,
    pub(super) is_ours: bool,
    pub(super) has_rows: bool,
    pub(super) other_types: Vec<String>,
}

/// A policy that is not Mako's.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// What it says.
    pub text: String,
    /// Whether it is one of the CRM's own that let everybody in; those are dropped, others stay under the floor.
    pub is_the_crms: bool,
}

/// Somebody's rights on a table.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The role, or `public`.
    pub role: String,
    /// The rights.
    pub rights: String,
}

/// Something of the schema public that is not protected.
#[derive(Clone, Debug)]
pub struct Unprotected {
    /// The table, view, function or role.
    pub object: String,
    /// What is wrong.
    pub problem: String,
    /// The statement that closes it.
    pub fix: String,
}

/// What an adoption would do.
#[derive(Clone, Debug)]
pub struct AdoptionPlan {
    /// The database.
    pub database: String,
    /// The role that it was made as.
    pub admin: String,
    /// The tables that are there.
    pub tables: Vec<Table>,
    /// The tables that are not there, and are made.
    pub missing: Vec<&'static str>,
    /// What an admin must settle first, each with the line that does.
    pub blockers: Vec<String>,
    /// What `policies/verify.sql` finds beyond the CRM's tables.
    pub holes: Vec<Unprotected>,
    /// Policy files that are not in force.
    pub(super) files: Vec<&'static PolicyFile>,
    /// Migrations that are not applied.
    pub(super) migrations: Vec<String>,
}

impl AdoptionPlan {
    /// Whether an adoption would change anything.
    #[must_use]
    pub fn is_adopted(&self) -> bool {
        self.files.is_empty() && self.migrations.is_empty() && self.steps(Phase::Apply).next().is_none()
    }

    /// Whether nothing is left to enforce either.
    #[must_use]
    pub fn is_enforced(&self) -> bool {
        // Old rows beyond the limits may stay for ever, so that their validation may never succeed.
        let mut steps = self.steps(Phase::Enforce);
        self.is_adopted() && steps.all(|step| step.kind == Kind::ValidateLimits)
    }

    /// The steps of a phase, in their order.
    pub fn steps(&self, phase: Phase) -> impl Iterator<Item = &Step> {
        self.tables
            .iter()
            .flat_map(|table| &table.steps)
            .filter(move |step| step.phase == phase)
    }
}

/// Names of the policies that a file makes.
pub(super) fn policies_of(relation: &str) -> Vec<String> {
    let file = policies::FILES
        .iter()
        .find(|file| file.0 == format!("{relation}.sql"));
    let lines = file.map_or("", |file| file.1).lines();
    lines
        .filter_map(|line| line.strip_prefix("create policy "))
        .filter_map(|rest| rest.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

impl Admin {
    /// What an adoption would do; changes nothing.
    pub async fn plan_adoption(&self) -> Result<AdoptionPlan, AdminError> {
        let begin = format!(
            "begin isolation level repeatable read read only; set local lock_timeout = '{UNHURRIED}'"
        );
        self.run("planning", &begin).await?;
        let plan = self.read_plan().await;
        self.run("planning", "rollback").await?;
        plan
    }

    async fn read_plan(&self) -> Result<AdoptionPlan, AdminError> {
        let row = self
            .client
            .query_one(
                "select current_database()::text, current_user::text, rolsuper or rolbypassrls
                 from pg_roles where rolname = current_user",
                &[],
            )
            .await
            .map_err(AdminError::at("planning"))?;
        let (database, admin, sees_all): (String, String, bool) = (row.get(0), row.get(1), row.get(2));
        let mut tables = self.live_tables().await?;
        let blockers = blockers::of(&admin, sees_all, &tables);
        if blockers.is_empty() {
            self.read_details(&mut tables).await?;
        }
        Ok(AdoptionPlan {
            missing: TABLES
                .into_iter()
                .filter(|name| tables.iter().all(|table| table.relation != *name))
                .collect(),
            files: self.files_not_in_force().await?,
            holes: self.other_holes().await?,
            migrations: self.pending_migrations().await?,
            database,
            admin,
            tables,
            blockers,
        })
    }

    /// The tables that are there, without what takes reading their rows.
    pub(super) async fn live_tables(&self) -> Result<Vec<Table>, AdminError> {
        let rows = self
            .client
            .query(
                include_str!("../../../../../sql/adopt/tables.sql"),
                &[&TABLES.as_slice()],
            )
            .await
            .map_err(AdminError::at("reading the tables"))?;
        Ok(rows
            .iter()
            .map(|row| Table {
                relation: row.get(0),
                has_rows: ["r", "p"].contains(&row.get::<_, &str>(1)),
                owner: row.get(2),
                is_ours: row.get(3),
                bytes: row.get(4),
                columns: row.get(5),
                other_types: row.get::<_, Option<Vec<String>>>(6).unwrap_or_default(),
                rows: 0,
                orphans: Orphans::default(),
                steps: Vec::new(),
                policies: Vec::new(),
                grants: Vec::new(),
                bound: Vec::new(),
                rollback: String::new(),
            })
            .collect())
    }

    async fn read_details(&self, tables: &mut [Table]) -> Result<(), AdminError> {
        let mut lacking = self.lacking().await?;
        for table in tables {
            (table.rows, table.orphans) = self.count_rows(&table.relation, &table.columns).await?;
            table.steps = lacking
                .extract_if(.., |step| step.relation == table.relation)
                .collect();
            table.policies = self.other_policies(&table.relation).await?;
            self.read_grants(table).await?;
            table.rollback = self.rollback(&table.relation).await?;
        }
        Ok(())
    }

    async fn other_policies(&self, relation: &str) -> Result<Vec<Policy>, AdminError> {
        let ours = policies_of(relation);
        let rows = self
            .client
            .query(
                include_str!("../../../../../sql/adopt/policies.sql"),
                &[&relation, &ours],
            )
            .await
            .map_err(AdminError::at("reading the policies"))?;
        Ok(rows
            .iter()
            .map(|row| Policy {
                name: row.get(0),
                text: row.get(1),
                is_the_crms: row.get(2),
            })
            .collect())
    }

    async fn read_grants(&self, table: &mut Table) -> Result<(), AdminError> {
        let rows = self
            .client
            .query(
                include_str!("../../../../../sql/adopt/grants.sql"),
                &[&table.relation],
            )
            .await
            .map_err(AdminError::at("reading the grants"))?;
        for row in &rows {
            let grant = Grant {
                role: row.get(0),
                rights: row.get(1),
            };
            match (row.get(2), row.get(3)) {
                (true, _) => table.grants.push(grant),
                (false, false) => table.bound.push(grant),
                (false, true) => (),
            }
        }
        Ok(())
    }

    /// The CRM's own tables and functions are the adoption's to protect; others are the admin's.
    async fn other_holes(&self) -> Result<Vec<Unprotected>, AdminError> {
        let rows = self
            .client
            .query(include_str!("../../../../../policies/verify.sql"), &[])
            .await
            .map_err(AdminError::at("policies/verify.sql"))?;
        let holes = rows.iter().map(|row| Unprotected {
            object: row.get(0),
            problem: row.get(1),
            fix: row.get(2),
        });
        let is_ours = |object: &str| {
            object.starts_with("mako.")
                || object
                    .strip_prefix("public.")
                    .is_some_and(|name| TABLES.contains(&name.split('.').next().unwrap_or(name)))
        };
        Ok(holes.filter(|hole| !is_ours(&hole.object)).collect())
    }

    async fn files_not_in_force(&self) -> Result<Vec<&'static PolicyFile>, AdminError> {
        let mut files = Vec::new();
        for file in policies::FILES {
            if !self.is_applied(file).await? {
                files.push(file);
            }
        }
        Ok(files)
    }
}
