//! Splits Supabase's tables of files and messages as the model does.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::relation::Relation;
use crate::constants::words_in;
use crate::model::Model;
use crate::part::{FILES, MESSAGES, Part};

static BUCKETS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)bucket_id\)?(?:::text)? = (?:ANY \(ARRAY\[([^\]]*)\]|('[^']*'))").ok());

/// Every part, where a relation has several.
pub(super) fn split(relations: Vec<Relation>, model: &Model) -> Vec<Relation> {
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
