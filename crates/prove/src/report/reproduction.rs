//! SQL that shows a finding and is runnable as it stands: it makes the rows, acts as the attacker, shows what came of it
//! and takes everything back.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::nodes::Node;

/// What shows a finding.
#[derive(Clone, Debug, Default)]
pub struct Reproduction {
    /// Who attacks, and who is attacked.
    pub(crate) about: String,
    /// Rows that are there before the other tenant comes.
    pub(crate) own: Vec<String>,
    /// The other tenant's rows, and nobody's.
    pub(crate) others: Vec<String>,
    /// What the administrator does right before.
    pub(crate) prelude: String,
    /// Makes the session the attacker's; nothing, if the attack is a question to the catalog.
    pub(crate) settings: String,
    /// What the attacker sends.
    pub(crate) attack: String,
    /// The answers with and without the other tenant's rows differ, and that is the finding.
    pub(crate) compares: bool,
    /// Makes the session the other tenant's, who acts first where a plan may remember whom it was made for.
    pub(crate) others_settings: Option<String>,
    /// What the administrator asks before and after.
    pub(crate) asked: Option<(String, String)>,
}

impl Reproduction {
    /// The statements, one after the other; what the last one answers shows it, or differs from what it answered first.
    #[must_use]
    pub fn statements(&self) -> Vec<String> {
        if self.settings.is_empty() {
            return vec![self.attack.clone()];
        }
        let mut statements = vec![format!("{}begin", self.about)];
        let act = [self.settings.clone(), self.attack.clone()];
        statements.extend(self.own.iter().cloned());
        if self.compares {
            statements.push("savepoint without_the_other".to_owned());
            statements.extend(self.prelude());
            statements.extend(act.clone());
            statements.push("rollback to savepoint without_the_other".to_owned());
        }
        statements.extend(self.others.iter().cloned());
        statements.extend(self.asked.iter().map(|(before, _)| before.clone()));
        statements.extend(self.prelude());
        if let Some(settings) = &self.others_settings {
            let discard = "discard plans".to_owned();
            statements.extend([discard, settings.clone(), self.attack.clone()]);
        }
        statements.extend(act);
        if let Some((_, after)) = &self.asked {
            statements.extend([
                "reset session authorization".to_owned(),
                "reset role".to_owned(),
                after.clone(),
            ]);
        }
        statements.push("rollback".to_owned());
        statements
    }

    fn prelude(&self) -> Option<String> {
        Some(self.prelude.clone()).filter(|prelude| !prelude.is_empty())
    }

    /// Whether two answers that differ show it.
    #[must_use]
    pub fn compares(&self) -> bool {
        self.compares
    }

    /// Says that it shows on a node of Citus', whose shards it is about.
    pub(crate) fn on_node(&mut self, node: &Node) {
        let connected = format!("-- connected to {node}\n");
        if self.settings.is_empty() {
            self.attack.insert_str(0, &connected);
        } else {
            self.about.insert_str(0, &connected);
            let writable = "set local citus.enable_manual_changes_to_shards = on".to_owned();
            self.own.insert(0, writable);
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.attack.is_empty()
    }
}

impl From<String> for Reproduction {
    fn from(attack: String) -> Self {
        Self {
            attack,
            ..Self::default()
        }
    }
}

impl fmt::Display for Reproduction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.settings.is_empty() {
            return f.write_str(&self.attack);
        }
        self.statements()
            .iter()
            .try_for_each(|statement| writeln!(f, "{statement};"))
    }
}

impl Serialize for Reproduction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
