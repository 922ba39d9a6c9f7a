//! What extensions put in reach of the API roles. [`known.toml`](known.toml) says what those bring that are in use; what
//! an unknown one brings is judged like everything else, and its native code, which nobody can look into, is named.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::report::Finding;
use crate::rules;
use crate::sql::{array, literal};

/// What is known of an extension.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    /// What an API role gets by it.
    brings: Option<String>,
    /// By which functions and relations; by all, where none is named.
    #[serde(default)]
    through: Vec<String>,
    /// Functions to try with SQL for text.
    #[serde(default)]
    tries: Vec<String>,
}

static KNOWN: LazyLock<BTreeMap<String, Known>> =
    LazyLock::new(|| toml::from_str(include_str!("known.toml")).unwrap_or_default());

/// What an extension has in reach of the API roles; functions only those that do more than compute.
#[derive(Debug, Deserialize)]
pub(crate) struct InReach {
    name: String,
    roles: Vec<String>,
    relations: Vec<String>,
    /// Tables that any of the roles may write, with no policy in the way.
    writable: Vec<String>,
    functions: Vec<String>,
    /// Those of the functions that aren't written in SQL or PL/pgSQL.
    native: Vec<String>,
}

pub(crate) fn is_known(name: &str) -> bool {
    KNOWN.contains_key(name)
}

/// Names of known extensions' functions that run a text as SQL.
pub(crate) fn runners() -> impl Iterator<Item = &'static str> + Clone {
    KNOWN
        .values()
        .flat_map(|known| known.tries.iter().map(String::as_str))
}

/// Puts the names of known extensions, and of their functions to try, into a statement.
pub(crate) fn fill(sql: &str) -> String {
    let tried: Vec<String> = KNOWN
        .iter()
        .flat_map(|(name, known)| {
            known
                .tries
                .iter()
                .map(move |function| format!("{name}.{function}"))
        })
        .collect();
    sql.replace("{known}", &array(KNOWN.keys().map(String::as_str)))
        .replace("{tried}", &array(tried.iter().map(String::as_str)))
}

/// A risk for each extension that brings something, or of which nobody knows what it brings.
pub(crate) fn risks(in_reach: &[InReach]) -> Vec<Finding> {
    in_reach.iter().filter_map(risk).collect()
}

fn risk(extension: &InReach) -> Option<Finding> {
    let mut parts = Vec::new();
    match KNOWN.get(&extension.name) {
        Some(known) => {
            let items = extension.through(&known.through);
            if let (Some(brings), false) = (&known.brings, items.is_empty()) {
                parts.push(format!(
                    "{} may use {}: {brings}",
                    extension.roles(),
                    some_of(&items)
                ));
            }
        }
        None if !extension.native.is_empty() => {
            let native: Vec<&str> = extension.native.iter().map(String::as_str).collect();
            parts.push(format!(
                "{} may call {}, in native code that was not called: what it does is not known here",
                extension.roles(),
                some_of(&native)
            ));
        }
        None => {}
    }
    if !extension.writable.is_empty() {
        let writable: Vec<&str> = extension.writable.iter().map(String::as_str).collect();
        parts.push(format!(
            "{} may write {}, on which everybody's statements rely",
            extension.roles(),
            some_of(&writable)
        ));
    }
    if parts.is_empty() {
        return None;
    }
    Some(Finding {
        rule: rules::EXTENSION_IN_REACH,
        message: format!("Extension {}: {}", extension.name, parts.join("; ")),
        reproduce: format!(
            "select pg_describe_object(classid, objid, 0) from pg_depend d join pg_extension e on e.oid = d.refobjid \
             where d.refclassid = 'pg_extension'::regclass and d.deptype = 'e' and e.extname = {}",
            literal(&extension.name)
        )
        .into(),
        place: None,
        remedy: None,
    })
}

impl InReach {
    fn roles(&self) -> String {
        self.roles.join(" and ")
    }

    /// What of these names is in reach; everything for none.
    fn through<'e>(&'e self, names: &[String]) -> Vec<&'e str> {
        let all = self.relations.iter().chain(&self.functions).map(String::as_str);
        all.filter(|name| names.is_empty() || names.iter().any(|named| named == name))
            .collect()
    }
}

/// A few names of a list, and how many more there are.
fn some_of(names: &[&str]) -> String {
    const FEW: usize = 4;
    let few = names.iter().take(FEW).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(FEW) {
        0 => few,
        more => format!("{few} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_can_be_read_and_contradicts_nothing() {
        let known: BTreeMap<String, Known> = toml::from_str(include_str!("known.toml")).unwrap();
        assert!(known.len() > 100);
        for (name, known) in known {
            let silent = known.brings.is_none();
            assert!(
                !silent || known.through.is_empty() && known.tries.is_empty(),
                "{name}"
            );
        }
    }

    #[test]
    fn an_unknown_extension_is_named_with_its_native_code() {
        let unknown = InReach {
            name: "nobody_knows".to_owned(),
            roles: vec!["anon".to_owned()],
            relations: Vec::new(),
            writable: Vec::new(),
            functions: vec!["does".to_owned(), "sums".to_owned()],
            native: vec!["does".to_owned()],
        };
        let risk = risk(&unknown).unwrap();
        assert!(risk.message.contains("anon may call does,"), "{}", risk.message);
    }
}
