//! Attacks, one file for each family; here is what they share: when each is made, and on what.
//!
//! An attempt is made under an attacker's settings; then the owner looks whether anything came of it. It counts only
//! where the owner can see the row that the attacker must not reach.

mod blind;
mod change;
mod escalate;
mod existing;
mod exposed;
mod foreign_key;
mod insert;
mod judge;
mod prepared;
mod privilege;
mod read;
pub(crate) mod side_effects;
mod standing;
mod third_party;
mod trial;
mod upsert;
pub(crate) mod views;

use std::collections::BTreeMap;
use std::pin::Pin;

pub(crate) use trial::{Attempt, Evidence};

use crate::assessment::Assessment;
use crate::context::Context;
use crate::ids::RelationId;
use crate::plan::Class;
use crate::rules::{self, Rule};
use crate::seed::{Belongs, Row};
use crate::sql::literal;

/// Something that is tried on a relation.
pub(crate) trait Attack: Sync {
    /// What it may find.
    fn rules(&self) -> &'static [&'static Rule];

    /// When it is made.
    fn stage(&self) -> Stage;

    /// What is tried.
    fn attempts(&self, context: &Context<'_>, target: Target<'_>) -> Vec<Attempt>;
}

/// Every attack on relations; a new one is a file and a line here.
static ATTACKS: [&dyn Attack; 13] = [
    &read::Read,
    &insert::Insert,
    &upsert::Upsert,
    &change::Change,
    &foreign_key::Refer,
    &blind::Blind,
    &blind::BlindGift,
    &existing::BlindOnReal,
    &third_party::App,
    &third_party::BlindApp,
    &prepared::Prepared,
    &escalate::Escalation,
    &side_effects::SideEffect,
];

/// When an attack is made; what came of those before is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stage {
    Read,
    /// Writes that name the rows.
    Write,
    /// Writes that read no column, behind a fence.
    Blind,
    /// The same on rows of real tenants.
    BlindOnReal,
    /// Statements that another user has prepared.
    Prepared,
    /// Acts after which tables that were closed may be read.
    Escalation,
    /// What is lawful, and sets something off.
    Lawful,
}

/// What an attack is made on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'t> {
    pub(crate) relation: RelationId,
    /// What is known of it so far.
    pub(crate) known: &'t Assessment,
    /// Relations that don't leak so far.
    pub(crate) closed: &'t [RelationId],
    /// Where rows of real tenants are.
    pub(crate) real: &'t [String],
}

/// Attacks on one relation.
pub(crate) type Task<'t> = Pin<Box<dyn Future<Output = Assessment> + Send + 't>>;

