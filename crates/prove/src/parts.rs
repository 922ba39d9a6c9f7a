//! Splits Supabase's tables of files and messages as the model does: each bucket, and each kind of topic, is looked at as
//! if it were a table of its own.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use crate::catalog::Relation;
use crate::conditions::Content;
use crate::model::{self, Model};
use crate::naming::Naming;
use crate::people::Who;
use crate::persona::Persona;
use crate::sql::literal;
use crate::values::words_in;

/// Some rows of a table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    /// A bucket's files.
    Bucket(String),
    /// Messages on topics that are named so.
    Topic(Naming),
}

pub(crate) const FILES: (&str, &str) = ("storage", "objects");
pub(crate) const MESSAGES: (&str, &str) = ("realtime", "messages");

/// Where topics may go on.
const TOPIC: &str = "mako";

static BUCKETS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)bucket_id\)?(?:::text)? = (?:ANY \(ARRAY\[([^\]]*)\]|('[^']*'))").ok());

/// Every part, where a relation has several.
pub(crate) fn split(relations: Vec<Relation>, model: &Model) -> Vec<Relation> {
    let parts = |relation: &Relation| {
        if relation.is(FILES) && !model.buckets.is_empty() && relation.column("bucket_id").is_some() {
            buckets(relation, model).into_iter().map(Part::Bucket).collect()
        } else if relation.is(MESSAGES) && relation.column("topic").is_some() {
            model.topics.iter().cloned().map(Part::Topic).collect()
        } else {
            Vec::new()
        }
    };
    let mut all = Vec::with_capacity(relations.len());
    for relation in relations {
        let parts: Vec<Part> = parts(&relation);
        if parts.is_empty() {
            all.push(relation);
            continue;
        }
        all.extend(parts.into_iter().map(|part| {
            let mut relation = relation.clone();
            // The service in front of it always says whose a row is.
            let said = ["bucket_id", "name", "owner", "owner_id", "topic"];
            let columns = relation.columns.iter_mut();
            columns
                .filter(|column| said.contains(&column.name.as_str()))
                .for_each(|column| column.not_null = true);
            relation.part = Some(part);
            relation
        }));
    }
    all
}

/// The model's buckets, and those that policies name.
fn buckets(files: &Relation, model: &Model) -> BTreeSet<String> {
    let named = files
        .policies
        .iter()
        .flat_map(|policy| named_buckets(&policy.text()));
    model.buckets.keys().cloned().chain(named).collect()
}

/// The buckets that a policy of files names.
pub(crate) fn named_buckets(policy: &str) -> Vec<String> {
    let found = BUCKETS.iter().flat_map(|buckets| buckets.captures_iter(policy));
    let lists = found.filter_map(|found| found.get(1).or(found.get(2)));
    lists.flat_map(|list| words_in(list.as_str())).collect()
}

impl Part {
    /// What the model says of it.
    pub(crate) fn entry<'m>(&self, model: &'m Model) -> Option<&'m model::Relation> {
        match self {
            Self::Bucket(name) => model.buckets.get(name),
            Self::Topic(_) => None,
        }
    }

    /// A condition on the rows that are part of it.
    pub(crate) fn condition(&self) -> String {
        match self {
            Self::Bucket(name) => format!("bucket_id = {}", literal(name)),
            Self::Topic(naming) => format!("{} is not null", naming.id_in("topic")),
        }
    }

    /// What comes after the table's name.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::Bucket(name) => format!("bucket {name}"),
            Self::Topic(naming) => format!("topics {naming}"),
        }
    }

    /// What must be there before the first row is.
    pub(crate) fn ground(&self) -> Option<String> {
        match self {
            Self::Bucket(name) => {
                let name = literal(name);
                Some(format!(
                    "insert into storage.buckets (id, name) values ({name}, {name}) on conflict do nothing"
                ))
            }
            Self::Topic(_) => None,
        }
    }

    /// What a column holds, if nothing else is asked of it.
    pub(crate) fn usual(&self, column: &str) -> Option<String> {
        match (self, column) {
            (Self::Bucket(name), "bucket_id") => Some(literal(name)),
            (Self::Topic(_), "extension") => Some(literal("broadcast")),
            _ => None,
        }
    }

    /// How somebody comes through the service in front of the table, to what belongs to an id: Storage lifts its guard
    /// against other deletions, Realtime says which topic it is about.
    pub(crate) fn in_front(&self, mut persona: Persona, whose: &Who) -> Persona {
        match self {
            Self::Bucket(_) => persona
                .local
                .push(("storage.allow_delete_query", "true".to_owned())),
            Self::Topic(naming) => persona.local.push(("realtime.topic", naming.of(whose, TOPIC))),
        }
        persona
    }
}

impl Relation {
    /// Whether it is one of Supabase's.
    pub(crate) fn is(&self, (schema, name): (&str, &str)) -> bool {
        self.schema == schema && self.name == name
    }

    /// Its name, and which part of it.
    pub(crate) fn title(&self) -> String {
        match &self.part {
            Some(part) => format!("{} ({})", self.label(), part.title()),
            None => self.label(),
        }
    }

    /// How somebody comes to what is whose, through what stands in front of it.
    pub(crate) fn met_by(&self, persona: &Persona, whose: &Who) -> Persona {
        match &self.part {
            Some(part) => part.in_front(persona.clone(), whose),
            None => persona.clone(),
        }
    }

    /// A condition on the rows that are meant.
    pub(crate) fn of_part(&self, condition: String) -> String {
        match &self.part {
            Some(part) => format!("({condition}) and {}", part.condition()),
            None => condition,
        }
    }

    /// What singles a row out within its part; none if it would be in another.
    pub(crate) fn content_in_part(&self, mut content: Content) -> Option<Content> {
        let Some(Part::Bucket(name)) = &self.part else {
            return Some(content);
        };
        let bucket = content.remove("bucket_id");
        let is_there = bucket.is_none_or(|bucket| words_in(&bucket).contains(name));
        (is_there && !content.is_empty()).then_some(content)
    }

    /// The ending that policies ask of a file's name.
    pub(crate) fn ending(&self) -> String {
        let texts = self.policies.iter().map(crate::catalog::Policy::text);
        let mut words = texts.filter_map(|text| {
            let (_, rest) = text.split_once("extension(name)")?;
            words_in(rest).into_iter().next()
        });
        words.next().unwrap_or_else(|| "png".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::named_buckets;

    #[test]
    fn buckets_are_read_from_policies() {
        let policy = "((bucket_id = 'a'::text) AND (name = 'x'::text)) (bucket_id = ANY (ARRAY['b'::text, 'c'::text]))";
        assert_eq!(named_buckets(policy), ["a", "b", "c"]);
        assert!(named_buckets("(name = 'x'::text)").is_empty());
    }
}
