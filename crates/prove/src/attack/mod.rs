//! Attacks, one file for each family; here is what they share: attempts, and how they are judged.
//!
//! An attempt is made under an attacker's settings; then the owner looks whether anything came of it. It counts only
//! where the owner can see the row that the attacker must not reach.

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
mod trial;
pub(crate) mod views;

use std::collections::BTreeMap;
use std::pin::Pin;

pub(crate) use trial::{Attempt, Evidence};

use crate::assessment::Assessment;
use crate::context::Context;
use crate::plan::Class;
use crate::rules;
use crate::seed::{Belongs, Row};
use crate::sql::ident;

/// Attacks on one relation.
pub(crate) type Task<'t> = Pin<Box<dyn Future<Output = Assessment> + Send + 't>>;

impl Context<'_> {
    /// Attacks every table of the schemas, side by side.
    pub(crate) async fn tables(&self, assessments: &mut BTreeMap<usize, Assessment>) {
        let relations: Vec<usize> = (0..self.catalog.relations.len())
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
        let closed: Vec<usize> = (0..self.catalog.relations.len())
            .filter(|n| !assessments.get(n).is_some_and(Assessment::leaks))
            .collect();
        let relations: Vec<usize> = assessments.keys().copied().collect();
        let closed = &closed;
        self.side_by_side(&relations, assessments, |relation, mut about| {
            Box::pin(async move {
                self.escalations(relation, closed, &mut about).await;
                about
            })
        })
        .await;
    }

    /// Does the same to several relations; what is attempted at the same time shares its batches.
    pub(crate) async fn side_by_side<'t>(
        &self,
        relations: &[usize],
        assessments: &mut BTreeMap<usize, Assessment>,
        act: impl Fn(usize, Assessment) -> Task<'t>,
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

    fn is_attacked(&self, relation: usize) -> bool {
        let table = &self.catalog.relations[relation];
        let class = &self.plan.classes[relation];
        let meant = matches!(
            class,
            Class::Tenant { .. } | Class::Internal | Class::Unclassified(_)
        );
        table.in_scope && table.is_table() && meant
    }

    async fn table(&self, relation: usize, about: &mut Assessment) {
        if let Class::Unclassified(reason) = &self.plan.classes[relation] {
            about.untested.insert(reason.clone());
        } else if self.foreign(relation).is_empty() {
            self.without_rows(relation, about);
        } else {
            self.attack(relation, about).await;
        }
    }

    /// Of a table without rows to protect, rights alone tell.
    fn without_rows(&self, relation: usize, about: &mut Assessment) {
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
                    "begin; set local role {}; select count(*) from {}; rollback;",
                    ident(role),
                    table.sql()
                ),
            );
        } else if self.reachable(relation) {
            let why = self.fixtures.failures.get(&relation).cloned();
            about
                .untested
                .insert(why.unwrap_or_else(|| "there is no row of another tenant's to protect".to_owned()));
        }
    }

    async fn attack(&self, relation: usize, about: &mut Assessment) {
        let read = self.try_all(relation, self.reads(relation), about).await;
        let read = self.confirmed(relation, read).await;
        let in_detail = read
            .iter()
            .take(3)
            .flat_map(|attempt| self.reads_in_detail(relation, attempt.persona))
            .collect();
        self.run(relation, in_detail, about).await;
        for attempt in read
            .into_iter()
            .filter(|attempt| attempt.evidence != Evidence::Preliminary)
        {
            self.note(relation, &attempt, about);
        }
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
        if let Some((trigger, why)) = self.catalog.outward_trigger(&self.catalog.relations[relation]) {
            about.untested.insert(format!("nothing was written: trigger {trigger} would act outside the database ({why}), which no rollback takes back"));
            self.prepared(relation, about).await;
            return;
        }
        let mut attempts = self.inserts(relation);
        attempts.extend(self.sighted_changes(relation));
        attempts.extend(self.foreign_keys(relation));
        self.run(relation, attempts, about).await;
        self.blind_changes(relation, about).await;
        self.prepared(relation, about).await;
    }
}

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
