//! What should be true, the declared intent: whose is each relation, and who speaks for a tenant.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::Relation as Table;
use crate::naming::Naming;
use crate::part::{FILES, MESSAGES, Part};

/// The model, as `policies/tenancy.toml` holds it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Schemas whose relations must all be classified.
    #[serde(default = "public_schema")]
    pub schemas: Vec<String>,
    /// API roles to attack as.
    #[serde(default = "api_roles")]
    pub roles: Vec<String>,
    /// Topics of Supabase's realtime messages, such as `user:{user}`: whoever they name may send and read there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<Naming>,
    /// Who is a tenant?
    #[serde(default)]
    pub tenant: Tenant,
    /// Relations that the default tenant column doesn't classify, by qualified name.
    #[serde(default)]
    pub relations: BTreeMap<String, Relation>,
    /// Whose the files of Supabase's storage are, by bucket.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub buckets: BTreeMap<String, Relation>,
    /// Functions that may tell everybody the same, by signature.
    #[serde(default)]
    pub functions: BTreeMap<String, Function>,
}

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

/// How one relation is classified; exactly one of the three.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Relation {
    /// The column that names the tenant, or the parent row whose tenant it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Whether `column` names a user or a tenant, where foreign keys don't tell, or within what text, as `{user}/*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Naming>,
    /// Columns that name users or tenants who may read the row as well: a message's recipient, whom a document is shared with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readers: Vec<String>,
    /// Columns whose content only those know for whom the row is, such as an invitation's token: whoever has that, may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// A condition in SQL on rows that everybody may read, such as `is_public`; whoever writes them is judged as ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_where: Option<String>,
    /// What an app that a user let in, whose token has `client_id`, may do with that user's rows; anything, if it isn't said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub third_party: Option<ThirdParty>,
    /// Everybody may read it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub public: bool,
    /// No API role may reach a row of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub internal: bool,
    /// Why it is public or internal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How far an app reaches that a user let in.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ThirdParty {
    /// It does nothing.
    None,
    /// It reads, and changes nothing.
    Read,
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

/// A function that is what it looks like, on purpose.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// What it tells may be told to everybody.
    #[serde(default)]
    pub public: bool,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Why a model file is refused.
#[derive(Debug, thiserror::Error)]
pub enum BadModel {
    /// Not the expected TOML.
    #[error("the model can't be read: {0}")]
    Syntax(String),
    /// A name without its schema.
    #[error("the model names {0:?}; relations are named with their schema, like \"public.leads\"")]
    Unqualified(String),
    /// Several classes, or none.
    #[error(
        "the model classifies {0:?} not at all or twice; give it one of column, public, internal; names, readers, secrets, public_where and third_party go with column"
    )]
    Classes(String),
    /// No schemas or roles.
    #[error("the model needs at least one of {0}")]
    Empty(&'static str),
}

impl Model {
    /// Reads a model file.
    pub fn parse(text: &str) -> Result<Self, BadModel> {
        let model: Self = toml::from_str(text).map_err(|error| BadModel::Syntax(error.to_string()))?;
        if model.schemas.is_empty() {
            return Err(BadModel::Empty("schemas"));
        }
        if model.roles.is_empty() {
            return Err(BadModel::Empty("roles"));
        }
        let tables = model
            .relations
            .keys()
            .chain(model.tenant.membership.iter().map(|m| &m.table));
        if let Some(name) = tables.into_iter().find(|name| split_name(name).is_none()) {
            return Err(BadModel::Unqualified(name.clone()));
        }
        for (name, relation) in model.relations.iter().chain(&model.buckets) {
            let classes = [relation.public, relation.internal, relation.column.is_some()];
            let classes = classes.iter().filter(|given| **given).count();
            let told = relation.names.is_some()
                || !relation.readers.is_empty()
                || !relation.secrets.is_empty()
                || relation.public_where.is_some()
                || relation.third_party.is_some();
            if classes > 1 || classes == 0 && !told || told && (relation.public || relation.internal) {
                return Err(BadModel::Classes(name.clone()));
            }
        }
        Ok(model)
    }

    /// What a person has still to decide: nothing is proven before.
    pub(crate) fn undecided(&self) -> Vec<String> {
        let relations = self
            .relations
            .iter()
            .map(|(name, relation)| (name, &relation.reason));
        let functions = self
            .functions
            .iter()
            .map(|(name, function)| (name, &function.reason));
        let buckets = self.buckets.iter().map(|(name, bucket)| (name, &bucket.reason));
        relations
            .chain(buckets)
            .chain(functions)
            .filter(|(_, reason)| reason.as_ref().is_some_and(|reason| reason.contains("TODO")))
            .map(|(name, _)| format!("the model's reason for {name} is still a TODO: review it"))
            .collect()
    }

