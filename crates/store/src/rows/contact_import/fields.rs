//! What an object and a contact have in common, and what becomes of the contact.

use ring::digest::{Context, SHA256};

use super::Imported;
use super::folds::Folds;

impl Imported {
    /// Whether the browser's id may still stand for this person.
    pub(super) fn agrees(&self, other: &Self, folds: &Folds) -> bool {
        folds.full_name(self) == folds.full_name(other)
            || (self.email.is_some() && folds.email(self) == folds.email(other))
            || (self.phone.is_some() && self.line() == other.line())
    }

    /// What every way to write the phone number has in common.
    pub(super) fn line(&self) -> Option<String> {
        let phone = self.phone.as_ref()?;
        let spellings = webhooks::same_subscriber(phone);
        Some(spellings.into_iter().min().unwrap_or_else(|| phone.clone()))
    }

    /// Of this object what those fields lack.
    pub(super) fn missing_in(self, there: &Self) -> Self {
        fn missing<T>(brought: Option<T>, there: Option<&T>) -> Option<T> {
            brought.filter(|_| there.is_none())
        }
        Self {
            import_id: self.import_id,
            first_name: there.first_name.clone(),
            last_name: missing(self.last_name, there.last_name.as_ref()),
            email: missing(self.email, there.email.as_ref()),
            phone: missing(self.phone, there.phone.as_ref()),
            company: missing(self.company, there.company.as_ref()),
            job_position: missing(self.job_position, there.job_position.as_ref()),
            status: missing(self.status, there.status.as_ref()),
            notes: missing(self.notes, there.notes.as_ref()),
            plan: missing(self.plan, there.plan.as_ref()),
            appointment_date: missing(self.appointment_date, there.appointment_date.as_ref()),
            business_name: missing(self.business_name, there.business_name.as_ref()),
            business_position: missing(self.business_position, there.business_position.as_ref()),
        }
    }

    /// Takes what `other` brings; whether that changed anything.
    pub(super) fn fill_in(&mut self, other: Self, folds: &Folds) -> bool {
        let same_email = folds.email(self) == folds.email(&other);
        let same_line = self.line() == other.line();
        let mut changed = replace(&mut self.last_name, other.last_name);
        if self.first_name != other.first_name {
            self.first_name = other.first_name;
            changed = true;
        }
        for (mine, brought) in [
            (&mut self.email, other.email.filter(|_| !same_email)),
            (&mut self.phone, other.phone.filter(|_| !same_line)),
            (&mut self.company, other.company),
            (&mut self.job_position, other.job_position),
            (&mut self.status, other.status),
            (&mut self.notes, other.notes),
            (&mut self.plan, other.plan),
            (&mut self.business_name, other.business_name),
            (&mut self.business_position, other.business_position),
        ] {
            changed |= replace(mine, brought);
        }
        changed | replace(&mut self.appointment_date, other.appointment_date)
    }

    /// SHA-256, in hex, of all values, each with its length, so that no two objects read the same.
    pub(super) fn digest(&self) -> String {
        let date = self.appointment_date.map(|date| date.to_rfc3339());
        let values = [
            Some(&self.first_name),
            self.last_name.as_ref(),
            self.email.as_ref(),
            self.phone.as_ref(),
            self.company.as_ref(),
            self.job_position.as_ref(),
            self.status.as_ref(),
            self.notes.as_ref(),
            self.plan.as_ref(),
            date.as_ref(),
            self.business_name.as_ref(),
            self.business_position.as_ref(),
        ];
        let mut context = Context::new(&SHA256);
        for value in values {
            let length = value.map_or(-1, |text| i64::try_from(text.len()).unwrap_or(i64::MAX));
            context.update(&length.to_be_bytes());
            context.update(value.map_or("", String::as_str).as_bytes());
        }
        hex::encode(context.finish())
    }
}

/// Replaces a value by one that is there and differs.
fn replace<T: PartialEq>(mine: &mut Option<T>, brought: Option<T>) -> bool {
    let differs = brought.is_some() && *mine != brought;
    if differs {
        *mine = brought;
    }
    differs
}
