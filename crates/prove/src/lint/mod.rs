//! Reads what the catalog says by itself. Mostly risks: what weakens tenancy without opening it, or will once
//! something else changes. What is open is for the attacks to show.

mod around;
mod asked;
mod beyond;
mod elsewhere;
mod policies;
mod tables;

use std::collections::BTreeMap;

use crate::assessment::Assessment;
use crate::catalog::{Catalog, Function, Relation, RelationKind};
use crate::ids::{FunctionId, RelationId};
use crate::plan::{Class, Plan};
use crate::rules;
use crate::sql::literal;
use asked::{flag, of_catalog};
use policies::policies;
use tables::{grants, public, tenant_table};

pub(crate) use around::{notes, roles, sequences};
pub(crate) use beyond::{beyond_a_call, beyond_this_session};

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
