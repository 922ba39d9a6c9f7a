//! Completes what shows a finding: the rows that it needs, out of those that were made up, and what the administrator
//! looks at before and after.

use std::collections::{BTreeMap, BTreeSet};

use crate::assessment::Assessment;
use crate::catalog::{Function, RelationKind};
use crate::context::Context;
use crate::functions::outward::Silenced;
use crate::ids::{FunctionId, RelationId};
use crate::plan::Class;
use crate::report::Finding;
use crate::rules::{self, Column, Rule};
use crate::seed::Made;
use crate::sql::{ident, literal, typed};

/// How deep functions are followed into those that they call.
const DEPTH: usize = 4;

impl Context<'_> {
    /// Makes every finding's reproduction runnable.
    pub(crate) fn complete(
        &self,
        assessments: &mut BTreeMap<RelationId, Assessment>,
        of_functions: &mut BTreeMap<FunctionId, Assessment>,
        silenced: &[Silenced],
    ) {
        let silenced: Vec<String> = silenced.iter().map(|silent| silent.statement.clone()).collect();
        for (relation, about) in assessments {
            for finding in &mut about.findings {
                let reads = finding.rule.column == Some(Column::Read);
                finding.reproduce.compares =
                    reads && self.catalog.relations[*relation].kind == RelationKind::View;
                self.stage(finding, &[*relation], "", &silenced);
            }
        }
        for (function, about) in of_functions {
            let function = &self.catalog.functions[*function];
            for finding in &mut about.findings {
                let compared = [rules::FUNCTION_READS_OTHERS, rules::EXISTENCE_ORACLE];
                finding.reproduce.compares = compared.contains(&finding.rule);
                self.stage(finding, &[], &function.source, &silenced);
            }
        }
    }

    fn stage(&self, finding: &mut Finding, about: &[RelationId], source: &str, silenced: &[String]) {
        let reproduction = &mut finding.reproduce;
        if reproduction.settings.is_empty() {
            return;
        }
        if let (Some(login), true) = (&self.catalog.login, self.asks_for_the_login()) {
            let login = format!("set local session authorization {}; ", ident(login));
            reproduction.settings.insert_str(0, &login);
        }
        if reproduction.compares && self.catalog.plans_may_remember() {
            reproduction.others_settings = Some(self.victim().reproduction());
        }
        reproduction.own.extend_from_slice(silenced);
        reproduction.about = self.names(finding.rule);
        let text = format!("{} {source}", reproduction.attack);
        let concerned = self.concerned(about, &text);
        let shown = [
            &reproduction.settings,
            &reproduction.attack,
            &reproduction.prelude,
        ];
        let shown = shown.map(String::as_str).join(" ");
        for row in self.needed(&concerned, shown, reproduction.compares) {
            let rows = if row.is_others {
                &mut reproduction.others
            } else {
                &mut reproduction.own
            };
            rows.push(row.statement.clone());
        }
        let is_own = reproduction.settings.contains(self.people.own.user.as_str());
        reproduction.asked = self.changed(finding.rule, about, &concerned, is_own);
    }

    /// Who is who, for whoever reads it.
    fn names(&self, rule: &Rule) -> String {
        let (own, other) = (&self.people.own, &self.people.other);
        let tenants = if self.plan.membership.is_some() {
            format!(
                " of tenant {}, user {} of tenant {}",
                own.tenant, other.user, other.tenant
            )
        } else {
            format!(", user {}", other.user)
        };
        format!("-- {rule}: user {}{tenants} is the other\n", own.user)
    }

    /// What to ask before and after, to see what a write changed. To whoever is somebody else, the plain attacker's rows
    /// are another's too.
    fn changed(
        &self,
        rule: &Rule,
        about: &[RelationId],
        concerned: &BTreeSet<RelationId>,
        is_own: bool,
    ) -> Option<(String, String)> {
        match rule.column {
            _ if rule == rules::THIRD_PARTY_WRITE => self.differences(about, concerned, false),
            Some(Column::Insert | Column::Update | Column::Move | Column::Delete) => {
                self.differences(about, concerned, true)
            }
            Some(Column::Refer) => self.differences(about, concerned, false),
            Some(Column::Effects) => self.differences(&[], concerned, true),
            _ if rule == rules::FUNCTION_CHANGES_OTHERS => self.differences(&[], concerned, is_own),
            _ if rule == rules::RUNS_TEXT_AS_SQL => Some(has_run()),
            _ => None,
        }
    }

    /// The rows that a finding needs: both tenants', and of bystanders' those that one of these names by its key. What is
    /// compared may count anybody's.
    fn needed(&self, concerned: &BTreeSet<RelationId>, mut text: String, compares: bool) -> Vec<&Made> {
        let (own, other) = (&self.people.own.marker, &self.people.other.marker);
        let strangers = &self.people.strangers;
        let is_theirs = |made: &Made| {
            [own, other].contains(&&made.marker)
                || compares && strangers.iter().any(|who| who.marker == made.marker)
                || made.marker.is_empty()
                || made.key.is_empty()
                // What rows refer to, not always by its key.
                || matches!(self.plan.classes[made.relation], Class::Public | Class::Unclassified(_))
        };
        let made = self.fixtures.made.iter().enumerate();
        let (theirs, mut rest): (Vec<_>, Vec<_>) = made
            .filter(|(_, made)| concerned.contains(&made.relation))
            .partition(|(_, made)| is_theirs(made));
        let mut needed: BTreeMap<usize, &Made> = BTreeMap::new();
        let mut next = theirs;
        while !next.is_empty() {
            for (n, made) in next {
                text.push_str(&made.statement);
                needed.insert(n, made);
            }
            let is_named = |made: &Made| {
                made.key.iter().all(|value| {
                    text.contains(&literal(value)) || value.len() > 8 && text.contains(value.as_str())
                })
            };
            (next, rest) = rest.into_iter().partition(|(_, made)| is_named(made));
        }
        needed.into_values().collect()
    }

    /// Whether a policy or function names `session_user`, which is the login's.
    fn asks_for_the_login(&self) -> bool {
        let policies = self
            .catalog
            .relations
            .iter()
            .flat_map(|relation| &relation.policies);
        let sources = self
            .catalog
            .functions
            .iter()
            .map(|function| function.source.clone());
        let mut texts = policies.map(crate::catalog::Policy::text).chain(sources);
        self.session.admin.superuser && texts.any(|text| text.to_lowercase().contains("session_user"))
    }

    /// What a finding has to do with: what its relations refer to, what their policies and triggers ask, and further.
    fn concerned(&self, about: &[RelationId], text: &str) -> BTreeSet<RelationId> {
        let mut found: BTreeSet<RelationId> = about.iter().copied().collect();
        let mut seen = BTreeSet::new();
        found.extend(self.plan.membership.as_ref().map(|(at, ..)| *at));
        found.extend(self.mentioned(text, &mut seen, 0));
        let mut open: Vec<RelationId> = found.iter().copied().collect();
        while let Some(at) = open.pop() {
            let relation = &self.catalog.relations[at];
            let keys = relation.foreign_keys.iter().map(|key| key.target);
            let oids = keys
                .chain(relation.reads.iter().copied())
                .chain(relation.parents.iter().copied());
            let mut next: BTreeSet<RelationId> = oids.filter_map(|oid| self.catalog.position(oid)).collect();
            let is_child = |n: &RelationId| self.catalog.relations[*n].parents.contains(&relation.oid);
            next.extend(self.catalog.relations.ids().filter(is_child));
            let policies = relation.policies.iter().map(crate::catalog::Policy::text);
            let called = relation
                .policies
                .iter()
                .flat_map(|policy| policy.functions.iter().copied());
            let set_off = relation.triggers.iter().map(|trigger| trigger.function);
            let sources = called
                .chain(set_off)
                .chain(relation.calls.iter().copied())
                .filter_map(|oid| Some(self.catalog.function(oid)?.source.clone()));
            for text in policies.chain(sources) {
                next.extend(self.mentioned(&text, &mut seen, 0));
            }
            open.extend(next.iter().filter(|n| !found.contains(n)));
            found.extend(next);
        }
        found
    }

    /// Relations that a text names, itself or by a function that it calls.
    fn mentioned(&self, text: &str, seen: &mut BTreeSet<FunctionId>, depth: usize) -> BTreeSet<RelationId> {
        let names = |n: &RelationId| {
            let relation = &self.catalog.relations[*n];
            !relation.is_planted() && text.contains(relation.name.as_str())
        };
        let mut found: BTreeSet<RelationId> = self.catalog.relations.ids().filter(names).collect();
        let calls = |function: &Function| {
            text.contains(&format!("{}(", function.name))
                || text.contains(&format!("{}(", ident(&function.name)))
        };
        for (n, function) in self.catalog.functions.with_ids() {
            if depth < DEPTH && calls(function) && seen.insert(n) {
                found.extend(self.mentioned(&function.source, seen, depth + 1));
            }
        }
        found
    }

    /// What the tables hold that isn't the attacker's, or at all, before an attack and not after it, and the reverse.
    fn differences(
        &self,
        about: &[RelationId],
        concerned: &BTreeSet<RelationId>,
        foreign: bool,
    ) -> Option<(String, String)> {
        let mut tables: Vec<RelationId> = if about.is_empty() {
            concerned.iter().copied().collect()
        } else {
            about
                .iter()
                .copied()
                .chain(about.iter().flat_map(|view| self.catalog.beneath(*view)))
                .collect()
        };
        tables.retain(|n| {
            let table = &self.catalog.relations[*n];
            table.is_table() && (about.contains(n) || self.fixtures.rows.iter().any(|row| row.relation == *n))
        });
        let parts: Vec<String> = tables
            .iter()
            .map(|n| {
                let table = &self.catalog.relations[*n];
                let condition = if foreign { self.is_foreign(*n) } else { "true".to_owned() };
                format!(
                    "select {} as relation, to_jsonb(mako_row) || jsonb_build_object('ctid', mako_row.ctid::text) as content from {} as mako_row where {condition}",
                    literal(&table.label()),
                    table.sql()
                )
            })
            .collect();
        if parts.is_empty() {
            return None;
        }
        let now = parts.join(" union all ");
        Some((
            format!("create temporary table mako_before on commit drop as {now}"),
            format!(
                "with now as ({now}) select 'gone' as what, gone.* from (table mako_before except table now) as gone \
                 union all select 'made', made.* from (table now except table mako_before) as made"
            ),
        ))
    }

    /// A condition on rows that aren't the attacker's.
    fn is_foreign(&self, relation: RelationId) -> String {
        let table = &self.catalog.relations[relation];
        let Some((name, column)) = self
            .plan
            .tenant_column(relation)
            .and_then(|(name, _)| Some((name, table.column(name)?)))
        else {
            return "true".to_owned();
        };
        let held = self
            .own(relation)
            .into_iter()
            .filter_map(|row| row.values.get(name).cloned().flatten());
        let mut own: BTreeSet<String> = held.map(|value| typed(Some(&value), &column.base)).collect();
        own.extend(self.own_id(relation).map(|(_, value)| value));
        let parts: Vec<String> = own
            .iter()
            .map(|value| {
                let whose = |text: &str| self.plan.whose(relation, text);
                format!("{} is distinct from {}", whose(&ident(name)), whose(value))
            })
            .collect();
        if parts.is_empty() {
            "true".to_owned()
        } else {
            parts.join(" and ")
        }
    }
}

/// Whether a text that was given has been run.
fn has_run() -> (String, String) {
    (
        "select set_config('mako.ran', '', true)".to_owned(),
        "select current_setting('mako.ran') = 'yes'".to_owned(),
    )
}
