//! Has Postgres say which texts differ only in case.

use std::collections::HashMap;

use tokio_postgres::Row;

use super::Imported;

/// The texts that tell people apart, each with how Postgres folds its case.
///
/// Never folded here: `to_lowercase` and Postgres' `lower` differ (final Σ, ẞ, İ), by locale too, and who is the
/// same person for one must be for the other.
#[derive(Default)]
pub(super) struct Folds(pub(super) HashMap<String, String>);

impl Folds {
    /// What has to be folded of these objects.
    pub(super) fn needed(objects: &[Imported]) -> Vec<&str> {
        let mut texts = Vec::with_capacity(objects.len());
        for object in objects {
            texts.push(object.first_name.as_str());
            texts.extend(object.last_name.as_deref());
            texts.extend(object.email.as_deref());
            texts.extend(object.company.as_deref());
        }
        texts
    }

    /// Takes pairs of a text and its fold from each row, from this column on.
    pub(super) fn add(&mut self, rows: &[Row], from: usize) {
        for row in rows {
            for pair in (from..row.len()).step_by(2) {
                if let (Some(text), Some(fold)) = (row.get(pair), row.get(pair + 1)) {
                    self.0.insert(text, fold);
                }
            }
        }
    }

    fn of<'a>(&'a self, text: &'a str) -> &'a str {
        self.0.get(text).map_or(text, String::as_str)
    }

    /// As `contact_import/candidates` compares it: folded part by part, since parts of two objects may come together.
    pub(super) fn full_name(&self, person: &Imported) -> String {
        let first = self.of(&person.first_name);
        match person.last_name.as_deref() {
            Some(last) => format!("{first} {}", self.of(last)),
            None => first.to_owned(),
        }
    }

    pub(super) fn email<'a>(&'a self, person: &'a Imported) -> Option<&'a str> {
        person.email.as_deref().map(|email| self.of(email))
    }

    pub(super) fn name_and_company(&self, person: &Imported) -> (String, String) {
        let company = person.company.as_deref().unwrap_or_default();
        (self.full_name(person), self.of(company).to_owned())
    }
}
