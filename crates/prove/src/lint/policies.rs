//! Reads what policies say by themselves.

use std::sync::LazyLock;

use regex::Regex;

use super::asked::{flag, of_catalog};
use crate::assessment::Assessment;
use crate::catalog::{Catalog, Policy, Relation};
use crate::rules;
use crate::sql::literal;

static HELPER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(select\s+(?:\()*)?\b(auth\.(?:uid|jwt|role|email)\(\)|current_setting\()").ok()
});

pub(super) fn policies(catalog: &Catalog, relation: &Relation, about: &mut Assessment) {
    if !relation.rls && !relation.policies.is_empty() {
        about.find(
            rules::RLS_DISABLED,
            format!("{} has policies, but row-level security is off", relation.label()),
            flag("not relrowsecurity", relation),
        );
    }
    for policy in relation.policies.iter().filter(|policy| policy.applies) {
        conditions(relation, policy, about);
        immutable(catalog, relation, policy, about);
    }
}

/// What a policy's conditions say, and for whom.
fn conditions(relation: &Relation, policy: &Policy, about: &mut Assessment) {
    let text = policy.text();
    let always =
        always_true(policy.using_expression.as_deref()) || always_true(policy.check_expression.as_deref());
    let legacy = text.contains("request.jwt.claim.") || text.contains("request.jwt.claim'");
    let says = [
        (
            policy.permissive && always,
            rules::ALWAYS_TRUE_POLICY,
            "is always true: only what stands beside it protects the rows",
        ),
        (
            text.contains("user_metadata"),
            rules::USER_METADATA_IN_POLICY,
            "reads user_metadata, which users edit themselves",
        ),
        (
            legacy,
            rules::LEGACY_SETTING_IN_POLICY,
            "reads a legacy setting that may be stale on a pooled connection",
        ),
        (
            per_row(&text),
            rules::PER_ROW_HELPER,
            "calls a helper once a row; (select …) around it makes that once a statement",
        ),
        (
            policy.permissive && policy.roles.iter().any(|role| role == "public"),
            rules::POLICY_TO_PUBLIC,
            "names no role, so it is for everybody",
        ),
    ];
    let name = relation.label();
    for (_, rule, what) in says.into_iter().filter(|(is_so, ..)| *is_so) {
        about.find(
            rule,
            format!("Policy {:?} of {name} {what}", policy.name),
            format!(
                "select * from pg_policies where schemaname || '.' || tablename = {} and policyname = {}",
                literal(&name),
                literal(&policy.name)
            ),
        );
    }
}

/// A function over settings that is declared IMMUTABLE gives one user's answer to the next.
fn immutable(catalog: &Catalog, relation: &Relation, policy: &Policy, about: &mut Assessment) {
    for function in policy.functions.iter().filter_map(|oid| catalog.function(*oid)) {
        if function.freezes_settings() {
            about.find(
                rules::IMMUTABLE_OVER_SETTINGS,
                format!("Policy {:?} of {} calls {}, which reads settings and is declared IMMUTABLE: a prepared statement gives one user's rows to the next", policy.name, relation.label(), function.label()),
                of_catalog("provolatile = 'i', prosrc", "pg_proc", &function.signature, "regprocedure"),
            );
        }
    }
}

/// `true`, `1 = 1`, `a = a`, or something that can't be anything else.
fn always_true(expression: Option<&str>) -> bool {
    expression.is_some_and(crate::conditions::is_always_true)
}

fn per_row(text: &str) -> bool {
    HELPER
        .as_ref()
        .is_some_and(|helper| helper.captures_iter(text).any(|found| found.get(1).is_none()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tautologies_are_seen_through() {
        for text in [
            "true",
            "(true)",
            "(1 = 1)",
            "(user_id = user_id)",
            "((a = 1) OR true)",
        ] {
            assert!(always_true(Some(text)), "{text}");
        }
        for text in [
            "(user_id = ( SELECT auth.uid() AS uid))",
            "false",
            "(a = b)",
            "(user_id = owner_id)",
            "((user_id = ( SELECT auth.uid() AS uid)) AND ((gone IS NULL) OR true))",
        ] {
            assert!(!always_true(Some(text)), "{text}");
        }
    }

    #[test]
    fn a_helper_in_a_subselect_is_called_once() {
        assert!(per_row("(user_id = auth.uid())"));
        assert!(!per_row("(user_id = ( SELECT auth.uid() AS uid))"));
    }
}
