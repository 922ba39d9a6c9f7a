//! Turns a browser's objects into contacts. An import may be repeated, by other browsers too, and doubles nobody.
//!
//! An object is a contact that exists if the browser's id stands for it and one of name, e-mail and phone still
//! agrees; else if they have the same e-mail; else the same phone, however it is written, and name; else, where there is
//! neither, the same name and company. What it brings fills in and replaces, never blanks out. An object that was imported
//! before and has not changed since leaves the contact alone, so that edits in the CRM stay; so does, but for what is empty,
//! one whose contact somebody has written since the import began.

mod fields;
mod folds;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use identity::Claims;
use serde::Serialize;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use folds::Folds;

use super::contacts::Contact;
use crate::error::Error;
use crate::query::{Access, Query, query};
use crate::rows::users;
use crate::tenant_tx::{Store, TenantTx};

/// An object of a browser's, with values that the table accepts. Empty ones are None.
#[derive(Clone, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "the columns are documented in sql/migrations")]
pub struct Imported {
    /// The id that the browser had given it.
    #[serde(skip)]
    pub import_id: Option<String>,
    pub first_name: String,
    pub last_name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub company: Option<String>,
    pub job_position: Option<String>,
    pub status: Option<String>,
    pub notes: Option<String>,
    pub plan: Option<String>,
    pub appointment_date: Option<DateTime<Utc>>,
    pub business_name: Option<String>,
    pub business_position: Option<String>,
}

/// What became of the objects; the sum is their number.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Outcome {
    /// New contacts.
    pub created: usize,
    /// Objects that changed a contact.
    pub updated: usize,
    /// Objects that brought nothing new.
    pub unchanged: usize,
}

static FOLD: Query = query!(Read "contact_import/fold" [TEXT_ARRAY]);
static IMPORTED: Query = query!(Read "contact_import/imported" [TEXT_ARRAY]);
static CANDIDATES: Query =
    query!(Write "contact_import/candidates" [TEXT_ARRAY, TEXT_ARRAY, TEXT_ARRAY, TEXT_ARRAY]);
static INSERT: Query = query!(Write "contact_import/insert" [JSONB]);
static UPDATE: Query = query!(Write "contact_import/update" [JSONB]);
static REMEMBER: Query = query!(Write "contact_import/remember" [TEXT_ARRAY, TEXT_ARRAY, TEXT_ARRAY]);
pub(crate) static QUERIES: &[&Query] = &[&FOLD, &IMPORTED, &CANDIDATES, &INSERT, &UPDATE, &REMEMBER];

/// Takes over the objects in one transaction, a handful of statements however many there are.
pub async fn import(store: &Store, claims: &Claims, objects: Vec<Imported>) -> Result<Outcome, Error> {
    // In a transaction of its own: where rows lie on several nodes, theirs doesn't see it yet.
    store.run(claims, &users::ENSURE, &[]).await?;
    store
        .run_as(claims, Access::Write, async |tx| import_in(tx, objects).await)
        .await
}

async fn import_in(tx: &TenantTx<'_>, objects: Vec<Imported>) -> Result<Outcome, Error> {
    tx.run(&users::LOCK, &[]).await?;
    let texts = |text: fn(&Imported) -> Option<String>| objects.iter().filter_map(text).collect::<Vec<_>>();
    let mut folds = Folds::default();
    folds.add(&tx.run(&FOLD, &[&Folds::needed(&objects)]).await?, 0);
    let remembered: Vec<Memory> = tx
        .run(&IMPORTED, &[&texts(|o| o.import_id.clone())])
        .await?
        .iter()
        .map(Memory::from)
        .collect();
    let ids: Vec<&str> = remembered
        .iter()
        .map(|memory| memory.contact_id.as_str())
        .collect();
    let emails: Vec<&str> = objects.iter().filter_map(|o| folds.email(o)).collect();
    let phones = texts(|o| o.phone.clone());
    let names: Vec<String> = objects.iter().map(|o| folds.full_name(o)).collect();
    let known = tx.run(&CANDIDATES, &[&ids, &emails, &phones, &names]).await?;
    let people = known.iter().map(Person::from).collect();
    folds.add(&known, KNOWN_FOLDS);

    let mut book = Book::new(people, remembered, folds);
    let mut outcome = Outcome::default();
    for object in objects {
        match book.take(object) {
            ImportResult::Created => outcome.created += 1,
            ImportResult::Updated => outcome.updated += 1,
            ImportResult::Unchanged => outcome.unchanged += 1,
        }
    }
    book.write(tx).await?;
    Ok(outcome)
}

