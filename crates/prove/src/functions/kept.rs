//! Looks whether a setting that a function makes outlives its transaction. Connections are pooled: what
//! `set_config(…, false)` leaves there, the next request's policies may trust.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use crate::assessment::Assessment;
use crate::attack::{any_of, says_yes};
use crate::catalog::Function;
use crate::context::Context;
use crate::ids::{PersonaId, RelationId};
use crate::persona::Persona;
use crate::plan::Class;
use crate::rules;
use crate::script::Script;

static READ: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)current_setting\(\s*'([^']+)'").ok());
/// The name, and whether it is for the transaction only.
static CONFIGURED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?is)\bset_config\s*\(\s*([^,]+?)\s*,.+?,\s*([\w:\s']+?)\s*\)").ok());
static SET: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\bset\s+(?:session\s+)?([a-z_]\w*\.\w+)\s*(?:=|\bto\b)").ok());

impl Context<'_> {
    /// Looks for settings that a function keeps and policies trust: a leak where a call opened something, else a risk.
    pub(super) async fn kept_settings(&self, function: &Function, about: &mut Assessment) {
        let mut kept = self.trusting();
        kept.retain(|(name, _)| keeps(&function.source, name));
        let Some((name, relation)) = kept.first() else {
            return;
        };
        self.outliving(function, &kept, about).await;
        if about.found(rules::SETTING_OUTLIVES) {
            return;
        }
        about.find(
            rules::SETTING_KEPT,
            format!(
                "{} sets {name} for the connection, beyond its transaction, and policies of {} trust it",
                function.label(),
                self.catalog.relations[*relation].label()
            ),
            format!(
                "select prosrc from pg_proc where oid = {}::regprocedure",
                crate::sql::literal(&function.signature)
            ),
        );
    }

    /// Calls it as the attacker and as the other tenant, and then reads what trusts the setting.
    async fn outliving(
        &self,
        function: &Function,
        kept: &BTreeSet<(String, RelationId)>,
        about: &mut Assessment,
    ) {
        let (attacker, victim) = (&self.personas[PersonaId::PLAIN], self.victim());
        let lists = self.argument_lists(function);
        let mut tries = Vec::new();
        for arguments in &lists {
            for (name, relation) in kept {
                tries.extend([attacker, &victim].map(|caller| (arguments, name, *relation, caller)));
            }
        }
        let scripts = tries
            .iter()
            .map(|(arguments, _, relation, caller)| {
                self.call_and_read(function, arguments, *relation, caller)
            })
            .collect();
        let outcomes = self.session.attempt(scripts).await;
        about.attempts += outcomes.len();
        let mut opened = tries.iter().zip(outcomes).filter_map(|(tried, outcome)| {
            let opened = outcome.is_ok_and(|rows| says_yes(&rows));
            opened.then_some(tried)
        });
        let Some((arguments, name, relation, caller)) = opened.next() else {
            return;
        };
        let table = &self.catalog.relations[*relation];
        let whose = if caller.who == attacker.who {
            "the same"
        } else {
            "another"
        };
        let message = format!(
            "{} sets {name} for the connection, beyond its transaction: after {whose} user's call {} reads another tenant's rows of {}, whose policies trust it",
            function.label(),
            attacker.label,
            table.label()
        );
        let attack = format!(
            "{}; select {}({arguments}); {}; {}",
            caller.reproduction(),
            function.sql(),
            attacker.reproduction(),
            self.count_of_secret(*relation)
        );
        about.accuse(attacker, rules::SETTING_OUTLIVES, message, &attack);
    }

    fn call_and_read(
        &self,
        function: &Function,
        arguments: &str,
        relation: RelationId,
        caller: &Persona,
    ) -> Script {
        let table = &self.catalog.relations[relation];
        let settings =
            |persona: &Persona, schema: &str| persona.settings(&self.session.admin, self.catalog, schema);
        Script::default()
            .be(settings(caller, &function.schema))
            .act(format!("select {}({arguments})", function.sql()))
            .act(self.session.back())
            .be(settings(&self.personas[PersonaId::PLAIN], &table.schema))
            .ask(self.count_of_secret(relation))
    }

    fn count_of_secret(&self, relation: RelationId) -> String {
        let table = &self.catalog.relations[relation];
        format!(
            "select count(*) from {} where {}",
            table.sql(),
            any_of(&self.secret(relation))
        )
    }

    /// Settings that policies of tables which can be read trust, other than those that each request makes anew.
    fn trusting(&self) -> BTreeSet<(String, RelationId)> {
        let mut found = BTreeSet::new();
        for (n, table) in self.catalog.relations.with_ids() {
            if !matches!(self.plan.classes[n], Class::Tenant { .. })
                || !table.in_scope
                || !table.rights(&self.personas[PersonaId::PLAIN].role).select
                || self.secret(n).is_empty()
            {
                continue;
            }
            for policy in &table.policies {
                let helpers = policy
                    .functions
                    .iter()
                    .filter_map(|oid| Some(self.catalog.function(*oid)?.source.clone()));
                for text in helpers.chain([policy.text()]) {
                    let names = READ.iter().flat_map(|read| read.captures_iter(&text));
                    let names: Vec<String> = names.map(|found| found[1].to_owned()).collect();
                    found.extend(
                        names
                            .into_iter()
                            .filter(|name| !name.starts_with("request."))
                            .map(|name| (name, n)),
                    );
                }
            }
        }
        found
    }
}

/// Whether a body makes a setting that outlives the transaction.
fn keeps(source: &str, name: &str) -> bool {
    let quoted = format!("'{name}'");
    let configured = CONFIGURED.iter().flat_map(|call| call.captures_iter(source));
    let set = SET.iter().flat_map(|statement| statement.captures_iter(source));
    configured
        .filter(|call| !call[2].trim().to_lowercase().starts_with("true") && !call[2].contains("'t"))
        .any(|call| call[1] == *quoted || !call[1].starts_with('\''))
        || set
            .map(|statement| statement[1].to_owned())
            .any(|kept| kept.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_the_transaction_is_not_kept() {
        for body in [
            "perform set_config('app.account', account, false);",
            "select set_config(\n 'app.account', coalesce(a, 'x'), is_local)",
            "perform set_config(name, value, false)",
            "set app.account = 'x';",
            "SET SESSION app.account TO 'x'",
        ] {
            assert!(keeps(body, "app.account"), "{body}");
        }
        for body in [
            "perform set_config('app.account', account, true);",
            "perform set_config('app.other', account, false);",
            "set local app.account = 'x';",
            "select current_setting('app.account')",
        ] {
            assert!(!keeps(body, "app.account"), "{body}");
        }
    }
}
