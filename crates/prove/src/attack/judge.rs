//! Judges what came of an act. The owner compares with the state before it: versions of rows that are no longer where
//! they were, and rows that are newer than everything that was made up.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Command, Relation};
use crate::context::Context;
use crate::ids::RelationId;
use crate::people::Who;
use crate::persona::Persona;
use crate::plan::{By, Class};
use crate::script::Script;
use crate::seed::{Belongs, Row};
use crate::sql::{ident, literal, typed};

impl Context<'_> {
    /// Whether a row has been written: its version is no longer where it was.
    pub(crate) fn written(&self, rows: &[&Row]) -> String {
        let parts: Vec<String> = places(rows)
            .iter()
            .map(|(home, places)| self.moved(*home, places))
            .collect();
        if parts.is_empty() {
            return "select false".to_owned();
        }
        format!("select {}", parts.join(" or "))
    }

    /// Whether there is a row that this attempt made, of which a condition holds.
    pub(crate) fn made(&self, relation: RelationId, condition: &str) -> String {
        let table = &self.catalog.relations[relation];
        format!(
            "select exists (select from {} where ({condition}) and {})",
            table.sql(),
            self.newer()
        )
    }

    /// Whether an act wrote what it must not, and which rows, for [`Context::describe`].
    pub(crate) fn harm(&self, matters: impl Fn(RelationId) -> bool) -> String {
        format!(
            "select count(*) > 0, string_agg(what, ';') from ({}) as mako_harm",
            self.harms(&self.all_foreign(), matters)
        )
    }

    /// One line for each harm: rows of another tenant's that were written, or made for another or for nobody.
    pub(crate) fn harms(&self, rows: &[&Row], matters: impl Fn(RelationId) -> bool) -> String {
        let mut parts: Vec<String> = places(rows)
            .iter()
            .map(|(home, places)| {
                let table = self.catalog.relations[*home].sql();
                format!(
                    "select '{home}:' || (select string_agg(mako_at.place::text, ' ') from unnest({}) as mako_at(place) \
                     where not exists (select from only {table} where ctid = mako_at.place)) as what where {}",
                    tids(places),
                    self.moved(*home, places)
                )
            })
            .collect();
        parts.extend(self.made_for_others(matters));
        if parts.is_empty() {
            return "select null as what where false".to_owned();
        }
        parts.join(" union all ")
    }

    /// Before any act there can be no harm; if there is, or the question fails, no judgement holds.
    pub(crate) async fn harmed_already(&self) -> Option<String> {
        match self
            .session
            .attempt(vec![Script::default().ask(self.harm(|_| true))])
            .await
            .pop()?
        {
            Err(refusal) => Some(format!(
                "what comes of acts can't be asked: {} [{}]",
                refusal.message, refusal.code
            )),
            Ok(rows) => {
                let harm = rows.first()?.get(1)?.as_deref()?;
                Some(format!(
                    "nobody has acted yet, and still there is harm: {}",
                    self.describe(harm)
                ))
            }
        }
    }

    /// What the harm is, for people.
    pub(crate) fn describe(&self, harm: &str) -> String {
        let told = |line: &str| {
            if let Some((relation, whose)) = line.split_once('+') {
                let name = self
                    .catalog
                    .relations
                    .get(RelationId::from(relation.parse::<usize>().ok()?))?
                    .label();
                return Some(format!("a new row of {name} that is {whose}"));
            }
            let (home, places) = line.split_once(':')?;
            let home = RelationId::from(home.parse::<usize>().ok()?);
            let place = places.split(' ').next()?;
            let row = self
                .fixtures
                .rows
                .iter()
                .find(|row| row.home == home && row.relation == home && row.ctid == place)?;
            Some(format!(
                "the row of {} where {}",
                self.catalog.relations[home].label(),
                row.predicate
            ))
        };
        let told: Vec<String> = harm.split(';').filter_map(told).take(3).collect();
        told.join(", ")
    }

    /// Every tenant's row that isn't the attacker's.
    pub(crate) fn all_foreign(&self) -> Vec<&Row> {
        self.tenants_rows(|row| matches!(row.belongs, Belongs::Other | Belongs::Nobody))
    }

    /// The same for somebody: to whoever is of no tenant, the plain attacker's rows are another tenant's too.
    pub(crate) fn foreign_to_all_of(&self, persona: &Persona) -> Vec<&Row> {
        let mut rows = self.all_foreign();
        let is_of_none = |who: &Who| who.marker == self.people.nobody.marker;
        if persona.who.as_ref().is_none_or(is_of_none) {
            let own = &self.people.own.marker;
            rows.extend(self.tenants_rows(|row| row.belongs == Belongs::Own && row.marker == *own));
        }
        rows
    }

    fn tenants_rows(&self, meant: impl Fn(&Row) -> bool) -> Vec<&Row> {
        self.fixtures
            .rows
            .iter()
            .filter(|row| {
                meant(row)
                    && !row.existing
                    && row.relation == row.home
                    && !self.catalog.relations[row.relation].is_planted()
            })
            .filter(|row| matches!(self.plan.classes[row.relation], Class::Tenant { .. }))
            .collect()
    }

    /// Whether the model gives anything to tenants.
    pub(crate) fn has_tenants(&self) -> bool {
        self.catalog
            .relations
            .iter()
            .zip(&self.plan.classes)
            .any(|(relation, class)| !relation.is_planted() && matches!(class, Class::Tenant { .. }))
    }

    /// New rows of another tenant's or nobody's, in tables that matter and aren't too large to look through.
    fn made_for_others(&self, matters: impl Fn(RelationId) -> bool) -> Vec<String> {
        let other = &self.people.other;
        let mut parts = Vec::new();
        for (n, table) in self.catalog.relations.with_ids() {
            let Some((column, by)) = self.plan.tenant_column(n) else {
                continue;
            };
            let id = match by {
                By::User => &other.user,
                By::Tenant => &other.tenant,
                By::Parent => continue,
            };
            if !table.is_table()
                || table.is_partition
                || table.is_planted()
                || table.rows > 100_000.0
                || !matters(n)
            {
                continue;
            }
            let Some(kind) = table.column(column) else {
                continue;
            };
            let (name, kind_of_id) = (ident(column), self.plan.type_of_whose(n, &kind.base));
            let whose = self.plan.whose(n, &name);
            // A log that no client can read may have entries that name nobody.
            let nobodys = if !kind.not_null && shown(table) {
                format!(" or {name} is null")
            } else {
                String::new()
            };
            parts.push(format!(
                "(select '{n}+' || case when {name} is null then {} else {} end as what from {} \
                 where ({whose} = {}{nobodys}) and {} limit 1)",
                literal("nobody's"),
                literal("another tenant's"),
                table.sql(),
                typed(Some(id), kind_of_id),
                self.newer()
            ));
        }
        parts
    }

    /// Rows of one table's are no longer where they were.
    pub(super) fn moved(&self, home: RelationId, places: &BTreeSet<&str>) -> String {
        format!(
            "(select count(*) <> {} from only {} where ctid = any ({}))",
            places.len(),
            self.catalog.relations[home].sql(),
            tids(places)
        )
    }

    /// A row's version came after everything that was made up. Ages, since numbers of transactions start over.
    pub(crate) fn newer(&self) -> String {
        match &self.mark {
            Some(mark) => format!("age(xmin) < age('{mark}'::xid)"),
            None => "false".to_owned(),
        }
    }
}

/// Whether any client's role could read a row of it, if a policy lets it.
fn shown(table: &Relation) -> bool {
    let policy = || {
        table
            .policies
            .iter()
            .any(|policy| policy.applies && policy.permissive && policy.is_for(Command::Select))
    };
    table
        .rights
        .values()
        .any(|rights| rights.reads() && (!table.rls || rights.owner || policy()))
}

/// Where rows are, by the table that holds them.
fn places<'r>(rows: &[&'r Row]) -> BTreeMap<RelationId, BTreeSet<&'r str>> {
    let mut homes: BTreeMap<RelationId, BTreeSet<&str>> = BTreeMap::new();
    for row in rows {
        homes.entry(row.home).or_default().insert(&row.ctid);
    }
    homes
}

pub(super) fn tids(places: &BTreeSet<&str>) -> String {
    let quoted: Vec<String> = places.iter().map(|place| format!("\"{place}\"")).collect();
    format!("'{{{}}}'::tid[]", quoted.join(","))
}
