//! Weighs what a difference tells: that a value is taken, where it must be unique over all tenants, whoever writes is
//! told: a risk. What goes beyond that is a leak.

use super::Call;
use crate::catalog::{Function, Index};
use crate::context::Context;
use crate::plan::Class;
use crate::script::Refusal;
use crate::seed::{Belongs, Row};

use crate::sql::{ident, literal, typed};

impl Context<'_> {
    /// The constraint that alone explains why a call is answered otherwise as soon as the other tenant is there. It is
    /// asked while they aren't; `refusal` is what the call was told then.
    pub(super) async fn oracle(&self, call: &Call, refusal: Option<Refusal>) -> Option<String> {
        if let Some(refusal) = refusal {
            return self.names_people(&refusal);
        }
        // A bare yes or no, or a refusal; whatever is longer may hold more than that.
        let bare = call.answer.as_deref().is_some_and(|answer| {
            answer.starts_with('!') || ["", "t", "f", "true", "false"].contains(&answer)
        });
        let function = &self.catalog.functions[call.function];
        let conflicts = self.conflicts(function);
        if !bare || conflicts.is_empty() {
            return None;
        }
        let judge = format!(
            "(select string_agg(what, ', ') from ({}) as mako_conflict)",
            conflicts.join(" union ")
        );
        let script = self.call_script(function, &self.personas[call.persona], &call.arguments, &judge);
        let rows = self.session.attempt(vec![script]).await.pop()?.ok()?;
        rows.into_iter().nth(1)?.into_iter().next()?
    }

    /// A foreign key to users or tenants themselves: their ids had to be known before.
    fn names_people(&self, refusal: &Refusal) -> Option<String> {
        let name = refusal.constraint.as_ref().filter(|_| refusal.code == "23503")?;
        let mut keys = self
            .catalog
            .relations
            .iter()
            .flat_map(|table| &table.foreign_keys);
        let target = self
            .catalog
            .position(keys.find(|key| key.name == *name)?.target)?;
        let a_tenants = matches!(self.plan.classes[target], Class::Tenant { .. })
            && self.catalog.relations[target].in_scope
            && !self.plan.is_identity(self.catalog, target);
        (!a_tenants).then(|| format!("foreign key {name}"))
    }

    /// New rows that could not be there beside the other tenant's: they have the same unique key.
    fn conflicts(&self, function: &Function) -> Vec<String> {
        let few = self.catalog.relations.len() < 30;
        let mut parts = Vec::new();
        for (n, table) in self.catalog.relations.with_ids() {
            let meant = table.is_table()
                && !table.is_planted()
                && (few || function.source.contains(table.name.as_str()));
            for index in table.indexes.iter().filter(|index| meant && index.unique) {
                let rows = self.fixtures.of(n, Belongs::Other).filter(|row| row.home == n);
                parts.extend(rows.take(8).map(|row| self.conflict(row, index)));
            }
        }
        parts
    }

    /// Whether there is a new row with a row's key.
    fn conflict(&self, row: &Row, index: &Index) -> String {
        let table = &self.catalog.relations[row.relation];
        let values: Vec<String> = table
            .columns
            .iter()
            .map(|column| {
                let value = row.values.get(&column.name).and_then(Option::as_deref);
                format!("{} as {}", typed(value, &column.base), ident(&column.name))
            })
            .collect();
        let keys = index.keys.join(", ");
        format!(
            "select {} as what where exists (select from {} where {} and ({keys}) = (select {keys} from (select {}) as mako_row))",
            literal(&format!("{} of {}", index.name, table.label())),
            table.sql(),
            self.newer(),
            values.join(", ")
        )
    }
}
