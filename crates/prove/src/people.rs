//! Who attacks whom: made-up users and tenants, and the settings under which each would come.

use ring::rand::{SecureRandom, SystemRandom};

use crate::Error;
use crate::catalog::{Catalog, Relation};
use crate::constants::words_in;
use crate::naming::Names;
use crate::pattern::sample;
use crate::plan::Plan;
use crate::session::Session;

pub(crate) use crate::who::Who;

/// Everybody who is made up for one run.
#[derive(Debug)]
pub(crate) struct People {
    /// The attacker's own tenant.
    pub(crate) own: Who,
    /// More members of the attacker's tenant, one for each role that the database knows.
    pub(crate) colleagues: Vec<Who>,
    /// The tenant whose rows must stay out of reach.
    pub(crate) other: Who,
    /// A tenant that exists and has no rows.
    pub(crate) spare: Who,
    /// A member of the attacker's tenant and of a third.
    pub(crate) two: Who,
    pub(crate) third: Who,
    /// Someone who was a member of the other tenant.
    pub(crate) removed: Who,
    /// Someone with a valid token and nothing else.
    pub(crate) nobody: Who,
    /// More tenants, for relations that hold one row for each: rows that policies single out by their content.
    pub(crate) strangers: Vec<Who>,
    /// Rows that everybody shares.
    pub(crate) shared: Who,
    pub(crate) nonce: u64,
}

/// The form of ids.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Form {
    Uuid,
    Integer,
    Small,
    /// A text that a check's regular expression accepts.
    Pattern(String),
}

impl People {
    pub(crate) async fn make_up(
        session: &Session<'_>,
        catalog: &Catalog,
        plan: &Plan,
    ) -> Result<Self, Error> {
        let mut bytes = [0_u8; 8];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| Error::Unexpected("the system's random bytes"))?;
        let nonce = u64::from_be_bytes(bytes);
        let mut maker = Maker::new(catalog, plan, nonce, hex::encode(bytes));
        maker.take_ids_of_here(session).await?;
        let mut new = |name: &str| maker.who(name, None);
        let (own, other) = (new("a"), new("b"));
        let (spare, third, nobody, shared) = (new("d"), new("c"), new("n"), new("s"));
        let strangers = ["x", "y", "z", "p", "q", "t", "u", "v"].map(new).to_vec();
        let member = plan.membership.is_some();
        let two = maker.who("w", member.then_some(&own));
        let removed = maker.who("r", member.then_some(&other));
        let colleagues = if member { 4 } else { 0 };
        let colleagues = (0..colleagues).map(|_| maker.who("e", Some(&own))).collect();
        Ok(Self {
            own,
            colleagues,
            other,
            spare,
            two,
            third,
            removed,
            nobody,
            strangers,
            shared,
            nonce,
        })
    }
}

/// Makes up one after the other, with ids of the forms that the database has.
struct Maker {
    users: Form,
    /// None where each user is a tenant.
    tenants: Option<Form>,
    nonce: u64,
    /// What the markers of this run have in common.
    tag: String,
    /// The next ones make ids.
    numbers: std::vec::IntoIter<u64>,
    /// How many were taken.
    taken: u64,
}

/// How many ids are looked at.
const CANDIDATES: u64 = 1_500;

impl Maker {
    fn new(catalog: &Catalog, plan: &Plan, nonce: u64, mut tag: String) -> Self {
        tag.truncate(6);
        let membership = plan.membership.as_ref();
        Self {
            users: form(catalog, plan, Names::User),
            tenants: membership.map(|_| form(catalog, plan, Names::Tenant)),
            nonce,
            tag,
            numbers: (1..=CANDIDATES).collect::<Vec<_>>().into_iter(),
            taken: 0,
        }
    }

    /// Keeps to ids whose rows lie on this node, where a spread database has several.
    async fn take_ids_of_here(&mut self, session: &Session<'_>) -> Result<(), Error> {
        if session.here.is_all() {
            return Ok(());
        }
        let mut numbers: Vec<u64> = self.numbers.clone().collect();
        for form in [Some(&self.users), self.tenants.as_ref()].into_iter().flatten() {
            let ids = numbers
                .iter()
                .map(|number| id(form, self.nonce, *number))
                .collect();
            if let Some(here) = session.here.ids_here(session, ids).await? {
                numbers.retain(|number| here.contains(&id(form, self.nonce, *number)));
            }
        }
        self.numbers = numbers.into_iter();
        Ok(())
    }

