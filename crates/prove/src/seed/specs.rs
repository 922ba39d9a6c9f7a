//! Says which rows it takes: one's own, the other tenant's in every shape that policies may distinguish, nobody's.

use std::collections::BTreeSet;

use super::{Belongs, RowSpec, Seeder, is_unique};
use crate::catalog::{Category, Column, RelationKind};
use crate::conditions::{Content, Contents};
use crate::ids::RelationId;
use crate::people::Who;
use crate::plan::Class;
use crate::values;

impl Seeder<'_> {
    pub(super) fn specs_of_own(&self, relation: RelationId) -> Vec<RowSpec> {
        let people = self.people;
        let spec = |belongs, who: &Who, variant| RowSpec {
            variant,
            ..RowSpec::new(relation, belongs, who)
        };
        if !self.can_insert(relation) {
            return Vec::new();
        }
        if self.is_membership(relation) {
            return self.own_memberships(relation);
        }
        if self.names_people(relation) {
            return self.known_people(relation);
        }
        let mut specs = Vec::new();
        match &self.plan.classes[relation] {
            Class::Tenant { .. } => {
                specs.push(spec(Belongs::Own, &people.own, 0));
                specs.push(spec(Belongs::Own, &people.own, 0));
                // What policies demand of one's own rows, some of them meet.
                specs.extend(self.singled_out(relation, Contents::about_own).into_iter().map(
                    |(content, parent)| RowSpec {
                        content,
                        parent,
                        ..spec(Belongs::Own, &people.own, 0)
                    },
                ));
                specs.extend(self.specs_of_lawful(relation));
            }
            Class::Public => {
                let keys = self.keys_in_question(relation).len();
                specs.push(spec(Belongs::Shared, &people.shared, 0));
                specs.extend((0..keys).map(|n| spec(Belongs::Shared, &people.shared, 3 + n)));
            }
            _ => specs.push(spec(Belongs::Shared, &people.shared, 0)),
        }
        specs
    }

    pub(super) fn specs_of_others(&self, relation: RelationId) -> Vec<RowSpec> {
        let people = self.people;
        let spec = |belongs, who: &Who, variant| RowSpec {
            variant,
            ..RowSpec::new(relation, belongs, who)
        };
        if !self.can_insert(relation) {
            return Vec::new();
        }
        if self.is_membership(relation) {
            let mut specs = vec![spec(Belongs::Other, &people.other, 0)];
            if let Some(leave) = self.leaver(relation) {
                specs.push(RowSpec {
                    tenant: Some(leave),
                    ..spec(Belongs::Other, &people.removed, 0)
                });
            }
            return specs;
        }
        if self.names_people(relation) {
            let mut specs = vec![
                spec(Belongs::Other, &people.other, 0),
                spec(Belongs::Shared, &people.removed, 0),
                spec(Belongs::Shared, &people.spare, 0),
            ];
            specs.extend(self.strangers(relation));
            return specs;
        }
        match &self.plan.classes[relation] {
            Class::Tenant { column, .. } => self.specs_of_strangers(relation, column),
            Class::Internal => vec![spec(Belongs::Other, &people.other, 0)],
            _ => Vec::new(),
        }
    }

    /// The other tenant's rows of a table, in every shape, and nobody's.
    fn specs_of_strangers(&self, relation: RelationId, column: &str) -> Vec<RowSpec> {
        let people = self.people;
        let spec = |belongs, who: &Who, variant| RowSpec {
            variant,
            ..RowSpec::new(relation, belongs, who)
        };
        let named = if self.plan.membership.is_some() {
            &people.removed
        } else {
            &people.own
        };
        let mut specs: Vec<_> = (0..self.variants(relation))
            .map(|variant| RowSpec {
                named: (variant % 2 == 1).then(|| named.clone()),
                ..spec(Belongs::Other, &people.other, variant)
            })
            .collect();
        if self.plan.is_identity(self.catalog, relation) {
            specs.extend(self.strangers(relation));
        } else {
            let contents = self.singled_out(relation, Contents::about);
            specs.extend(contents.into_iter().map(|(content, parent)| RowSpec {
                content,
                parent,
                ..spec(Belongs::Other, &people.other, 0)
            }));
        }
        specs.extend(self.specs_by_people(relation));
        if self.catalog.relations[relation].is_partition {
            // A partition by hash or list may not take the other tenant's rows; perhaps those of one more.
            specs.push(spec(Belongs::Other, &people.spare, 0));
        }
        let tenant = self.catalog.relations[relation].column(column);
        if tenant.is_some_and(|column| !column.not_null) {
            specs.push(RowSpec {
                tenant: Some("null"),
                ..spec(Belongs::Nobody, &people.other, 0)
            });
        }
        let is_text = |column: &Column| matches!(column.base_name.as_str(), "text" | "varchar" | "citext");
        let is_part = self.catalog.relations[relation].part.is_some();
        if !is_part && self.plan.naming(relation).is_none() && tenant.is_some_and(is_text) {
            specs.push(RowSpec {
                tenant: Some("''"),
                ..spec(Belongs::Nobody, &people.other, 0)
            });
        }
        specs
    }

    /// Contents of rows that policies single out, their own or that of the row to which they refer.
    fn singled_out(
        &self,
        relation: RelationId,
        about: fn(&Contents, RelationId) -> &[Content],
    ) -> Vec<(Content, Option<usize>)> {
        const MOST: usize = 8;
        let contents = about(self.contents, relation);
        let keys = &self.catalog.relations[relation].foreign_keys;
        let parents = keys.iter().filter_map(|key| self.catalog.position(key.target));
        let parents = parents
            .filter(|parent| *parent != relation)
            .map(|parent| about(self.contents, parent).len())
            .max()
            .unwrap_or(0);
        let own = contents.iter().cloned().map(|content| (content, None));
        let by_parent = (0..parents).flat_map(|parent| {
            let plain = std::iter::once(Content::new());
            plain
                .chain(contents.iter().cloned())
                .map(move |content| (content, Some(parent)))
        });
        own.chain(by_parent).take(MOST).collect()
    }

    /// Whether its rows are people or tenants themselves, so that one is made for each of them.
    pub(super) fn names_people(&self, relation: RelationId) -> bool {
        let table = &self.catalog.relations[relation];
        match &self.plan.classes[relation] {
            Class::Tenant { .. } => self.plan.is_identity(self.catalog, relation) && self.is_target(relation),
            Class::Outside => table.columns.iter().any(|column| {
                self.plan.meaning(relation, &column.name).is_some() && is_unique(table, column)
            }),
            Class::Public | Class::Internal | Class::Unclassified(_) => {
                table
                    .columns
                    .iter()
                    .any(|column| self.plan.meaning(relation, &column.name).is_some())
                    && self.is_target(relation)
            }
        }
    }

    pub(super) fn is_target(&self, relation: RelationId) -> bool {
        let oid = self.catalog.relations[relation].oid;
        self.catalog
            .relations
            .iter()
            .any(|other| other.foreign_keys.iter().any(|key| key.target == oid))
    }

    pub(super) fn can_insert(&self, relation: RelationId) -> bool {
        let table = &self.catalog.relations[relation];
        table.is_table()
            && table.insertable
            && !self.unsettled.contains_key(&relation)
            && !self.is_split(relation)
            && self.catalog.outward_trigger(table).is_none()
            && !self.is_an_extensions_record(relation)
    }

    /// An extension's own records, which its event triggers believe.
    fn is_an_extensions_record(&self, relation: RelationId) -> bool {
        let extension = self.catalog.relations[relation].extension.as_deref();
        self.plan.classes[relation] == Class::Outside && extension.is_some_and(crate::extensions::is_known)
    }

    /// A partitioned table whose partitions are looked at themselves.
    pub(super) fn is_split(&self, relation: RelationId) -> bool {
        let table = &self.catalog.relations[relation];
        table.kind == RelationKind::Partitioned
            && self
                .catalog
                .relations
                .iter()
                .any(|child| child.is_partition && child.parents.contains(&table.oid))
    }

    /// How many rows of the other tenant's it takes to try out what policies may distinguish.
    pub(super) fn variants(&self, relation: RelationId) -> usize {
        let table = &self.catalog.relations[relation];
        let most = table
            .columns
            .iter()
            .map(|column| self.constants(relation, column).len())
            .max();
        4 + most.unwrap_or(0).min(4)
    }

    /// Constants that policies, views and functions may compare a column with.
    pub(super) fn constants(&self, relation: RelationId, column: &Column) -> Vec<String> {
        if self.plan.meaning(relation, &column.name).is_some() {
            return Vec::new();
        }
        let words = self.words_about(relation, column);
        match column.category {
            Category::String => words,
            Category::Enum => words
                .into_iter()
                .filter(|word| column.labels.contains(word))
                .collect(),
            Category::Numeric => {
                let numbers = self
                    .mentions
                    .iter()
                    .filter(|text| text.contains(&column.name))
                    .flat_map(|text| values::numbers_in(text));
                numbers.take(4).collect()
            }
            Category::User if column.base_name == "uuid" => {
                words.into_iter().filter(|word| is_uuid(word)).collect()
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn words_about(&self, relation: RelationId, column: &Column) -> Vec<String> {
        const CLAIMS: [&str; 9] = [
            "sub",
            "role",
            "request.jwt.claims",
            "app_metadata",
            "user_metadata",
            "authenticated",
            "anon",
            "request.headers",
            "",
        ];
        let table = &self.catalog.relations[relation];
        let mut words: Vec<String> = self
            .mentions
            .iter()
            .filter(|text| text.contains(&column.name) && (text.contains(&table.name)))
            .flat_map(|text| crate::constants::words_in(text))
            .chain(
                table
                    .checks
                    .iter()
                    .filter(|check| check.columns.contains(&column.name))
                    .flat_map(|check| crate::constants::words_in(&check.expression)),
            )
            .filter(|word| !CLAIMS.contains(&word.as_str()) && word.len() < 40)
            .collect();
        let mut seen = BTreeSet::new();
        words.retain(|word| seen.insert(word.clone()));
        words.truncate(6);
        words
    }
}

fn is_uuid(word: &str) -> bool {
    word.len() == 36 && word.chars().all(|char| char == '-' || char.is_ascii_hexdigit())
}
