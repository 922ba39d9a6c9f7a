//! The rules: everything that a finding can say. The matrix, fixes, controls, code scanning's list and the table in
//! the README are made from this one.

use std::fmt;

use serde::Serialize;

/// What a finding says.
#[derive(Debug, Serialize)]
pub struct Rule {
    /// A stable name.
    #[serde(rename = "rule")]
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it means, for people.
    #[serde(skip)]
    pub meaning: &'static str,
    /// Where the matrix shows it; none for risks, and for what is no relation's.
    #[serde(skip)]
    pub column: Option<Column>,
    /// What to do.
    pub fix: &'static str,
    /// What is planted to see whether it would be noticed.
    #[serde(skip)]
    pub(crate) controls: &'static [Control],
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It opens tenancy.
    Leak,
    /// It weakens without opening.
    Risk,
}

/// A column of the matrix: what an attacker does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Column {
    /// Reads or counts rows.
    Read,
    /// Makes rows.
    Insert,
    /// Changes or takes over rows.
    Update,
    /// Gives rows away.
    Move,
    /// Deletes rows.
    Delete,
    /// Hangs rows on others'.
    Refer,
    /// Sets off what changes others' rows.
    Effects,
}

impl Column {
    pub(crate) const ALL: [Self; 7] = [
        Self::Read,
        Self::Insert,
        Self::Update,
        Self::Move,
        Self::Delete,
        Self::Refer,
        Self::Effects,
    ];

    /// Its heading.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Move => "move",
            Self::Delete => "delete",
            Self::Refer => "refer",
            Self::Effects => "effects",
        }
    }
}

/// A table with a bad policy, on which the rule must be found.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) table: &'static str,
    /// What follows `create policy … on …`; nothing for a table without policies.
    pub(crate) policy: &'static str,
}

impl Rule {
    const fn new(id: &'static str, severity: Severity, meaning: &'static str, fix: &'static str) -> Self {
        Self {
            id,
            severity,
            meaning,
            column: None,
            fix,
            controls: &[],
        }
    }

    /// A leak that a relation has.
    const fn leak(id: &'static str, column: Column, meaning: &'static str, fix: &'static str) -> Self {
        Self {
            column: Some(column),
            ..Self::new(id, Severity::Leak, meaning, fix)
        }
    }

    /// A leak by a function or a role.
    const fn leak_elsewhere(id: &'static str, meaning: &'static str, fix: &'static str) -> Self {
        Self::new(id, Severity::Leak, meaning, fix)
    }

    const fn risk(id: &'static str, meaning: &'static str, fix: &'static str) -> Self {
        Self::new(id, Severity::Risk, meaning, fix)
    }

