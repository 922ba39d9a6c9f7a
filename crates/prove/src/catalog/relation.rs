//! A relation as the catalog holds it: columns, constraints, policies, triggers, rights.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::category::Category;
use crate::part::Part;
use crate::sql::{Oid, ident};

/// The schema of planted relations; it never outlives the transaction.
pub(crate) const CONTROLS: &str = "mako_prove_controls";

#[derive(Clone, Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "as the catalog holds them")]
pub(crate) struct Relation {
    pub(crate) oid: Oid,
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) kind: RelationKind,
    pub(crate) in_scope: bool,
    /// The part of its rows that is looked at as if it were a table of its own.
    #[serde(skip)]
    pub(crate) part: Option<Part>,
    /// The extension that it belongs to.
    pub(crate) extension: Option<String>,
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

#[derive(Clone, Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "as the catalog holds them")]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The type beneath domains.
    pub(crate) base: String,
    pub(crate) base_name: String,
    pub(crate) category: Category,
    pub(crate) element: Option<String>,
    pub(crate) comparable: bool,
    pub(crate) domain_checks: Vec<String>,
    pub(crate) not_null: bool,
    /// Or what a generated column is made from.
    pub(crate) default: Option<String>,
    /// The default takes from a sequence, which a rollback doesn't give back.
    pub(crate) sequence: bool,
    pub(crate) generated: bool,
    pub(crate) identity: Identity,
    pub(crate) labels: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "as the catalog holds them")]
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) unique: bool,
    /// It keeps out what overlaps, or is otherwise alike.
    pub(crate) exclusion: bool,
    pub(crate) primary: bool,
    pub(crate) partial: bool,
    pub(crate) expression: bool,
    pub(crate) immediate: bool,
    /// None for an expression.
    pub(crate) columns: Vec<Option<String>>,
    /// Columns and expressions, as SQL.
    pub(crate) keys: Vec<String>,
}

impl Index {
    /// The other column of a unique pair.
    pub(crate) fn pair_with(&self, column: &str) -> Option<&str> {
        match self.columns.as_slice() {
            [Some(a), Some(b)] if self.unique && !self.partial => match (a.as_str(), b.as_str()) {
                (a, b) if a == column => Some(b),
                (a, b) if b == column => Some(a),
                _ => None,
            },
            _ => None,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Check {
    pub(crate) name: String,
    /// Whether the rows that were there before meet it, too.
    pub(crate) valid: bool,
    pub(crate) expression: String,
    pub(crate) columns: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ForeignKey {
    pub(crate) name: String,
    pub(crate) target: Oid,
    pub(crate) columns: Vec<String>,
    pub(crate) target_columns: Vec<String>,
    /// Whether it may wait until the end of the transaction.
    pub(crate) deferrable: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Policy {
    pub(crate) name: String,
    /// `r`, `a`, `w`, `d` or `*`.
    pub(crate) command: Command,
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
    /// Whether it applies to a command.
    pub(crate) fn is_for(&self, command: Command) -> bool {
        self.command.covers(command)
    }

    /// Both expressions.
    pub(crate) fn text(&self) -> String {
        format!(
            "{} {}",
            self.using_expression.as_deref().unwrap_or_default(),
            self.check_expression.as_deref().unwrap_or_default()
        )
    }
}

#[derive(Clone, Debug, Deserialize)]
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

    pub(crate) fn updates_column(&self, name: &str) -> bool {
        self.usage && (self.update || self.update_columns.iter().any(|allowed| allowed == name))
    }

    pub(crate) fn deletes(&self) -> bool {
        self.usage && self.delete
    }

    pub(crate) fn any(&self) -> bool {
        self.reads() || self.inserts() || self.updates() || self.deletes()
    }
}

/// A table outside the schemas that policies open to API roles.
#[derive(Debug, Deserialize)]
pub(crate) struct Elsewhere {
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) roles: Vec<String>,
    pub(crate) policies: Vec<AllowingPolicy>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AllowingPolicy {
    pub(crate) name: String,
    /// Both conditions.
    pub(crate) asks: String,
}

/// What `relkind` says.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub(crate) enum RelationKind {
    #[serde(rename = "r")]
    Table,
    #[serde(rename = "p")]
    Partitioned,
    #[serde(rename = "v")]
    View,
    #[serde(rename = "m")]
    MaterializedView,
    #[serde(rename = "f")]
    Foreign,
}

/// What `attidentity` says.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub(crate) enum Identity {
    #[serde(rename = "")]
    None,
    #[serde(rename = "a")]
    Always,
    #[serde(rename = "d")]
    ByDefault,
}

/// What `polcmd` says.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub(crate) enum Command {
    #[serde(rename = "*")]
    All,
    #[serde(rename = "r")]
    Select,
    #[serde(rename = "a")]
    Insert,
    #[serde(rename = "w")]
    Update,
    #[serde(rename = "d")]
    Delete,
}

impl Command {
    /// Whether a policy for it applies to another command.
    pub(crate) fn covers(self, command: Self) -> bool {
        self == command || self == Self::All
    }
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
            RelationKind::Table => "table",
            RelationKind::Partitioned => "partitioned table",
            RelationKind::View => "view",
            RelationKind::MaterializedView => "materialized view",
            RelationKind::Foreign => "foreign table",
        }
    }

    /// Whether the prover planted it, to see whether a leak would be noticed.
    pub(crate) fn is_planted(&self) -> bool {
        self.schema == CONTROLS
    }

    pub(crate) fn is_table(&self) -> bool {
        matches!(self.kind, RelationKind::Table | RelationKind::Partitioned)
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
