//! Attacks, one file for each family; here is what they share: attempts, and how they are judged.
//!
//! An attempt is made under an attacker's settings; then the owner looks whether anything came of it. It counts only
//! where the owner can see the row that the attacker must not reach.

mod change;
mod escalate;
mod existing;
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

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;

pub(crate) use trial::{Attempt, Evidence};

use crate::catalog::{Catalog, Relation};
use crate::people::{EMPTY_USER, People, Persona};
use crate::plan::{By, Class, Plan};
use crate::report::Finding;
use crate::rules::{self, Column, Rule};
use crate::seed::{Belongs, Row, World};
use crate::session::Session;
use crate::sql::{ident, typed};

/// Everything that attacks need to know.
pub(crate) struct Field<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) catalog: &'a Catalog,
    pub(crate) plan: &'a Plan,
    pub(crate) people: &'a People,
    pub(crate) personas: &'a [Persona],
    pub(crate) world: &'a World,
    /// The number of the last subtransaction before the attacks: rows with a newer one came of them.
    pub(crate) mark: Option<String>,
}

/// Attacks on one relation.
pub(crate) type Task<'t> = Pin<Box<dyn Future<Output = Learnt> + Send + 't>>;

/// What has been learnt about one relation.
#[derive(Debug, Default)]
pub(crate) struct Learnt {
    pub(crate) attempts: usize,
    pub(crate) findings: Vec<Finding>,
    /// What could not be tested, and why.
    pub(crate) untested: BTreeSet<String>,
}

impl Learnt {
    /// A leak, unless it takes another login than clients have: whether they come by that one too isn't known.
    pub(crate) fn accuse(&mut self, persona: &Persona, rule: &'static Rule, message: String, attack: &str) {
        match &persona.login {
            None => self.find(rule, message, reproduce(persona, attack)),
            Some(login) => {
                self.untested.insert(format!(
                    "session_user decides: a client who came by login {login} could get at another tenant's rows ({rule})"
                ));
            }
        }
    }

    /// The first of each rule is enough.
    pub(crate) fn find(&mut self, rule: &'static Rule, message: String, reproduce: String) {
        if !self.found(rule) {
            self.findings.push(Finding {
                rule,
                message,
                reproduce,
            });
        }
    }

    pub(crate) fn found(&self, rule: &Rule) -> bool {
        self.findings.iter().any(|finding| finding.rule == rule)
    }

    /// Leaks by writing, which something that was out of the way might have refused, become doubts.
    pub(crate) fn doubt_writes(&mut self) {
        let (kept, doubtful) = std::mem::take(&mut self.findings)
            .into_iter()
            .partition(|finding| !finding.is_leak() || finding.rule.column == Some(Column::Read));
        self.findings = kept;
        self.untested.extend(doubtful.into_iter().map(|finding: Finding| {
            format!(
                "{}, unless a trigger that did nothing refuses it ({})",
                finding.message, finding.rule
            )
        }));
    }

    pub(crate) fn leaks(&self) -> bool {
        self.findings.iter().any(Finding::is_leak)
    }
}

