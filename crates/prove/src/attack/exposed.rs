//! Looks at what knows no policies: materialized views and foreign tables.

use std::collections::BTreeMap;

use crate::assessment::Assessment;
use crate::catalog::RelationKind;
use crate::context::Context;
use crate::ids::RelationId;
use crate::plan::Class;
use crate::rules;
use crate::sql::literal;

impl Context<'_> {
    /// Materialized views and foreign tables know no policies: what they hold of tenants, whoever may read them reads.
    pub(crate) fn without_policies(&self, assessments: &mut BTreeMap<RelationId, Assessment>) {
        for (n, relation) in self.catalog.relations.with_ids() {
            if !relation.in_scope
                || !matches!(
                    relation.kind,
                    RelationKind::MaterializedView | RelationKind::Foreign
                )
                || matches!(self.plan.classes[n], Class::Public | Class::Outside)
            {
                continue;
            }
            let about = assessments.entry(n).or_default();
            about.attempts += 1;
            let readers: Vec<&str> = relation
                .rights
                .iter()
                .filter(|(_, rights)| rights.any())
                .map(|(role, _)| role.as_str())
                .collect();
            let tenants =
                relation.kind == RelationKind::Foreign
                    || matches!(self.plan.classes[n], Class::Tenant { .. } | Class::Internal)
                    || self.catalog.beneath(n).iter().any(|base| {
                        matches!(self.plan.classes[*base], Class::Tenant { .. } | Class::Internal)
                    });
            if let (Some(role), true) = (readers.first(), tenants) {
                let (rule, what) = if relation.kind == RelationKind::MaterializedView {
                    (rules::MATERIALIZED_VIEW_EXPOSED, "materialized view")
                } else {
                    (rules::FOREIGN_TABLE_EXPOSED, "foreign table")
                };
                about.find(
                    rule,
                    format!(
                        "{} may read {}, a {what}, to which no policy applies",
                        readers.join(" and "),
                        relation.label()
                    ),
                    format!(
                        "select has_any_column_privilege({}, {}, 'select')",
                        literal(role),
                        literal(&relation.sql())
                    ),
                );
            }
            if let (Class::Unclassified(reason), false) = (&self.plan.classes[n], about.leaks()) {
                about.untested.insert(reason.clone());
            }
        }
    }
}
