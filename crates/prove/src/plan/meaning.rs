//! Finds out what columns name: a user, a tenant, or neither. Foreign keys, policies and views say so.

use std::collections::BTreeSet;

use super::{By, Class, Place, Plan};
use crate::catalog::{Catalog, Column, ForeignKey, Policy, Relation, RelationKind};
use crate::conditions::is_user;
use crate::ids::RelationId;
use crate::model::Model;
use crate::naming::{Names, Naming};

impl Plan {
    pub(super) fn mean(&mut self, catalog: &Catalog, model: &Model) {
        let (users, tenants) = match &self.membership {
            Some((at, user, tenant)) => (
                closure(catalog, (*at, user.clone())),
                closure(catalog, (*at, tenant.clone())),
            ),
            None => (BTreeSet::new(), BTreeSet::new()),
        };
        for at in self.classes.ids() {
            let Class::Tenant { column, .. } = self.classes[at].clone() else {
                continue;
            };
            let by = self.by(catalog, model, at, &column, &users, &tenants);
            self.classes[at] = Class::Tenant { column, by };
        }
        let roots = users
            .iter()
            .map(|place| (place, Names::User))
            .chain(tenants.iter().map(|place| (place, Names::Tenant)));
        for (place, names) in roots {
            self.meanings.insert(place.clone(), names);
        }
        for (at, class) in self.classes.with_ids() {
            let names = match class {
                Class::Tenant { by: By::User, .. } => Names::User,
                Class::Tenant { by: By::Tenant, .. } => Names::Tenant,
                _ => continue,
            };
            if let Class::Tenant { column, .. } = class
                && catalog.relations[at].kind != RelationKind::View
                && !self.namings.contains_key(&at)
            {
                for place in closure(catalog, (at, column.clone())) {
                    self.meanings.entry(place).or_insert(names);
                }
            }
        }
        self.mean_elsewhere(catalog);
        self.mean_by_policy(catalog);
        self.mean_by_reference(catalog);
    }

    /// A column that policies hold against who asks names a user, though no foreign key says so.
    fn mean_by_policy(&mut self, catalog: &Catalog) {
        for (at, relation) in catalog.relations.with_ids() {
            let tenant = self.tenant_column(at).map(|(name, _)| name.to_owned());
            let policies: Vec<String> = relation.policies.iter().map(Policy::text).collect();
            let may_be_user = |column: &&Column| {
                column.base_name == "uuid"
                    && tenant.as_ref() != Some(&column.name)
                    && policies.iter().any(|policy| is_user(policy, &column.name))
            };
            for column in relation.columns.iter().filter(may_be_user) {
                self.meanings
                    .entry((at, column.name.clone()))
                    .or_insert(Names::User);
            }
        }
    }

    /// Supabase's users, and what a view shows of tables elsewhere under the tenant column's name.
    fn mean_elsewhere(&mut self, catalog: &Catalog) {
        for (at, relation) in catalog.relations.with_ids() {
            if relation.schema == "auth" && relation.name == "users" && relation.column("id").is_some() {
                self.meanings.entry((at, "id".to_owned())).or_insert(Names::User);
            }
        }
        for (at, class) in self.classes.with_ids() {
            if let Class::Tenant { column, by } = class
                && matches!(
                    catalog.relations[at].kind,
                    RelationKind::View | RelationKind::MaterializedView
                )
            {
                let names = if *by == By::Tenant {
                    Names::Tenant
                } else {
                    Names::User
                };
                for base in catalog.beneath(at) {
                    if self.classes[base] == Class::Outside
                        && catalog.relations[base].column(column).is_some()
                    {
                        self.meanings.entry((base, column.clone())).or_insert(names);
                    }
                }
            }
        }
    }

    /// A column that refers to a user names a user, whatever it is called.
    fn mean_by_reference(&mut self, catalog: &Catalog) {
        for (at, relation) in catalog.relations.with_ids() {
            for column in &relation.columns {
                let place = (at, column.name.clone());
                if self.meanings.contains_key(&place)
                    || self
                        .tenant_column(at)
                        .is_some_and(|(name, _)| name == column.name)
                {
                    continue;
                }
                let found = closure(catalog, place.clone())
                    .iter()
                    .find_map(|next| self.meanings.get(next).copied());
                if let Some(names) = found {
                    self.meanings.insert(place, names);
                }
            }
        }
    }

    fn by(
        &self,
        catalog: &Catalog,
        model: &Model,
        at: RelationId,
        column: &str,
        users: &BTreeSet<Place>,
        tenants: &BTreeSet<Place>,
    ) -> By {
        let relation = &catalog.relations[at];
        if relation.is_planted() {
            return if model.tenant.membership.is_some() {
                By::Tenant
            } else {
                By::User
            };
        }
        let said = model.entry_of(relation).and_then(|entry| entry.names.as_ref());
        match self.naming(at).or(said).map(Naming::names) {
            Some(Names::User) => return By::User,
            Some(Names::Tenant) => return By::Tenant,
            None => {}
        }
        let reached = closure(catalog, (at, column.to_owned()));
        // Both are empty where there are no memberships.
        match (reached.is_disjoint(users), reached.is_disjoint(tenants)) {
            (false, true) => return By::User,
            (true, false) => return By::Tenant,
            _ => {}
        }
        if self.refers_to_a_row(catalog, relation, column) {
            return By::Parent;
        }
        let Some((_, user, tenant)) = &self.membership else {
            return By::User;
        };
        let is_held = |policy: &Policy| is_user(&policy.text(), column);
        let is_called = column == user && column != tenant && column != model.tenant.column();
        if is_called || relation.policies.iter().any(is_held) {
            By::User
        } else {
            By::Tenant
        }
    }

    /// Whether a column refers to a row of a tenant's, by another column than the one that names the tenant.
    fn refers_to_a_row(&self, catalog: &Catalog, relation: &Relation, column: &str) -> bool {
        relation.foreign_keys.iter().any(|key| {
            let [only] = key.columns.as_slice() else { return false };
            let Some(target) = catalog.position(key.target) else { return false };
            only == column
                && matches!(&self.classes[target], Class::Tenant { column, .. } if key.target_columns.first() != Some(column))
        })
    }
}

/// A column and everything that it refers to, step by step.
fn closure(catalog: &Catalog, start: Place) -> BTreeSet<Place> {
    let mut found = BTreeSet::from([start.clone()]);
    let mut open = vec![start];
    while let Some((at, column)) = open.pop() {
        for key in &catalog.relations[at].foreign_keys {
            if let Some(next) = referred(catalog, key, &column)
                && found.insert(next.clone())
            {
                open.push(next);
            }
        }
    }
    found
}

/// What a column of a foreign key refers to.
fn referred(catalog: &Catalog, key: &ForeignKey, column: &str) -> Option<Place> {
    let n = key.columns.iter().position(|name| name == column)?;
    Some((catalog.position(key.target)?, key.target_columns.get(n)?.clone()))
}