impl Context<'_> {
    /// Attacks every table of the schemas, side by side.
    pub(crate) async fn tables(&self, assessments: &mut BTreeMap<RelationId, Assessment>) {
        let relations: Vec<RelationId> = self
            .catalog
            .relations
            .ids()
            .filter(|n| self.is_attacked(*n))
            .collect();
        self.side_by_side(&relations, assessments, |relation, mut about| {
            Box::pin(async move {
                self.table(relation, &mut about).await;
                about
            })
        })
        .await;
        // What is read anyway takes no escalation.
        let closed: Vec<RelationId> = self
            .catalog
            .relations
            .ids()
            .filter(|n| !assessments.get(n).is_some_and(Assessment::leaks))
            .collect();
        let relations: Vec<RelationId> = assessments.keys().copied().collect();
        let closed = &closed;
        self.side_by_side(&relations, assessments, |relation, mut about| {
            Box::pin(async move {
                self.make(Stage::Escalation, relation, closed, &[], &mut about)
                    .await;
                about
            })
        })
        .await;
    }

    /// Does the same to several relations; what is attempted at the same time shares its batches.
    pub(crate) async fn side_by_side<'t>(
        &self,
        relations: &[RelationId],
        assessments: &mut BTreeMap<RelationId, Assessment>,
        act: impl Fn(RelationId, Assessment) -> Task<'t>,
    ) {
        let tasks: Vec<(String, Task<'t>)> = relations
            .iter()
            .map(|relation| {
                let about = assessments.remove(relation).unwrap_or_default();
                (self.catalog.relations[*relation].label(), act(*relation, about))
            })
            .collect();
        let known = self.session.together(tasks).await;
        assessments.extend(relations.iter().copied().zip(known));
    }

    fn is_attacked(&self, relation: RelationId) -> bool {
        let table = &self.catalog.relations[relation];
        let class = &self.plan.classes[relation];
        let meant = matches!(
            class,
            Class::Tenant { .. } | Class::Internal | Class::Unclassified(_)
        );
        table.in_scope && table.is_table() && meant
    }

    async fn table(&self, relation: RelationId, about: &mut Assessment) {
        if let Class::Unclassified(reason) = &self.plan.classes[relation] {
            about.untested.insert(reason.clone());
        } else if self.foreign(relation).is_empty() {
            self.without_rows(relation, about);
        } else {
            if self.secret(relation).is_empty() && !self.plan.is_read_by_all(relation) {
                about.untested.insert(ALL_PUBLIC.to_owned());
            }
            self.attack(relation, about).await;
        }
    }

    /// Of a table without rows to protect, rights alone tell.
    fn without_rows(&self, relation: RelationId, about: &mut Assessment) {
        let table = &self.catalog.relations[relation];
        let open = table
            .rights
            .iter()
            .find(|(role, rights)| rights.reads() && !self.bound(table, role));
        if let Some((role, _)) = open {
            about.find(
                rules::CROSS_TENANT_READ,
                format!(
                    "No policy binds {role} on {}: whatever rows there are can be read",
                    table.label()
                ),
                format!(
                    "select has_any_column_privilege({}, oid, 'select'), relrowsecurity from pg_class where oid = {}::regclass",
                    literal(role),
                    literal(&table.sql())
                ),
            );
        } else if self.reachable(relation) && !self.catalog.admits_no_row(relation, 0) {
            let why = self.fixtures.failures.get(&relation).cloned();
            about
                .untested
                .insert(why.unwrap_or_else(|| "there is no row of another tenant's to protect".to_owned()));
        }
    }

    async fn attack(&self, relation: RelationId, about: &mut Assessment) {
        self.read(relation, about).await;
        self.note_missing_rows(relation, about);
        if let Some((trigger, why)) = self.catalog.outward_trigger(&self.catalog.relations[relation]) {
            about.untested.insert(format!("nothing was written: trigger {trigger} would act outside the database ({why}), which no rollback takes back"));
        } else {
            self.make(Stage::Write, relation, &[], &[], about).await;
            self.make(Stage::Blind, relation, &[], &[], about).await;
            let real = self.existing(relation, about).await;
            self.make(Stage::BlindOnReal, relation, &[], &real, about).await;
        }
        self.make(Stage::Prepared, relation, &[], &[], about).await;
    }

    /// Where nothing could be made to insert, no insert was tried.
    fn note_missing_rows(&self, relation: RelationId, about: &mut Assessment) {
        let may_insert = self.catalog.relations[relation]
            .rights
            .values()
            .any(crate::catalog::Rights::inserts);
        if let (true, None, Some(why)) = (
            may_insert,
            self.spare(relation, Belongs::Other),
            self.fixtures.spareless.get(&relation),
        ) {
            about.untested.insert(why.clone());
        }
    }

    /// Makes the attacks of a stage, and notes what came of them.
    async fn make(
        &self,
        stage: Stage,
        relation: RelationId,
        closed: &[RelationId],
        real: &[String],
        about: &mut Assessment,
    ) {
        let target = Target {
            relation,
            known: about,
            closed,
            real,
        };
        let attempts = self.attempts(stage, target);
        self.run(relation, attempts, about).await;
    }

    fn attempts(&self, stage: Stage, target: Target<'_>) -> Vec<Attempt> {
        let mut attempts = Vec::new();
        for attack in ATTACKS.iter().filter(|attack| attack.stage() == stage) {
            let made = attack.attempts(self, target);
            debug_assert!(made.iter().all(|attempt| attack.rules().contains(&attempt.rule)));
            attempts.extend(made);
        }
        attempts
    }
}

const ALL_PUBLIC: &str =
    "reading wasn't tried: public_where holds of every row of another tenant's that could be made";

/// Rows by any of their predicates.
pub(crate) fn any_of(rows: &[&Row]) -> String {
    let parts: Vec<String> = rows.iter().map(|row| format!("({})", row.predicate)).collect();
    if parts.is_empty() {
        "false".to_owned()
    } else {
        parts.join(" or ")
    }
}

/// The last answer's first value: a number above 0, or true.
pub(crate) fn says_yes(rows: &[crate::script::Row]) -> bool {
    let value = rows.first().and_then(|row| row.first()).cloned().flatten();
    value.is_some_and(|value| value == "t" || value.parse::<i64>().is_ok_and(|n| n > 0))
}

fn sentence(label: &str) -> String {
    let mut chars = label.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Column;

    #[test]
    fn what_the_matrix_shows_is_looked_for_by_an_attack_or_read_from_the_catalog() {
        let of_the_catalog = [
            rules::IMMUTABLE_OVER_SETTINGS,
            rules::MATERIALIZED_VIEW_EXPOSED,
            rules::FOREIGN_TABLE_EXPOSED,
        ];
        for rule in rules::ALL.iter().filter(|rule| rule.column.is_some()) {
            let attacked = ATTACKS.iter().any(|attack| attack.rules().contains(rule));
            assert!(attacked != of_the_catalog.contains(rule), "{rule}");
        }
        for column in Column::ALL {
            let shown = |rule: &&Rule| rule.column == Some(column);
            assert!(
                ATTACKS.iter().any(|attack| attack.rules().iter().any(shown)),
                "{}",
                column.name()
            );
        }
    }
}
