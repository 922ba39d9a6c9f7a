//! Meets what stands in front of Supabase's tables of files and messages, and reads their rows part by part.

use crate::catalog::Relation;
use crate::conditions::Content;
use crate::constants::words_in;
use crate::part::Part;
use crate::people::Who;
use crate::persona::Persona;

/// Where topics may go on.
const TOPIC: &str = "mako";

impl Part {
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
