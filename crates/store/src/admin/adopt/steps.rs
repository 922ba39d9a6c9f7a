//! Finds what a live table lacks. Read from the catalog by the query that V1 itself executes, so that a table taken
//! over in small steps and one made by a migration come to the same shape.

use std::fmt;

use super::super::{Admin, AdminError};

const V1: &str = include_str!("../../../../../sql/migrations/V1__crm_tables.sql");

/// When a step is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Refuses no write of the present writers.
    Apply,
    /// Refuses what the old writers may still do.
    Enforce,
}

/// What a step does, and so which locks it takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Columns,
    Fill,
    ForeignKey,
    Remnant,
    Index,
    Check,
    Validate,
    ValidateLimits,
    NotNull,
}

/// One thing that a table lacks, and the statement that brings it.
#[derive(Clone, Debug)]
pub struct Step {
    /// When it is due.
    pub phase: Phase,
    /// The table, of the schema public.
    pub relation: String,
    /// What it is, in words.
    pub words: String,
    /// The statement.
    pub sql: String,
    pub(super) kind: Kind,
}

/// Rows a second and bytes a second that any present machine manages: estimates are to err on the long side.
const INDEXED: f64 = 200_000.0;
const SCANNED: f64 = 50_000_000.0;

/// How a strong lock is taken, in words; see [`super::locks::BRIEF`].
pub(super) const BRIEFLY: &str =
    "for milliseconds once granted; never waited for longer than 250 ms at a time";

impl Step {
    /// Which lock it takes, whom that stops, and for how long by estimate.
    #[must_use]
    pub fn lock(&self, rows: i64, bytes: i64) -> String {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let (rows, bytes) = (rows as f64, bytes as f64);
        match self.kind {
            Kind::Columns | Kind::Check | Kind::NotNull => {
                format!("access exclusive on {}, {BRIEFLY}", self.relation)
            }
            Kind::ForeignKey => format!("share row exclusive on {} and users, {BRIEFLY}", self.relation),
            Kind::Fill => "the rows themselves, 500 at a time".to_owned(),
            Kind::Remnant => "none that stops reading or writing (concurrently)".to_owned(),
            Kind::Index => format!(
                "none that stops reading or writing (concurrently); about {}",
                seconds(rows / INDEXED)
            ),
            Kind::Validate | Kind::ValidateLimits => {
                format!(
                    "none that stops reading or writing; about {}",
                    seconds(bytes / SCANNED)
                )
            }
        }
    }

    /// The statement as it is executed on a live table.
    pub(super) fn live_sql(&self) -> String {
        match self.kind {
            Kind::Index | Kind::Remnant => self.sql.replacen("index ", "index concurrently ", 1),
            _ => self.sql.clone(),
        }
    }
}

fn seconds(estimate: f64) -> String {
    if estimate < 1.0 {
        "a second".to_owned()
    } else {
        format!("{estimate:.0} s")
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Apply => "apply",
            Self::Enforce => "enforce",
        })
    }
}

/// The query between a migration's marks.
pub(in crate::admin) fn lacking_query(migration: &str) -> &str {
    let after = migration
        .split_once("-- lacking {")
        .map_or("", |(_, after)| after);
    after.split_once("-- } lacking").map_or("", |(query, _)| query)
}

impl Admin {
    /// What the tables that are there lack, in the order in which it is to be brought.
    pub(super) async fn lacking(&self) -> Result<Vec<Step>, AdminError> {
        let rows = self
            .client
            .query(lacking_query(V1), &[])
            .await
            .map_err(AdminError::at("reading what the tables lack"))?;
        let mut steps = Vec::new();
        for row in &rows {
            let step = step(row)?;
            if step.kind != Kind::Fill || self.is_to_fill(&step).await? {
                steps.push(step);
            }
        }
        Ok(steps)
    }

    /// Whether a table has rows without a value that columns promise; the catalog only says that it may.
    async fn is_to_fill(&self, step: &Step) -> Result<bool, AdminError> {
        let condition = step
            .sql
            .rsplit_once(" where ")
            .map_or("true", |(_, condition)| condition);
        let found = self
            .client
            .query_opt(
                &format!("select 1 from public.{} where {condition} limit 1", step.relation),
                &[],
            )
            .await
            .map_err(AdminError::at(format!("reading what {} lacks", step.relation)))?;
        Ok(found.is_some())
    }
}

fn step(row: &tokio_postgres::Row) -> Result<Step, AdminError> {
    let (phase, kind): (&str, &str) = (row.get(0), row.get(1));
    Ok(Step {
        phase: if phase == "apply" {
            Phase::Apply
        } else {
            Phase::Enforce
        },
        kind: match kind {
            "columns" => Kind::Columns,
            "fill" => Kind::Fill,
            "foreign key" => Kind::ForeignKey,
            "remnant" => Kind::Remnant,
            "index" => Kind::Index,
            "check" => Kind::Check,
            "validate" => Kind::Validate,
            "validate limits" => Kind::ValidateLimits,
            "not null" => Kind::NotNull,
            other => {
                return Err(AdminError::Migrations(format!(
                    "V1 names the unknown step {other}"
                )));
            }
        },
        relation: row.get(2),
        words: row.get(3),
        sql: squeeze(row.get(4)),
    })
}

/// On one line, as people read it in a plan.
fn squeeze(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_is_found_between_its_marks() {
        assert!(lacking_query(V1).trim_start().starts_with("with"));
        assert!(lacking_query(V1).trim_end().ends_with("order by place, relation"));
    }

    #[test]
    fn an_index_of_a_live_table_is_built_concurrently() {
        let step = |sql: &str| Step {
            phase: Phase::Apply,
            kind: Kind::Index,
            relation: "leads".to_owned(),
            words: String::new(),
            sql: sql.to_owned(),
        };
        assert_eq!(
            step("create unique index x on leads (index_no)").live_sql(),
            "create unique index concurrently x on leads (index_no)"
        );
    }
}
