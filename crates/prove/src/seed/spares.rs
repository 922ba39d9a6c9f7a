//! Keeps rows that could still be inserted: those that attackers are then given to try.

use std::collections::BTreeSet;

use super::{Belongs, Draft, Fixtures, RowSpec, Seeder, Who};
use crate::ids::RelationId;
use crate::plan::Class;
use crate::script::Script;

impl Seeder<'_> {
    /// Rows that could still be inserted, tried by the owner and taken back.
    pub(super) async fn spares(&self, fixtures: &mut Fixtures, level: &[RelationId]) {
        let insertable = level.iter().copied().filter(|n| self.can_insert(*n));
        let specs: Vec<RowSpec> = insertable.flat_map(|n| self.specs_of_spares(n)).collect();
        let singled_out: Vec<bool> = specs.iter().map(|spec| !spec.content.is_empty()).collect();
        let drafts = self.draft(fixtures, specs).await;
        let outcomes = self
            .session
            .attempt(drafts.iter().map(|draft| self.trial(draft)).collect())
            .await;
        let mut taken = BTreeSet::new();
        for ((draft, singled_out), outcome) in drafts.into_iter().zip(singled_out).zip(outcomes) {
            match outcome {
                Ok(rows) if !rows.is_empty() && singled_out => {
                    fixtures
                        .singled_out
                        .entry((draft.relation, draft.belongs))
                        .or_default()
                        .push(draft);
                }
                Ok(rows) if !rows.is_empty() => {
                    fixtures
                        .spares
                        .entry((draft.relation, draft.belongs))
                        .or_insert(draft);
                }
                // A unique key that is taken keeps an attacker out as well.
                Err(refusal) if refusal.code == "23505" => {
                    taken.insert(draft.relation);
                    if draft.belongs == Belongs::Own {
                        // With another's key in it, it may be the first of its kind.
                        let place = (draft.relation, Belongs::Own);
                        fixtures.singled_out.entry(place).or_default().push(draft);
                    }
                }
                Err(refusal) if draft.belongs == Belongs::Other && !singled_out => {
                    fixtures.spareless.insert(
                        draft.relation,
                        format!(
                            "no row could be made to try an insert with: {} [{}]",
                            refusal.message, refusal.code
                        ),
                    );
                }
                _ => {}
            }
        }
        fixtures.spareless.retain(|relation, _| !taken.contains(relation));
    }

    fn specs_of_spares(&self, relation: RelationId) -> Vec<RowSpec> {
        let people = self.people;
        let spec = |belongs, who: &Who| RowSpec::new(relation, belongs, who);
        match &self.plan.classes[relation] {
            Class::Tenant { .. } => {
                let nobodys = RowSpec {
                    tenant: Some("null"),
                    ..spec(Belongs::Nobody, &people.own)
                };
                let mut specs = vec![
                    spec(Belongs::Other, &people.other),
                    spec(Belongs::Other, &people.spare),
                    spec(Belongs::Other, &people.nobody),
                    nobodys,
                    spec(Belongs::Own, &people.own),
                ];
                specs.extend(self.contents.about(relation).iter().map(|content| RowSpec {
                    content: content.clone(),
                    ..spec(Belongs::Other, &people.other)
                }));
                specs.extend(self.contents.about(relation).iter().map(|content| RowSpec {
                    content: content.clone(),
                    ..spec(Belongs::Own, &people.own)
                }));
                specs
            }
            Class::Internal => vec![spec(Belongs::Other, &people.other)],
            _ => Vec::new(),
        }
    }

    /// Whether a row can be made, deferred constraints included.
    fn trial(&self, draft: &Draft) -> Script {
        Script::default()
            .ask(self.insertion(draft, "ctid"))
            .act("set constraints all immediate")
    }
}
