//! How an attempt is made, and what came of it: under an attacker's settings, then judged by the administrator.

use super::{says_yes, sentence};
use crate::assessment::Assessment;
use crate::catalog::RelationKind;
use crate::context::Context;
use crate::ids::{PersonaId, RelationId};
use crate::rules::{Column, Rule};
use crate::script::{Outcome, Refusal, Script};
use crate::sql::Oid;

/// What it says that an attempt succeeded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Evidence {
    /// It is a finding.
    Conclusive,
    /// There is something to look at in detail.
    Preliminary,
    /// Rows that nobody made up were met; whose they are is still to be asked.
    Strangers,
}

/// One try.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) rule: &'static Rule,
    pub(crate) evidence: Evidence,
    pub(crate) message: String,
    pub(crate) persona: PersonaId,
    /// What the attacker does before.
    pub(crate) first: String,
    /// The statement that attacks, as the report shows it.
    pub(crate) attack: String,
    /// What the owner asks afterwards; none if the attack's own answer tells.
    pub(crate) judge: Option<String>,
    /// Statements of the owner's before the attack.
    pub(crate) prelude: String,
    /// A refusal by a constraint says that the policies had let it pass.
    pub(crate) passed_if_constrained: bool,
    /// A statement of the owner's that holds for all attempts which have the same; empty for none.
    pub(crate) fence: String,
    /// Everything that is sent, where it isn't the attack alone.
    pub(crate) script: Option<Script>,
}

impl Attempt {
    /// An attack whose own answer tells; others have a judge.
    pub(crate) fn new(rule: &'static Rule, persona: PersonaId, message: &str, attack: String) -> Self {
        Self {
            rule,
            evidence: Evidence::Conclusive,
            message: message.to_owned(),
            persona,
            first: String::new(),
            attack,
            judge: None,
            prelude: String::new(),
            passed_if_constrained: false,
            fence: String::new(),
            script: None,
        }
    }
}

impl Attempt {
    /// Everything that the attacker sends.
    fn statements(&self) -> String {
        if self.first.is_empty() {
            self.attack.clone()
        } else {
            format!("{}; {}", self.first, self.attack)
        }
    }

    /// What the administrator does right before, as the report shows it. Where rows are given away one by one, others
    /// might be refused; elsewhere the fence is for their protection only.
    fn ground(&self) -> String {
        let fence = Some(&self.fence).filter(|_| self.rule.column == Some(Column::Move));
        let parts = fence.into_iter().chain([&self.prelude]);
        let parts: Vec<&str> = parts
            .map(String::as_str)
            .filter(|part| !part.is_empty())
            .collect();
        parts.join("; ")
    }
}

/// `pg_class`, which TRUNCATE writes to.
const PG_CLASS: Oid = 1259;

