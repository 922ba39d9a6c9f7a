//! Controls, which show that a leak would be noticed: planted bad policies, in the same transaction, that must be
//! caught.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::assessment::Assessment;
use crate::catalog::{CONTROLS, Catalog};
use crate::ids::RelationId;
use crate::model::Model;
use crate::persona::signed_in_role;
use crate::plan::{Class, Plan};
use crate::report::Controls;
use crate::rules::{self, Control, Rule};
use crate::script::Script;
use crate::session::Session;
use crate::sql::ident;

/// What is planted, each with the rule that must be found there.
fn planted() -> impl Iterator<Item = (&'static Rule, &'static Control)> {
    rules::ALL
        .iter()
        .flat_map(|rule| rule.controls.iter().map(move |control| (*rule, control)))
}

/// Plants them; the answer says why it couldn't.
pub(crate) async fn plant(session: &Session<'_>, model: &Model, id_type: &str) -> Result<(), String> {
    let role = ident(&signed_in_role(model));
    let mut sql = format!("create schema {CONTROLS}; grant usage on schema {CONTROLS} to {role}; ");
    for (_, Control { table, policy }) in planted() {
        let table = format!("{CONTROLS}.{table}");
        let _ = write!(
            sql,
            "create table {table} (id uuid primary key, tenant {id_type}, words text); grant select, insert, update, delete on {table} to {role}; "
        );
        if policy.is_empty() {
            // Some databases enable it on every new table.
            let _ = write!(sql, "alter table {table} disable row level security; ");
        } else {
            let _ = write!(
                sql,
                "alter table {table} enable row level security; create policy planted on {table} as permissive {policy}; "
            );
        }
    }
    let outcome = session.keep(vec![Script::default().act(sql)]).await.pop();
    match outcome {
        Some(Ok(_)) => Ok(()),
        Some(Err(refusal)) => Err(format!("{} [{}]", refusal.message, refusal.code)),
        None => Err("nothing was sent".to_owned()),
    }
}

/// Which of them were caught. Of an attack whose planted leak was not, nothing is called proven.
pub(crate) fn judge(
    catalog: &Catalog,
    plan: &Plan,
    assessments: &mut BTreeMap<RelationId, Assessment>,
) -> Controls {
    let mut controls = Controls::default();
    let mut missed: Vec<&Rule> = Vec::new();
    for (at, relation) in catalog.relations.with_ids() {
        let Some((rule, _)) =
            planted().find(|(_, control)| relation.is_planted() && relation.name == control.table)
        else {
            continue;
        };
        let about = assessments.entry(at).or_default();
        controls.planted += 1;
        if about.found(rule) {
            controls.caught += 1;
        } else {
            controls
                .missed
                .push(format!("{}: {rule} {:?}", relation.name, about.untested));
            missed.push(rule);
        }
    }
    for (at, about) in assessments.iter_mut() {
        if matches!(plan.classes[*at], Class::Tenant { .. } | Class::Internal) {
            let unproven = missed.iter().filter(|rule| !about.found(rule));
            let reasons: Vec<String> = unproven
                .map(|rule| format!("{rule}: a planted leak of this kind was not noticed"))
                .collect();
            about.untested.extend(reasons);
        }
    }
    controls
}
