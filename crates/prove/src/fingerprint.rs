//! Tells whether it is still the catalog that was proven: a digest of everything that decides who can reach what:
//! relations, columns, grants, policies, constraints, triggers, views, functions, roles. Not of rows.

use std::collections::{BTreeMap, BTreeSet};

use ring::digest;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::Error;
use crate::sql::array;

/// The digest of these schemas, relations of other schemas and API roles, as hexadecimal SHA-256. Needs no right but to connect.
///
/// Sent as one message, so that it works through a transaction pooler.
pub async fn fingerprint(
    client: &Client,
    schemas: &[String],
    elsewhere: &[String],
    roles: &[String],
) -> Result<String, Error> {
    Ok(of_lines(&lines(client, schemas, elsewhere, roles).await?))
}

async fn lines(
    client: &Client,
    schemas: &[String],
    elsewhere: &[String],
    roles: &[String],
) -> Result<String, Error> {
    let sql = format!(
        "begin read only; {}; rollback",
        statement(schemas, elsewhere, roles)
    );
    let messages = client
        .simple_query(&sql)
        .await
        .map_err(|error| Error::from_postgres(&error))?;
    let lines = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row)
            if row
                .columns()
                .first()
                .is_some_and(|column| column.name() == "coalesce") =>
        {
            row.get(0)
        }
        _ => None,
    });
    lines
        .map(str::to_owned)
        .ok_or(Error::Unexpected("the catalog's lines"))
}

/// The statements; names are written out in full, whatever the session's search path is.
pub(crate) fn statement(schemas: &[String], elsewhere: &[String], roles: &[String]) -> String {
    let sql = include_str!("../sql/fingerprint.sql")
        .replace("{schemas}", &array(schemas.iter().map(String::as_str)))
        .replace("{elsewhere}", &array(elsewhere.iter().map(String::as_str)))
        .replace("{roles}", &array(roles.iter().map(String::as_str)));
    format!("set local search_path = ''; {}", sql.trim_end())
}

/// The digest of the catalog's lines.
pub(crate) fn of_lines(lines: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, lines.as_bytes()))
}

/// The digest of each part, so that it can be said what has changed: `policy public.leads` for the policies of a table.
pub(crate) fn parts_of_lines(lines: &str) -> BTreeMap<String, String> {
    let mut parts: BTreeMap<String, digest::Context> = BTreeMap::new();
    for line in lines.lines() {
        let part = parts
            .entry(part_of_line(line))
            .or_insert_with(|| digest::Context::new(&digest::SHA256));
        part.update(line.as_bytes());
        part.update(b"\n");
    }
    let short = |digest: digest::Digest| hex::encode(&digest.as_ref()[..8]);
    parts
        .into_iter()
        .map(|(name, digest)| (name, short(digest.finish())))
        .collect()
}

/// Kind and name, which begin each line; of an index, the table that it is on; of a column, its relation.
fn part_of_line(line: &str) -> String {
    let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = match kind {
        "index" => rest.split_once(" ON ").map_or(rest, |(_, on)| on),
        _ => rest,
    };
    let mut quoted = false;
    let end = rest.find(|letter| {
        quoted ^= letter == '"';
        !quoted && (letter == ' ' || letter == '(')
    });
    let name = &rest[..end.unwrap_or(rest.len())];
    let name = match kind {
        "column" => name.rsplit_once('.').map_or(name, |(relation, _)| relation),
        _ => name,
    };
    format!("{kind} {name}")
}

/// What `mako serve --require-proof` needs of a report.
#[derive(Debug, serde::Deserialize)]
pub struct Proof {
    verdict: String,
    fingerprint: String,
    schemas: Vec<String>,
    #[serde(default)]
    elsewhere: Vec<String>,
    roles: Vec<String>,
    #[serde(default)]
    catalog: BTreeMap<String, String>,
}

/// Why a proof doesn't hold; the text names the fix.
#[derive(Debug, thiserror::Error)]
pub enum NotProven {
    /// Not a report.
    #[error("it is no report of `mako prove --format json`")]
    NoReport,
    /// It says something else.
    #[error("it says {0}, not proven: run `mako prove` and mend what it finds")]
    Verdict(String),
    /// The catalog is another; what of it, if the report says enough.
    #[error(
        "the database has changed since it was proven{}: run `mako prove --format json` again, and keep its report",
        some_of(.0)
    )]
    Drifted(Vec<String>),
    /// The database could not be asked.
    #[error(transparent)]
    Error(#[from] Error),
}

impl Proof {
    /// Reads a JSON report.
    pub fn parse(report: &str) -> Result<Self, NotProven> {
        let proof: Self = serde_json::from_str(report).map_err(|_| NotProven::NoReport)?;
        if proof.verdict == "proven" {
            Ok(proof)
        } else {
            Err(NotProven::Verdict(proof.verdict))
        }
    }

    /// Whether the database still is what was proven.
    pub async fn holds(&self, client: &Client) -> Result<(), NotProven> {
        let lines = lines(client, &self.schemas, &self.elsewhere, &self.roles).await?;
        if of_lines(&lines) == self.fingerprint {
            Ok(())
        } else {
            Err(NotProven::Drifted(self.differences(&parts_of_lines(&lines))))
        }
    }

    /// Parts that are others than they were, new or gone; nothing if the report doesn't name any.
    fn differences(&self, now: &BTreeMap<String, String>) -> Vec<String> {
        if self.catalog.is_empty() {
            return Vec::new();
        }
        let names: BTreeSet<&String> = self.catalog.keys().chain(now.keys()).collect();
        let differ = |name: &&&String| self.catalog.get(**name) != now.get(**name);
        names.iter().filter(differ).map(|name| (**name).clone()).collect()
    }
}

/// So many names fit a line.
const NAMED: usize = 8;

fn some_of(parts: &[String]) -> String {
    let named = parts
        .iter()
        .take(NAMED)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    match parts.len() {
        0 => String::new(),
        count if count > NAMED => format!(" ({named} and {} more)", count - NAMED),
        _ => format!(" ({named})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_part_of_what_it_is_about() {
        for (line, part) in [
            (
                "policy public.leads tenant true r to public using x check ",
                "policy public.leads",
            ),
            (
                "column public.\"odd name\".id uuid t",
                "column public.\"odd name\"",
            ),
            ("function public.f(a integer) owner x", "function public.f"),
            (
                "index CREATE UNIQUE INDEX i ON public.leads USING btree (id)",
                "index public.leads",
            ),
            ("role anon super f", "role anon"),
        ] {
            assert_eq!(part_of_line(line), part);
        }
    }
}
