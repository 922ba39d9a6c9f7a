//! Resolves names: to a column of a table in reach, or what a function's parameter was given.

use sqlparser::ast::{Expr, ObjectName, ObjectNamePart, TableFactor, TableWithJoins, Value};

use crate::catalog::{Catalog, Column};
use crate::ids::RelationId;

/// The names that an expression may use.
pub(super) struct Scope<'a> {
    pub(super) catalog: &'a Catalog,
    tables: Vec<(String, RelationId)>,
    parameters: Vec<(String, Given<'a>)>,
    /// Around a subquery.
    outer: Option<&'a Scope<'a>>,
    /// Where a function was called, in whose terms its parameters are.
    caller: Option<&'a Scope<'a>>,
    depth: usize,
}

/// What a parameter was given.
#[derive(Clone, Copy)]
pub(super) enum Given<'a> {
    Value(&'a Expr),
    Row(RelationId),
}

/// What a name stands for.
pub(super) enum Meaning<'a> {
    Column(RelationId, &'a Column),
    Value(&'a Expr, &'a Scope<'a>),
}

impl<'a> Scope<'a> {
    pub(super) fn outermost(catalog: &'a Catalog) -> Self {
        Self {
            catalog,
            tables: Vec::new(),
            parameters: Vec::new(),
            outer: None,
            caller: None,
            depth: 0,
        }
    }

    pub(super) fn of_table(catalog: &'a Catalog, relation: RelationId) -> Self {
        Self {
            tables: vec![(catalog.relations[relation].name.clone(), relation)],
            ..Self::outermost(catalog)
        }
    }

    /// The scope of a subquery over tables.
    pub(super) fn inner<'b>(&'b self, from: &[TableWithJoins]) -> Scope<'b>
    where
        'a: 'b,
    {
        let factors = joins(from).into_iter().flat_map(|table| {
            std::iter::once(&table.relation).chain(table.joins.iter().map(|join| &join.relation))
        });
        let tables = factors.filter_map(|factor| self.table(factor)).collect();
        Scope {
            tables,
            outer: Some(self),
            depth: self.depth,
            ..Scope::outermost(self.catalog)
        }
    }

    /// The scope of a function's body, unless that leads too deep.
    pub(super) fn called<'b>(&'b self, parameters: Vec<(String, Given<'b>)>) -> Option<Scope<'b>>
    where
        'a: 'b,
    {
        (self.depth < 4).then(|| Scope {
            parameters,
            caller: Some(self),
            depth: self.depth + 1,
            ..Scope::outermost(self.catalog)
        })
    }

    fn table(&self, factor: &TableFactor) -> Option<(String, RelationId)> {
        let TableFactor::Table { name, alias, .. } = factor else {
            return None;
        };
        let parts = identifiers(name)?;
        let (schema, table) = match parts.as_slice() {
            [table] => (None, table),
            [.., schema, table] => (Some(schema), table),
            [] => return None,
        };
        let at = self.catalog.relations.position(|relation| {
            relation.name == *table && schema.is_none_or(|schema| relation.schema == *schema)
        })?;
        let called = alias
            .as_ref()
            .map_or_else(|| table.clone(), |alias| alias.name.value.clone());
        Some((called, at))
    }

    /// What an expression names, if it is a name.
    pub(super) fn meaning(&self, expr: &Expr) -> Option<Meaning<'_>> {
        match expr {
            Expr::Identifier(name) => self.unqualified(&name.value),
            Expr::CompoundIdentifier(names) => {
                let [.., of, name] = names.as_slice() else {
                    return None;
                };
                self.qualified(&of.value, &name.value)
            }
            Expr::Value(value) => match &value.value {
                Value::Placeholder(name) => self.parameter(name),
                _ => None,
            },
            _ => None,
        }
    }

    fn unqualified(&self, name: &str) -> Option<Meaning<'_>> {
        let column = self.tables.iter().find_map(|(_, relation)| {
            let column = self.catalog.relations[*relation].column(name)?;
            Some(Meaning::Column(*relation, column))
        });
        column
            .or_else(|| self.parameter(name))
            .or_else(|| self.outer?.unqualified(name))
    }

    fn qualified(&self, of: &str, name: &str) -> Option<Meaning<'_>> {
        let column = |relation: RelationId| {
            let column = self.catalog.relations[relation].column(name)?;
            Some(Meaning::Column(relation, column))
        };
        if let Some((_, relation)) = self.tables.iter().find(|(alias, _)| alias == of) {
            return column(*relation);
        }
        let row = self.parameters.iter().find_map(|(parameter, given)| match given {
            Given::Row(relation) if parameter == of => column(*relation),
            _ => None,
        });
        row.or_else(|| self.outer?.qualified(of, name))
            .or_else(|| self.parameter(name))
    }

    fn parameter(&self, name: &str) -> Option<Meaning<'_>> {
        let (_, given) = self.parameters.iter().find(|(parameter, _)| parameter == name)?;
        match given {
            Given::Value(expr) => {
                let caller = self.caller?;
                caller.meaning(expr).or(Some(Meaning::Value(expr, caller)))
            }
            Given::Row(_) => None,
        }
    }

    /// The relation whose whole row an expression is.
    pub(super) fn row(&self, name: &str) -> Option<RelationId> {
        let table = self.tables.iter().find(|(alias, _)| alias == name);
        table
            .map(|(_, relation)| *relation)
            .or_else(|| self.outer?.row(name))
    }
}

/// Joins, those within parentheses too, as views have them.
pub(super) fn joins(from: &[TableWithJoins]) -> Vec<&TableWithJoins> {
    fn within(factor: &TableFactor) -> Vec<&TableWithJoins> {
        match factor {
            TableFactor::NestedJoin { table_with_joins, .. } => joins(std::slice::from_ref(table_with_joins)),
            _ => Vec::new(),
        }
    }
    let mut all: Vec<&TableWithJoins> = Vec::new();
    for table in from {
        all.push(table);
        all.extend(within(&table.relation));
        all.extend(table.joins.iter().flat_map(|join| within(&join.relation)));
    }
    all
}

/// The parts of a name.
pub(super) fn identifiers(name: &ObjectName) -> Option<Vec<String>> {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => Some(ident.value.clone()),
            ObjectNamePart::Function(_) => None,
        })
        .collect()
}
