//! Whether nodes hear from the coordinator who speaks, as the service has it told, and forget it with the transaction; and
//! what somebody unknown sees through it of the rows that are there.

use serde_json::json;
use tokio_postgres::{Client, SimpleQueryRow};

use super::cluster::{Cluster, label, rows, rows_of};
use crate::Error;
use crate::model::Model;
use crate::persona::signed_in_role;
use crate::report::{Finding, Report, Reproduction};
use crate::rules::{self, Rule};
use crate::sql::literal;

/// A question that is answered on the node which would have an id's rows.
struct Question {
    table: String,
    shard: String,
    group: i32,
    /// The same role and claims as the service's, made up.
    role: String,
    claims: String,
    sql: String,
}

/// What a node says that it was told.
#[derive(Debug, Eq, PartialEq)]
enum Heard {
    /// What was sent, and nothing.
    Sent,
    Nothing,
    /// Something else.
    Other,
    /// The role may not read the table: nothing is asked there.
    Denied,
    Refused(String),
}

/// Asks every shard of every table that a user may read.
pub(super) async fn hear(
    client: &Client,
    cluster: &Cluster,
    model: &Model,
    report: &mut Report,
) -> Result<(), Error> {
    let forwards = "select 1 where to_regprocedure('mako.forward_claims(text)') is not null";
    if rows(client, forwards).await?.is_empty() {
        let missing = "nothing tells other nodes who speaks: mako.forward_claims(text) is missing";
        report.not_tested.push(missing.to_owned());
        return Ok(());
    }
    let mut planted = false;
    for row in rows(client, include_str!("../../sql/nodes/ids.sql")).await? {
        let Some(question) = Question::of(&row, model) else {
            report.not_tested.push(format!(
                "no id was found whose rows would lie in {}",
                row.get(3).unwrap_or_default()
            ));
            continue;
        };
        let heard = question.ask(client, &question.told(&question.claims)).await;
        if heard == Heard::Sent && !planted {
            planted = true;
            question.plant(client, report).await;
        }
        let forgotten = match heard {
            Heard::Sent => question.ask(client, &question.untold()).await,
            _ => Heard::Nothing,
        };
        note(&question, cluster, &heard, &forgotten, report);
    }
    strangers(client, cluster, model, report).await;
    Ok(())
}

impl Question {
    fn of(row: &SimpleQueryRow, model: &Model) -> Option<Self> {
        let (id, role) = (row.get(5)?, signed_in_role(model));
        Some(Self {
            table: row.get(0)?.to_owned(),
            shard: label(row.get(3)?),
            group: row.get(4)?.parse().ok()?,
            claims: json!({"sub": id, "role": role}).to_string(),
            role,
            sql: format!(
                "select count(*), coalesce(current_setting('request.jwt.claims', true), ''), current_user from {} where {} = {}",
                row.get(1)?,
                row.get(2)?,
                literal(id)
            ),
        })
    }

    /// Begins a transaction as the service does.
    fn told(&self, claims: &str) -> String {
        format!("begin; {}", told(claims, &self.role))
    }

    /// Begins one in which nobody speaks.
    fn untold(&self) -> String {
        format!("begin; select set_config('role', {}, true)", literal(&self.role))
    }

    /// Asks in a transaction that begins like that.
    async fn ask(&self, client: &Client, beginning: &str) -> Heard {
        let answer = client.simple_query(&format!("{beginning}; {}", self.sql)).await;
        // Also after a refusal. The answer is there, so nothing hangs on this one.
        drop(client.simple_query("rollback").await);
        let answer = match answer {
            Ok(messages) => rows_of(messages).pop(),
            Err(error) => {
                return match error.as_db_error() {
                    Some(refusal) if refusal.code().code() == "42501" => Heard::Denied,
                    Some(refusal) => Heard::Refused(refusal.message().to_owned()),
                    None => Heard::Refused("the connection was lost".to_owned()),
                };
            }
        };
        let heard = answer.as_ref().map(|row| (row.get(1), row.get(2)));
        match heard {
            Some((Some(claims), Some(role))) if claims == self.claims && role == self.role => Heard::Sent,
            Some((Some(""), _)) => Heard::Nothing,
            _ => Heard::Other,
        }
    }

    /// Whether another's claims would be noticed, and some that outlive their transaction.
    async fn plant(&self, client: &Client, report: &mut Report) {
        let other = self
            .ask(client, &self.told(&json!({"sub": "another"}).to_string()))
            .await;
        let kept = self
            .ask(client, &format!("{}; {}", self.told(&self.claims), self.sql))
            .await;
        for (caught, what) in [
            (other == Heard::Other, "another's"),
            (kept == Heard::Sent, "kept"),
        ] {
            report.controls.planted += 1;
            if caught {
                report.controls.caught += 1;
            } else {
                report
                    .controls
                    .missed
                    .push(format!("{what} claims on {}", self.shard));
            }
        }
    }
}

