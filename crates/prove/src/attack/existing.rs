//! Picks rows of real tenants that may be what no made-up one is: a few that differ in what policies speak of, for
//! blind writes.

use std::collections::BTreeSet;

use super::change::CHANGES;
use super::{Attack, Attempt, Stage, Target};
use crate::assessment::Assessment;
use crate::catalog::{Category, Column, Relation, RelationKind, Rights};
use crate::context::Context;
use crate::ids::{PersonaId, RelationId};
use crate::plan::Class;
use crate::rules::Rule;
use crate::script::Script;
use crate::sql::ident;

/// Blind writes once more, behind a fence that admits real rows; taken back like everything.
pub(super) struct BlindOnReal;

impl Attack for BlindOnReal {
    fn rules(&self) -> &'static [&'static Rule] {
        &CHANGES
    }

    fn stage(&self) -> Stage {
        Stage::BlindOnReal
    }

    fn attempts(&self, context: &Context<'_>, Target { relation, real, .. }: Target<'_>) -> Vec<Attempt> {
        if real.is_empty() {
            return Vec::new();
        }
        let table = &context.catalog.relations[relation];
        let places: BTreeSet<&str> = real.iter().map(String::as_str).collect();
        let judge = format!("select {}", context.moved(relation, &places));
        let fence = format!(
            "create policy \"mako prove\" on {} as restrictive for all to public \
             using (tableoid = {} and ctid = any ({})) with check (true)",
            table.sql(),
            table.oid,
            super::judge::tids(&places)
        );
        let plain = |attempt: &Attempt| {
            attempt.persona == PersonaId::PLAIN || context.personas[attempt.persona].who.is_none()
        };
        let mut attempts = context.blind_changes(relation);
        attempts.retain(plain);
        for attempt in &mut attempts {
            attempt.judge = Some(judge.clone());
            attempt.fence.clone_from(&fence);
        }
        attempts
    }
}

impl Context<'_> {
    /// Where real rows are, one of each kind.
    pub(super) async fn existing(&self, relation: RelationId, about: &Assessment) -> Vec<String> {
        let table = &self.catalog.relations[relation];
        let writes = |rights: &Rights| rights.updates() || rights.deletes();
        if table.kind != RelationKind::Table
            || !table.owned
            || table.is_planted()
            || !matches!(self.plan.classes[relation], Class::Tenant { .. })
            || about.leaks()
            || !table.rights.values().any(writes)
        {
            return Vec::new();
        }
        let mut parts = vec!["(select mako_at from mako_row limit 4)".to_owned()];
        parts.extend(self.kinds(relation).iter().map(|kind| {
            format!("(select mako_at from (select distinct on ({kind}) mako_at from mako_row) as mako_kind limit 8)")
        }));
        let sql = format!(
            "with mako_row as materialized (select *, ctid::text as mako_at from only {} \
             where {} limit 2000) \
             select string_agg(mako_at, ';') from ({}) as mako_place",
            table.sql(),
            table.of_part("age(xmin) > age(pg_current_xact_id()::xid)".to_owned()),
            parts.join(" union ")
        );
        let outcome = self.session.attempt(vec![Script::default().ask(sql)]).await.pop();
        let rows = outcome.and_then(Result::ok).unwrap_or_default();
        let places = rows.into_iter().flatten().flatten().next();
        places
            .map(|places| places.split(';').map(str::to_owned).collect())
            .unwrap_or_default()
    }

    /// What tells kinds of rows apart: the content of which the policies speak.
    fn kinds(&self, relation: RelationId) -> Vec<String> {
        let table: &Relation = &self.catalog.relations[relation];
        let spoken_of = |column: &&Column| {
            self.plan.meaning(relation, &column.name).is_none()
                && table.key().is_none_or(|key| !key.contains(&column.name.as_str()))
                && table
                    .policies
                    .iter()
                    .any(|policy| policy.text().contains(&column.name))
        };
        let kind = |column: &Column| {
            let name = ident(&column.name);
            match column.category {
                Category::Boolean | Category::Enum | Category::String | Category::Numeric
                    if column.comparable =>
                {
                    name
                }
                _ => format!("({name} is null)"),
            }
        };
        table.columns.iter().filter(spoken_of).take(4).map(kind).collect()
    }
}
