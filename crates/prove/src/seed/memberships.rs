//! Rows that say who is a member of which tenant, or was.

use super::{Belongs, RowSpec, Seeder};
use crate::catalog::{Category, Column};
use crate::ids::RelationId;
use crate::people::Who;
use crate::plan::Class;
use crate::sql::typed;

/// Columns that say when a membership ended.
const ENDED_AT: [&str; 9] = [
    "removed_at",
    "deleted_at",
    "revoked_at",
    "left_at",
    "deactivated_at",
    "disabled_at",
    "archived_at",
    "ended_at",
    "suspended_at",
];
/// Columns that say whether a membership goes on.
const GOES_ON: [&str; 4] = ["active", "is_active", "enabled", "is_enabled"];
/// Columns that say whether a membership has ended.
const HAS_ENDED: [&str; 8] = [
    "removed",
    "is_removed",
    "deleted",
    "is_deleted",
    "revoked",
    "is_revoked",
    "disabled",
    "suspended",
];
/// What a status says of a membership that has ended.
const ENDED: [&str; 13] = [
    "removed",
    "inactive",
    "revoked",
    "left",
    "disabled",
    "deleted",
    "suspended",
    "former",
    "declined",
    "rejected",
    "blocked",
    "invited",
    "pending",
];

impl Seeder<'_> {
    pub(super) fn is_membership(&self, relation: RelationId) -> bool {
        let membership = self.plan.membership.as_ref();
        membership.is_some_and(|(at, ..)| *at == relation)
    }

    /// Who is a member of the attacker's tenant, and of a third.
    pub(super) fn own_memberships(&self, relation: RelationId) -> Vec<RowSpec> {
        let people = self.people;
        let own = |who: &Who| RowSpec::new(relation, Belongs::Own, who);
        let mut specs = vec![own(&people.own)];
        // The first have the roles that are spoken of, the last what policies ask of members otherwise.
        let contents = self.contents.about(relation);
        let many = people.colleagues.len();
        specs.extend(people.colleagues.iter().enumerate().map(|(n, who)| RowSpec {
            variant: 3 + n,
            content: contents.get(many - 1 - n).cloned().unwrap_or_default(),
            ..own(who)
        }));
        specs.push(own(&people.two));
        let elsewhere = Who {
            tenant: people.third.tenant.clone(),
            ..people.two.clone()
        };
        specs.push(RowSpec::new(relation, Belongs::Shared, &elsewhere));
        specs
    }

    /// A row for each person who is there before the other tenant comes.
    pub(super) fn known_people(&self, relation: RelationId) -> Vec<RowSpec> {
        let people = self.people;
        let shared = [&people.two, &people.third].map(|who| RowSpec::new(relation, Belongs::Shared, who));
        let colleagues = people.colleagues.iter();
        let mut specs = vec![RowSpec::new(relation, Belongs::Own, &people.own)];
        specs.extend(shared);
        specs.extend(colleagues.map(|who| RowSpec::new(relation, Belongs::Own, who)));
        if self.plan.classes[relation] == Class::Outside {
            specs.push(RowSpec::new(relation, Belongs::Shared, &people.nobody));
        }
        specs
    }

    /// The change that makes a membership one of the past, where the table knows such.
    pub(super) fn leaver(&self, relation: RelationId) -> Option<&'static str> {
        self.departure(relation).map(|_| "left")
    }

    /// The column and value that say that a membership goes on: whoever is made up as a member must be one.
    pub(super) fn presence(&self, relation: RelationId) -> Option<(&Column, String)> {
        const PRESENT: [&str; 6] = ["active", "accepted", "approved", "confirmed", "joined", "enabled"];
        if !self.is_membership(relation) {
            return None;
        }
        let (column, ended) = self.departure(relation)?;
        let goes_on = match column.category {
            Category::Date if !column.not_null => "null".to_owned(),
            Category::Boolean if ended == "true" => "false".to_owned(),
            Category::Boolean => "true".to_owned(),
            Category::Enum | Category::String => {
                let words = self.words_about(relation, column);
                let known = |word: &&&str| words.iter().chain(&column.labels).any(|known| known == **word);
                typed(Some(PRESENT.iter().find(known)?), &column.base)
            }
            _ => return None,
        };
        Some((column, goes_on))
    }

    /// The column and value that say that a membership has ended.
    pub(crate) fn departure(&self, relation: RelationId) -> Option<(&Column, String)> {
        let columns = &self.catalog.relations[relation].columns;
        columns.iter().find_map(|column| {
            let name = column.name.as_str();
            let ended = match column.category {
                Category::Date if ENDED_AT.contains(&name) => "'2024-02-01'".to_owned(),
                Category::Boolean if GOES_ON.contains(&name) => "false".to_owned(),
                Category::Boolean if HAS_ENDED.contains(&name) => "true".to_owned(),
                Category::Enum | Category::String if name == "status" || name == "state" => {
                    let words = self.words_about(relation, column);
                    let known = |past: &&&str| words.iter().chain(&column.labels).any(|word| word == **past);
                    typed(Some(ENDED.iter().find(known)?), &column.base)
                }
                _ => return None,
            };
            Some((column, ended))
        })
    }
}
