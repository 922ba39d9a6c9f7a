//! Reads what the catalog says by itself. Mostly risks: what weakens tenancy without opening it, or will once
//! something else changes. What is open is for the attacks to show.

mod around;
mod beyond;
mod elsewhere;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use crate::assessment::Assessment;
use crate::catalog::{Catalog, Command, Function, Identity, Index, Policy, Relation, RelationKind};
use crate::ids::{FunctionId, RelationId};
use crate::plan::{Class, Plan};
use crate::rules;
use crate::sql::{ident, literal};

pub(crate) use around::{notes, roles, sequences};
pub(crate) use beyond::{beyond_a_call, beyond_this_session};

static HELPER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(select\s+(?:\()*)?\b(auth\.(?:uid|jwt|role|email)\(\)|current_setting\()").ok()
});
/// Looks at every relation and function.
pub(crate) fn look(
    catalog: &Catalog,
    plan: &Plan,
    relations: &mut BTreeMap<RelationId, Assessment>,
    functions: &mut BTreeMap<FunctionId, Assessment>,
) {
    for (n, relation) in catalog.relations.with_ids() {
        if !relation.in_scope || relation.is_planted() || matches!(plan.classes[n], Class::Outside) {
            continue;
        }
        let about = relations.entry(n).or_default();
        if relation.part.is_some() {
            // The table and its grants are Supabase's; only the policies are the project's own.
            policies(catalog, relation, about);
            continue;
        }
        grants(relation, about);
        match &plan.classes[n] {
            Class::Tenant { column, .. } => {
                policies(catalog, relation, about);
                if relation.is_table() {
                    tenant_table(relation, column, plan, n, catalog, about);
                }
                view(relation, about);
            }
            Class::Public => public(relation, about),
            Class::Internal => {
                policies(catalog, relation, about);
                view(relation, about);
            }
            _ => {}
        }
    }
    for (n, function) in catalog.functions.with_ids() {
        if function.is_callable() {
            of_function(function, functions.entry(n).or_default());
        }
    }
}

fn grants(relation: &Relation, about: &mut Assessment) {
    for (role, rights) in relation.rights.iter().filter(|(_, rights)| rights.usage) {
        if relation.is_table() && rights.truncate {
            about.find(
                rules::TRUNCATE_GRANTED,
                format!("{role} may TRUNCATE {}, to which no policy applies; neither PostgREST nor Mako offers it, but a function could", relation.label()),
                may(role, relation, "truncate"),
            );
        }
        if relation.is_table() && (rights.references || rights.trigger) {
            about.find(
                rules::LEGACY_GRANTS,
                format!(
                    "{role} has REFERENCES or TRIGGER on {}, a leftover of GRANT ALL",
                    relation.label()
                ),
                may(role, relation, "references, trigger"),
            );
        }
    }
}

/// Asks the catalog whether a role has any of some rights.
fn may(role: &str, relation: &Relation, rights: &str) -> String {
    format!(
        "select has_table_privilege({}, {}, {})",
        literal(role),
        literal(&relation.sql()),
        literal(rights)
    )
}

/// Asks `pg_class` about a relation.
fn flag(what: &str, relation: &Relation) -> String {
    of_catalog(what, "pg_class", &relation.sql(), "regclass")
}

fn of_catalog(what: &str, table: &str, name: &str, kind: &str) -> String {
    let key = if table == "pg_index" { "indexrelid" } else { "oid" };
    format!(
        "select {what} from {table} where {key} = {}::{kind}",
        literal(name)
    )
}

fn public(relation: &Relation, about: &mut Assessment) {
    for (role, rights) in &relation.rights {
        let bound = relation.rls && !rights.owner;
        let writable = |command| {
            !bound
                || relation
                    .policies
                    .iter()
                    .any(|policy| policy.permissive && policy.applies && policy.is_for(command))
        };
        if relation.is_table()
            && (rights.inserts() && writable(Command::Insert)
                || rights.updates() && writable(Command::Update)
                || rights.deletes() && writable(Command::Delete))
        {
            about.find(
                rules::PUBLIC_RELATION_WRITABLE,
                format!("{role} may write {}, which everybody reads", relation.label()),
                may(role, relation, "insert, update, delete"),
            );
        }
    }
}

