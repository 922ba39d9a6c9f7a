//! What a token may be used for, beyond whose rows it reaches: the app that it was issued to, its scopes, and how its
//! user signed in decide. Postgres decides the first once more, where secrets are (`mako.client_is_trusted()`).

use std::collections::BTreeSet;

use identity::Claims;
use poem::http::{Method, Uri};

use super::groups::GROUPS;
use super::problem::Problem;
use crate::relay::Service;

/// What operations ask of a token that isn't a plain session's.
#[derive(Clone, Default)]
pub(crate) struct Authorization {
    /// `THIRD_PARTY_CLIENTS`: apps that are trusted with the keys of users who let them in.
    pub(crate) trusted_clients: BTreeSet<String>,
    /// `REQUIRE_AAL2`: groups that want a second factor.
    pub(crate) aal2: BTreeSet<&'static str>,
}

impl Authorization {
    /// Refuses an operation that the user may do, and this token of theirs may not.
    pub(crate) fn check(&self, claims: &Claims, method: &Method, uri: &Uri) -> Result<(), Problem> {
        let operation = Operation::of(method, uri.path()).ok_or_else(Problem::no_such_route)?;
        let is_third_party = claims
            .client_id()
            .is_some_and(|client| !self.trusted_clients.contains(client));
        if is_third_party && operation.outlives_the_token() {
            return Err(Problem::third_party());
        }
        let mut granted = claims.scopes().filter(|scope| is_ours(scope)).peekable();
        if let (Some(needed), Some(_)) = (operation.scope(), granted.peek())
            && !granted.any(|scope| scope == needed)
        {
            return Err(Problem::insufficient_scope(&needed));
        }
        if self.aal2.contains(operation.group) && !claims.is_aal2() {
            return Err(Problem::second_factor());
        }
        Ok(())
    }
}

/// Whether a scope is one that operations ask for. `openid` and others say nothing about them.
fn is_ours(scope: &str) -> bool {
    scope
        .split_once(':')
        .is_some_and(|(group, _)| GROUPS.contains(&group))
}

/// Whether a user may give a token of theirs this scope. Tokens make no tokens, so there is none for that.
pub(crate) fn is_grantable(scope: &str) -> bool {
    match scope.split_once(':') {
        Some(("me" | "access-tokens", _)) | None => false,
        Some(("relay", service)) => Service::named(service).is_some_and(|known| known.name() == service),
        Some(("dashboard" | "key-uses", right)) => right == "read",
        Some((group, right)) => GROUPS.contains(&group) && matches!(right, "read" | "write"),
    }
}

/// Whether it can be repeated in an answer, and means itself: `%76api` doesn't.
fn is_plain(word: &str) -> bool {
    let of_names = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    (1..=40).contains(&word.len()) && word.bytes().all(of_names)
}

struct Operation<'a> {
    group: &'static str,
    /// What follows the group in the path: an id, or the service of a relay.
    what: &'a str,
    reads: bool,
}

impl<'a> Operation<'a> {
    /// None for a path of no group: an operation whose group is unknown is nobody's.
    fn of(method: &Method, path: &'a str) -> Option<Self> {
        let mut words = path.strip_prefix("/v1/")?.split('/');
        let name = words.next()?;
        Some(Self {
            group: GROUPS.into_iter().find(|group| *group == name)?,
            what: words.next().unwrap_or_default(),
            reads: method.is_safe(),
        })
    }

    /// Whether what it gives or changes goes on working when the token has expired or the app was sent away, or tells of
    /// such.
    fn outlives_the_token(&self) -> bool {
        match self.group {
            "access-tokens"
            | "api-keys"
            | "connections"
            | "event-deliveries"
            | "event-subscriptions"
            | "key-uses"
            | "relay"
            | "webhook-endpoints" => true,
            "phone-numbers" => !self.reads,
            _ => false,
        }
    }

