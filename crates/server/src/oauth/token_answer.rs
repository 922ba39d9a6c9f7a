//! Reads what a token address answers: a grant and its terms, or why there is none.
//!
//! The providers that tenants connect stray from RFC 6749 in what matters (errors with status 200, no `token_type`, scopes
//! as lists, addresses beside the token), so the answer is read here and not by a library for those that don't.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use store::rows::oauth::{Grant, GrantTerms};
use zeroize::Zeroizing;

use crate::relay::{AuthorizationServer, Service};

/// Ten years: longer than any token lives, and no overflow for Postgres.
const LONGEST: i64 = 315_360_000;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// The grant is over: only a new authorisation helps.
    #[error("the provider has ended the authorisation ({0})")]
    Ended(String),
    /// The provider refuses for another reason, such as the client's secret.
    #[error("the provider refuses ({0})")]
    Refused(String),
    /// The provider can't be reached, is busy, or answers what can't be read.
    #[error("the provider gives no answer that can be used")]
    Unavailable,
    /// The answer names an address that isn't the provider's.
    #[error("the provider names an address that isn't one of its own")]
    Address,
}

/// What a provider granted, and its terms.
pub(super) struct Granted {
    pub(super) grant: Grant,
    pub(super) terms: GrantTerms,
}

/// The error that an answer is, whatever its status: Zoho's have 200, older ones of HubSpot's a `status`.
pub(super) fn error(answer: &Value, provider: &AuthorizationServer) -> Option<TokenError> {
    let codes = [answer.get("error"), answer.get("status")];
    let mut codes = codes.into_iter().flatten().filter_map(Value::as_str).map(plain);
    if let Some(code) = codes.clone().find(|code| provider.ends_grants(code)) {
        return Some(TokenError::Ended(code));
    }
    let has_error = answer.get("error").is_some_and(|error| !error.is_null());
    has_error.then(|| TokenError::Refused(codes.next().unwrap_or_else(|| "unknown".to_owned())))
}

/// An error code as it may be shown: what isn't one may hold anything.
pub(super) fn plain(code: &str) -> String {
    let code = code.to_ascii_lowercase();
    let is_code = (1..=40).contains(&code.len())
        && code
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if is_code { code } else { "unknown".to_owned() }
}

/// What is granted by an answer that is no error.
pub(super) fn granted(
    answer: &Value,
    service: Service,
    provider: &AuthorizationServer,
) -> Result<Granted, TokenError> {
    let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
    let access_token = text("access_token").filter(|token| !token.is_empty());
    let api_address = provider.api_address.as_deref().and_then(text);
    if let Some(address) = &api_address
        && !service.is_account_address(address)
    {
        return Err(TokenError::Address);
    }
    let access_token = access_token.ok_or(TokenError::Unavailable)?;
    let told = answer.get("expires_in").and_then(seconds);
    let expires_in = told.or_else(|| provider.jwt_expiry.then(|| jwt_seconds(&access_token))?);
    let account = match &provider.account {
        Some(name) => answer.get(name).and_then(word),
        None => api_address.as_deref().map(|address| {
            address
                .trim_start_matches("https://")
                .trim_end_matches('/')
                .to_owned()
        }),
    };
    Ok(Granted {
        grant: Grant {
            access_token: Zeroizing::new(access_token),
            refresh_token: text("refresh_token")
                .filter(|token| !token.is_empty())
                .map(Zeroizing::new),
            api_address: api_address.map(|address| address.trim_end_matches('/').to_owned()),
            server: None,
        },
        terms: GrantTerms {
            expires_in,
            scopes: answer
                .get("scope")
                .or_else(|| answer.get("scopes"))
                .and_then(words),
            account: account.filter(|account| account.chars().count() <= 200),
        },
    })
}

/// A text or a number, as text.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A number, also one that is written as a text.
fn seconds(value: &Value) -> Option<i64> {
    let seconds = word(value)?
        .parse::<f64>()
        .ok()
        .filter(|seconds| *seconds >= 0.0)?;
    #[expect(clippy::cast_possible_truncation, reason = "`as` takes the nearest there is")]
    Some((seconds as i64).min(LONGEST))
}

/// How long a token lasts that is a JWT. It is the provider's to verify; who else made it could as well have told the time.
fn jwt_seconds(token: &str) -> Option<i64> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&Zeroizing::new(payload)).ok()?;
    #[expect(clippy::disallowed_methods, reason = "the token's end is a time of day")]
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let left = claims.get("exp")?.as_i64()? - i64::try_from(now.as_secs()).ok()?;
    Some(left.clamp(0, LONGEST))
}