/// Where `contact_import/candidates` says whether a contact was written since the import began, after its columns.
const IS_NEWER: usize = 15;
/// Where it has the folded texts.
const KNOWN_FOLDS: usize = 16;

/// What an object of a browser's became before.
struct Memory {
    import_id: String,
    contact_id: String,
    digest: String,
}

impl From<&Row> for Memory {
    fn from(row: &Row) -> Self {
        Self {
            import_id: row.get(0),
            contact_id: row.get(1),
            digest: row.get(2),
        }
    }
}

/// What happened to one object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum ImportResult {
    Created,
    Updated,
    Unchanged,
}

/// A contact as it will be, and whether it is there already.
#[derive(Debug, Serialize)]
struct Person {
    id: Option<String>,
    #[serde(flatten)]
    fields: Imported,
    #[serde(skip)]
    changed: bool,
    /// Somebody has written it since the import began: what is there stays, only what is empty is filled in.
    #[serde(skip)]
    is_newer: bool,
}

/// The contacts that the objects may be, and ways to find them.
#[derive(Default)]
struct Book {
    folds: Folds,
    people: Vec<Person>,
    by_import_id: HashMap<String, Vec<usize>>,
    by_email: HashMap<String, usize>,
    by_line_and_name: HashMap<(String, String), usize>,
    by_name_and_company: HashMap<(String, String), usize>,
    /// Digest of what a browser's id and a person became from.
    digests: HashMap<(String, usize), String>,
    fresh_digests: HashMap<(String, usize), String>,
}

impl Book {
    fn new(known: Vec<Person>, remembered: Vec<Memory>, folds: Folds) -> Self {
        let mut book = Self {
            folds,
            ..Self::default()
        };
        let mut by_id = HashMap::new();
        for person in known {
            let id = person.id.clone();
            by_id.insert(id, book.add(person));
        }
        for Memory {
            import_id,
            contact_id,
            digest,
        } in remembered
        {
            if let Some(&index) = by_id.get(&Some(contact_id)) {
                book.by_import_id
                    .entry(import_id.clone())
                    .or_default()
                    .push(index);
                book.digests.insert((import_id, index), digest);
            }
        }
        book
    }

    /// Adds a person; whoever was there first is found first.
    fn add(&mut self, person: Person) -> usize {
        let index = self.people.len();
        self.people.push(person);
        self.index(index);
        index
    }

    fn index(&mut self, index: usize) {
        let (fields, folds) = (&self.people[index].fields, &self.folds);
        if let Some(email) = folds.email(fields) {
            self.by_email.entry(email.to_owned()).or_insert(index);
        }
        if let Some(line) = fields.line() {
            self.by_line_and_name
                .entry((line, folds.full_name(fields)))
                .or_insert(index);
        }
        if fields.email.is_none() && fields.phone.is_none() {
            self.by_name_and_company
                .entry(folds.name_and_company(fields))
                .or_insert(index);
        }
    }

    /// Whom an object means.
    fn find(&self, object: &Imported) -> Option<usize> {
        let folds = &self.folds;
        let same_id = object.import_id.as_ref().and_then(|id| self.by_import_id.get(id));
        let agreeing = same_id
            .into_iter()
            .flatten()
            .copied()
            .find(|&index| self.people[index].fields.agrees(object, folds));
        let same_email = || self.by_email.get(folds.email(object)?).copied();
        let same_phone = || {
            let index = *self
                .by_line_and_name
                .get(&(object.line()?, folds.full_name(object)))?;
            // Two addresses are two people who share a line.
            let other = &self.people[index].fields.email;
            (other.is_none() || object.email.is_none()).then_some(index)
        };
        let same_name = || {
            let nothing_else = object.email.is_none() && object.phone.is_none();
            self.by_name_and_company
                .get(&folds.name_and_company(object))
                .copied()
                .filter(|_| nothing_else)
        };
        agreeing
            .or_else(same_email)
            .or_else(same_phone)
            .or_else(same_name)
    }

