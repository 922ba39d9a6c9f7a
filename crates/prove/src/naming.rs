//! Reads whom a text names: a user or a tenant, as it is or within a longer text, such as a file's path or a topic.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::sql::literal;
use crate::who::Who;

/// Who is named.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Names {
    /// A user.
    User,
    /// A tenant that users are members of.
    Tenant,
}

/// How: `user` and `tenant` are ids as they are; `{user}/*` is an id, a slash, and anything; `org:{tenant}` a prefix and an
/// id.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Naming {
    names: Names,
    before: String,
    after: String,
    /// Anything follows.
    open: bool,
}

/// What isn't one.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} names nobody: say \"user\", \"tenant\", or a text that holds {{user}} or {{tenant}} once, and may end with *"
)]
pub struct BadNaming(String);

const PLACES: [(&str, Names); 2] = [("{user}", Names::User), ("{tenant}", Names::Tenant)];

impl FromStr for Naming {
    type Err = BadNaming;

    fn from_str(text: &str) -> Result<Self, BadNaming> {
        let plain = match text {
            "user" => "{user}",
            "tenant" => "{tenant}",
            other => other,
        };
        let bad = || BadNaming(text.to_owned());
        let mut places = PLACES
            .iter()
            .filter_map(|(place, names)| Some((plain.split_once(place)?, *names)));
        let ((before, after), names) = places.next().ok_or_else(bad)?;
        let (after, open) = after
            .strip_suffix('*')
            .map_or((after, false), |rest| (rest, true));
        let more = [before, after].iter().any(|rest| rest.contains(['*', '{', '}']));
        if more || open && after.is_empty() {
            return Err(bad());
        }
        Ok(Self {
            names,
            before: before.to_owned(),
            after: after.to_owned(),
            open,
        })
    }
}

impl TryFrom<String> for Naming {
    type Error = BadNaming;

    fn try_from(text: String) -> Result<Self, BadNaming> {
        text.parse()
    }
}

impl From<Naming> for String {
    fn from(naming: Naming) -> Self {
        naming.to_string()
    }
}

impl fmt::Display for Naming {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_plain(), self.names) {
            (true, Names::User) => out.write_str("user"),
            (true, Names::Tenant) => out.write_str("tenant"),
            (false, names) => {
                let place = if names == Names::User {
                    "{user}"
                } else {
                    "{tenant}"
                };
                let open = if self.open { "*" } else { "" };
                write!(out, "{}{place}{}{open}", self.before, self.after)
            }
        }
    }
}

impl Naming {
    /// Who is named.
    #[must_use]
    pub fn names(&self) -> Names {
        self.names
    }

    /// Whether the text is the id, and nothing else.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.before.is_empty() && self.after.is_empty() && !self.open
    }

    /// Whether anything may follow.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// A text that names somebody; `rest` is what makes it one of its own, where that may be.
    pub(crate) fn text(&self, id: &str, rest: &str) -> String {
        let rest = if self.open { rest } else { "" };
        format!("{}{id}{}{rest}", self.before, self.after)
    }

    /// A text that names somebody of those who are made up.
    pub(crate) fn of(&self, who: &Who, rest: &str) -> String {
        let id = match self.names {
            Names::User => &who.user,
            Names::Tenant => &who.tenant,
        };
        self.text(id, rest)
    }

    /// The id in a text, as SQL; null in one that isn't so.
    pub(crate) fn id_in(&self, text: &str) -> String {
        let end = if self.open { "" } else { "$" };
        let pattern = format!(
            "^{}([^/]+){}{end}",
            regex::escape(&self.before),
            regex::escape(&self.after)
        );
        format!("substring({text} from {})", literal(&pattern))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_naming_is_written_as_it_is_read() {
        for text in [
            "user",
            "tenant",
            "{user}/*",
            "org:{tenant}",
            "avatars/{user}/*",
            "{user}.png",
        ] {
            assert_eq!(text.parse::<Naming>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "owner",
            "{user}*",
            "{user}/{tenant}",
            "{user}/{user}",
            "*/{user}",
            "{users}",
        ] {
            assert!(text.parse::<Naming>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_text_is_made_and_read_back() {
        let naming: Naming = "a.b/{user}/*".parse().unwrap();
        assert_eq!(naming.text("7", "x.png"), "a.b/7/x.png");
        assert_eq!(naming.id_in("name"), r"substring(name from '^a\.b/([^/]+)/')");
        let topic: Naming = "org:{tenant}".parse().unwrap();
        assert_eq!(topic.text("7", "x"), "org:7");
        assert_eq!(topic.id_in("topic"), "substring(topic from '^org:([^/]+)$')");
    }
}