fn policies(catalog: &Catalog, relation: &Relation, about: &mut Assessment) {
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
pub(crate) fn always_true(expression: Option<&str>) -> bool {
    expression.is_some_and(crate::conditions::is_always_true)
}

fn per_row(text: &str) -> bool {
    HELPER
        .as_ref()
        .is_some_and(|helper| helper.captures_iter(text).any(|found| found.get(1).is_none()))
}

fn tenant_table(
    relation: &Relation,
    column: &str,
    plan: &Plan,
    n: RelationId,
    catalog: &Catalog,
    about: &mut Assessment,
) {
    no_index(relation, column, about);
    if relation.rls && !relation.forced && !relation.owner_bypasses {
        about.find(
            rules::NOT_FORCED,
            format!(
                "{} belongs to {}, whom policies don't bind without FORCE",
                relation.label(),
                relation.owner
            ),
            flag("not relforcerowsecurity", relation),
        );
    }
    if relation.column(column).is_some_and(|column| !column.not_null) {
        about.find(
            rules::NULLABLE_TENANT,
            format!(
                "{column} of {} may be null: rows may belong to nobody",
                relation.label()
            ),
            format!(
                "select not attnotnull from pg_attribute where attrelid = {}::regclass and attname = {}",
                literal(&relation.sql()),
                literal(column)
            ),
        );
    }
    if !plan.is_identity(catalog, n) {
        unscoped(relation, column, plan, n, about);
    }
}

/// Without an index that is led by the tenant column every statement reads everybody's rows.
fn no_index(relation: &Relation, column: &str, about: &mut Assessment) {
    let leads = |first: &Option<String>| first.as_deref() == Some(column);
    let led = |index: &Index| !index.partial && index.columns.first().is_some_and(leads);
    if !relation.indexes.iter().any(led) {
        about.find(
            rules::NO_TENANT_INDEX,
            format!(
                "No index of {} is led by {column}: every statement of a tenant's reads the whole table",
                relation.label()
            ),
            format!(
                "select not exists (select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0] \
                 where i.indrelid = {}::regclass and i.indpred is null and a.attname = {})",
                literal(&relation.sql()),
                literal(column)
            ),
        );
    }
}

/// What no two rows may hold alike, whosever they are.
fn unscoped(relation: &Relation, column: &str, plan: &Plan, n: RelationId, about: &mut Assessment) {
    let named = relation.label();
    for index in relation
        .indexes
        .iter()
        .filter(|index| (index.unique || index.exclusion) && !index.primary)
    {
        let columns: Vec<&str> = index.columns.iter().flatten().map(String::as_str).collect();
        let scoped = columns.contains(&column)
            || columns.iter().any(|name| {
                plan.meaning(n, name).is_some()
                    || relation
                        .column(name)
                        .is_some_and(|c| c.base_name == "uuid" || c.sequence || c.identity != Identity::None)
            });
        let what = if index.unique {
            "is unique"
        } else {
            "excludes what is alike"
        };
        if !scoped {
            about.find(rules::UNSCOPED_UNIQUE, format!("Index {} of {named} {what} over all tenants: an insert that is refused tells that another has the value", index.name), of_catalog("indisunique or indisexclusion, pg_get_indexdef(indexrelid)", "pg_index", &format!("{}.{}", ident(&relation.schema), ident(&index.name)), "regclass"));
        }
    }
}

fn view(relation: &Relation, about: &mut Assessment) {
    if relation.kind == RelationKind::View
        && !relation.invoker
        && relation.rights.values().any(crate::catalog::Rights::any)
    {
        about.find(
            rules::VIEW_WITHOUT_SECURITY_INVOKER,
            format!(
                "{} reads with the rights of {}, so the policies of its tables don't bind who asks",
                relation.label(),
                relation.owner
            ),
            flag(
                "coalesce(not reloptions && '{security_invoker=true,security_invoker=on}', true)",
                relation,
            ),
        );
        if !relation.barrier {
            about.find(rules::VIEW_WITHOUT_SECURITY_BARRIER, format!("{} filters by itself without security_barrier: a function in a condition may see rows before they are filtered", relation.label()), flag("coalesce(not reloptions && '{security_barrier=true,security_barrier=on}', true)", relation));
        }
    }
}

fn of_function(function: &Function, about: &mut Assessment) {
    if function.definer
        && !function
            .config
            .iter()
            .any(|setting| setting.starts_with("search_path="))
    {
        about.find(
            rules::DEFINER_WITHOUT_SEARCH_PATH,
            format!(
                "{} runs with the rights of {}, and with the search path of whoever calls it",
                function.label(),
                function.owner
            ),
            of_catalog(
                "prosecdef, proconfig",
                "pg_proc",
                &function.signature,
                "regprocedure",
            ),
        );
    }
    if function.definer && function.owner_bypasses && function.callers.iter().any(|role| role == "anon") {
        about.find(
            rules::DEFINER_FOR_ANON,
            format!(
                "Without a token, {} can be called, which no policy binds",
                function.label()
            ),
            format!(
                "select has_function_privilege('anon', {}, 'execute')",
                literal(&function.signature)
            ),
        );
    }
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
