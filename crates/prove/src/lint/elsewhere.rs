//! Names what is outside the model's schemas and still in reach, such as Supabase's files: nothing was tried there.

use std::fmt::Write as _;

use crate::catalog::Elsewhere;
use crate::report::Finding;
use crate::rules;
use crate::sql::literal;

/// A risk for each table.
pub(super) fn risks(tables: &[Elsewhere]) -> impl Iterator<Item = Finding> {
    tables.iter().map(risk)
}

fn risk(table: &Elsewhere) -> Finding {
    let name = format!("{}.{}", table.schema, table.name);
    let mut message = format!(
        "{} may use {name}, by {} policies; its schema is not among the model's, so nothing was tried there",
        table.roles.join(" and "),
        table.policies.len()
    );
    let policies = table.policies.iter();
    let open: Vec<String> = policies
        .filter(|policy| !asks_who(&policy.asks))
        .map(|policy| format!("{:?}", policy.name))
        .collect();
    if !open.is_empty() {
        let _ = write!(message, ". These don't ask who it is: {}", open.join(", "));
    }
    Finding {
        rule: rules::NOT_TRIED_ELSEWHERE,
        message,
        reproduce: format!(
            "select policyname, roles, cmd, qual, with_check from pg_policies where schemaname = {} and tablename = {}",
            literal(&table.schema),
            literal(&table.name)
        )
        .into(),
        place: None,
        remedy: None,
    }
}

/// Whether a condition may depend on whoever asks.
fn asks_who(condition: &str) -> bool {
    ["auth.", "current_", "session_user", "owner", "realtime.topic"]
        .iter()
        .any(|word| condition.contains(word))
        || calls_helper(condition)
}

/// Whether a schema's function is called that isn't known to look at its arguments alone.
fn calls_helper(condition: &str) -> bool {
    let known = ["storage.foldername(", "storage.filename(", "storage.extension("];
    let rest = known
        .iter()
        .fold(condition.to_owned(), |text, name| text.replace(name, ""));
    rest.split('(').any(|before| {
        let name = before
            .rsplit(|c: char| !c.is_alphanumeric() && c != '_' && c != '.')
            .next();
        name.is_some_and(|name| name.contains('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::relation::AllowingPolicy;

    fn objects(asks: &str) -> Elsewhere {
        Elsewhere {
            schema: "storage".to_owned(),
            name: "objects".to_owned(),
            roles: vec!["authenticated".to_owned()],
            policies: vec![AllowingPolicy {
                name: "see".to_owned(),
                asks: asks.to_owned(),
            }],
        }
    }

    #[test]
    fn a_policy_that_asks_nobody_is_named() {
        let open = [
            "(bucket_id = 'invoices'::text)",
            "((bucket_id = 'a'::text) AND ((storage.foldername(name))[1] = 'public'::text))",
            "true",
        ];
        for asks in open {
            assert!(risk(&objects(asks)).message.contains("\"see\""), "{asks}");
        }
        let held = [
            "((storage.foldername(name))[1] = (( SELECT auth.uid() AS uid))::text)",
            "(owner_id = 'x'::text)",
            "(private.may_see(name))",
        ];
        for asks in held {
            assert!(!risk(&objects(asks)).message.contains("\"see\""), "{asks}");
        }
    }
}
