//! Reads what is there: relations, functions and roles as the catalog holds them, in one round trip.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use crate::Error;
use crate::model::Model;
use crate::script::Outcome;
use crate::session::Session;
use crate::sql::{ident, literal};

/// An object id.
pub(crate) type Oid = i64;

/// The database's catalog, as far as tenancy is concerned.
#[derive(Debug)]
pub(crate) struct Catalog {
    pub(crate) relations: Vec<Relation>,
    by_oid: HashMap<Oid, usize>,
    pub(crate) functions: Vec<Function>,
    pub(crate) roles: Vec<Role>,
    /// Schema, name and roles of free sequences that an API role may use.
    pub(crate) sequences: Vec<(String, String, String)>,
    /// Schemas that extend an API request's search path.
    pub(crate) has_extensions_schema: bool,
    /// A login that becomes the API roles: PostgREST's or the service's.
    pub(crate) login: Option<String>,
    /// More of them.
    pub(crate) other_logins: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "as the catalog holds them")]
pub(crate) struct Relation {
    pub(crate) oid: Oid,
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) kind: char,
    pub(crate) in_scope: bool,
    pub(crate) extension: bool,
    pub(crate) owner: String,
    pub(crate) owner_bypasses: bool,
    /// Whether the administrator has the owner's rights.
    pub(crate) owned: bool,
    pub(crate) rls: bool,
    pub(crate) forced: bool,
    pub(crate) is_partition: bool,
    pub(crate) parents: Vec<Oid>,
    pub(crate) partition_constraint: Option<String>,
    pub(crate) rows: f64,
    pub(crate) invoker: bool,
    pub(crate) barrier: bool,
    pub(crate) definition: Option<String>,
    pub(crate) updatable: i32,
    pub(crate) insertable: bool,
    pub(crate) columns: Vec<Column>,
    pub(crate) indexes: Vec<Index>,
    pub(crate) checks: Vec<Check>,
    pub(crate) foreign_keys: Vec<ForeignKey>,
    pub(crate) policies: Vec<Policy>,
    pub(crate) triggers: Vec<Trigger>,
    pub(crate) rules: Vec<serde::de::IgnoredAny>,
    /// What a view reads.
    pub(crate) reads: Vec<Oid>,
    pub(crate) calls: Vec<Oid>,
    pub(crate) rights: BTreeMap<String, Rights>,
}

