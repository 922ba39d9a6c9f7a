//! What should be true, the declared intent: whose is each relation, and who speaks for a tenant.

mod name;
mod tenant;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::Relation as Table;
use crate::naming::Naming;
use crate::part::{FILES, MESSAGES, Part};

pub(crate) use name::{is_name, split_name};
pub use tenant::{Claim, Membership, Tenant};

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

fn public_schema() -> Vec<String> {
    vec!["public".to_owned()]
}

fn api_roles() -> Vec<String> {
    vec!["anon".to_owned(), "authenticated".to_owned()]
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
}
