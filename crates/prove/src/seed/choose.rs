//! Chooses what stands in each column of a row: who it belongs to, what it refers to, and otherwise a candidate that
//! the checks accept.

use std::collections::BTreeMap;

use super::checks::{best, components, question};
use super::{Belongs, Draft, Fixtures, Row, RowSpec, Seeder, is_unique};
use crate::catalog::{Category, Column, Identity, Relation};
use crate::ids::RelationId;
use crate::naming::Names;
use crate::plan::By;
use crate::script::{Outcome, Script};
use crate::sql::{literal, typed};
use crate::values::{self, Seed};

/// What some columns of a row are to hold, so that the checks which they share are met.
struct Question {
    draft: usize,
    columns: Vec<String>,
    /// Whether the best candidates do.
    best: String,
    /// Which ones do.
    any: String,
}

/// So many rows may a column refer to, where a check chooses.
const FEW_ROWS: usize = 3;

impl Seeder<'_> {
    /// Chooses values for rows; one round trip, or two, for the checks that choose among candidates.
    pub(super) async fn draft(&self, fixtures: &mut Fixtures, specs: Vec<RowSpec>) -> Vec<Draft> {
        let mut drafts = Vec::new();
        let mut open: Vec<Question> = Vec::new();
        for spec in specs {
            fixtures.number += 1;
            let table = &self.catalog.relations[spec.relation];
            let mut choices: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for column in table.columns.iter().filter(|column| !column.generated) {
                if let Some(values) = self.choices(fixtures, &spec, table, column) {
                    choices.insert(column.name.clone(), values);
                }
            }
            for (expressions, columns) in components(table, &choices, self.wanted(&spec)) {
                open.push(Question {
                    draft: drafts.len(),
                    best: best(table, &expressions, &columns, &choices),
                    any: question(table, &expressions, &columns, &choices),
                    columns,
                });
            }
            let columns = choices
                .into_iter()
                .filter_map(|(name, values)| Some((name, values.into_iter().next()?)))
                .collect();
            drafts.push(Draft {
                relation: spec.relation,
                belongs: spec.belongs,
                marker: spec.who.marker,
                columns,
                content: spec.content,
            });
        }
        let open = self.decide(&mut drafts, open, |question| &question.best).await;
        self.decide(&mut drafts, open, |question| &question.any).await;
        drafts
    }

    /// Fills in what was answered; what is left is what was not.
    async fn decide(
        &self,
        drafts: &mut [Draft],
        questions: Vec<Question>,
        sql: fn(&Question) -> &String,
    ) -> Vec<Question> {
        let asked = questions
            .iter()
            .map(|question| Script::default().ask(sql(question)));
        let answers: Vec<Outcome> = self.session.attempt(asked.collect()).await;
        let mut left = Vec::new();
        for (question, answer) in questions.into_iter().zip(answers) {
            let Ok(Some(row)) = answer.map(|rows| rows.into_iter().next()) else {
                left.push(question);
                continue;
            };
            let draft = &mut drafts[question.draft];
            let table = &self.catalog.relations[draft.relation];
            for (name, value) in question.columns.into_iter().zip(row) {
                if let Some(column) = table.column(&name) {
                    draft.columns.insert(name, typed(value.as_deref(), &column.base));
                }
            }
        }
        left
    }

    /// What a column may hold in this row, best first; none if the database should decide.
    pub(super) fn choices(
        &self,
        fixtures: &mut Fixtures,
        spec: &RowSpec,
        table: &Relation,
        column: &Column,
    ) -> Option<Vec<String>> {
        if let Some(value) = self.in_longer_text(fixtures.number, spec, table, column) {
            return Some(vec![value]);
        }
        if let Some(value) = self.generates_tenant(spec, table, column) {
            return Some(vec![value]);
        }
        if let Some(value) = spec.content.get(&column.name) {
            return Some(vec![value.clone()]);
        }
        if let Some(value) = table.part.as_ref().and_then(|part| part.usual(&column.name)) {
            return Some(vec![value]);
        }
        if let Some(value) = self.named(spec, column) {
            return Some(self.or_a_third(spec, table, column, value));
        }
        let promised = (spec.relation, column.name.clone(), spec.who.marker.clone());
        if let Some(value) = fixtures.promised.remove(&promised) {
            return Some(vec![value]);
        }
        if let Some(values) = self.reference(fixtures, spec, table, column) {
            return Some(values);
        }
        // A user's column that no foreign key tells of.
        let tenant = self.plan.tenant_column(spec.relation);
        let is_others = tenant.is_some_and(|(name, _)| name != column.name);
        if is_others && self.sounds_like_a_user(spec.relation, column) {
            let user = spec.named.as_ref().map_or(&spec.who.user, |named| &named.user);
            let user = typed(Some(user), &column.base);
            return Some(self.or_a_third(spec, table, column, user));
        }
        let values = self.contents(fixtures.number, spec, table, column);
        (!values.is_empty()).then_some(values)
    }

    /// Whom a column names, or somebody else where a check wants that it isn't whom another column names.
    fn or_a_third(&self, spec: &RowSpec, table: &Relation, column: &Column, value: String) -> Vec<String> {
        let tenant = self.plan.tenant_column(spec.relation);
        let is_tenant = tenant.is_some_and(|(name, _)| name == column.name);
        let names_user = match self.plan.meaning(spec.relation, &column.name) {
            Some(names) => names == Names::User,
            None => {
                self.plan.readers(spec.relation).contains(&column.name)
                    || self.sounds_like_a_user(spec.relation, column)
            }
        };
        let is_checked = table
            .checks
            .iter()
            .any(|check| check.columns.contains(&column.name));
        let mut values = vec![value];
        if names_user && !is_tenant && is_checked {
            values.push(typed(Some(&self.people.third.user), &column.base));
        }
        values
    }

    /// The value of a tenant column in which an id stands within a longer text.
    fn in_longer_text(
        &self,
        number: u64,
        spec: &RowSpec,
        table: &Relation,
        column: &Column,
    ) -> Option<String> {
        let naming = self.plan.naming(spec.relation)?;
        let (tenant, _) = self.plan.tenant_column(spec.relation)?;
        if tenant != column.name || spec.tenant.is_some() && !column.not_null {
            return None;
        }
        let rest = format!("{}x{number}.{}", spec.who.marker, table.ending());
        Some(typed(Some(&naming.of(&spec.who, &rest)), &column.base))
    }

    /// The value of a column from which the database makes the tenant column.
    fn generates_tenant(&self, spec: &RowSpec, table: &Relation, column: &Column) -> Option<String> {
        let (tenant, by) = self.plan.tenant_column(spec.relation)?;
        let generated = table.column(tenant).filter(|column| column.generated)?;
        let id = match by {
            By::User => &spec.who.user,
            By::Tenant => &spec.who.tenant,
            By::Parent => return None,
        };
        let id = typed(Some(id), &generated.base);
        let (source, value) = crate::conditions::source(self.catalog, spec.relation, generated, &id)?;
        (source == column.name && spec.tenant.is_none()).then_some(value)
    }

    /// The value of a column that says whose the row is, or names somebody.
    fn named(&self, spec: &RowSpec, column: &Column) -> Option<String> {
        let relation = spec.relation;
        let tenant = self.plan.tenant_column(relation);
        let is_tenant = tenant.is_some_and(|(name, _)| name == column.name);
        if spec.tenant == Some("left") {
            let departure = self.departure(relation);
            if let Some((_, value)) = departure.filter(|(past, _)| past.name == column.name) {
                return Some(value);
            }
        } else if is_tenant && let Some(value) = spec.tenant {
            return Some(value.to_owned());
        } else if let Some((_, value)) = self
            .presence(relation)
            .filter(|(present, _)| present.name == column.name)
        {
            return Some(value);
        }
        if self.plan.readers(relation).contains(&column.name) {
            let reader = spec.reader.as_ref().unwrap_or(&spec.who);
            let id = match self.plan.meaning(relation, &column.name) {
                Some(Names::Tenant) => &reader.tenant,
                _ => &reader.user,
            };
            return Some(match column.category {
                Category::Array => format!("array[{}]::{}", literal(id), column.base),
                _ => typed(Some(id), &column.base),
            });
        }
        let by = tenant.filter(|_| is_tenant).map(|(_, by)| by);
        let id = match (by, self.plan.meaning(relation, &column.name)) {
            (Some(By::User), _) => &spec.who.user,
            (Some(By::Tenant), _) | (None, Some(Names::Tenant)) => &spec.who.tenant,
            (None, Some(Names::User)) => spec.named.as_ref().map_or(&spec.who.user, |named| &named.user),
            _ => return None,
        };
        Some(typed(Some(id), &column.base))
    }

    /// What a column may hold that names nobody and refers to nothing, best first.
    fn contents(&self, number: u64, spec: &RowSpec, table: &Relation, column: &Column) -> Vec<String> {
        let unique = column.identity != Identity::None || column.sequence || is_unique(table, column);
        let seed = Seed {
            marker: &spec.who.marker,
            number,
            nonce: self.people.nonce,
            variant: spec.variant,
            unique,
        };
        let checks = table.checks.iter();
        let mut hints: Vec<&str> = checks
            .filter(|check| check.columns.contains(&column.name))
            .map(|check| check.expression.as_str())
            .collect();
        hints.extend(column.domain_checks.iter().map(String::as_str));
        let partition = table.partition_constraint.as_deref();
        hints.extend(partition.filter(|text| text.contains(&column.name)));
        let mut values = values::candidates(column, seed, &hints);
        if spec.variant >= 3 {
            let constants = self.constants_in_question(spec.relation, column);
            if let Some(constant) = constants.get((spec.variant - 3) % constants.len().max(1)) {
                values.insert(0, typed(Some(constant), &column.base));
            } else if !column.not_null && spec.variant.is_multiple_of(2) && !unique {
                values.insert(0, typed(None, &column.base));
            }
        }
        if !column.not_null {
            // Among the first, since few are tried where many columns are decided together.
            let at = if spec.variant == 2 && !unique {
                0
            } else {
                values.len().min(2)
            };
            values.insert(at, typed(None, &column.base));
        }
        values
    }

    /// Constants that a column may be compared with, itself or by what refers to it.
    fn constants_in_question(&self, relation: RelationId, column: &Column) -> Vec<String> {
        let mut constants = self.constants(relation, column);
        if self.is_lookup(relation) {
            let keys = self.keys_in_question(relation).into_iter();
            let named = keys.filter(|(key, _)| key.name == column.name);
            constants.extend(named.map(|(_, value)| value));
        }
        constants
    }

    pub(super) fn sounds_like_a_user(&self, relation: RelationId, column: &Column) -> bool {
        let name = column.name.to_lowercase();
        let is_owner = self.catalog.relations[relation].part.is_some() && name.starts_with("owner");
        let same_type = is_owner
            || self.plan.tenant_column(relation).is_some_and(|(tenant, _)| {
                self.plan.membership.is_some() && column.base_name == "uuid"
                    || self.catalog.relations[relation]
                        .column(tenant)
                        .is_some_and(|t| t.base_name == column.base_name)
            });
        same_type
            && matches!(column.base_name.as_str(), "uuid" | "text" | "int8" | "int4")
            && [
                "user_id",
                "owner",
                "author",
                "created_by",
                "creator",
                "uploaded_by",
                "member_id",
                "profile_id",
                "account_id",
                "assigned_to",
                "assignee",
                "sender",
                "recipient",
                "shared_with",
            ]
            .iter()
            .any(|part| name.contains(part))
    }

    /// The value of a column that refers to another relation's row.
    pub(super) fn reference(
        &self,
        fixtures: &mut Fixtures,
        spec: &RowSpec,
        table: &Relation,
        column: &Column,
    ) -> Option<Vec<String>> {
        let key = table
            .foreign_keys
            .iter()
            .find(|key| key.columns.contains(&column.name))?;
        let n = key.columns.iter().position(|name| *name == column.name)?;
        let target = self.catalog.position(key.target)?;
        let name = key.target_columns.get(n)?;
        let null = || (!column.not_null).then(|| vec![typed(None, &column.base)]);
        if target == spec.relation {
            return null();
        }
        let (found, is_own) = referable(fixtures, spec, target);
        let comes_later = !is_own && !fixtures.complete && self.circles.contains(&(spec.relation, target));
        if comes_later && key.deferrable {
            return self.promise(fixtures, spec, target, name);
        }
        // Rows that must each have one of their own start with different ones.
        let turn = if is_unique(table, column) {
            usize::try_from(fixtures.number).unwrap_or(0)
        } else {
            spec.variant
        };
        let turn = spec.parent.map_or(turn % found.len().max(1), |parent| {
            found.len().saturating_sub(1 + parent)
        });
        let held = found.iter().cycle().skip(turn).take(found.len().min(FEW_ROWS));
        let values: Vec<Option<String>> = held.map(|row| row.values.get(name).cloned().flatten()).collect();
        drop(found);
        if values.first().is_some_and(Option::is_some) {
            let values = values.iter().flatten();
            return Some(values.map(|value| typed(Some(value), &column.base)).collect());
        }
        null().or_else(|| self.promise(fixtures, spec, target, name))
    }

    /// A circle: the row that is referred to comes later, with the key that is promised here.
    fn promise(
        &self,
        fixtures: &mut Fixtures,
        spec: &RowSpec,
        target: RelationId,
        name: &str,
    ) -> Option<Vec<String>> {
        let seed = Seed {
            marker: &spec.who.marker,
            number: fixtures.number + 500_000,
            nonce: self.people.nonce,
            variant: 0,
            unique: true,
        };
        let place = (target, name.to_owned(), spec.who.marker.clone());
        if let Some(value) = fixtures.promised.get(&place) {
            return Some(vec![value.clone()]);
        }
        let column = self.catalog.relations[target].column(name)?;
        let value = values::candidates(column, seed, &[]).into_iter().next()?;
        fixtures.promised.insert(place, value.clone());
        Some(vec![value])
    }
}

/// Rows of a relation to which a row may refer: those of the same person, and whether it is these, or else those that
/// belong as it does, that everybody shares, or any.
fn referable<'f>(fixtures: &'f Fixtures, spec: &RowSpec, target: RelationId) -> (Vec<&'f Row>, bool) {
    let of = |is_it: &dyn Fn(&Row) -> bool| -> Vec<&Row> {
        let rows = fixtures.rows.iter();
        rows.filter(|row| row.relation == target && is_it(row)).collect()
    };
    let own = of(&|row| row.marker == spec.who.marker && row.belongs != Belongs::Nobody);
    if !own.is_empty() {
        return (own, true);
    }
    let alike = if spec.belongs == Belongs::Own {
        Belongs::Own
    } else {
        Belongs::Other
    };
    let any = [
        of(&|row| row.belongs == alike),
        of(&|row| row.belongs == Belongs::Shared),
        of(&|_| true),
    ];
    let first = any.into_iter().find(|rows| !rows.is_empty());
    (first.unwrap_or_default(), false)
}