#[derive(Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "as the catalog holds them")]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The type beneath domains.
    pub(crate) base: String,
    pub(crate) base_name: String,
    pub(crate) category: char,
    pub(crate) element: Option<String>,
    pub(crate) comparable: bool,
    pub(crate) domain_checks: Vec<String>,
    pub(crate) not_null: bool,
    pub(crate) default: Option<String>,
    /// The default takes from a sequence, which a rollback doesn't give back.
    pub(crate) sequence: bool,
    pub(crate) generated: bool,
    pub(crate) identity: String,
    pub(crate) labels: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "as the catalog holds them")]
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) unique: bool,
    pub(crate) primary: bool,
    pub(crate) partial: bool,
    pub(crate) expression: bool,
    pub(crate) immediate: bool,
    /// None for an expression.
    pub(crate) columns: Vec<Option<String>>,
    /// Columns and expressions, as SQL.
    pub(crate) keys: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) expression: String,
    pub(crate) columns: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ForeignKey {
    pub(crate) name: String,
    pub(crate) target: Oid,
    pub(crate) columns: Vec<String>,
    pub(crate) target_columns: Vec<String>,
    /// Whether it may wait until the end of the transaction.
    pub(crate) deferrable: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Policy {
    pub(crate) name: String,
    /// `r`, `a`, `w`, `d` or `*`.
    pub(crate) command: char,
    pub(crate) permissive: bool,
    pub(crate) roles: Vec<String>,
    /// Whether it is for one of the API roles.
    pub(crate) applies: bool,
    #[serde(rename = "using")]
    pub(crate) using_expression: Option<String>,
    #[serde(rename = "check")]
    pub(crate) check_expression: Option<String>,
    pub(crate) functions: Vec<Oid>,
}

impl Policy {
    /// Both expressions.
    pub(crate) fn text(&self) -> String {
        format!(
            "{} {}",
            self.using_expression.as_deref().unwrap_or_default(),
            self.check_expression.as_deref().unwrap_or_default()
        )
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Trigger {
    pub(crate) name: String,
    pub(crate) function: Oid,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "one for each right that there is")]
pub(crate) struct Rights {
    pub(crate) usage: bool,
    pub(crate) select: bool,
    pub(crate) insert: bool,
    pub(crate) update: bool,
    pub(crate) delete: bool,
    pub(crate) truncate: bool,
    pub(crate) references: bool,
    pub(crate) trigger: bool,
    pub(crate) owner: bool,
    pub(crate) select_columns: Vec<String>,
    pub(crate) insert_columns: Vec<String>,
    pub(crate) update_columns: Vec<String>,
}

impl Rights {
    pub(crate) fn reads(&self) -> bool {
        self.usage && (self.select || !self.select_columns.is_empty())
    }

    pub(crate) fn inserts(&self) -> bool {
        self.usage && (self.insert || !self.insert_columns.is_empty())
    }

    pub(crate) fn updates(&self) -> bool {
        self.usage && (self.update || !self.update_columns.is_empty())
    }

    pub(crate) fn deletes(&self) -> bool {
        self.usage && self.delete
    }

    pub(crate) fn any(&self) -> bool {
        self.reads() || self.inserts() || self.updates() || self.deletes()
    }
}

#[derive(Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "as the catalog holds them")]
pub(crate) struct Function {
    pub(crate) oid: Oid,
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) signature: String,
    pub(crate) in_scope: bool,
    pub(crate) definer: bool,
    /// `i`, `s` or `v`.
    pub(crate) volatility: char,
    pub(crate) source: String,
    pub(crate) config: Vec<String>,
    pub(crate) owner: String,
    pub(crate) owner_bypasses: bool,
    pub(crate) returns: String,
    pub(crate) defaults: usize,
    pub(crate) variadic: bool,
    pub(crate) types: Vec<Argument>,
    /// API roles that may execute it.
    pub(crate) callers: Vec<String>,
}

impl Function {
    /// Whether a client can call it by name.
    pub(crate) fn is_callable(&self) -> bool {
        self.in_scope
            && !self.callers.is_empty()
            && !matches!(self.returns.as_str(), "trigger" | "event_trigger" | "internal")
    }

    /// Name for SQL.
    pub(crate) fn sql(&self) -> String {
        format!("{}.{}", ident(&self.schema), ident(&self.name))
    }

    /// Name with argument types and always with its schema.
    pub(crate) fn label(&self) -> String {
        let types: Vec<_> = self
            .types
            .iter()
            .map(|argument| argument.sql_type.as_str())
            .collect();
        format!("{}.{}({})", self.schema, self.name, types.join(","))
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Argument {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) sql_type: String,
    pub(crate) base_name: String,
    pub(crate) category: char,
    /// The table whose row type it is, or 0.
    pub(crate) relation: Oid,
    pub(crate) element: Option<String>,
    pub(crate) labels: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) superuser: bool,
    pub(crate) bypasses: bool,
    pub(crate) can_become: Vec<Becomes>,
}

#[derive(Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "as the catalog holds them")]
pub(crate) struct Becomes {
    pub(crate) name: String,
    pub(crate) set: bool,
    pub(crate) inherit: bool,
    pub(crate) superuser: bool,
    pub(crate) bypasses: bool,
    pub(crate) owns: bool,
}

impl Relation {
    /// Name for people: `public.leads`.
    pub(crate) fn label(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// Name for SQL.
    pub(crate) fn sql(&self) -> String {
        format!("{}.{}", ident(&self.schema), ident(&self.name))
    }

    /// The contract's word for its kind.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self.kind {
            'v' => "view",
            'm' => "materialized view",
            'p' => "partitioned table",
            'f' => "foreign table",
            _ => "table",
        }
    }

    pub(crate) fn is_table(&self) -> bool {
        matches!(self.kind, 'r' | 'p')
    }

    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns that name a row: the primary key, else a unique index on columns that are never null.
    pub(crate) fn key(&self) -> Option<Vec<&str>> {
        let whole = |index: &&Index| {
            index.unique
                && !index.partial
                && !index.expression
                && index.immediate
                && index
                    .columns
                    .iter()
                    .flatten()
                    .all(|name| self.column(name).is_some_and(|c| c.not_null))
        };
        let mut indexes: Vec<&Index> = self.indexes.iter().filter(whole).collect();
        indexes.sort_by_key(|index| (!index.primary, index.columns.len(), index.name.clone()));
        indexes
            .first()
            .map(|index| index.columns.iter().flatten().map(String::as_str).collect())
    }

    pub(crate) fn rights(&self, role: &str) -> Rights {
        self.rights.get(role).cloned().unwrap_or_default()
    }
}

