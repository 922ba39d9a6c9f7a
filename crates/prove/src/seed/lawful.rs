//! Rows of strangers that others may read on purpose: shared with the attacker, or everybody's. They are there before
//! the other tenant comes, so that no answer depends on them; all other rows stay what nobody else may read.

use super::{Belongs, Fixtures, RowSpec, Seeder};
use crate::ids::RelationId;
use crate::plan::By;
use crate::sql::ident;

/// What the refusal of a row says that everybody could read.
const PUBLIC: &str = "mako_public";

impl Seeder<'_> {
    /// A third tenant's rows that the attacker may read.
    pub(super) fn specs_of_lawful(&self, relation: RelationId) -> Vec<RowSpec> {
        let third = &self.people.third;
        let mut specs = Vec::new();
        if self.lends(relation) {
            specs.push(RowSpec {
                reader: Some(self.people.own.clone()),
                ..RowSpec::new(relation, Belongs::Shared, third)
            });
        }
        if self.plan.public_where.contains_key(&relation) && !self.plan.is_read_by_all(relation) {
            let public = RowSpec {
                public: true,
                ..RowSpec::new(relation, Belongs::Other, third)
            };
            let column = self.plan.tenant_column(relation).map(|(column, _)| column);
            if column.is_some_and(|name| self.may_be_null(relation, name)) {
                specs.push(RowSpec {
                    belongs: Belongs::Nobody,
                    tenant: Some("null"),
                    ..public.clone()
                });
            }
            specs.push(public);
        }
        specs
    }

    fn may_be_null(&self, relation: RelationId, column: &str) -> bool {
        let column = self.catalog.relations[relation].column(column);
        column.is_some_and(|column| !column.not_null)
    }

    /// Whether its rows are shared, or hold what is.
    fn lends(&self, relation: RelationId) -> bool {
        self.catalog
            .relations
            .ids()
            .filter(|share| !self.plan.readers(*share).is_empty())
            .any(|share| std::iter::successors(Some(share), |n| self.parent(*n)).any(|n| n == relation))
    }

    /// The relation whose rows own those of another.
    fn parent(&self, relation: RelationId) -> Option<RelationId> {
        let (column, by) = self.plan.tenant_column(relation)?;
        let keys = &self.catalog.relations[relation].foreign_keys;
        let key = keys.iter().find(|key| key.columns == [column])?;
        let parent = self.catalog.position(key.target)?;
        (by == By::Parent && parent != relation).then_some(parent)
    }

    /// What must be true of a row, other than its table's checks: whether everybody may read it.
    pub(super) fn wanted(&self, spec: &RowSpec) -> Option<String> {
        let condition = self.plan.public_where.get(&spec.relation)?;
        if self.plan.is_read_by_all(spec.relation) {
            return None;
        }
        match spec.belongs {
            _ if spec.public => Some(format!("({condition}) is true")),
            Belongs::Other | Belongs::Nobody => Some(format!("({condition}) is not true")),
            Belongs::Own | Belongs::Shared => None,
        }
    }

    /// Where a row is, as an expression; a row of the other tenant's that everybody could read is refused by it.
    pub(super) fn place(&self, fixtures: &Fixtures, relation: RelationId) -> String {
        match self.plan.public_where.get(&relation) {
            Some(condition) if fixtures.others && !self.plan.is_read_by_all(relation) => {
                format!("case when ({condition}) then ('{PUBLIC}' || ctid)::int::text::tid else ctid end")
            }
            _ => "ctid".to_owned(),
        }
    }

    /// Whether everybody may read a row, as an expression.
    pub(super) fn is_public(&self, relation: RelationId) -> String {
        let condition = self.plan.public_where.get(&relation);
        condition.map_or_else(
            || "false".to_owned(),
            |condition| format!("({condition}) is true"),
        )
    }

    /// Says why a row was refused, if because everybody could read it.
    pub(super) fn refused_as_public(message: &str) -> Option<String> {
        message
            .contains(PUBLIC)
            .then(|| "public_where holds of every row of another tenant's that could be made".to_owned())
    }
}

/// The words of an expression name a column.
pub(super) fn names(expression: &str, column: &str) -> bool {
    expression.contains(&ident(column))
        || expression
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|word| word == column)
}
