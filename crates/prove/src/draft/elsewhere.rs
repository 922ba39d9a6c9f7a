//! Drafts whose the files and messages are that Supabase keeps outside of schema public: from the policies that clients
//! pass, and from what buckets say of themselves.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::Error;
use crate::catalog::named_buckets;
use crate::conditions::is_user;

/// What is there.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    policies: Vec<Policy>,
    /// Whether each bucket is public.
    buckets: BTreeMap<String, bool>,
}

#[derive(Debug, Deserialize)]
struct Policy {
    table: String,
    command: String,
    asks: String,
}

/// The folder of a file's name at a depth.
const FOLDER: &str = r"(?:\(storage\.foldername\((?:objects\.)?name\)\)\[(\d)\]|split_part\((?:objects\.)?name, '/'::text, (\d)\)|\(string_to_array\((?:objects\.)?name, '/'::text\)\)\[(\d)\]|path_tokens\[(\d)\])";
const CAST: &str = r"\)*(?:::\w+)?\)*";

struct Patterns {
    folder: Regex,
    of_user: Regex,
    of_user_reversed: Regex,
    literal: Regex,
    topic_of_user: Regex,
}

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| {
    let new = |pattern: &str| Regex::new(pattern).ok();
    Some(Patterns {
        folder: new(FOLDER)?,
        of_user: new(&format!(r"(?i){FOLDER}{CAST} = [( ]*(?:select )?auth\.uid\(\)"))?,
        of_user_reversed: new(&format!(r"(?i)auth\.uid\(\)(?: as \w+)?{CAST} = \(*{FOLDER}"))?,
        literal: new(&format!(r"{FOLDER}{CAST} = '([^']*)'"))?,
        topic_of_user: new(&topic(r"(?: ?select )?auth\.uid\(\)(?: as \w+)?"))?,
    })
});

/// A topic that ends in something, or goes on after it.
fn topic(id: &str) -> String {
    format!(r"(?i)'([^']*)'::text \|\| \(*{id}{CAST}(?: \|\| '([^']*)')?")
}

impl Elsewhere {
    pub(super) async fn load(client: &Client) -> Result<Self, Error> {
        let ask = async |sql: &str| {
            let messages = client.simple_query(sql).await;
            messages.map_err(|error| Error::from_postgres(&error))
        };
        let mut found = Self::default();
        for message in ask(include_str!("../../sql/draft_elsewhere.sql")).await? {
            if let SimpleQueryMessage::Row(row) = message {
                let policy = serde_json::from_str(row.get(0).unwrap_or_default());
                found
                    .policies
                    .push(policy.map_err(|error| Error::Catalog(error.to_string()))?);
            }
        }
        let there = ask("select 1 where to_regclass('storage.buckets') is not null").await?;
        if there
            .iter()
            .any(|message| matches!(message, SimpleQueryMessage::Row(_)))
        {
            for message in ask("select id, coalesce(public, false) from storage.buckets").await? {
                if let SimpleQueryMessage::Row(row) = message {
                    let name = row.get(0).unwrap_or_default().to_owned();
                    found.buckets.insert(name, row.get(1) == Some("t"));
                }
            }
        }
        let files = found
            .policies
            .iter()
            .filter(|policy| policy.table == "storage.objects");
        let named: Vec<String> = files.flat_map(|policy| named_buckets(&policy.asks)).collect();
        for name in named {
            found.buckets.entry(name).or_insert(false);
        }
        Ok(found)
    }

    /// The line about topics; empty if there is nothing to say.
    pub(super) fn topics(&self, tenant: Option<&str>) -> String {
        let Some(patterns) = PATTERNS.as_ref() else {
            return String::new();
        };
        let of_tenant = tenant.and_then(|column| Regex::new(&topic(&format!(r"(?:\w+\.)?{column}\b"))).ok());
        let mut topics: Vec<String> = Vec::new();
        for policy in self
            .policies
            .iter()
            .filter(|policy| policy.table == "realtime.messages")
        {
            let kinds = [
                (Some(&patterns.topic_of_user), "{user}"),
                (of_tenant.as_ref(), "{tenant}"),
            ];
            for (pattern, place) in kinds {
                let found = pattern
                    .iter()
                    .flat_map(|pattern| pattern.captures_iter(&policy.asks));
                topics.extend(found.map(|found| {
                    let after = found.get(2).map_or("", |after| after.as_str());
                    format!("{}{place}{after}", &found[1])
                }));
            }
        }
        topics.sort();
        topics.dedup();
        if topics.is_empty() {
            return String::new();
        }
        format!("topics = {topics:?}\n")
    }

    /// The lines about buckets.
    pub(super) fn buckets(&self, tenant: Option<&str>) -> String {
        let mut text = String::new();
        for (name, public) in &self.buckets {
            let header = if text.is_empty() { "\n[buckets]\n" } else { "" };
            let _ = match self.bucket(name, *public, tenant.is_some()) {
                Some(class) => writeln!(text, "{header}{name:?} = {{ {class} }}"),
                None => writeln!(
                    text,
                    "{header}# TODO: whose are the files of bucket {name}? Until this says it, nothing is proven.\n\
                     # {name:?} = {{ names = \"{{user}}/*\" }}     # or {{tenant}}, or column = \"owner_id\""
                ),
            };
        }
        text
    }

