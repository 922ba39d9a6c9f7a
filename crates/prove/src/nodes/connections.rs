//! What whoever connects to a node gets: nobody should be let in as an API role, and nobody who is should see a row.

use serde_json::json;
use tokio_postgres::Client;

use super::claims::{accuse, doubt, opens_rows};
use super::cluster::{Cluster, Dial, Node, Placed, rows_of};
use crate::Error;
use crate::model::{Model, split_name};
use crate::report::{Finding, Report, Reproduction};
use crate::rules;
use crate::sql::{ident, literal};

/// Connects to each node as each API role, without a password.
pub(super) async fn open(cluster: &Cluster, model: &Model, dial: &Dial<'_>, report: &mut Report) {
    for node in &cluster.nodes {
        for role in &model.roles {
            let said = match dial(node, Some(role)).await {
                Err(why) => format!("not let in: {why}"),
                Ok(client) => {
                    let caller = Caller {
                        client: &client,
                        node,
                        role,
                    };
                    let (seen, asked) = look(&caller, cluster, model, report).await;
                    lets_in(node, role, report);
                    format!("let in without a password; of {asked} shards it sees rows of {seen}")
                }
            };
            let address = node.to_string();
            if let Some(known) = report.nodes.iter_mut().find(|known| known.node == address) {
                known.connections.insert(role.clone(), said);
            }
        }
    }
}

/// Who is let in where.
struct Caller<'c> {
    client: &'c Client,
    node: &'c Node,
    role: &'c str,
}

/// Of how many of how many shards rows are seen.
async fn look(caller: &Caller<'_>, cluster: &Cluster, model: &Model, report: &mut Report) -> (usize, usize) {
    let mut answers = Vec::new();
    for placed in &cluster.placed {
        if placed.group == caller.node.group && !opens_rows(model, &placed.table) {
            answers.push(caller.sees(placed, report).await);
        }
    }
    let seen = answers.iter().filter(|sees| **sees).count();
    (seen, answers.len())
}

impl Caller<'_> {
    /// Whether rows of a shard show, to nobody or to somebody unknown.
    async fn sees(&self, placed: &Placed, report: &mut Report) -> bool {
        let Some((schema, name)) = split_name(&placed.shard) else {
            doubt(
                report,
                &placed.table,
                format!("{} has a name that isn't understood", placed.shard),
            );
            return false;
        };
        let unknown = json!({"sub": "mako-prove-nobody", "role": self.role}).to_string();
        for claims in ["", &unknown] {
            let question = format!(
                "begin; select set_config('request.jwt.claims', {}, true); select count(*) from {}.{}",
                literal(claims),
                ident(&schema),
                ident(&name)
            );
            let answer = self.client.simple_query(&question).await;
            // Also after a refusal. The answer is there, so nothing hangs on this one.
            drop(self.client.simple_query("rollback").await);
            match answer.map(rows_of) {
                Ok(rows) if rows.last().and_then(|row| row.get(0)) == Some("0") => {}
                Ok(_) => {
                    let Self { node, role, .. } = self;
                    let shown = format!("-- connected to {node} as {role}\n{question}; rollback");
                    let message = format!(
                        "Who connects to {node} as {role} sees rows of {{}} ({})",
                        placed.shard
                    );
                    accuse(report, &placed.table, rules::DIRECT_CONNECTION, &message, shown);
                    return true;
                }
                Err(error) if error.code().is_some_and(|code| code.code() == "42501") => {}
                Err(error) => {
                    let why = format!(
                        "as {} on {}: {}",
                        self.role,
                        self.node,
                        Error::from_postgres(&error)
                    );
                    doubt(report, &placed.table, why);
                }
            }
        }
        false
    }
}

fn lets_in(node: &Node, role: &str, report: &mut Report) {
    report.findings.push(Finding {
        rule: rules::NODE_LETS_IN,
        message: format!("{node} lets whoever runs this in as {role}, without a password"),
        reproduce: Reproduction::from(format!(
            "-- connected to {node} as {role}\nselect current_user, inet_client_addr()"
        )),
        place: None,
        remedy: None,
    });
}
