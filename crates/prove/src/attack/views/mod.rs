//! Looks whether a view shows or passes on what the tables beneath it keep. What an attacker sees must be the same
//! before and after the other tenant's rows are there: that tells of counts and sums as well as of rows.

mod write;

use std::collections::BTreeMap;

use super::says_yes;
use crate::assessment::Assessment;
use crate::catalog::{Relation, RelationKind};
use crate::context::Context;
use crate::ids::{PersonaId, RelationId};
use crate::persona::{EMPTY_USER, Persona};
use crate::plan::Class;
use crate::rules;
use crate::script::{Outcome, Script};
use crate::sql::idents;

/// What each attacker saw of each view: a digest, or a refusal's code.
pub(crate) type Seen = BTreeMap<Place, Option<String>>;
/// A view, and who looks at it.
type Place = (RelationId, Viewer);

/// Who looks at a view.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Viewer {
    /// An attacker.
    Persona(PersonaId),
    /// The other tenant's own user.
    Victim,
    /// The administrator.
    Owner,
}

impl Context<'_> {
    /// Views that are attacked.
    fn views(&self) -> Vec<RelationId> {
        self.catalog
            .relations
            .ids()
            .filter(|n| {
                let view = &self.catalog.relations[*n];
                view.kind == RelationKind::View
                    && view.in_scope
                    && !matches!(self.plan.classes[*n], Class::Public | Class::Outside)
            })
            .collect()
    }

    /// Looks through every view as everybody, the other tenant and the owner among them.
    pub(crate) async fn look(&self) -> Seen {
        let mut looks: BTreeMap<String, Vec<(Place, Script)>> = BTreeMap::new();
        let victim = self.victim();
        for view in self.views() {
            let relation = &self.catalog.relations[view];
            // What everybody may read tells nothing; that it is there, the owner sees.
            let closed = self.closed(view);
            let look = |viewer, columns: &str, somebody: Option<&Persona>| {
                let script = somebody.map_or_else(Script::default, |persona| {
                    Script::default().be(self.settings(persona, relation))
                });
                let closed = if matches!(viewer, Viewer::Persona(_)) {
                    &closed
                } else {
                    ""
                };
                let sql = digest(relation, columns, closed);
                let asked = if matches!(viewer, Viewer::Persona(_)) {
                    script.ask_often(sql)
                } else {
                    script.ask(sql)
                };
                ((view, viewer), asked)
            };
            let all = idents(relation.columns.iter().map(|column| column.name.as_str()));
            let here = looks.entry(self.refreshed(view)).or_default();
            for (n, persona) in self.personas.with_ids() {
                if let Some(columns) = readable(relation, &persona.role) {
                    here.push(look(Viewer::Persona(n), &columns, Some(persona)));
                }
            }
            here.push(look(Viewer::Victim, &all, Some(&victim)));
            here.push(look(Viewer::Owner, &all, None));
        }
        let mut answers = Seen::new();
        for (fence, looks) in looks {
            let (places, scripts): (Vec<_>, Vec<_>) = looks.into_iter().unzip();
            let outcomes = self.session.attempt_within(&fence, &scripts).await;
            let outcomes =
                outcomes.unwrap_or_else(|refusal| scripts.iter().map(|_| Err(refusal.clone())).collect());
            answers.extend(places.into_iter().zip(outcomes.into_iter().map(seen)));
        }
        answers
    }

    /// The condition that leaves out what the model lets everybody read.
    fn closed(&self, view: RelationId) -> String {
        let public = self.plan.public_where.get(&view);
        public.map_or_else(String::new, |public| format!(" where ({public}) is not true"))
    }

    /// What makes materialized views beneath hold the made-up rows, for as long as it is looked at.
    fn refreshed(&self, view: RelationId) -> String {
        let mut beneath = self.catalog.beneath(view);
        beneath.retain(|n| {
            let relation = &self.catalog.relations[*n];
            relation.kind == RelationKind::MaterializedView && relation.owned
        });
        // The deepest first.
        beneath.sort_by_key(|n| self.catalog.beneath(*n).len());
        let refresh =
            |n: &RelationId| format!("refresh materialized view {}", self.catalog.relations[*n].sql());
        beneath.iter().map(refresh).collect::<Vec<_>>().join("; ")
    }

    /// While the other tenant's rows are there: looks twice, and tries to write. The answer is for [`Context::compare_views`].
    pub(crate) async fn through_views(&self, assessments: &mut BTreeMap<RelationId, Assessment>) -> Seen {
        let views = self.views();
        if views.is_empty() {
            return Seen::new();
        }
        let (mut now, again) = (self.look().await, self.look().await);
        for view in views {
            self.session.turn_to(&self.catalog.relations[view].label());
            let about = assessments.entry(view).or_default();
            if let Class::Unclassified(reason) = &self.plan.classes[view] {
                about.untested.insert(reason.clone());
            }
            // What is different each time anyway tells nothing; nor does what a former member sees, who came with the others.
            let slow = |n: PersonaId| {
                now.get(&(view, Viewer::Persona(n))).is_some_and(|answer| {
                    matches!(answer.as_deref(), Some("57014" | "55P03" | "53200" | "53400"))
                })
            };
            if self.personas.ids().any(slow) {
                about
                    .untested
                    .insert("looking through it takes too long".to_owned());
            }
            let doubtful: Vec<PersonaId> = self
                .personas
                .ids()
                .filter(|n| now.contains_key(&(view, Viewer::Persona(*n))))
                .filter(|n| {
                    slow(*n)
                        || now.get(&(view, Viewer::Persona(*n))) != again.get(&(view, Viewer::Persona(*n)))
                        || self.came_late(&self.personas[*n])
                })
                .collect();
            self.search(view, &doubtful, about).await;
            for n in doubtful {
                now.remove(&(view, Viewer::Persona(n)));
            }
            let attempts = self.writes_through(view);
            self.run(view, attempts, about).await;
        }
        now
    }

    /// Compares what was seen with what is seen as if the other tenant had never been there.
    pub(crate) async fn compare_views(&self, now: &Seen, assessments: &mut BTreeMap<RelationId, Assessment>) {
        if now.is_empty() {
            return;
        }
        let before = self.look().await;
        for view in self.views() {
            let relation = &self.catalog.relations[view];
            let about = assessments.entry(view).or_default();
            for (n, persona) in self.personas.with_ids() {
                let (Some(then), Some(now)) = (
                    before.get(&(view, Viewer::Persona(n))),
                    now.get(&(view, Viewer::Persona(n))),
                ) else {
                    continue;
                };
                about.attempts += 1;
                if then != now && !refuses_itself(persona, [then, now]) {
                    let columns = readable(relation, &persona.role).unwrap_or_default();
                    let message = format!(
                        "What {} sees through {} depends on another tenant's rows",
                        persona.label,
                        relation.label()
                    );
                    let attack = format!("select {columns} from {}{}", relation.sql(), self.closed(view));
                    about.accuse_after(
                        &self.refreshed(view),
                        persona,
                        rules::CROSS_TENANT_READ,
                        message,
                        &attack,
                    );
                }
            }
            let differs = |viewer| before.get(&(view, viewer)) != now.get(&(view, viewer));
            let closed = self.is_refused(view, now);
            let shows = closed
                || differs(Viewer::Victim)
                || differs(Viewer::Owner)
                || self.shows_what_may_be_read(view, &before);
            if self.reachable(view) && !shows && !about.leaks() {
                about.untested.insert(
                    "no made-up row shows in this view, not even to its tenant or the owner".to_owned(),
                );
            }
        }
    }

    /// Whether nobody may look through it, not even the other tenant's own user, whatever rights they have on it.
    fn is_refused(&self, view: RelationId, seen: &Seen) -> bool {
        let viewers = self.personas.ids().map(Viewer::Persona).chain([Viewer::Victim]);
        let mut answers = viewers.filter_map(|viewer| seen.get(&(view, viewer)));
        answers.all(|answer| answer.as_deref() == Some("42501"))
    }

    /// A view of rows that everybody may read, or that are shared, shows no others.
    fn shows_what_may_be_read(&self, view: RelationId, seen: &Seen) -> bool {
        let lends =
            |at: &RelationId| self.plan.public_where.contains_key(at) || !self.plan.readers(*at).is_empty();
        let answer = seen.get(&(view, Viewer::Owner)).and_then(Option::as_deref);
        answer.is_some_and(|digest| digest != EMPTY) && self.catalog.beneath(view).iter().any(lends)
    }

    /// Looks for the other tenant's marker and ids, where what is seen is different each time anyway.
    async fn search(&self, view: RelationId, personas: &[PersonaId], about: &mut Assessment) {
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
}

/// The digest of no rows.
const EMPTY: &str = "d41d8cd98f00b204e9800998ecf8427e";

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
fn digest(view: &Relation, columns: &str, condition: &str) -> String {
    format!(
        "select md5(coalesce(string_agg(mako_row::text, '|' order by mako_row::text), '')) from (select {columns} from {}{condition}) as mako_row",
        view.sql()
    )
}

fn seen(outcome: Outcome) -> Option<String> {
    match outcome {
        Ok(rows) => rows.into_iter().flatten().flatten().next(),
        Err(refusal) => Some(refusal.code),
    }
}

/// Whether it is the attacker's own token that was refused: an empty user is no uuid, and it depends on the plan whether
/// that is noticed where there are no rows.
fn refuses_itself(persona: &Persona, answers: [&Option<String>; 2]) -> bool {
    persona.label == EMPTY_USER && answers.iter().any(|answer| answer.as_deref() == Some("22P02"))
}
