//! What a leak comes to, told of two people: Bob attacks, and Alice is of another tenant.

use super::{DATABASE, Finding};

/// What Bob does after he has come, and what that comes to; `{it}` is what the finding is about.
const STORIES: &[(&str, &str, &str)] = &[
    (
        "cross_tenant_read",
        "looks into {it}",
        "Rows of Alice's are among what he gets.",
    ),
    (
        "null_tenant_read",
        "looks into {it}",
        "He gets rows that belong to nobody, whoever they were meant for.",
    ),
    (
        "prepared_statement_read",
        "executes what Alice's session has prepared on the same connection",
        "It answers with her rows of {it}.",
    ),
    (
        "immutable_over_settings",
        "looks into {it} on a connection that Alice has used",
        "The plan remembers her answer, and he gets her rows.",
    ),
    (
        "materialized_view_exposed",
        "looks into {it}, which no policy binds",
        "Rows of Alice's are among what he gets.",
    ),
    (
        "foreign_table_exposed",
        "looks into {it}, which no policy binds",
        "Rows of Alice's are among what he gets.",
    ),
    (
        "escalation",
        "gives himself what policies ask for",
        "Then he looks into {it}, and gets rows of Alice's.",
    ),
    (
        "cross_tenant_insert",
        "makes a row in {it} and has it be Alice's",
        "She finds it among hers, and never made it.",
    ),
    (
        "null_tenant_insert",
        "makes a row in {it} that belongs to nobody",
        "It is there, and no tenant answers for it.",
    ),
    (
        "cross_tenant_update",
        "changes rows of Alice's in {it}",
        "She finds there what he has written.",
    ),
    (
        "takeover",
        "writes himself into rows of Alice's in {it}",
        "From then on they are his, and she has lost them.",
    ),
    (
        "upsert_takeover",
        "makes a row in {it} under the key of one of Alice's, to overwrite what is there",
        "Hers is gone, and his stands in its place.",
    ),
    (
        "move_away",
        "gives rows of his own in {it} to Alice",
        "She finds among hers what he has written.",
    ),
    (
        "move_to_nobody",
        "takes his name off rows of his own in {it}",
        "They stay, and no tenant answers for them.",
    ),
    (
        "third_party_read",
        "has Alice let his app in, and looks into {it} with the token that it got",
        "He gets rows of hers that apps are kept from.",
    ),
    (
        "third_party_write",
        "has Alice let his app in, and writes to {it} with the token that it got",
        "Her rows change, though apps are kept from them.",
    ),
    (
        "cross_tenant_delete",
        "deletes from {it}",
        "Rows of Alice's are gone.",
    ),
    (
        "foreign_key_to_other",
        "makes a row in {it} that refers to one of Alice's",
        "It is accepted, so that he knows hers is there, and has hung something on it.",
    ),
    (
        "side_effect",
        "writes rows of his own in {it}",
        "Something that this sets off changes or makes rows of Alice's.",
    ),
    (
        "function_reads_others",
        "calls {it}",
        "What it answers depends on rows of Alice's.",
    ),
    (
        "function_changes_others",
        "calls {it}",
        "Rows of Alice's are changed or made by it.",
    ),
    (
        "runs_text_as_sql",
        "calls {it} with a piece of SQL for a text",
        "The function runs it, with more rights than he has.",
    ),
    (
        "setting_outlives",
        "calls {it}",
        "A setting stays on the connection, and policies trust it when the next one comes.",
    ),
    (
        "role_bypasses",
        "asks for any table, in the API's own role",
        "No policy binds that role, so every tenant's rows are his.",
    ),
    (
        "claims_of_another",
        "reads {it} on a node that worked for Alice before",
        "The node still takes him for her.",
    ),
    (
        "direct_connection",
        "leaves the API out and connects to the node that has a part of {it}",
        "The node shows him rows of Alice's.",
    ),
    (
        "role_can_bypass",
        "has the API's role become another",
        "No policy binds that one, so every tenant's rows are his.",
    ),
];

/// Two sentences; nothing of a risk.
pub(super) fn story(about: &str, finding: &Finding) -> Option<String> {
    let (_, deed, outcome) = STORIES.iter().find(|(rule, ..)| *rule == finding.rule.id)?;
    let comes = if finding.reproduce.settings.contains("set_config('role', 'anon'") {
        "Bob, without signing in,"
    } else {
        "Bob signs in and"
    };
    let it = if about == DATABASE { "the database" } else { about };
    Some(format!("{comes} {deed}. {outcome}").replace("{it}", it))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{self, Severity};

    #[test]
    fn every_leak_has_a_story_of_its_own() {
        let leaks = rules::ALL.iter().filter(|rule| rule.severity == Severity::Leak);
        let mut leaks: Vec<&str> = leaks.map(|rule| rule.id).collect();
        let mut told: Vec<&str> = STORIES.iter().map(|(rule, ..)| *rule).collect();
        leaks.sort_unstable();
        told.sort_unstable();
        assert_eq!(leaks, told);
    }
}
