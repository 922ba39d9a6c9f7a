//! Knows which statement of a project made what: by the transaction that each relation, policy and function is from.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use tokio_postgres::Client;

use super::rows;
use crate::Error;
use crate::catalog::Command;
use crate::report::{Place, Report};
use crate::rules::Column;

/// The place of everything that a project made.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    relations: BTreeMap<String, Place>,
    functions: BTreeMap<String, Place>,
    /// By relation, the newest last: for which command.
    policies: BTreeMap<String, Vec<(Command, Place)>>,
}

/// Asks which transactions have ended by now; every later one has a greater number.
const ENDED: &str = "select pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())";

/// Statements as they are run, each by the first number that its transactions don't have any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Timeline {
    before: u64,
    statements: Vec<(u64, Place)>,
}

impl Timeline {
    pub(super) async fn begin(client: &Client) -> Result<Self, Error> {
        Ok(Self {
            before: ended(client).await?,
            statements: Vec::new(),
        })
    }

    /// A statement has been run. What wrote nothing made nothing.
    pub(super) async fn passed(&mut self, client: &Client, file: &Path, line: usize) -> Result<(), Error> {
        let ended = ended(client).await?;
        let last = self.statements.last().map_or(self.before, |(last, _)| *last);
        if ended > last {
            let file = seen_from_here(file);
            self.statements.push((ended, Place { file, line }));
        }
        Ok(())
    }

    /// What they have made that is there now.
    pub(super) async fn origins(&self, client: &Client) -> Result<Origins, Error> {
        let mut made = rows(client, include_str!("../../sql/project/origins.sql")).await?;
        made.sort_by_key(|row| row.get(3).and_then(|xid| xid.parse::<u64>().ok()));
        let mut origins = Origins::default();
        for row in made {
            let [kind, name, command, xid] = row.as_slice() else {
                return Err(Error::Unexpected("what a project has made"));
            };
            let Some(place) = xid.parse().ok().and_then(|xid| self.place(xid)) else {
                continue;
            };
            let place = place.clone();
            match kind.as_str() {
                "relation" => drop(origins.relations.insert(name.clone(), place)),
                "function" => drop(origins.functions.insert(name.clone(), place)),
                _ => {
                    let command = serde_json::from_value(command.as_str().into())
                        .map_err(|error| Error::Catalog(error.to_string()))?;
                    let policies = origins.policies.entry(name.clone()).or_default();
                    policies.push((command, place));
                }
            }
        }
        Ok(origins)
    }

    fn place(&self, xid: u64) -> Option<&Place> {
        if xid < self.before {
            return None;
        }
        let at = self.statements.partition_point(|(ended, _)| *ended <= xid);
        self.statements.get(at).map(|(_, place)| place)
    }
}

impl Report {
    /// Says of each finding which statement decides it: the newest policy for what the attacker does, since what was
    /// changed last is what is looked at; without one, what made the relation or function.
    pub fn locate(&mut self, origins: &Origins) {
        for relation in &mut self.relations {
            relation.place = origins.relations.get(&relation.relation).cloned();
            for finding in &mut relation.findings {
                let policy = finding
                    .rule
                    .column
                    .and_then(|column| origins.policy(&relation.relation, column));
                finding.place = policy.or(relation.place.as_ref()).cloned();
            }
        }
        for function in &mut self.functions {
            function.place = origins.functions.get(&function.function).cloned();
            for finding in &mut function.findings {
                finding.place.clone_from(&function.place);
            }
        }
    }
}

impl Origins {
    fn policy(&self, relation: &str, column: Column) -> Option<&Place> {
        let command = match column {
            Column::Read => Command::Select,
            Column::Insert | Column::Refer => Command::Insert,
            Column::Update | Column::Move => Command::Update,
            Column::Delete => Command::Delete,
            Column::Effects => return None,
        };
        let policies = self.policies.get(relation)?.iter().rev();
        let mut of_command = policies.filter(|(said, _)| said.covers(command));
        of_command.next().map(|(_, place)| place)
    }
}

/// As the reader of a report would open it.
fn seen_from_here(file: &Path) -> String {
    let here = std::env::current_dir().ok();
    let file = here.and_then(|here| file.strip_prefix(here).ok()).unwrap_or(file);
    let components = file
        .components()
        .filter(|component| *component != Component::CurDir);
    components.collect::<std::path::PathBuf>().display().to_string()
}

async fn ended(client: &Client) -> Result<u64, Error> {
    let row = rows(client, ENDED).await?.into_iter().flatten().next();
    row.and_then(|number| number.parse().ok())
        .ok_or(Error::Unexpected("its transactions"))
}