/// Scopes in a text, between spaces or commas, or in a list.
fn words(value: &Value) -> Option<Vec<String>> {
    let words: Vec<_> = match value {
        Value::String(text) => text
            .split([' ', ','])
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect(),
        Value::Array(words) => words
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => return None,
    };
    let is_sound = |word: &String| word.len() <= 200 && !word.chars().any(char::is_control);
    (words.len() <= 200 && words.iter().all(is_sound)).then_some(words)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(name: &str, answer: &Value) -> Result<Granted, TokenError> {
        let service = Service::named(name).expect("built in");
        let provider = service.authorization_server().expect("it has one");
        match error(answer, provider) {
            Some(error) => Err(error),
            None => granted(answer, service, provider),
        }
    }

    #[test]
    fn each_providers_answer_is_read_as_it_comes() {
        let salesforce = json!({"access_token": "00D!x", "refresh_token": "r", "scope": "api refresh_token",
            "instance_url": "https://acme.my.salesforce.com", "issued_at": "1708058728442"});
        let read_ = read("salesforce", &salesforce).expect("a grant");
        assert_eq!(
            read_.grant.api_address.as_deref(),
            Some("https://acme.my.salesforce.com")
        );
        assert_eq!(read_.terms.account.as_deref(), Some("acme.my.salesforce.com"));
        assert_eq!(read_.terms.expires_in, None);
        let pipedrive = json!({"access_token": "a", "expires_in": 3600, "scope": "deals:read,base",
            "api_domain": "https://acme.pipedrive.com"});
        let read_ = read("pipedrive", &pipedrive).expect("a grant");
        assert_eq!(
            read_.terms.scopes,
            Some(vec!["deals:read".to_owned(), "base".to_owned()])
        );
        assert_eq!(read_.terms.expires_in, Some(3600));
        let hubspot = json!({"access_token": "a", "expires_in": 1800, "hub_id": 62_515, "scopes": ["oauth"]});
        let read_ = read("hubspot", &hubspot).expect("a grant");
        assert_eq!(read_.terms.account.as_deref(), Some("62515"));
        let zoho =
            json!({"access_token": "a", "expires_in": "3600", "api_domain": "https://www.zohoapis.eu"});
        let read_ = read("zoho", &zoho).expect("a grant");
        assert_eq!(
            read_.grant.api_address.as_deref(),
            Some("https://www.zohoapis.eu")
        );
        assert_eq!(read_.terms.expires_in, Some(3600));
    }

    #[test]
    fn a_token_that_is_a_jwt_says_how_long_it_lasts_where_its_provider_says_so() {
        #[expect(clippy::disallowed_methods, reason = "the token's end is a time of day")]
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .expect("after 1970")
            .as_secs();
        let jwt = |exp: &Value| {
            let payload = URL_SAFE_NO_PAD.encode(json!({"uid": 1, "exp": exp}).to_string());
            format!("eyJhbGciOiJIUzI1NiJ9.{payload}.c2ln")
        };
        let lasts = |name: &str, answer: &Value| read(name, answer).expect("a grant").terms.expires_in;
        let monday = json!({"access_token": jwt(&json!(now + 3600)), "refresh_token": "r"});
        assert!(lasts("monday", &monday).is_some_and(|left| (3590..=3600).contains(&left)));
        assert_eq!(lasts("hubspot", &monday), None);
        let told = json!({"access_token": jwt(&json!(now + 3600)), "expires_in": 60});
        assert_eq!(lasts("monday", &told), Some(60));
        let over = json!({"access_token": jwt(&json!(now - 1))});
        assert_eq!(lasts("monday", &over), Some(0));
        for token in ["opaque".to_owned(), "a.b.c".to_owned(), jwt(&json!("soon"))] {
            assert_eq!(lasts("monday", &json!({"access_token": token})), None);
        }
    }

    #[test]
    fn an_error_is_one_whatever_its_status_and_never_quoted() {
        for (name, answer, ended, text) in [
            ("zoho", json!({"error": "invalid_code"}), true, "(invalid_code)"),
            (
                "zoho",
                json!({"error": "Access Denied", "status": "failure"}),
                false,
                "(unknown)",
            ),
            (
                "hubspot",
                json!({"status": "BAD_REFRESH_TOKEN", "message": "sk-secret"}),
                true,
                "(bad_refresh_token)",
            ),
            (
                "pipedrive",
                json!({"error": "invalid_grant"}),
                true,
                "(invalid_grant)",
            ),
            (
                "pipedrive",
                json!({"error": "invalid_client"}),
                false,
                "(invalid_client)",
            ),
            ("pipedrive", json!({"error": {"code": 1}}), false, "(unknown)"),
        ] {
            let error = read(name, &answer).err().expect("an error");
            assert_eq!(matches!(error, TokenError::Ended(_)), ended, "{answer}");
            assert!(error.to_string().contains(text), "{answer}: {error}");
        }
    }

    #[test]
    fn an_answer_that_names_somebody_elses_address_is_refused() {
        for address in [
            "https://evil.example",
            "http://acme.my.salesforce.com",
            "https://acme.my.salesforce.com.evil.example",
        ] {
            let answer = json!({"access_token": "a", "instance_url": address});
            assert!(
                matches!(read("salesforce", &answer), Err(TokenError::Address)),
                "{address}"
            );
        }
        assert!(matches!(
            read("hubspot", &json!({})),
            Err(TokenError::Unavailable)
        ));
    }
}
