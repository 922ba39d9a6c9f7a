//! Looks whether a view shows or passes on what the tables beneath it keep. What an attacker sees must be the same
//! before and after the other tenant's rows are there: that tells of counts and sums as well as of rows.

use std::collections::BTreeMap;

use super::{Attempt, Field, Learnt, says_yes};
use crate::catalog::Relation;
use crate::people::Persona;
use crate::plan::{By, Class};
use crate::rules;
use crate::script::{Outcome, Script, Settings};
use crate::seed::{Belongs, Row};

use crate::sql::{ident, idents, typed};

/// What each attacker saw of each view: a digest, or a refusal's code.
pub(crate) type Seen = BTreeMap<(usize, usize), Option<String>>;

/// What `pg_relation_is_updatable` says.
const UPDATES: i32 = 4;
const INSERTS: i32 = 8;
const DELETES: i32 = 16;

impl Field<'_> {
    /// Views that are attacked.
    fn views(&self) -> Vec<usize> {
        (0..self.catalog.relations.len())
            .filter(|n| {
                let view = &self.catalog.relations[*n];
                view.kind == 'v'
                    && view.in_scope
                    && !matches!(self.plan.classes[*n], Class::Public | Class::Outside)
            })
            .collect()
    }

    /// Looks through every view as everybody; `personas.len()` is the other tenant, and one more the owner.
    pub(crate) async fn look(&self) -> Seen {
        let mut places = Vec::new();
        let mut scripts = Vec::new();
        for view in self.views() {
            let relation = &self.catalog.relations[view];
            for (n, persona) in self.personas.iter().enumerate() {
                if let Some(columns) = readable(relation, &persona.role) {
                    places.push((view, n));
                    scripts.push(
                        Script::default()
                            .be(self.settings(persona, relation))
                            .ask_often(digest(relation, &columns)),
                    );
                }
            }
            let all = idents(relation.columns.iter().map(|column| column.name.as_str()));
            places.push((view, self.personas.len()));
            scripts.push(
                Script::default()
                    .be(self.settings(&self.victim(), relation))
                    .ask(digest(relation, &all)),
            );
            places.push((view, self.personas.len() + 1));
            scripts.push(Script::default().ask(digest(relation, &all)));
        }
        let outcomes = self.session.attempt(scripts).await;
        places.into_iter().zip(outcomes.into_iter().map(seen)).collect()
    }

    /// While the other tenant's rows are there: looks twice, and tries to write. The answer is for [`Field::compare_views`].
    pub(crate) async fn through_views(&self, learnt: &mut BTreeMap<usize, Learnt>) -> Seen {
        let views = self.views();
        if views.is_empty() {
            return Seen::new();
        }
        let (mut now, again) = (self.look().await, self.look().await);
        for view in views {
            let about = learnt.entry(view).or_default();
            if let Class::Unclassified(reason) = &self.plan.classes[view] {
                about.untested.insert(reason.clone());
            }
            // What is different each time anyway tells nothing; nor does what a former member sees, who came with the others.
            let slow = |n: usize| {
                now.get(&(view, n)).is_some_and(|answer| {
                    matches!(answer.as_deref(), Some("57014" | "55P03" | "53200" | "53400"))
                })
            };
            if (0..self.personas.len()).any(slow) {
                about
                    .untested
                    .insert("looking through it takes too long".to_owned());
            }
            let doubtful: Vec<usize> = (0..self.personas.len())
                .filter(|n| now.contains_key(&(view, *n)))
                .filter(|n| {
                    slow(*n)
                        || now.get(&(view, *n)) != again.get(&(view, *n))
                        || self.came_late(&self.personas[*n])
                })
                .collect();
            self.search(view, &doubtful, about).await;
            for n in doubtful {
                now.remove(&(view, n));
            }
            let attempts = self.writes_through(view);
            self.run(view, attempts, about).await;
        }
        now
    }

    /// Compares what was seen with what is seen as if the other tenant had never been there.
    pub(crate) async fn compare_views(&self, now: &Seen, learnt: &mut BTreeMap<usize, Learnt>) {
        if now.is_empty() {
            return;
        }
        let before = self.look().await;
        for view in self.views() {
            let relation = &self.catalog.relations[view];
            let about = learnt.entry(view).or_default();
            for (n, persona) in self.personas.iter().enumerate() {
                let (Some(then), Some(now)) = (before.get(&(view, n)), now.get(&(view, n))) else {
                    continue;
                };
                about.attempts += 1;
                if then != now {
                    let columns = readable(relation, &persona.role).unwrap_or_default();
                    let message = format!(
                        "What {} sees through {} depends on another tenant's rows",
                        persona.label,
                        relation.label()
                    );
                    let attack = format!("select {columns} from {}", relation.sql());
                    about.accuse(persona, rules::CROSS_TENANT_READ, message, &attack);
                }
            }
            let differs = |n: usize| before.get(&(view, n)) != now.get(&(view, n));
            let shows = differs(self.personas.len()) || differs(self.personas.len() + 1);
            if self.reachable(view) && !shows && !about.leaks() {
                about.untested.insert(
                    "no made-up row shows in this view, not even to its tenant or the owner".to_owned(),
                );
            }
        }
    }

    /// Whether a persona has rows of their own among those that came later.
    pub(crate) fn came_late(&self, persona: &Persona) -> bool {
        persona
            .who
            .as_ref()
            .is_some_and(|who| who.marker == self.people.removed.marker)
    }

    /// Looks for the other tenant's marker and ids, where what is seen is different each time anyway.
    async fn search(&self, view: usize, personas: &[usize], about: &mut Learnt) {
        let relation = &self.catalog.relations[view];
        let words = self.telling();
        let mut scripts = Vec::new();
        for n in personas {
            let persona = &self.personas[*n];
            let columns = readable(relation, &persona.role).unwrap_or_default();
            scripts.push(Script::default().be(self.settings(persona, relation)).ask(format!(
                "select count(*) from (select {columns} from {}) as mako_row where mako_row::text ~* {}",
                relation.sql(),
                crate::sql::literal(&words)
            )));
        }
        for (n, outcome) in personas.iter().zip(self.session.attempt(scripts).await) {
            if outcome.is_ok_and(|rows| says_yes(&rows)) {
                let persona = &self.personas[*n];
                let message = format!(
                    "{} reads another tenant's rows through {}",
                    persona.label,
                    relation.label()
                );
                let attack = format!("select * from {}", relation.sql());
                about.accuse(persona, rules::CROSS_TENANT_READ, message, &attack);
            }
        }
    }

    /// A pattern that only the other tenant's content matches.
    pub(crate) fn telling(&self) -> String {
        let other = &self.people.other;
        let mut words = vec![other.marker.clone()];
        words.extend(
            [&other.user, &other.tenant]
                .into_iter()
                .filter(|id| id.len() > 8)
                .cloned(),
        );
        words.join("|")
    }

    pub(crate) fn settings(&self, persona: &Persona, relation: &Relation) -> Settings {
        persona.settings(&self.session.admin, self.catalog, &relation.schema)
    }

    /// The other tenant's own user.
    pub(crate) fn victim(&self) -> Persona {
        let attacker = &self.personas[0];
        let claims = attacker
            .claims
            .replace(&self.people.own.user, &self.people.other.user)
            .replace(&self.people.own.tenant, &self.people.other.tenant)
            .replace(&self.people.own.marker, &self.people.other.marker);
        Persona {
            claims,
            who: Some(self.people.other.clone()),
            ..attacker.clone()
        }
    }

    fn writes_through(&self, view: usize) -> Vec<Attempt> {
        let relation = &self.catalog.relations[view];
        let Some(base) = self.base(view) else {
            return Vec::new();
        };
        let table = &self.catalog.relations[base];
        let foreign = self.foreign(base);
        let shared = |name: &str| relation.column(name).is_some() && table.column(name).is_some();
        let mut attempts = Vec::new();
        for (n, persona) in self.personas.iter().enumerate() {
            let rights = relation.rights(&persona.role);
            let may = |name: &str| {
                shared(name) && (rights.update || rights.update_columns.iter().any(|allowed| allowed == name))
            };
            let named: Vec<String> = foreign
                .iter()
                .filter_map(|row| self.named(relation, row))
                .collect();
            let condition = if named.is_empty() {
                "false".to_owned()
            } else {
                named.join(" or ")
            };
            if relation.updatable & UPDATES != 0 && rights.updates() {
                if let Some((column, value)) = self.payload_of(base, &may) {
                    attempts.push(Attempt {
                        judge: Some(self.written(&foreign)),
                        passed_if_constrained: true,
                        ..Attempt::new(
                            rules::CROSS_TENANT_UPDATE,
                            n,
                            "changes another tenant's rows through {}",
                            format!(
                                "update {} set {} = {value} where {condition}",
                                relation.sql(),
                                ident(&column)
                            ),
                        )
                    });
                }
                attempts.extend(self.move_through(view, base, n, &may));
            }
            if relation.updatable & DELETES != 0 && rights.deletes() {
                attempts.push(Attempt {
                    judge: Some(self.written(&foreign)),
                    passed_if_constrained: true,
                    ..Attempt::new(
                        rules::CROSS_TENANT_DELETE,
                        n,
                        "deletes another tenant's rows through {}",
                        format!("delete from {} where {condition}", relation.sql()),
                    )
                });
            }
            if relation.updatable & INSERTS != 0 && rights.inserts() {
                attempts.extend(self.insert_through(view, base, n));
            }
        }
        attempts
    }

    /// The table beneath that a view's columns are most likely of.
    fn base(&self, view: usize) -> Option<usize> {
        let relation = &self.catalog.relations[view];
        let matching = |n: &usize| {
            self.catalog.relations[*n]
                .columns
                .iter()
                .filter(|column| relation.column(&column.name).is_some())
                .count()
        };
        let tenants = self.catalog.beneath(view).into_iter().filter(|n| {
            self.catalog.relations[*n].is_table()
                && matches!(self.plan.classes[*n], Class::Tenant { .. } | Class::Internal)
                && !self.foreign(*n).is_empty()
        });
        tenants.max_by_key(matching)
    }

    /// A condition on a view's columns that finds a row of the table beneath.
    fn named(&self, view: &Relation, row: &Row) -> Option<String> {
        let table = &self.catalog.relations[row.relation];
        let tests: Vec<String> = table
            .columns
            .iter()
            .filter(|column| {
                column.comparable
                    && view
                        .column(&column.name)
                        .is_some_and(|shown| shown.base == column.base)
            })
            .filter_map(|column| {
                let value = row.values.get(&column.name)?.as_deref();
                Some(match value {
                    Some(_) => format!("{} = {}", ident(&column.name), typed(value, &column.base)),
                    None => format!("{} is null", ident(&column.name)),
                })
            })
            .collect();
        (!tests.is_empty()).then(|| format!("({})", tests.join(" and ")))
    }

    fn payload_of(&self, base: usize, may: &dyn Fn(&str) -> bool) -> Option<(String, String)> {
        let table = &self.catalog.relations[base];
        let mut columns: Vec<_> = table
            .columns
            .iter()
            .filter(|column| may(&column.name) && !column.generated && column.identity != "a")
            .collect();
        columns.sort_by_key(|column| self.weight(base, column));
        columns
            .first()
            .and_then(|column| Some((column.name.clone(), self.payload(base, column)?)))
    }

    fn move_through(
        &self,
        view: usize,
        base: usize,
        persona: usize,
        may: &dyn Fn(&str) -> bool,
    ) -> Option<Attempt> {
        let relation = &self.catalog.relations[view];
        let (column, by) = self.plan.tenant_column(base)?;
        let own = self.own(base);
        let row = own
            .first()
            .filter(|_| persona == 0 && by != By::Parent && may(column))?;
        let kind = &self.catalog.relations[base].column(column)?.base;
        let target = if by == By::User {
            &self.people.other.user
        } else {
            &self.people.other.tenant
        };
        let value = typed(Some(target), kind);
        let condition = self.named(relation, row)?;
        Some(Attempt {
            judge: Some(self.made(base, &format!("{} = {value}", ident(column)))),
            ..Attempt::new(
                rules::MOVE_AWAY,
                persona,
                "gives a row to another tenant through {}",
                format!(
                    "update {} set {} = {value} where {condition}",
                    relation.sql(),
                    ident(column)
                ),
            )
        })
    }

    fn insert_through(&self, view: usize, base: usize, persona: usize) -> Vec<Attempt> {
        let relation = &self.catalog.relations[view];
        let rights = relation.rights(&self.personas[persona].role);
        let mut attempts = Vec::new();
        for (belongs, rule, message) in [
            (
                Belongs::Other,
                rules::CROSS_TENANT_INSERT,
                "creates a row for another tenant through {}",
            ),
            (
                Belongs::Nobody,
                rules::NULL_TENANT_INSERT,
                "creates a row for no tenant through {}",
            ),
        ] {
            let Some(spare) = self.spare(base, belongs) else {
                continue;
            };
            let own = self.personas[persona]
                .who
                .as_ref()
                .is_some_and(|who| who.marker == spare.marker);
            if own && belongs == Belongs::Other || self.plan.is_identity(self.catalog, base) {
                continue;
            }
            let condition = match (self.plan.tenant_column(base), belongs) {
                (Some((column, _)), Belongs::Nobody) => format!("{} is null", ident(column)),
                (Some((column, _)), _) => match spare.columns.get(column) {
                    Some(value) => format!("{} = {value}", ident(column)),
                    None => continue,
                },
                (None, _) => "true".to_owned(),
            };
            let columns: Vec<(&String, &String)> = spare
                .columns
                .iter()
                .filter(|(name, _)| {
                    relation.column(name).is_some() && (rights.insert || rights.insert_columns.contains(name))
                })
                .collect();
            if columns.is_empty() {
                continue;
            }
            let sql = format!(
                "insert into {} ({}) values ({})",
                relation.sql(),
                idents(columns.iter().map(|(name, _)| name.as_str())),
                columns
                    .iter()
                    .map(|(_, value)| value.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            );
            attempts.push(Attempt {
                judge: Some(self.made(base, &condition)),
                ..Attempt::new(rule, persona, message, sql)
            });
        }
        attempts
    }

    /// Materialized views and foreign tables know no policies: what they hold of tenants, whoever may read them reads.
    pub(crate) fn without_policies(&self, learnt: &mut BTreeMap<usize, Learnt>) {
        for (n, relation) in self.catalog.relations.iter().enumerate() {
            if !relation.in_scope
                || !matches!(relation.kind, 'm' | 'f')
                || matches!(self.plan.classes[n], Class::Public | Class::Outside)
            {
                continue;
            }
            let about = learnt.entry(n).or_default();
            about.attempts += 1;
            let readers: Vec<&str> = relation
                .rights
                .iter()
                .filter(|(_, rights)| rights.any())
                .map(|(role, _)| role.as_str())
                .collect();
            let tenants =
                relation.kind == 'f'
                    || matches!(self.plan.classes[n], Class::Tenant { .. } | Class::Internal)
                    || self.catalog.beneath(n).iter().any(|base| {
                        matches!(self.plan.classes[*base], Class::Tenant { .. } | Class::Internal)
                    });
            if let (Some(role), true) = (readers.first(), tenants) {
                let (rule, what) = if relation.kind == 'm' {
                    (rules::MATERIALIZED_VIEW_EXPOSED, "materialized view")
                } else {
                    (rules::FOREIGN_TABLE_EXPOSED, "foreign table")
                };
                about.find(
                    rule,
                    format!(
                        "{} may read {}, a {what}, to which no policy applies",
                        readers.join(" and "),
                        relation.label()
                    ),
                    format!(
                        "begin; set local role {}; select count(*) from {}; rollback;",
                        ident(role),
                        relation.sql()
                    ),
                );
            }
            if let (Class::Unclassified(reason), false) = (&self.plan.classes[n], about.leaks()) {
                about.untested.insert(reason.clone());
            }
        }
    }
}

/// The columns that a role may read of a view.
fn readable(view: &Relation, role: &str) -> Option<String> {
    let rights = view.rights(role);
    if !rights.reads() {
        return None;
    }
    let all = view.columns.iter().map(|column| column.name.as_str());
    let allowed: Vec<&str> = all
        .filter(|name| rights.select || rights.select_columns.iter().any(|column| column == name))
        .collect();
    (!allowed.is_empty()).then(|| idents(allowed))
}

/// Everything that a view shows, as one word.
fn digest(view: &Relation, columns: &str) -> String {
    format!(
        "select md5(coalesce(string_agg(mako_row::text, '|' order by mako_row::text), '')) from (select {columns} from {}) as mako_row",
        view.sql()
    )
}

fn seen(outcome: Outcome) -> Option<String> {
    match outcome {
        Ok(rows) => rows.into_iter().flatten().flatten().next(),
        Err(refusal) => Some(refusal.code),
    }
}