    /// The model as a file.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).unwrap_or_default()
    }

    /// Whether there is anything that apps which users let in may not do.
    pub(crate) fn keeps_apps_out(&self) -> bool {
        let mut entries = self.relations.values().chain(self.buckets.values());
        entries.any(|entry| entry.third_party.is_some())
    }

    /// Relations of other schemas that are named all the same, such as Supabase's files.
    pub(crate) fn named_elsewhere(&self) -> Vec<String> {
        let named = self.relations.keys().filter_map(|name| split_name(name));
        let mut elsewhere: Vec<String> = named
            .filter(|(schema, _)| !self.schemas.contains(schema))
            .map(|(schema, name)| format!("{schema}.{name}"))
            .collect();
        let of_parts = [
            (FILES, self.buckets.is_empty()),
            (MESSAGES, self.topics.is_empty()),
        ];
        let of_parts = of_parts.into_iter().filter(|(_, unnamed)| !unnamed);
        elsewhere.extend(of_parts.map(|((schema, name), _)| format!("{schema}.{name}")));
        elsewhere
    }

    /// What it says of a relation, or of a part of one.
    pub(crate) fn entry_of(&self, relation: &Table) -> Option<&Relation> {
        match &relation.part {
            Some(Part::Bucket(name)) => self.buckets.get(name),
            Some(Part::Topic(_)) => None,
            None => self.entry(&relation.schema, &relation.name),
        }
    }

    /// The entry of a relation; names are compared unquoted.
    pub(crate) fn entry(&self, schema: &str, name: &str) -> Option<&Relation> {
        self.relations
            .iter()
            .find(|(key, _)| is_name(key, schema, name))
            .map(|(_, relation)| relation)
    }
}

/// Whether a name of the model means this relation: `public.leads`, `"Odd Schema"."Leads"`, or plainly `public.Odd Name`.
pub(crate) fn is_name(key: &str, schema: &str, name: &str) -> bool {
    key == format!("{schema}.{name}") || split_name(key).is_some_and(|(s, n)| s == schema && n == name)
}

/// Schema and name, quoted or not.
pub(crate) fn split_name(key: &str) -> Option<(String, String)> {
    let (schema, rest) = part(key)?;
    let (name, end) = part(rest.strip_prefix('.')?)?;
    end.is_empty().then_some((schema, name))
}

fn part(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut name = String::new();
        let mut chars = quoted.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c != '"' {
                name.push(c);
            } else if chars.next_if(|(_, next)| *next == '"').is_some() {
                name.push('"');
            } else {
                return Some((name, &quoted[at + 1..]));
            }
        }
        return None;
    }
    let end = text.find('.').unwrap_or(text.len());
    (end > 0).then(|| (text[..end].to_owned(), &text[end..]))
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

fn public_schema() -> Vec<String> {
    vec!["public".to_owned()]
}

fn api_roles() -> Vec<String> {
    vec!["anon".to_owned(), "authenticated".to_owned()]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contracts_example_is_a_model() {
        let model = Model::parse(
            "schemas = [\"public\"]\nroles = [\"anon\", \"authenticated\"]\n[tenant]\nclaim = \"sub\"\ncolumn = \"user_id\"\n\
             [tenant.membership]\ntable = \"public.members\"\nuser = \"user_id\"\ntenant = \"tenant_id\"\n\
             [relations.\"public.users\"]\ncolumn = \"id\"\n[relations.\"public.plans\"]\npublic = true\nreason = \"price list\"\n\
             [relations.\"public.jobs\"]\ninternal = true\nreason = \"queue\"\n",
        )
        .unwrap();
        assert_eq!(model.relations.len(), 3);
        assert!(model.entry("public", "plans").unwrap().public);
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        assert!(Model::parse("rolls = []").is_err());
        assert!(Model::parse("[relations.\"public.a\"]\npublic = true\ninternal = true").is_err());
        assert!(Model::parse("[relations.\"public.a\"]\nreason = \"x\"").is_err());
        assert!(Model::parse("[relations.\"public.a\"]\npublic_where = \"x\"").is_ok());
        assert!(Model::parse("[relations.\"public.a\"]\npublic = true\nreaders = [\"x\"]").is_err());
        assert!(Model::parse("[relations.a]\npublic = true").is_err());
    }

    #[test]
    fn names_may_be_quoted() {
        assert!(is_name("public.leads", "public", "leads"));
        assert!(is_name("\"Odd \"\"x\".\"Le.ads\"", "Odd \"x", "Le.ads"));
        assert!(is_name("public.Odd Name", "public", "Odd Name"));
        assert!(!is_name("leads", "public", "leads"));
    }
}
