//! What was found: the verdict, for people and programs.

mod html;
mod sarif;
mod text;

use serde::Serialize;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It opens tenancy.
    Leak,
    /// It weakens without opening.
    Risk,
}

/// Something that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The rule, a stable name.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// What it is, for people.
    pub message: String,
    /// SQL that shows it.
    pub reproduce: String,
    /// What to do.
    pub fix: String,
}

/// The answer, for one relation or for all.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No tenant can reach another.
    Proven,
    /// One can.
    Leak,
    /// Of the whole: something was not tested.
    Incomplete,
    /// Of a part: it was not tested.
    NotTested,
}

/// What was learnt about a relation.
#[derive(Clone, Debug, Serialize)]
pub struct RelationReport {
    /// Its name.
    pub relation: String,
    /// What it is.
    pub kind: String,
    /// The answer.
    pub verdict: Verdict,
    /// How it is classified.
    pub class: String,
    /// Attempts that were made.
    pub attempts: usize,
    /// Leaks first.
    pub findings: Vec<Finding>,
    /// What could not be tested, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_tested: Vec<String>,
}

/// What was learnt about a function.
#[derive(Clone, Debug, Serialize)]
pub struct FunctionReport {
    /// Its name with argument types.
    pub function: String,
    /// The answer.
    pub verdict: Verdict,
    /// Calls that were made.
    pub attempts: usize,
    /// Leaks first.
    pub findings: Vec<Finding>,
    /// What could not be tested, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_tested: Vec<String>,
}

/// Planted leaks.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Controls {
    /// How many were planted.
    pub planted: usize,
    /// How many were caught.
    pub caught: usize,
    /// Those that weren't.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missed: Vec<String>,
}

/// Everything.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The answer.
    pub verdict: Verdict,
    /// Milliseconds that it took.
    pub elapsed_ms: u64,
    /// Digest of what was proven, see [`crate::fingerprint()`].
    pub fingerprint: String,
    /// The schemas that were proven.
    pub schemas: Vec<String>,
    /// The roles that were attacked as.
    pub roles: Vec<String>,
    /// Each relation of the schemas.
    pub relations: Vec<RelationReport>,
    /// Each function that an API role can call.
    pub functions: Vec<FunctionReport>,
    /// Findings that concern no single relation.
    pub findings: Vec<Finding>,
    /// Planted leaks.
    pub controls: Controls,
    /// Why the verdict is incomplete, beyond single relations.
    pub not_tested: Vec<String>,
    /// What the admin should know: triggers that act outside, sequences that moved.
    pub notes: Vec<String>,
    /// Round trips to the database.
    pub round_trips: usize,
}

impl Report {
    /// What was not tested, and about what.
    #[must_use]
    pub fn all_not_tested(&self) -> Vec<(&str, &str)> {
        let relations = self
            .relations
            .iter()
            .flat_map(|r| r.not_tested.iter().map(|why| (r.relation.as_str(), why.as_str())));
        let functions = self
            .functions
            .iter()
            .flat_map(|f| f.not_tested.iter().map(|why| (f.function.as_str(), why.as_str())));
        relations
            .chain(functions)
            .chain(self.not_tested.iter().map(|why| ("database", why.as_str())))
            .collect()
    }

    /// The report as one JSON document.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

/// What to do about a rule.
pub(crate) fn fix(rule: &str) -> &'static str {
    match rule {
        "cross_tenant_read" | "null_tenant_read" => {
            "a policy for SELECT whose condition names the tenant column, a restrictive one under all others, and security_invoker on views"
        }
        "cross_tenant_insert" | "null_tenant_insert" => {
            "WITH CHECK (the tenant column = the user's tenant), and NOT NULL on that column"
        }
        "cross_tenant_update" | "takeover" | "upsert_takeover" => {
            "USING and WITH CHECK on the policy for UPDATE, both with the tenant's condition"
        }
        "move_away" | "move_to_nobody" => {
            "WITH CHECK on the policy for UPDATE, or no UPDATE right on the tenant column"
        }
        "cross_tenant_delete" => "USING on the policy for DELETE, with the tenant's condition",
        "foreign_key_to_other" => {
            "a foreign key that includes the tenant column on both sides, or a WITH CHECK that looks the parent up"
        }
        "prepared_statement_read" | "immutable_over_settings" => "declare the function STABLE",
        "side_effect" | "function_changes_others" => {
            "name the user in every statement of the function, or let it run with its caller's rights"
        }
        "function_reads_others" => {
            "SECURITY INVOKER, or the user's own condition inside; take no user id as a parameter; revoke EXECUTE where nobody needs it"
        }
        "runs_text_as_sql" => {
            "no EXECUTE of a caller's text: parameters by USING, names by format('%I') from a fixed list"
        }
        "escalation" => "revoke INSERT and UPDATE on the columns that policies ask",
        "materialized_view_exposed" | "foreign_table_exposed" => {
            "revoke all on it from the API roles; offer a view or function with the tenant's condition instead"
        }
        "role_bypasses" | "role_can_bypass" => "revoke the attribute or membership",
        "setting_outlives" | "setting_kept" => {
            "set_config(…, true), which ends with the transaction; let policies trust request.jwt.claims alone"
        }
        "claim_opens_all" => {
            "ask for the tenant beside the claim, unless whoever has it is meant to see everything"
        }
        "always_true_policy" => "drop it, or give it the tenant's condition",
        "truncate_granted" | "legacy_grants" => {
            "revoke all on the table from the API roles, then grant what they need"
        }
        "user_metadata_in_policy" => "app_metadata, which users can't edit, or a table",
        "no_tenant_index" => "create an index that is led by the tenant column",
        "per_row_helper" => "(select auth.uid()) instead of auth.uid()",
        "policy_to_public" => "TO authenticated",
        "definer_without_search_path" => "set search_path = '' and qualify every name",
        "not_forced" => "alter table … force row level security",
        "nullable_tenant" => "alter table … alter column … set not null",
        "unscoped_unique" | "existence_oracle" => "make it unique together with the tenant column",
        "view_without_security_invoker" => "alter view … set (security_invoker = true)",
        _ => "",
    }
}
