//! Keeps rows that could still be inserted: those that attackers are then given to try.

use std::collections::BTreeSet;

use super::{Belongs, Draft, Maker, Who, Wish, World};
use crate::conditions::Content;
use crate::plan::Class;
use crate::script::Script;

impl Maker<'_> {
    /// Rows that could still be inserted, tried by the owner and taken back.
    pub(super) async fn spares(&self, world: &mut World, level: &[usize]) {
        let mut wishes = Vec::new();
        for relation in level.iter().copied().filter(|n| self.can_insert(*n)) {
            let wish = |belongs, who: &Who, tenant| Wish {
                relation,
                belongs,
                who: who.clone(),
                variant: 0,
                tenant,
                named: None,
                content: Content::new(),
                parent: None,
            };
            let people = self.people;
            match &self.plan.classes[relation] {
                Class::Tenant { .. } => {
                    wishes.extend([
                        wish(Belongs::Other, &people.other, None),
                        wish(Belongs::Other, &people.spare, None),
                        wish(Belongs::Other, &people.nobody, None),
                        wish(Belongs::Nobody, &people.own, Some("null")),
                        wish(Belongs::Own, &people.own, None),
                    ]);
                    wishes.extend(self.contents.about(relation).iter().map(|content| Wish {
                        content: content.clone(),
                        ..wish(Belongs::Other, &people.other, None)
                    }));
                }
                Class::Internal => wishes.push(wish(Belongs::Other, &people.other, None)),
                _ => {}
            }
        }
        let singled_out: Vec<bool> = wishes.iter().map(|wish| !wish.content.is_empty()).collect();
        let drafts = self.draft(world, wishes).await;
        let outcomes = self
            .session
            .attempt(drafts.iter().map(|draft| self.trial(draft)).collect())
            .await;
        let mut taken = BTreeSet::new();
        for ((draft, singled_out), outcome) in drafts.into_iter().zip(singled_out).zip(outcomes) {
            match outcome {
                Ok(rows) if !rows.is_empty() && singled_out => {
                    world.singled_out.entry(draft.relation).or_default().push(draft);
                }
                _ if singled_out => {}
                Ok(rows) if !rows.is_empty() => {
                    world
                        .spares
                        .entry((draft.relation, draft.belongs))
                        .or_insert(draft);
                }
                // A unique key that is taken keeps an attacker out as well.
                Err(refusal) if refusal.code == "23505" => {
                    taken.insert(draft.relation);
                }
                Err(refusal) if draft.belongs == Belongs::Other => {
                    world.spareless.insert(
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
        world.spareless.retain(|relation, _| !taken.contains(relation));
    }

    /// Whether a row can be made, deferred constraints included.
    fn trial(&self, draft: &Draft) -> Script {
        Script::default()
            .ask(self.insertion(draft))
            .act("set constraints all immediate")
    }
}