    const fn controlled(self, controls: &'static [Control]) -> Self {
        Self { controls, ..self }
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Rule {}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

/// Defines each rule, and the list of all.
macro_rules! rules {
    ($($name:ident = $rule:expr;)*) => {
        $(
            #[doc = concat!("`", stringify!($name), "`, see its meaning.")]
            pub const $name: &Rule = &$rule;
        )*

        /// Every rule, leaks first.
        pub const ALL: &[&Rule] = &[$($name),*];
    };
}

use Column::{Delete, Effects, Insert, Move, Read, Refer, Update};

rules! {
    CROSS_TENANT_READ = Rule::leak(
        "cross_tenant_read", Read,
        "rows of another tenant's can be read, counted or told from answers",
        "a policy for SELECT whose condition names the tenant column, a restrictive one under all others, and security_invoker on views",
    ).controlled(&[
        Control { table: "no_policies", policy: "" },
        Control { table: "open_read", policy: "for select using (true)" },
    ]);
    NULL_TENANT_READ = Rule::leak(
        "null_tenant_read", Read,
        "rows that belong to no tenant can be read",
        "a policy for SELECT that nothing passes whose tenant is null, and NOT NULL on that column",
    ).controlled(&[Control { table: "null_read", policy: "for select using (tenant is null)" }]);
    PREPARED_STATEMENT_READ = Rule::leak(
        "prepared_statement_read", Read,
        "a statement that another user prepared answers with their rows",
        "declare the function STABLE",
    );
    IMMUTABLE_OVER_SETTINGS = Rule::leak(
        "immutable_over_settings", Read,
        "a policy calls a function over settings that is declared IMMUTABLE: plans keep one user's answer",
        "declare the function STABLE",
    );
    MATERIALIZED_VIEW_EXPOSED = Rule::leak(
        "materialized_view_exposed", Read,
        "a materialized view over tenants' rows can be read, which no policy binds",
        "revoke all on it from the API roles; offer a view or function with the tenant's condition instead",
    );
    FOREIGN_TABLE_EXPOSED = Rule::leak(
        "foreign_table_exposed", Read,
        "a foreign table can be read, which no policy binds",
        "revoke all on it from the API roles; offer a view or function with the tenant's condition instead",
    );
    ESCALATION = Rule::leak(
        "escalation", Read,
        "users can give themselves what policies ask for, and then read another tenant's rows",
        "revoke INSERT and UPDATE on the columns that policies ask",
    );
    CROSS_TENANT_INSERT = Rule::leak(
        "cross_tenant_insert", Insert,
        "rows can be made for another tenant",
        "WITH CHECK (the tenant column = the user's tenant), and NOT NULL on that column",
    ).controlled(&[Control { table: "open_insert", policy: "for insert with check (true)" }]);
    NULL_TENANT_INSERT = Rule::leak(
        "null_tenant_insert", Insert,
        "rows can be made that belong to no tenant",
        "WITH CHECK (the tenant column = the user's tenant), and NOT NULL on that column",
    ).controlled(&[Control { table: "null_insert", policy: "for insert with check (tenant is null)" }]);
    CROSS_TENANT_UPDATE = Rule::leak(
        "cross_tenant_update", Update,
        "another tenant's rows can be changed",
        "USING and WITH CHECK on the policy for UPDATE, both with the tenant's condition",
    ).controlled(&[Control { table: "blind_update", policy: "for update using (true)" }]);
    TAKEOVER = Rule::leak(
        "takeover", Update,
        "another tenant's rows can be made one's own",
        "USING and WITH CHECK on the policy for UPDATE, both with the tenant's condition",
    ).controlled(&[Control { table: "takeover", policy: "for update using (true) with check (true)" }]);
    UPSERT_TAKEOVER = Rule::leak(
        "upsert_takeover", Update,
        "INSERT … ON CONFLICT DO UPDATE overwrites another tenant's rows",
        "USING and WITH CHECK on the policy for UPDATE, both with the tenant's condition",
    );
    MOVE_AWAY = Rule::leak(
        "move_away", Move,
        "one's own rows can be given to another tenant",
        "WITH CHECK on the policy for UPDATE, or no UPDATE right on the tenant column",
    );
    MOVE_TO_NOBODY = Rule::leak(
        "move_to_nobody", Move,
        "one's own rows can be made to belong to no tenant",
        "WITH CHECK on the policy for UPDATE, or no UPDATE right on the tenant column",
    );
    THIRD_PARTY_READ = Rule::leak(
        "third_party_read", Read,
        "an app that a user let in reads rows of theirs that the model keeps from apps",
        "a restrictive policy that no token with client_id passes: using (auth.jwt() ->> 'client_id' is null)",
    );
    THIRD_PARTY_WRITE = Rule::leak(
        "third_party_write", Update,
        "an app that a user let in makes, changes or deletes rows of theirs that the model keeps from apps",
        "a restrictive policy for each command, USING and WITH CHECK, that no token with client_id passes: auth.jwt() ->> 'client_id' is null",
    );
    CROSS_TENANT_DELETE = Rule::leak(
        "cross_tenant_delete", Delete,
        "another tenant's rows can be deleted",
        "USING on the policy for DELETE, with the tenant's condition",
    ).controlled(&[Control { table: "blind_delete", policy: "for delete using (true)" }]);
    FOREIGN_KEY_TO_OTHER = Rule::leak(
        "foreign_key_to_other", Refer,
        "one's own row can refer to another tenant's",
        "a foreign key that includes the tenant column on both sides, or a WITH CHECK that looks the parent up",
    );
    SIDE_EFFECT = Rule::leak(
        "side_effect", Effects,
        "a trigger, rule or function in a policy changes or makes other tenants' rows",
        "name the user in every statement of the function, or let it run with its caller's rights",
    );
    FUNCTION_READS_OTHERS = Rule::leak_elsewhere(
        "function_reads_others",
        "a function answers by another tenant's rows",
        "SECURITY INVOKER, or the user's own condition inside; take no user id as a parameter; revoke EXECUTE where nobody needs it",
    );
    FUNCTION_CHANGES_OTHERS = Rule::leak_elsewhere(
        "function_changes_others",
        "a function changes or makes another tenant's rows",
        "name the user in every statement of the function, or let it run with its caller's rights",
    );
    RUNS_TEXT_AS_SQL = Rule::leak_elsewhere(
        "runs_text_as_sql",
        "a function runs its caller's text as SQL",
        "no EXECUTE of a caller's text: parameters by USING, names by format('%I') from a fixed list",
    );
    SETTING_OUTLIVES = Rule::leak_elsewhere(
        "setting_outlives",
        "a function leaves a setting on the connection, and policies trust it",
        "set_config(…, true), which ends with the transaction; let policies trust request.jwt.claims alone",
    );
    ROLE_BYPASSES = Rule::leak_elsewhere(
        "role_bypasses",
        "an API role is exempt from row-level security",
        "alter role … nosuperuser nobypassrls",
    );
    ROLE_CAN_BYPASS = Rule::leak_elsewhere(
        "role_can_bypass",
        "an API role can become one that is exempt from row-level security",
        "revoke the membership",
    );
    CLAIMS_OF_ANOTHER = Rule::leak_elsewhere(
        "claims_of_another",
        "a node of Citus' takes whom it works for from another transaction",
        "claims by mako.forward_claims() alone, in a transaction of its own; mako migrate --distributed makes it anew",
    );
    DIRECT_CONNECTION = Rule::leak_elsewhere(
        "direct_connection",
        "whoever connects to a node of Citus' as an API role sees rows there",
        "on the coordinator: enable and force row-level security and make the policies anew, so that every shard has them",
    );
    SETTING_KEPT = Rule::risk(
        "setting_kept",
        "a function leaves a setting on the connection that policies trust, though no call of it opened anything",
        "set_config(…, true), which ends with the transaction; let policies trust request.jwt.claims alone",
    );
    NODE_LETS_IN = Rule::risk(
        "node_lets_in",
        "a node of Citus' lets an API role in without a password, from where this runs: whoever gets there says who they are",
        "pg_hba.conf: as this role from the other nodes' addresses only, and a firewall before all nodes but the coordinator",
    );
    ROLE_CAN_OWN = Rule::risk(
        "role_can_own",
        "an API role can become the owner of tables, who may drop their policies",
        "revoke the membership, or give the tables to a role that no API role can become",
    );
    EXISTENCE_ORACLE = Rule::risk(
        "existence_oracle",
        "a function tells by a unique constraint whether another tenant has a value",
        "make it unique together with the tenant column",
    );
    UNSCOPED_UNIQUE = Rule::risk(
        "unscoped_unique",
        "a unique index or an exclusion constraint over all tenants tells whoever inserts that another has the value",
        "make it unique together with the tenant column",
    );
    CLAIM_OPENS_ALL = Rule::risk(
        "claim_opens_all",
        "a claim opens every tenant's rows",
        "ask for the tenant beside the claim, unless whoever has it is meant to see everything",
    );
    USER_METADATA_IN_POLICY = Rule::risk(
        "user_metadata_in_policy",
        "a policy reads user_metadata, which users edit themselves",
        "app_metadata, which users can't edit, or a table",
    );
    LEGACY_SETTING_IN_POLICY = Rule::risk(
        "legacy_setting_in_policy",
        "a policy reads request.jwt.claim.…, which may be stale on a pooled connection",
        "current_setting('request.jwt.claims', true)::json, or auth.uid()",
    );
    ALWAYS_TRUE_POLICY = Rule::risk(
        "always_true_policy",
        "a permissive policy is always true: only what stands beside it protects the rows",
        "drop it, or give it the tenant's condition",
    );
    POLICY_FAILS = Rule::risk(
        "policy_fails",
        "not even one's own rows can be read: a policy fails",
        "let the policy's helper be SECURITY DEFINER where policies ask each other in a circle, and grant what it needs",
    );
    POLICY_TO_PUBLIC = Rule::risk(
        "policy_to_public",
        "a policy names no role, so it is for everybody",
        "TO authenticated",
    );
    PER_ROW_HELPER = Rule::risk(
        "per_row_helper",
        "a policy calls a helper once a row",
        "(select auth.uid()) instead of auth.uid()",
    );
    RLS_DISABLED = Rule::risk(
        "rls_disabled",
        "a table has policies, but row-level security is off",
        "alter table … enable row level security",
    );
    NOT_FORCED = Rule::risk(
        "not_forced",
        "policies don't bind the table's owner",
        "alter table … force row level security",
    );
    NULLABLE_TENANT = Rule::risk(
        "nullable_tenant",
        "the tenant column may be null: rows may belong to nobody",
        "alter table … alter column … set not null",
    );
    NO_TENANT_INDEX = Rule::risk(
        "no_tenant_index",
        "no index is led by the tenant column: every statement of a tenant's reads the whole table",
        "create an index that is led by the tenant column",
    );
    PUBLIC_RELATION_WRITABLE = Rule::risk(
        "public_relation_writable",
        "an API role may write what everybody reads",
        "revoke INSERT, UPDATE and DELETE on it from the API roles",
    );
    TRUNCATE_GRANTED = Rule::risk(
        "truncate_granted",
        "an API role may TRUNCATE, which no policy binds",
        "revoke all on the table from the API roles, then grant what they need",
    );
    LEGACY_GRANTS = Rule::risk(
        "legacy_grants",
        "an API role has REFERENCES or TRIGGER, a leftover of GRANT ALL",
        "revoke all on the table from the API roles, then grant what they need",
    );
    SEQUENCE_GRANTED = Rule::risk(
        "sequence_granted",
        "an API role may use a sequence that the model calls internal",
        "revoke all on the sequence from the API roles",
    );
    VIEW_WITHOUT_SECURITY_INVOKER = Rule::risk(
        "view_without_security_invoker",
        "a view reads with its owner's rights, so policies don't bind who asks",
        "alter view … set (security_invoker = true)",
    );
    VIEW_WITHOUT_SECURITY_BARRIER = Rule::risk(
        "view_without_security_barrier",
        "a function in a condition may see rows before the view filters them",
        "alter view … set (security_barrier = true), if it can't be security_invoker",
    );
    DEFINER_WITHOUT_SEARCH_PATH = Rule::risk(
        "definer_without_search_path",
        "a SECURITY DEFINER function looks names up where its caller says",
        "set search_path = '' and qualify every name",
    );
    DEFINER_FOR_ANON = Rule::risk(
        "definer_for_anon",
        "without a token, a function can be called that no policy binds",
        "revoke execute on the function from public and anon",
    );
    EXTENSION_IN_REACH = Rule::risk(
        "extension_in_reach",
        "an API role reaches by an extension what isn't a tenant's own: statistics, others' statements, queues, files",
        "create it in a schema that the API doesn't expose, or revoke what the API roles don't need",
    );
    NOT_TRIED_ELSEWHERE = Rule::risk(
        "not_tried_elsewhere",
        "a table outside the model's schemas is open to an API role by policies, such as Supabase's files; nothing was tried there",
        "name its schema in the model and whose its rows are, or hold its policies against who asks, for every command",
    );
}

#[cfg(test)]
mod tests;
