//! Rows of more tenants than the two, whom policies single out by what they themselves are.

use super::{Belongs, RowSpec, Seeder};
use crate::ids::RelationId;

impl Seeder<'_> {
    /// Rows of tenants whom policies single out by what they themselves are: on trial, or with a public profile.
    pub(super) fn specs_by_people(&self, relation: RelationId) -> Vec<RowSpec> {
        const MOST: usize = 3;
        if self.plan.is_identity(self.catalog, relation) {
            return Vec::new();
        }
        let asked = self
            .catalog
            .relations
            .ids()
            .filter(|n| self.plan.is_identity(self.catalog, *n) && self.catalog.asks(relation, *n));
        let singled_out = asked.map(|n| self.contents.about(n).len()).max().unwrap_or(0);
        let strangers = self.people.strangers.iter().take(singled_out.min(MOST));
        strangers
            .map(|who| RowSpec::new(relation, Belongs::Other, who))
            .collect()
    }

    /// Rows of more tenants, as many as there are contents of relations that hold one row for each.
    pub(super) fn strangers(&self, relation: RelationId) -> Vec<RowSpec> {
        let single = |n: &RelationId| self.plan.is_identity(self.catalog, *n);
        let most = self
            .catalog
            .relations
            .ids()
            .filter(single)
            .map(|n| self.contents.about(n).len())
            .max()
            .unwrap_or(0);
        let contents = self.contents.about(relation);
        let strangers = self.people.strangers.iter().take(most).enumerate();
        strangers
            .map(|(n, who)| {
                let content = contents.get(n).cloned().unwrap_or_default();
                let belongs = if content.is_empty() {
                    Belongs::Shared
                } else {
                    Belongs::Other
                };
                RowSpec {
                    content,
                    ..RowSpec::new(relation, belongs, who)
                }
            })
            .collect()
    }
}