impl Catalog {
    /// Reads it.
    pub(crate) async fn load(
        session: &Session<'_>,
        model: &Model,
        also: Option<&str>,
    ) -> Result<Self, Error> {
        let schemas: Vec<_> = model.schemas.iter().map(String::as_str).chain(also).collect();
        let fill = |sql: &str| {
            sql.replace("{schemas}", &array(schemas.iter().copied()))
                .replace("{roles}", &array(model.roles.iter().map(String::as_str)))
        };
        let surroundings = fill(include_str!("../sql/surroundings.sql"));
        let mut answers = session
            .all(vec![
                fill(include_str!("../sql/relations.sql")),
                fill(include_str!("../sql/functions.sql")),
                fill(include_str!("../sql/roles.sql")),
                fill(include_str!("../sql/sequences.sql")),
                surroundings,
            ])
            .await
            .into_iter();
        let mut next = || answers.next().unwrap_or_else(|| Ok(Vec::new()));
        let relations: Vec<Relation> = documents(next())?;
        let functions = documents(next())?;
        let roles = documents(next())?;
        let text = |value: Option<String>| value.unwrap_or_default();
        let sequences = rows(next())?
            .into_iter()
            .filter_map(|row| {
                let mut row = row.into_iter();
                Some((text(row.next()?), text(row.next()?), text(row.next()?)))
            })
            .collect();
        let surroundings = rows(next())?.pop().unwrap_or_default();
        let logins = surroundings.get(1).cloned().flatten().unwrap_or_default();
        let mut logins = serde_json::from_str::<Vec<String>>(&logins)
            .unwrap_or_default()
            .into_iter();
        let by_oid = relations
            .iter()
            .enumerate()
            .map(|(n, relation)| (relation.oid, n))
            .collect();
        Ok(Self {
            relations,
            by_oid,
            functions,
            roles,
            sequences,
            has_extensions_schema: surroundings.first().cloned().flatten().as_deref() == Some("t"),
            login: logins.next(),
            other_logins: logins.collect(),
        })
    }

    /// The position of a relation.
    pub(crate) fn position(&self, oid: Oid) -> Option<usize> {
        self.by_oid.get(&oid).copied()
    }

    pub(crate) fn relation(&self, oid: Oid) -> Option<&Relation> {
        self.relations.get(self.position(oid)?)
    }

    /// The position of a relation by its name in the model.
    pub(crate) fn named(&self, name: &str) -> Option<usize> {
        self.relations
            .iter()
            .position(|relation| crate::model::is_name(name, &relation.schema, &relation.name))
    }

    /// A trigger of a table's that acts outside the database, and how: whoever writes sets it off, rollback or not.
    pub(crate) fn outward_trigger(&self, relation: &Relation) -> Option<(String, &'static str)> {
        relation.triggers.iter().find_map(|trigger| {
            Some((
                trigger.name.clone(),
                self.acts_outside(self.function(trigger.function)?, 0)?,
            ))
        })
    }

    pub(crate) fn function(&self, oid: Oid) -> Option<&Function> {
        self.functions.iter().find(|function| function.oid == oid)
    }

    /// Whether a body says a word, itself or by a function that it names.
    pub(crate) fn says(&self, source: &str, word: &str, depth: usize) -> bool {
        source.to_lowercase().contains(word)
            || depth < 4
                && self.functions.iter().any(|other| {
                    source != other.source
                        && source.contains(&format!("{}(", other.name))
                        && self.says(&other.source, word, depth + 1)
                })
    }

    /// Everything that a relation leads to: through a view's tables, and further.
    pub(crate) fn beneath(&self, start: usize) -> Vec<usize> {
        let mut found = Vec::new();
        let mut open = vec![start];
        while let Some(at) = open.pop() {
            for next in self.relations[at]
                .reads
                .iter()
                .filter_map(|oid| self.position(*oid))
            {
                if !found.contains(&next) && next != start {
                    found.push(next);
                    open.push(next);
                }
            }
        }
        found
    }
}

fn rows(outcome: Outcome) -> Result<Vec<crate::script::Row>, Error> {
    outcome.map_err(|refusal| Error::Database {
        code: refusal.code,
        message: refusal.message,
    })
}

fn documents<T: for<'de> Deserialize<'de>>(outcome: Outcome) -> Result<Vec<T>, Error> {
    rows(outcome)?
        .into_iter()
        .filter_map(|row| row.into_iter().next().flatten())
        .map(|text| serde_json::from_str(&text).map_err(|error| Error::Catalog(error.to_string())))
        .collect()
}

/// A text array for SQL.
pub(crate) fn array<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().map(literal).collect();
    format!("array[{}]::text[]", names.join(", "))
}
