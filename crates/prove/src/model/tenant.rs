//! Who is a tenant, by which column, membership and claims.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Who is a tenant, and who speaks for one?
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// The claim that names the user; dots lead into objects.
    #[serde(default = "sub")]
    pub claim: String,
    /// The column that names the tenant wherever a relation doesn't say otherwise: `user_id`, or the membership's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Tenancy by membership instead of by user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub membership: Option<Membership>,
    /// More claims that a user's token carries, put there by an access-token hook, and what each names; dots lead into
    /// objects. Claims named like the tenant column are found without it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, Claim>,
}

/// The table that says which user belongs to which tenant.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// Its qualified name.
    pub table: String,
    /// Its column that names the user.
    #[serde(default = "user_id")]
    pub user: String,
    /// Its column that names the tenant.
    #[serde(default = "tenant_id")]
    pub tenant: String,
}

/// What a claim names.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Claim {
    /// The user.
    User,
    /// The user's tenant.
    Tenant,
    /// A list of the user's tenants.
    Tenants,
}

impl Default for Tenant {
    fn default() -> Self {
        Self {
            claim: sub(),
            column: None,
            membership: None,
            claims: BTreeMap::new(),
        }
    }
}

impl Tenant {
    /// Adds the claims among `read` (by policies, views and functions) that must name the tenant, or all of a user's:
    /// they are called as a tenant column is, or its plural. They stand at the top of a token, or in `app_metadata`, which users can't change.
    pub(crate) fn with_claims(mut self, read: &[String]) -> Self {
        let column = self.column().to_owned();
        let one = if self.membership.is_some() {
            Claim::Tenant
        } else {
            Claim::User
        };
        let several = plurals(&column);
        for claim in read {
            let names = match claim {
                claim if *claim == column => one,
                claim if several.contains(claim) => Claim::Tenants,
                _ => continue,
            };
            for path in [claim.clone(), format!("app_metadata.{claim}")] {
                self.claims.entry(path).or_insert(names);
            }
        }
        self
    }

    /// The default tenant column.
    pub(crate) fn column(&self) -> &str {
        match (&self.column, &self.membership) {
            (Some(column), _) => column,
            (None, Some(membership)) => &membership.tenant,
            (None, None) => "user_id",
        }
    }
}

/// What a list of a column's values is called: `org_ids` and `orgs` of `org_id`.
fn plurals(column: &str) -> [String; 3] {
    let stem = column.strip_suffix("_id").unwrap_or(column);
    let ies = stem.strip_suffix('y').unwrap_or(stem);
    [format!("{column}s"), format!("{stem}s"), format!("{ies}ies")]
}

fn sub() -> String {
    "sub".to_owned()
}

fn user_id() -> String {
    "user_id".to_owned()
}

fn tenant_id() -> String {
    "tenant_id".to_owned()
}