impl Context<'_> {
    /// Runs attempts, those of one fence together, and notes what came of them.
    pub(crate) async fn run(&self, relation: RelationId, attempts: Vec<Attempt>, about: &mut Assessment) {
        let mut rest = attempts.as_slice();
        while let Some(first) = rest.first() {
            let many = rest
                .iter()
                .take_while(|attempt| attempt.fence == first.fence)
                .count();
            let (together, others) = rest.split_at(many);
            rest = others;
            let succeeded = if first.fence.is_empty() {
                self.try_all(relation, together.to_vec(), about).await
            } else {
                self.try_within(relation, &first.fence, together.to_vec(), about)
                    .await
            };
            for attempt in succeeded {
                self.note(relation, &attempt, about);
            }
        }
    }

    /// Runs attempts; the answer is those that succeeded.
    pub(super) async fn try_all(
        &self,
        relation: RelationId,
        attempts: Vec<Attempt>,
        about: &mut Assessment,
    ) -> Vec<Attempt> {
        let scripts = attempts
            .iter()
            .map(|attempt| self.script(relation, attempt))
            .collect();
        let outcomes = self.session.attempt(scripts).await;
        self.succeeded(relation, attempts, outcomes, about)
    }

    /// Runs attempts behind a fence, which may have to wait its turn.
    async fn try_within(
        &self,
        relation: RelationId,
        fence: &str,
        attempts: Vec<Attempt>,
        about: &mut Assessment,
    ) -> Vec<Attempt> {
        let table = &self.catalog.relations[relation];
        if !table.owned && table.part.is_none() {
            about.untested.insert(format!(
                "blind writes need a fence, and only the owner of {} ({}) can make it",
                table.label(),
                table.owner
            ));
            return Vec::new();
        }
        let scripts: Vec<Script> = attempts
            .iter()
            .map(|attempt| self.script(relation, attempt))
            .collect();
        let mut tries = 1;
        loop {
            match self.session.attempt_within(fence, &scripts).await {
                Ok(outcomes) => return self.succeeded(relation, attempts, outcomes, about),
                Err(refusal) if refusal.code == "55P03" && tries < 5 => tries += 1,
                // The service in front of it reads whatever it writes.
                Err(refusal) if refusal.code == "42501" && table.part.is_some() => return Vec::new(),
                Err(refusal) => {
                    about.untested.insert(format!(
                        "blind writes could not be fenced: {} [{}]",
                        refusal.message, refusal.code
                    ));
                    return Vec::new();
                }
            }
        }
    }

    pub(super) fn script(&self, relation: RelationId, attempt: &Attempt) -> Script {
        if let Some(script) = &attempt.script {
            return script.clone();
        }
        let table = &self.catalog.relations[relation];
        let settings = self.settings(&self.personas[attempt.persona], table);
        let mut script = Script::default();
        if attempt.judge.is_some() {
            script = script.watch(self.written_by_acts_on(relation));
        }
        if !attempt.prelude.is_empty() {
            script = script.act(&attempt.prelude);
        }
        script = script.be(settings);
        if !attempt.first.is_empty() {
            script = script.act_often(&attempt.first);
        }
        match &attempt.judge {
            None => script.ask_often(&attempt.attack),
            Some(judge) => script.act_often(&attempt.attack).judge(judge),
        }
    }

    /// Every relation that an attacker may write to, by whatever way.
    pub(crate) fn everywhere(&self) -> Vec<Oid> {
        let tables = self
            .catalog
            .relations
            .iter()
            .filter(|relation| relation.is_table());
        tables.map(|table| table.oid).chain([PG_CLASS]).collect()
    }

    /// Where an act on a relation writes: there and in its partitions, or anywhere if it sets something off.
    fn written_by_acts_on(&self, relation: RelationId) -> Vec<Oid> {
        if self.catalog.relations[relation].kind == RelationKind::View || self.sets_off(relation) {
            return self.everywhere();
        }
        let mut oids = vec![self.catalog.relations[relation].oid];
        let mut n = 0;
        while let Some(parent) = oids.get(n).copied() {
            let children = self
                .catalog
                .relations
                .iter()
                .filter(|child| child.parents.contains(&parent));
            oids.extend(children.map(|child| child.oid));
            n += 1;
        }
        oids
    }

    /// Which attempts succeeded?
    fn succeeded(
        &self,
        relation: RelationId,
        attempts: Vec<Attempt>,
        outcomes: Vec<Outcome>,
        about: &mut Assessment,
    ) -> Vec<Attempt> {
        let mut succeeded = Vec::new();
        for (mut attempt, outcome) in attempts.into_iter().zip(outcomes) {
            about.attempts += 1;
            let success = match &outcome {
                Ok(rows) => {
                    if let Some(Some(harm)) = rows.first().and_then(|row| row.get(1)) {
                        attempt.message = format!("{}: {}", attempt.message, self.describe(harm));
                    }
                    says_yes(rows)
                }
                Err(refusal) if refusal.is_inconclusive() && attempt.evidence == Evidence::Strangers => false,
                Err(refusal) if refusal.is_inconclusive() => {
                    about.untested.insert(format!(
                        "{}: {} [{}]",
                        attempt.rule, refusal.message, refusal.code
                    ));
                    false
                }
                Err(refusal) => attempt.passed_if_constrained && self.is_constraint(relation, refusal),
            };
            if success {
                succeeded.push(attempt);
            }
        }
        succeeded
    }

    pub(super) fn note(&self, relation: RelationId, attempt: &Attempt, about: &mut Assessment) {
        let table = &self.catalog.relations[relation];
        let persona = table.met_by(&self.personas[attempt.persona], &self.people.other);
        let name = table.title();
        let message = format!(
            "{} {}",
            sentence(persona.label),
            attempt.message.replace("{}", &name)
        );
        about.accuse_after(
            &attempt.ground(),
            &persona,
            attempt.rule,
            message,
            &attempt.statements(),
        );
    }

    fn is_constraint(&self, relation: RelationId, refusal: &Refusal) -> bool {
        matches!(refusal.code.as_str(), "23505" | "23514" | "23503" | "23P01")
            && refusal.constraint.as_ref().is_some_and(|name| {
                let table = &self.catalog.relations[relation];
                table.indexes.iter().any(|index| index.name == *name)
                    || table.checks.iter().any(|check| check.name == *name)
                    || self.catalog.relations.iter().any(|other| {
                        other.foreign_keys.iter().any(|key| {
                            key.name == *name && (key.target == table.oid || other.oid == table.oid)
                        })
                    })
            })
    }
}