    /// The scope that it needs; None if any token will do.
    fn scope(&self) -> Option<String> {
        match self.group {
            // Who they are, they know.
            "me" => None,
            // Every provider has its own idea of what reads.
            "relay" if is_plain(self.what) => Some(format!("relay:{}", self.what)),
            "relay" => Some("relay:{service}".to_owned()),
            group if self.reads => Some(format!("{group}:read")),
            group => Some(format!("{group}:write")),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::SystemTime;

    use serde_json::{Value, json};

    use super::*;

    /// Claims of a user's token with these members beside those that it must have.
    pub(crate) fn claims(changes: &Value) -> Claims {
        let secret = || identity::HmacSecret::new("0123456789".repeat(4)).expect("long enough");
        let mut payload = json!({"sub": "u", "role": "authenticated", "exp": 4_000_000_000_u64});
        for (name, value) in changes.as_object().expect("an object") {
            payload[name] = value.clone();
        }
        let settings = identity::VerifierSettings {
            secret: Some(secret()),
            ..identity::VerifierSettings::default()
        };
        let verifier = identity::Verifier::new(settings).expect("sound settings");
        let token = identity::mint(&secret(), &payload);
        match verifier.verify(&token, &identity::KeySet::empty(), SystemTime::UNIX_EPOCH) {
            Ok(identity::Principal::User(claims)) => claims,
            _ => panic!("a user's token"),
        }
    }

    fn refusal(rules: &Authorization, token: &Value, method: &Method, path: &'static str) -> String {
        let checked = rules.check(&claims(token), method, &Uri::from_static(path));
        checked
            .err()
            .map(|problem| problem.code.into_owned())
            .unwrap_or_default()
    }

    #[test]
    fn every_operation_of_the_document_is_of_a_group() {
        let document: Value = serde_json::from_str(include_str!("../../../../openapi/openapi.json"))
            .expect("the committed document");
        let paths = document["paths"].as_object().expect("paths").keys();
        let named: BTreeSet<_> = paths
            .filter(|path| path.starts_with("/v1/"))
            .map(|path| Operation::of(&Method::GET, path).expect(path).group)
            .collect();
        assert_eq!(named, BTreeSet::from(GROUPS));
    }

    #[test]
    fn an_app_gets_at_nothing_that_outlives_its_token_unless_it_is_trusted() {
        let app = json!({"client_id": "app"});
        let trusted = Authorization {
            trusted_clients: BTreeSet::from(["app".to_owned()]),
            ..Authorization::default()
        };
        for (method, path, code) in [
            (Method::GET, "/v1/leads", ""),
            (Method::DELETE, "/v1/leads/1", ""),
            (Method::POST, "/v1/webhook-events/1/replay", ""),
            (Method::GET, "/v1/phone-numbers", ""),
            (Method::POST, "/v1/phone-numbers", "MK_THIRD_PARTY"),
            (Method::POST, "/v1/phone-numbers/1/verify", "MK_THIRD_PARTY"),
            (Method::GET, "/v1/api-keys", "MK_THIRD_PARTY"),
            (Method::GET, "/v1/connections", "MK_THIRD_PARTY"),
            (Method::GET, "/v1/key-uses", "MK_THIRD_PARTY"),
            (Method::POST, "/v1/access-tokens", "MK_THIRD_PARTY"),
            (Method::GET, "/v1/relay/vapi/call", "MK_THIRD_PARTY"),
            (Method::GET, "/v1/webhook-endpoints", "MK_THIRD_PARTY"),
            (Method::POST, "/v1/event-subscriptions", "MK_THIRD_PARTY"),
            (Method::GET, "/v1/event-deliveries", "MK_THIRD_PARTY"),
        ] {
            assert_eq!(
                refusal(&Authorization::default(), &app, &method, path),
                code,
                "{method} {path}"
            );
            assert_eq!(refusal(&trusted, &app, &method, path), "", "{method} {path}");
            assert_eq!(
                refusal(&trusted, &json!({"client_id": "other"}), &method, path),
                code
            );
        }
    }

    #[test]
    fn scopes_of_ours_bound_a_token_and_others_do_not() {
        let bound = json!({"scope": "openid leads:read relay:hubspot"});
        for (method, path, code) in [
            (Method::GET, "/v1/me", ""),
            (Method::GET, "/v1/leads/1", ""),
            (Method::HEAD, "/v1/leads", ""),
            (Method::PATCH, "/v1/leads/1", "MK_SCOPE"),
            (Method::GET, "/v1/contacts", "MK_SCOPE"),
            (Method::POST, "/v1/relay/hubspot/crm/v3/objects", ""),
            (Method::GET, "/v1/relay/vapi/call", "MK_SCOPE"),
            (Method::GET, "/v1/relay/%68ubspot/crm", "MK_SCOPE"),
        ] {
            let rules = Authorization::default();
            assert_eq!(refusal(&rules, &bound, &method, path), code, "{method} {path}");
            let session = json!({"scope": "openid email leads"});
            assert_eq!(refusal(&rules, &session, &method, path), "", "{method} {path}");
        }
    }

    #[test]
    fn a_user_grants_what_operations_ask_for_and_not_the_making_of_tokens() {
        for scope in [
            "leads:read",
            "webhook-events:write",
            "relay:hubspot",
            "dashboard:read",
        ] {
            assert!(is_grantable(scope), "{scope}");
        }
        for scope in [
            "me:read",
            "access-tokens:write",
            "access-tokens:read",
            "leads",
            "leads:",
            "leads:all",
            "dashboard:write",
            "key-uses:write",
            "relay:stripe",
            "relay:HubSpot",
            "relay:*",
            "openid",
            "leads:read contacts:read",
            "",
        ] {
            assert!(!is_grantable(scope), "{scope}");
        }
    }

    #[test]
    fn what_is_of_no_group_is_nobodys() {
        for path in ["/v1/%6Ceads", "/v1/", "/v1/lead", "/v2/leads"] {
            let code = refusal(&Authorization::default(), &json!({}), &Method::GET, path);
            assert_eq!(code, "PGRST125", "{path}");
        }
    }

    #[test]
    fn a_listed_group_wants_a_second_factor() {
        let rules = Authorization {
            aal2: BTreeSet::from(["api-keys"]),
            ..Authorization::default()
        };
        for (token, path, code) in [
            (json!({}), "/v1/api-keys", "MK_AAL2"),
            (json!({"aal": "aal1"}), "/v1/api-keys/vapi", "MK_AAL2"),
            (json!({"aal": "aal2"}), "/v1/api-keys", ""),
            (json!({}), "/v1/leads", ""),
        ] {
            assert_eq!(
                refusal(&rules, &token, &Method::GET, path),
                code,
                "{token} {path}"
            );
        }
    }
}
