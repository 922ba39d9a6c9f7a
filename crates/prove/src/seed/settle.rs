//! Constraints that wait until the end of a transaction: decided before anybody attacks, so that none speaks up in the
//! middle of an attack and is taken for a refusal of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fixtures, Seeder};
use crate::Error;
use crate::ids::RelationId;
use crate::script::{Refusal, Script};

/// A deferrable constraint.
#[derive(Debug)]
pub(crate) struct Deferrable {
    /// As SQL, with its schema.
    name: String,
    relation: RelationId,
    /// The relation that a foreign key refers to.
    target: Option<RelationId>,
}

/// How often rows are made anew without the relations whose rows violate a constraint.
const ROUNDS: usize = 5;

impl Seeder<'_> {
    /// Makes all rows; ends behind a savepoint `mako_before_others`. A relation whose rows can't be settled gets none,
    /// so that it spoils no other.
    pub(crate) async fn populate(&mut self, fixtures: &mut Fixtures) -> Result<(), Error> {
        self.find_deferrable().await?;
        self.circles = self.circles();
        for round in 1.. {
            self.session.must("savepoint mako_before_rows").await?;
            self.be_immediate().await;
            self.own_rows(fixtures).await;
            let mut unsettled = self.settle().await;
            self.session.must("savepoint mako_before_others").await?;
            if unsettled.is_ok() {
                self.session
                    .keep(vec![Script::default().act("set constraints all deferred")])
                    .await;
                self.be_immediate().await;
                self.others_rows(fixtures).await;
                unsettled = self.settle().await;
            }
            match unsettled {
                Ok(()) => break,
                Err(culprits) if round < ROUNDS && !culprits.is_empty() => {
                    self.session
                        .must("rollback to savepoint mako_before_rows")
                        .await?;
                    self.unsettled.extend(culprits);
                    *fixtures = Fixtures::default();
                }
                Err(culprits) => {
                    fixtures.unsettled = Some(culprits.into_values().next().unwrap_or_else(|| {
                        "the made-up rows violate a deferred constraint that has no name".to_owned()
                    }));
                    break;
                }
            }
        }
        fixtures.failures.extend(
            self.unsettled
                .iter()
                .map(|(relation, why)| (*relation, why.clone())),
        );
        self.finish(fixtures).await;
        Ok(())
    }

    async fn find_deferrable(&mut self) -> Result<(), Error> {
        let sql = "select quote_ident(n.nspname) || '.' || quote_ident(k.conname), k.conrelid::int8, k.confrelid::int8 \
            from pg_constraint k join pg_namespace n on n.oid = k.connamespace where k.condeferrable order by 1";
        for row in self.session.must(sql).await? {
            let [Some(name), Some(relation), target] = row.as_slice() else {
                continue;
            };
            let position = |oid: &str| self.catalog.position(oid.parse().ok()?);
            if let Some(relation) = position(relation) {
                let target = target.as_deref().and_then(position);
                self.deferrable.push(Deferrable {
                    name: name.clone(),
                    relation,
                    target,
                });
            }
        }
        Ok(())
    }

    /// Only on a circle of references is there anything to wait for.
    async fn be_immediate(&self) {
        let waits = |constraint: &&Deferrable| {
            constraint
                .target
                .is_some_and(|target| self.circles.contains(&(constraint.relation, target)))
        };
        let scripts = self
            .deferrable
            .iter()
            .filter(|constraint| !waits(constraint))
            .map(immediate)
            .collect();
        self.session.keep(scripts).await;
    }

    /// References from which other references lead back.
    fn circles(&self) -> BTreeSet<(RelationId, RelationId)> {
        let targets = |relation: RelationId| {
            let keys = &self.catalog.relations[relation].foreign_keys;
            keys.iter().filter_map(|key| self.catalog.position(key.target))
        };
        let leads_back = |(from, to): &(RelationId, RelationId)| {
            let (mut seen, mut next) = (BTreeSet::new(), vec![*to]);
            while let Some(relation) = next.pop() {
                if seen.insert(relation) {
                    next.extend(targets(relation));
                }
            }
            seen.contains(from)
        };
        self.catalog
            .relations
            .ids()
            .flat_map(|from| targets(from).map(move |to| (from, to)))
            .filter(leads_back)
            .collect()
    }

    /// Decides what has waited. The error is the relations whose rows violate a constraint, and which; none if that
    /// can't be told.
    async fn settle(&self) -> Result<(), BTreeMap<RelationId, String>> {
        let all = Script::default().act("set constraints all immediate");
        let Some(Err(_)) = self.session.keep(vec![all]).await.pop() else {
            return Ok(());
        };
        let outcomes = self
            .session
            .keep(self.deferrable.iter().map(immediate).collect())
            .await;
        let refused = self
            .deferrable
            .iter()
            .zip(outcomes)
            .filter_map(|(constraint, outcome)| {
                let Err(Refusal { code, message, .. }) = outcome else {
                    return None;
                };
                Some((
                    constraint.relation,
                    format!("its made-up rows violate a deferred constraint: {message} [{code}]"),
                ))
            });
        Err(refused.collect())
    }
}

fn immediate(constraint: &Deferrable) -> Script {
    Script::default().act(format!("set constraints {} immediate", constraint.name))
}