fn told(claims: &str, role: &str) -> String {
    format!(
        "select mako.forward_claims({}), set_config('role', {}, true)",
        literal(claims),
        literal(role)
    )
}

fn note(question: &Question, cluster: &Cluster, heard: &Heard, forgotten: &Heard, report: &mut Report) {
    let place = format!("{} on {}", question.shard, cluster.node(question.group));
    match (heard, forgotten) {
        (Heard::Sent, Heard::Nothing) => {
            let node = cluster.node(question.group);
            if let Some(node) = report.nodes.iter_mut().find(|known| known.node == node) {
                node.claims += 1;
            }
        }
        (Heard::Sent, Heard::Sent | Heard::Other) => {
            let shown = format!(
                "{}; {}; rollback; {}; {}; rollback",
                question.told(&question.claims),
                question.sql,
                question.untold(),
                question.sql
            );
            accuse(
                report,
                &question.table,
                rules::CLAIMS_OF_ANOTHER,
                &format!("Claims outlive their transaction ({place})"),
                shown,
            );
        }
        (Heard::Other, _) => {
            let shown = format!("{}; {}; rollback", question.told(&question.claims), question.sql);
            accuse(
                report,
                &question.table,
                rules::CLAIMS_OF_ANOTHER,
                &format!("Another's claims or role arrive ({place})"),
                shown,
            );
        }
        (Heard::Denied, _) => {}
        (Heard::Nothing, _) => doubt(
            report,
            &question.table,
            format!("nobody's claims arrive at {place}: users see nothing there"),
        ),
        (Heard::Refused(why), _) | (_, Heard::Refused(why)) => doubt(
            report,
            &question.table,
            format!("through the coordinator {place} says: {why}"),
        ),
        (Heard::Sent, Heard::Denied) => doubt(
            report,
            &question.table,
            format!("{place} says once this, once that of the role's rights"),
        ),
    }
}

/// What somebody unknown sees through the coordinator, of whatever rows there are.
async fn strangers(client: &Client, cluster: &Cluster, model: &Model, report: &mut Report) {
    let role = signed_in_role(model);
    let claims = json!({"sub": "mako-prove-nobody", "role": role}).to_string();
    let tables: Vec<String> = report
        .relations
        .iter()
        .filter(|relation| relation.class.starts_with("tenant"))
        .map(|relation| relation.relation.clone())
        .filter(|name| cluster.placed.iter().any(|placed| placed.table == *name))
        .filter(|name| !opens_rows(model, name))
        .collect();
    for table in tables {
        let Some((schema, name)) = table.split_once('.') else {
            continue;
        };
        let asked = format!(
            "select count(*) from {}.{}",
            crate::sql::ident(schema),
            crate::sql::ident(name)
        );
        let shown = format!("begin; {}; {asked}", told(&claims, &role));
        let answer = client.simple_query(&shown).await;
        drop(client.simple_query("rollback").await);
        match answer.map(rows_of) {
            Ok(rows) => {
                let seen = rows.last().and_then(|row| row.get(0)).unwrap_or_default();
                if seen != "0" {
                    accuse(
                        report,
                        &table,
                        rules::CROSS_TENANT_READ,
                        "A user whom nobody knows sees rows of {} through the coordinator",
                        format!("{shown}; rollback"),
                    );
                }
            }
            Err(error) if error.code().is_some_and(|code| code.code() == "42501") => {}
            Err(error) => doubt(
                report,
                &table,
                format!("through the coordinator: {}", Error::from_postgres(&error)),
            ),
        }
    }
}

/// Whether some rows are for others as well.
pub(super) fn opens_rows(model: &Model, name: &str) -> bool {
    let entry = name
        .split_once('.')
        .and_then(|(schema, name)| model.entry(schema, name));
    entry.is_some_and(|entry| entry.public_where.is_some() || !entry.readers.is_empty())
}

pub(super) fn accuse(report: &mut Report, table: &str, rule: &'static Rule, message: &str, shown: String) {
    let Some(relation) = report
        .relations
        .iter_mut()
        .find(|relation| relation.relation == table)
    else {
        return;
    };
    if relation.findings.iter().any(|known| known.rule == rule) {
        return;
    }
    relation.findings.insert(
        0,
        Finding {
            rule,
            message: message.replace("{}", table),
            reproduce: Reproduction::from(shown),
            place: None,
            remedy: None,
        },
    );
}

pub(super) fn doubt(report: &mut Report, table: &str, why: String) {
    if let Some(relation) = report
        .relations
        .iter_mut()
        .find(|relation| relation.relation == table)
    {
        relation.not_tested.push(why);
    }
}