    fn number(&mut self) -> u64 {
        // Of very many nodes this one has too few.
        self.taken += 1;
        self.numbers.next().unwrap_or(CANDIDATES + self.taken)
    }

    /// A user, of somebody's tenant or of one of their own.
    fn who(&mut self, name: &str, of: Option<&Who>) -> Who {
        let (number, next) = (self.number(), self.number());
        let user = id(&self.users, self.nonce, number);
        let tenant = match (of, &self.tenants) {
            (Some(whose), _) => whose.tenant.clone(),
            (None, Some(form)) => id(form, self.nonce, next),
            (None, None) => user.clone(),
        };
        Who {
            marker: format!("mako{name}{}", self.tag),
            tenant,
            user,
        }
    }
}

fn form(catalog: &Catalog, plan: &Plan, names: Names) -> Form {
    let types: Vec<_> = plan
        .places(names)
        .filter_map(|(at, column)| Some(catalog.relations[*at].column(column)?.base_name.as_str()))
        .collect();
    match types.as_slice() {
        types if types.contains(&"uuid") => Form::Uuid,
        types if types.contains(&"int2") => Form::Small,
        types
            if types
                .iter()
                .any(|name| matches!(*name, "int4" | "int8" | "numeric")) =>
        {
            Form::Integer
        }
        _ => plan
            .places(names)
            .find_map(|(at, column)| pattern(&catalog.relations[*at], column))
            .map_or(Form::Uuid, Form::Pattern),
    }
}

/// The regular expression that a check holds against a column, where it accepts no UUID.
fn pattern(table: &Relation, column: &str) -> Option<String> {
    // What is shorter would be found by chance within other texts.
    const SHORTEST: usize = 5;
    let checks = table
        .checks
        .iter()
        .filter(|check| check.columns.iter().any(|name| name == column));
    let of_domain = table.column(column)?.domain_checks.iter();
    let texts = checks.map(|check| &check.expression).chain(of_domain);
    let accepts_none = |pattern: &String| {
        let is_long = sample(pattern, 1, MORE).is_some_and(|text| text.len() >= SHORTEST);
        is_long && regex::Regex::new(pattern).is_ok_and(|regex| !regex.is_match(&uuid(1, 1)))
    };
    texts.flat_map(|text| words_in(text)).find(accepts_none)
}

/// How many more characters than it must have an id has that a pattern accepts.
const MORE: u32 = 4;

fn id(form: &Form, nonce: u64, number: u64) -> String {
    match form {
        Form::Uuid => uuid(nonce, number),
        Form::Pattern(pattern) => {
            sample(pattern, nonce % 10_000 * 100 + number, MORE).unwrap_or_else(|| uuid(nonce, number))
        }
        Form::Integer => numbered(190_000_000 + nonce % 99_000 * 100, number).to_string(),
        Form::Small => numbered(3100, number).to_string(),
    }
}

/// An id that is a number. The attacker's begin the other tenant's, as 12 begins 124: what compares the beginnings of
/// texts takes the one for the other.
fn numbered(base: u64, number: u64) -> u64 {
    match number {
        1 | 2 => base + number,
        3 | 4 => (base + number - 2) * 10 + number,
        _ => base * 10 + 100 + number,
    }
}

/// A version 4 UUID that is this run's own. It differs from others in its first characters, which sign-up triggers like
/// to make unique names of, and in its last.
pub(crate) fn uuid(nonce: u64, number: u64) -> String {
    let high = nonce.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17);
    // By an odd number, so that no two are the same.
    let first = (nonce >> 32) ^ number.wrapping_mul(0x9e37_79b1);
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:04x}{:08x}",
        first & 0xffff_ffff,
        nonce >> 16 & 0xffff,
        nonce & 0xfff,
        high & 0xfff,
        high >> 16 & 0xffff,
        number & 0xffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{numbered, uuid};

    #[test]
    fn numbers_differ_and_the_attackers_begin_the_other_tenants() {
        let ids: Vec<String> = (1..300)
            .map(|number| numbered(3100, number).to_string())
            .collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        assert!(
            ids[2].starts_with(&ids[0]) && ids[3].starts_with(&ids[1]),
            "{:?}",
            &ids[..4]
        );
        assert!(ids.iter().all(|id| id.parse::<i16>().is_ok()));
    }

    #[test]
    fn ids_differ_in_their_first_characters() {
        let firsts: BTreeSet<String> = (1..1000).map(|number| uuid(7, number)[..8].to_owned()).collect();
        assert_eq!(firsts.len(), 999);
    }
}
