//! What is learnt about one relation or function: attempts, findings, and what could not be tested.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{FunctionId, RelationId};
use crate::persona::Persona;
use crate::report::{Finding, Reproduction};
use crate::rules::{Column, Rule};

/// What has been learnt, by the positions of relations and functions in the catalog.
#[derive(Debug, Default)]
pub(crate) struct Assessments {
    pub(crate) relations: BTreeMap<RelationId, Assessment>,
    pub(crate) functions: BTreeMap<FunctionId, Assessment>,
}

/// What has been learnt about one relation or function.
#[derive(Debug, Default)]
pub(crate) struct Assessment {
    pub(crate) attempts: usize,
    pub(crate) findings: Vec<Finding>,
    /// What could not be tested, and why.
    pub(crate) untested: BTreeSet<String>,
}

impl Assessment {
    /// A leak, unless it takes another login than clients have: whether they come by that one too isn't known.
    pub(crate) fn accuse(&mut self, persona: &Persona, rule: &'static Rule, message: String, attack: &str) {
        self.accuse_after("", persona, rule, message, attack);
    }

    /// The same after something that the administrator did.
    pub(crate) fn accuse_after(
        &mut self,
        prelude: &str,
        persona: &Persona,
        rule: &'static Rule,
        message: String,
        attack: &str,
    ) {
        match &persona.login {
            None => {
                let shown = Reproduction {
                    prelude: prelude.to_owned(),
                    ..reproduce(persona, attack)
                };
                self.find(rule, message, shown);
            }
            Some(login) => {
                self.untested.insert(format!(
                    "session_user decides: a client who came by login {login} could get at another tenant's rows ({rule})"
                ));
            }
        }
    }

    /// The first of each rule is enough.
    pub(crate) fn find(&mut self, rule: &'static Rule, message: String, reproduce: impl Into<Reproduction>) {
        if !self.found(rule) {
            self.findings.push(Finding {
                rule,
                message,
                reproduce: reproduce.into(),
                place: None,
                remedy: None,
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

/// What shows a leak, as far as the attacker does it.
pub(crate) fn reproduce(persona: &Persona, attack: &str) -> Reproduction {
    Reproduction {
        settings: persona.reproduction(),
        attack: attack.to_owned(),
        ..Reproduction::default()
    }
}