    fn take(&mut self, object: Imported) -> ImportResult {
        let digest = object.digest();
        let import_id = object.import_id.clone();
        let (index, taken) = match self.find(&object) {
            None => (
                self.add(Person {
                    id: None,
                    fields: object,
                    changed: false,
                    is_newer: false,
                }),
                ImportResult::Created,
            ),
            Some(index) => {
                let seen = import_id.clone().and_then(|id| self.digests.get(&(id, index)));
                let Person { fields, is_newer, .. } = &mut self.people[index];
                let brought = if *is_newer {
                    object.missing_in(fields)
                } else {
                    object
                };
                let news = seen != Some(&digest) && fields.fill_in(brought, &self.folds);
                self.index(index);
                let exists = self.people[index].id.is_some();
                self.people[index].changed |= news;
                (
                    index,
                    if news && exists {
                        ImportResult::Updated
                    } else {
                        ImportResult::Unchanged
                    },
                )
            }
        };
        if let Some(id) = import_id {
            let indices = self.by_import_id.entry(id.clone()).or_default();
            if !indices.contains(&index) {
                indices.push(index);
            }
            self.fresh_digests.insert((id, index), digest);
        }
        taken
    }

    async fn write(mut self, tx: &TenantTx<'_>) -> Result<(), Error> {
        let changed: Vec<_> = self
            .people
            .iter()
            .filter(|person| person.id.is_some() && person.changed)
            .collect();
        if !changed.is_empty() {
            tx.run(&UPDATE, &[&Json(changed)]).await?;
        }
        let new: Vec<_> = self.people.iter().filter(|person| person.id.is_none()).collect();
        if !new.is_empty() {
            // Which id went to whom is told by what tells them apart: RETURNING promises no order.
            let made: HashMap<Identity, String> = tx
                .run(&INSERT, &[&Json(new)])
                .await?
                .iter()
                .map(|row| (Identity::from(row), row.get(0)))
                .collect();
            for person in self.people.iter_mut().filter(|person| person.id.is_none()) {
                person.id = made.get(&Identity::from(&person.fields)).cloned();
            }
        }
        let (mut import_ids, mut contact_ids, mut digests) = (Vec::new(), Vec::new(), Vec::new());
        for ((import_id, index), digest) in self.fresh_digests {
            if let Some(contact_id) = &self.people[index].id {
                import_ids.push(import_id);
                contact_ids.push(contact_id);
                digests.push(digest);
            }
        }
        if !import_ids.is_empty() {
            tx.run(&REMEMBER, &[&import_ids, &contact_ids, &digests]).await?;
        }
        Ok(())
    }
}

/// Two new people of one import differ in one of these, or they would be one.
#[derive(Eq, Hash, PartialEq)]
struct Identity([Option<String>; 5]);

impl From<&Row> for Identity {
    fn from(row: &Row) -> Self {
        Self([row.get(1), row.get(2), row.get(3), row.get(4), row.get(5)])
    }
}

impl From<&Imported> for Identity {
    fn from(fields: &Imported) -> Self {
        let Imported {
            first_name,
            last_name,
            email,
            phone,
            company,
            ..
        } = fields.clone();
        Self([Some(first_name), last_name, email, phone, company])
    }
}

impl From<&Row> for Person {
    fn from(row: &Row) -> Self {
        let contact = Contact::from(row);
        // Columns that somebody emptied by writing '' are empty all the same.
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        let fields = Imported {
            import_id: None,
            first_name: contact.first_name,
            last_name: some(contact.last_name),
            email: some(contact.email),
            phone: some(contact.phone),
            company: some(contact.company),
            job_position: some(contact.job_position),
            status: Some(contact.status),
            notes: some(contact.notes),
            plan: some(contact.plan),
            appointment_date: contact.appointment_date,
            business_name: some(contact.business_name),
            business_position: some(contact.business_position),
        };
        Self {
            id: Some(contact.id),
            fields,
            changed: false,
            is_newer: row.get(IS_NEWER),
        }
    }
}

#[cfg(test)]
mod tests;