impl Field<'_> {
    /// Attacks every table of the schemas, side by side.
    pub(crate) async fn tables(&self, learnt: &mut BTreeMap<usize, Learnt>) {
        let relations: Vec<usize> = (0..self.catalog.relations.len())
            .filter(|n| self.is_attacked(*n))
            .collect();
        self.side_by_side(&relations, learnt, |relation, mut about| {
            Box::pin(async move {
                self.table(relation, &mut about).await;
                about
            })
        })
        .await;
        // What is read anyway takes no escalation.
        let closed: Vec<usize> = (0..self.catalog.relations.len())
            .filter(|n| !learnt.get(n).is_some_and(Learnt::leaks))
            .collect();
        let relations: Vec<usize> = learnt.keys().copied().collect();
        let closed = &closed;
        self.side_by_side(&relations, learnt, |relation, mut about| {
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
        learnt: &mut BTreeMap<usize, Learnt>,
        act: impl Fn(usize, Learnt) -> Task<'t>,
    ) {
        let tasks: Vec<Task<'t>> = relations
            .iter()
            .map(|relation| act(*relation, learnt.remove(relation).unwrap_or_default()))
            .collect();
        let known = self.session.together(tasks).await;
        learnt.extend(relations.iter().copied().zip(known));
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

    async fn table(&self, relation: usize, about: &mut Learnt) {
        if let Class::Unclassified(reason) = &self.plan.classes[relation] {
            about.untested.insert(reason.clone());
        } else if self.foreign(relation).is_empty() {
            self.without_rows(relation, about);
        } else {
            self.attack(relation, about).await;
        }
    }

    /// Of a table without rows to protect, rights alone tell.
    fn without_rows(&self, relation: usize, about: &mut Learnt) {
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
            let why = self.world.failures.get(&relation).cloned();
            about
                .untested
                .insert(why.unwrap_or_else(|| "there is no row of another tenant's to protect".to_owned()));
        }
    }

    async fn attack(&self, relation: usize, about: &mut Learnt) {
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
            self.world.spareless.get(&relation),
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

    /// Who attacks a relation: everybody, but a planted one only the plain attacker.
    pub(crate) fn attackers(&self, relation: usize) -> impl Iterator<Item = (usize, &Persona)> {
        let planted = self.catalog.relations[relation].schema == crate::controls::SCHEMA;
        self.personas
            .iter()
            .enumerate()
            .take(if planted { 1 } else { usize::MAX })
    }

    /// Rows that one attacker may not reach. Whoever has an empty name has the rows of an empty name.
    pub(crate) fn foreign_to(&self, relation: usize, persona: usize) -> Vec<&Row> {
        let mut rows = self.foreign(relation);
        if let (true, Some((column, _))) = (
            self.personas[persona].label == EMPTY_USER,
            self.plan.tenant_column(relation),
        ) {
            rows.retain(|row| row.values.get(column).cloned().flatten().as_deref() != Some(""));
        }
        rows
    }

    /// Rows that nobody among the attackers may reach.
    pub(crate) fn foreign(&self, relation: usize) -> Vec<&Row> {
        self.world.foreign(relation, &self.plan.classes[relation])
    }

    pub(crate) fn own(&self, relation: usize) -> Vec<&Row> {
        let marker = &self.people.own.marker;
        self.world
            .of(relation, Belongs::Own)
            .filter(|row| row.marker == *marker)
            .collect()
    }

    /// Whether any attacker's role has any right on it.
    pub(crate) fn reachable(&self, relation: usize) -> bool {
        self.catalog.relations[relation]
            .rights
            .values()
            .any(crate::catalog::Rights::any)
    }

    /// Whether policies bind a role on a table.
    pub(crate) fn bound(&self, table: &Relation, role: &str) -> bool {
        let exempt = table.rights(role).owner && !table.forced;
        let bypasses = self
            .catalog
            .roles
            .iter()
            .any(|r| r.name == role && (r.superuser || r.bypasses));
        table.rls && !exempt && !bypasses
    }

    /// A condition on the tenant column: it holds what another's row holds.
    pub(crate) fn is_tenant(&self, relation: usize, value: &str) -> String {
        match self.plan.tenant_column(relation) {
            Some((column, _)) => format!("{} = {value}", ident(column)),
            None => "true".to_owned(),
        }
    }

    /// The own tenant's id as a value of a relation's tenant column.
    pub(crate) fn own_id(&self, relation: usize) -> Option<(String, String)> {
        let (column, by) = self.plan.tenant_column(relation)?;
        let own = &self.people.own;
        let kind = &self.catalog.relations[relation].column(column)?.base;
        let value = match by {
            By::User => typed(Some(&own.user), kind),
            By::Tenant => typed(Some(&own.tenant), kind),
            By::Parent => {
                let row = self.own(relation).into_iter().next()?;
                typed(row.values.get(column)?.as_deref(), kind)
            }
        };
        Some((column.to_owned(), value))
    }

    /// The value of a row's column, as SQL.
    pub(crate) fn value(&self, row: &Row, column: &str) -> Option<String> {
        let kind = &self.catalog.relations[row.relation].column(column)?.base;
        Some(typed(row.values.get(column)?.as_deref(), kind))
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

/// SQL that shows a leak.
pub(crate) fn reproduce(persona: &Persona, attack: &str) -> String {
    format!("begin; {}; {attack}; rollback;", persona.reproduction())
}

fn sentence(label: &str) -> String {
    let mut chars = label.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