    fn bucket(&self, name: &str, public: bool, has_tenants: bool) -> Option<String> {
        let about = |policy: &&Policy| {
            let named = named_buckets(&policy.asks);
            policy.table == "storage.objects"
                && (named.is_empty() || named.iter().any(|bucket| bucket == name))
        };
        let policies: Vec<&Policy> = self.policies.iter().filter(about).collect();
        let whose = policies
            .iter()
            .find_map(|policy| of_user(&policy.asks))
            .or_else(|| policies.iter().find_map(|policy| owner(&policy.asks)))
            .or_else(|| {
                let mut folders = policies.iter().filter_map(|policy| depth_of_any(&policy.asks));
                let first = folders.next().filter(|depth| *depth == 1 && has_tenants);
                first.map(|_| "names = \"{tenant}/*\"".to_owned())
            });
        let read = if public { ", public_where = \"true\"" } else { "" };
        match whose {
            Some(whose) => Some(format!("{whose}{read}")),
            None if policies.is_empty() && !public => {
                Some("internal = true, reason = \"no policy opens it to a client\"".to_owned())
            }
            None if public && policies.iter().all(|policy| policy.command == "r") => {
                Some("public = true, reason = \"the bucket is public\"".to_owned())
            }
            None => None,
        }
    }
}

/// A folder that is called like the user, below others that are called always the same.
fn of_user(asks: &str) -> Option<String> {
    let patterns = PATTERNS.as_ref()?;
    let found = patterns
        .of_user
        .captures(asks)
        .or_else(|| patterns.of_user_reversed.captures(asks))?;
    let mut above = String::new();
    for wanted in 1..depth(&found)? {
        let mut literals = patterns.literal.captures_iter(asks);
        let literal = literals.find(|literal| depth(literal) == Some(wanted))?;
        let _ = write!(above, "{}/", &literal[5]);
    }
    Some(format!("names = \"{above}{{user}}/*\""))
}

fn owner(asks: &str) -> Option<String> {
    let mut owners = ["owner_id", "owner"].into_iter();
    let owner = owners.find(|column| is_user(asks, column))?;
    Some(format!("column = {owner:?}"))
}

fn depth_of_any(asks: &str) -> Option<usize> {
    depth(&PATTERNS.as_ref()?.folder.captures(asks)?)
}

fn depth(found: &regex::Captures<'_>) -> Option<usize> {
    (1..=4)
        .find_map(|n| found.get(n))
        .and_then(|digit| digit.as_str().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elsewhere(table: &str, policies: &[(&str, &str)], buckets: &[(&str, bool)]) -> Elsewhere {
        let policy = |(command, asks): &(&str, &str)| Policy {
            table: table.to_owned(),
            command: (*command).to_owned(),
            asks: (*asks).to_owned(),
        };
        Elsewhere {
            policies: policies.iter().map(policy).collect(),
            buckets: buckets
                .iter()
                .map(|(name, public)| ((*name).to_owned(), *public))
                .collect(),
        }
    }

    #[test]
    fn policies_tell_whose_files_are() {
        let bucket = |asks: &str, public, tenants| {
            elsewhere("storage.objects", &[("a", asks)], &[]).bucket("x", public, tenants)
        };
        let some = |text: &str| Some(text.to_owned());
        let folder = "((bucket_id = 'x'::text) AND ((storage.foldername(name))[1] = (( SELECT auth.uid() AS uid))::text))";
        assert_eq!(bucket(folder, false, false), some("names = \"{user}/*\""));
        assert_eq!(
            bucket(folder, true, false),
            some("names = \"{user}/*\", public_where = \"true\"")
        );
        let reversed = "((auth.uid())::text = split_part(name, '/'::text, 1))";
        assert_eq!(bucket(reversed, false, false), some("names = \"{user}/*\""));
        let second = "(((storage.foldername(name))[1] = 'people'::text) AND ((storage.foldername(name))[2] = (auth.uid())::text))";
        assert_eq!(bucket(second, false, false), some("names = \"people/{user}/*\""));
        let owned = "((bucket_id = 'x'::text) AND ((auth.uid())::text = owner_id))";
        assert_eq!(bucket(owned, false, false), some("column = \"owner_id\""));
        let members =
            "((storage.foldername(name))[1] IN ( SELECT (m.org_id)::text AS org_id FROM members m))";
        assert_eq!(bucket(members, false, true), some("names = \"{tenant}/*\""));
        assert_eq!(
            bucket(members, false, false),
            None,
            "of whom, only a person knows"
        );
        assert_eq!(bucket("(bucket_id = 'x'::text)", false, false), None);
        assert_eq!(
            bucket("(bucket_id = 'y'::text)", true, false),
            some("public = true, reason = \"the bucket is public\"")
        );
    }

    #[test]
    fn policies_tell_whose_topics_are() {
        let topics = |asks: &str| elsewhere("realtime.messages", &[("r", asks)], &[]).topics(Some("org_id"));
        let user = "(realtime.topic() = ('user:'::text || (( SELECT auth.uid() AS uid))::text))";
        assert_eq!(topics(user), "topics = [\"user:{user}\"]\n");
        let member = "(EXISTS ( SELECT 1 FROM members m WHERE (realtime.topic() = (('org:'::text || (m.org_id)::text) || ':news'::text))))";
        assert_eq!(topics(member), "topics = [\"org:{tenant}:news\"]\n");
        assert_eq!(topics("(realtime.topic() = 'lobby'::text)"), "");
    }
}
