//! Tells whether it is still the catalog that was proven: a digest of everything that decides who can reach what:
//! relations, columns, grants, policies, constraints, triggers, views, functions, roles. Not of rows.

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
        .map(of_lines)
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

/// What `mako serve --require-proof` needs of a report.
#[derive(Debug, serde::Deserialize)]
pub struct Proof {
    verdict: String,
    fingerprint: String,
    schemas: Vec<String>,
    #[serde(default)]
    elsewhere: Vec<String>,
    roles: Vec<String>,
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
    /// The catalog is another.
    #[error(
        "the database has changed since it was proven: run `mako prove --format json` again, and keep its report"
    )]
    Drifted,
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
        let now = fingerprint(client, &self.schemas, &self.elsewhere, &self.roles).await?;
        if now == self.fingerprint {
            Ok(())
        } else {
            Err(NotProven::Drifted)
        }
    }
}
