//! Whom Postgres may be told is speaking.
//!
//! [`Claims`] is the proof that identity was established. It can be held, cloned and handed to
//! `store::Store::run_as`, but made only in this crate, by [`Claims::assert_verified`]: search for that name
//! and you have seen every place where an identity comes from.

use std::fmt;

use serde_json::{Map, Value};

use crate::json;
use crate::rejected::Rejected;

/// The role every tenant statement runs as, whatever the token called its bearer.
const ROLE: &str = "authenticated";
/// Longest user id, in bytes. Ours are UUIDs; the CRM's are short texts.
const LONGEST_USER_ID: usize = 255;

/// A user whose identity has been verified, and what Postgres is told about them.
///
/// There is no public constructor, no `Default` and no `Deserialize`, and `Debug` shows nothing:
///
/// ```compile_fail,E0624
/// let forged = identity::Claims::assert_verified("alice", serde_json::Map::new());
/// ```
/// ```compile_fail,E0277
/// let forged: identity::Claims = Default::default();
/// ```
#[derive(Clone)]
pub struct Claims {
    user_id: String,
    payload: String,
    client_id: Option<String>,
    scope: String,
    is_aal2: bool,
}

impl Claims {
    /// The one constructor: the caller asserts that `user_id` and `payload` come from a verified source.
    ///
    /// `sub` and `role` are overwritten, so that policies written for Supabase's `auth.uid()` and our own
    /// function see the same user, and a token can't choose a Postgres role. The payload is written out
    /// anew from the parsed value: of duplicated keys Postgres sees the one that was checked, and no other.
    ///
    /// # Errors
    /// [`Rejected::UserId`] for an id that can't be one; [`Rejected::NulCharacter`] for a payload that
    /// Postgres could not read (`jsonb` refuses `\u0000`, so every statement would fail).
    pub(crate) fn assert_verified(user_id: &str, mut payload: Map<String, Value>) -> Result<Self, Rejected> {
        if !is_user_id(user_id) {
            return Err(Rejected::UserId);
        }
        payload.insert("sub".into(), user_id.into());
        payload.insert("role".into(), ROLE.into());
        let payload = Value::Object(payload);
        if json::contains_nul(&payload) {
            return Err(Rejected::NulCharacter);
        }
        Ok(Self {
            user_id: user_id.to_owned(),
            client_id: payload.get("client_id").and_then(text),
            scope: payload.get("scope").map(words).unwrap_or_default(),
            is_aal2: payload.get("aal").and_then(Value::as_str) == Some("aal2"),
            payload: payload.to_string(),
        })
    }

    /// The user's id: never empty, never blank, at most 255 bytes, no control characters.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// The app that the user let in and whose token this is (Supabase's OAuth server writes `client_id`); None for the
    /// user's own session. Whatever stands there counts, as in `mako.client_is_trusted()`.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// The words of the claim `scope` (RFC 9068 §2.2.3), ours or not.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scope.split_ascii_whitespace()
    }

    /// Whether the user has shown a second factor (Supabase's `aal`).
    #[must_use]
    pub fn is_aal2(&self) -> bool {
        self.is_aal2
    }

    /// JSON text for Postgres' `request.jwt.claims`: the verified payload with `sub` set to the user id and
    /// `role` to `authenticated`. Personal data: not for logs.
    #[must_use]
    pub fn payload(&self) -> &str {
        &self.payload
    }
}

impl fmt::Debug for Claims {
    /// Shows nothing of the contents: e-mail addresses and names don't belong in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims").finish_non_exhaustive()
    }
}

/// A value as Postgres' `#>> '{}'` gives it; null is nothing.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Words in one string, as RFC 6749 §3.3 has them, or in an array, as some identity providers write them.
fn words(value: &Value) -> String {
    match value {
        Value::String(words) => words.clone(),
        Value::Array(words) => words
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(" "),
        _ => String::new(),
    }
}

/// A blank or unprintable id could not be told from another by the people who read it.
fn is_user_id(id: &str) -> bool {
    !id.trim().is_empty() && id.len() <= LONGEST_USER_ID && !id.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(user_id: &str, payload: &Value) -> Result<Claims, Rejected> {
        Claims::assert_verified(user_id, payload.as_object().expect("an object").clone())
    }

    #[test]
    fn sub_and_role_are_normalised_and_the_rest_is_kept() {
        let made = claims(
            "u-1",
            &json!({"role": "admin", "sub": 7, "userId": "u-1", "a": {"b": [1, 2.5]}}),
        )
        .unwrap();
        assert_eq!(made.user_id(), "u-1");
        let payload: Value = serde_json::from_str(made.payload()).unwrap();
        assert_eq!(
            payload,
            json!({"role": "authenticated", "sub": "u-1", "userId": "u-1", "a": {"b": [1, 2.5]}})
        );
    }

    #[test]
    fn a_user_id_that_cannot_be_one_is_refused() {
        let long = "x".repeat(256);
        for id in [
            "",
            " ",
            "\t",
            "\u{3000}\u{a0}",
            "a\0b",
            "a\nb",
            "a\u{7f}",
            "a\u{85}b",
            long.as_str(),
        ] {
            assert_eq!(claims(id, &json!({})).unwrap_err(), Rejected::UserId, "{id:?}");
        }
    }

    #[test]
    fn a_user_id_may_be_any_other_text() {
        let long = "x".repeat(255);
        for id in [
            "1",
            "0190c6f2-7f4e-7d1c-8000-000000000000",
            "auth0|5f7c",
            "zoë",
            "a b",
            "' or 1=1 --",
            &long,
        ] {
            assert_eq!(claims(id, &json!({})).unwrap().user_id(), id);
        }
    }

    #[test]
    fn an_apps_token_is_told_from_the_users_own_session() {
        let client = |value: Value| {
            let made = claims("u", &json!({"client_id": value})).unwrap();
            made.client_id().map(str::to_owned)
        };
        assert_eq!(claims("u", &json!({})).unwrap().client_id(), None);
        assert_eq!(client(Value::Null), None);
        assert_eq!(client(json!("app")).as_deref(), Some("app"));
        for odd in [json!(""), json!(7), json!(false), json!([]), json!({"a": 1})] {
            assert!(
                client(odd.clone()).is_some(),
                "{odd} is not the user's own session"
            );
        }
    }

    #[test]
    fn scopes_are_words_of_a_text_or_an_array() {
        let scopes = |value: Value| {
            let made = claims("u", &json!({"scope": value})).unwrap();
            made.scopes().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(scopes(json!("openid  leads:read")), ["openid", "leads:read"]);
        assert_eq!(scopes(json!(["openid", "leads:read"])), ["openid", "leads:read"]);
        for none in [json!(""), Value::Null, json!(1), json!([1])] {
            assert!(scopes(none.clone()).is_empty(), "{none}");
        }
    }

    #[test]
    fn only_the_level_aal2_counts_as_a_second_factor() {
        let is_aal2 = |value: Value| claims("u", &json!({"aal": value})).unwrap().is_aal2();
        assert!(is_aal2(json!("aal2")));
        for other in [json!("aal1"), json!(["aal2"]), json!(2), Value::Null] {
            assert!(!is_aal2(other.clone()), "{other}");
        }
    }

    #[test]
    fn debug_shows_nothing() {
        let made = claims("alice", &json!({"email": "alice@example.com"})).unwrap();
        assert_eq!(format!("{made:?}"), "Claims { .. }");
    }
}
