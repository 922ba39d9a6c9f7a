//! Decides whether the claims of a well-signed token make a session, here and now.
//!
//! `jsonwebtoken` checks signatures for us and none of this: it reads the clock itself, accepts a future
//! `iat`, and passes an absent `aud` or `iss`. Pure functions of the payload, the settings and the time.

use std::time::SystemTime;

use serde_json::{Map, Value};

use crate::rejected::Rejected;

/// Difference between two machines' clocks that is forgiven, in seconds. PostgREST forgives the same.
const SKEW: f64 = 30.0;

/// What a role makes of its bearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RoleKind {
    User,
    Service,
}

/// Checks `exp` (required), `nbf` and `iat`.
///
/// Fractions of a second are read as the numbers they are. PostgREST reads them as 0, that is, as expired in
/// 1970; RFC 7519 §2 allows them, and some identity providers write them.
pub(crate) fn check_times(payload: &Map<String, Value>, now: SystemTime) -> Result<(), Rejected> {
    let now = seconds(now);
    let expires = number(payload, "exp", Rejected::ExpiryNotNumber)?.ok_or(Rejected::NoExpiry)?;
    let not_before = number(payload, "nbf", Rejected::NotBeforeNotNumber)?;
    let issued = number(payload, "iat", Rejected::IssuedAtNotNumber)?;
    if now - SKEW > expires {
        return Err(Rejected::Expired);
    }
    if not_before.is_some_and(|start| now + SKEW < start) {
        return Err(Rejected::NotYetValid);
    }
    if issued.is_some_and(|issued| now + SKEW < issued) {
        return Err(Rejected::IssuedInFuture);
    }
    Ok(())
}

/// Checks the audience, if one is configured. A token without `aud` is then refused; PostgREST lets it
/// pass, and with it every token that the same key has signed for another purpose.
pub(crate) fn check_audience(payload: &Map<String, Value>, wanted: Option<&str>) -> Result<(), Rejected> {
    let Some(wanted) = wanted else { return Ok(()) };
    let named = match payload.get("aud") {
        None | Some(Value::Null) => false,
        Some(Value::String(audience)) => audience == wanted,
        Some(Value::Array(audiences)) => {
            if !audiences.iter().all(Value::is_string) {
                return Err(Rejected::AudienceNotText);
            }
            audiences.iter().any(|audience| audience == wanted)
        }
        Some(_) => return Err(Rejected::AudienceNotText),
    };
    if named { Ok(()) } else { Err(Rejected::Audience) }
}

/// Checks the issuer, if one is configured: present and exactly equal. PostgREST never looks at it.
pub(crate) fn check_issuer(payload: &Map<String, Value>, wanted: Option<&str>) -> Result<(), Rejected> {
    match wanted {
        Some(wanted) if payload.get("iss").and_then(Value::as_str) != Some(wanted) => Err(Rejected::Issuer),
        _ => Ok(()),
    }
}

/// Reads the `role` of a Supabase token, which is the Postgres role: two are accepted, by name.
pub(crate) fn supabase_role(payload: &Map<String, Value>) -> Result<RoleKind, Rejected> {
    match payload.get("role") {
        None => Err(Rejected::Anonymous),
        Some(role) => match role.as_str() {
            Some("authenticated") => Ok(RoleKind::User),
            Some("service_role") => Ok(RoleKind::Service),
            Some("anon") => Err(Rejected::Anonymous),
            _ => Err(Rejected::Role),
        },
    }
}

/// Reads the `role` of an application's own token, which is the application's (`user`, `admin`, …).
///
/// It must be there: the CRM signs its password-reset tokens with the same key, and the missing role is all
/// that tells them from a session.
pub(crate) fn application_role(payload: &Map<String, Value>) -> Result<RoleKind, Rejected> {
    match payload.get("role").and_then(Value::as_str) {
        Some("service_role") => Ok(RoleKind::Service),
        Some("anon") => Err(Rejected::Anonymous),
        Some(role) if !role.trim().is_empty() => Ok(RoleKind::User),
        _ => Err(Rejected::NoSession),
    }
}

fn number(payload: &Map<String, Value>, claim: &str, otherwise: Rejected) -> Result<Option<f64>, Rejected> {
    payload
        .get(claim)
        .map(|value| value.as_f64().ok_or(otherwise))
        .transpose()
}

/// Seconds since 1970; negative for a clock that is set before.
fn seconds(now: SystemTime) -> f64 {
    match now.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => after.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).expect("an object")
    }

    fn times(payload: Value) -> Result<(), Rejected> {
        check_times(&map(payload), SystemTime::UNIX_EPOCH + Duration::from_secs(1000))
    }

    #[test]
    fn times_are_forgiven_thirty_seconds_and_no_more() {
        assert_eq!(times(json!({"exp": 970})), Ok(()));
        assert_eq!(times(json!({"exp": 969})), Err(Rejected::Expired));
        assert_eq!(times(json!({"exp": 969.9})), Err(Rejected::Expired));
        assert_eq!(times(json!({"exp": 2000, "nbf": 1030, "iat": 1030})), Ok(()));
        assert_eq!(
            times(json!({"exp": 2000, "nbf": 1031})),
            Err(Rejected::NotYetValid)
        );
        assert_eq!(
            times(json!({"exp": 2000, "nbf": 1030.1})),
            Err(Rejected::NotYetValid)
        );
        assert_eq!(
            times(json!({"exp": 2000, "iat": 1031})),
            Err(Rejected::IssuedInFuture)
        );
    }

    #[test]
    fn a_token_without_expiry_is_refused() {
        assert_eq!(times(json!({})), Err(Rejected::NoExpiry));
        assert_eq!(times(json!({"iat": 1000, "nbf": 1000})), Err(Rejected::NoExpiry));
    }

    #[test]
    fn times_are_numbers() {
        for wrong in [
            json!("2000"),
            json!(null),
            json!(true),
            json!([2000]),
            json!({"s": 2000}),
        ] {
            assert_eq!(
                times(json!({"exp": wrong})),
                Err(Rejected::ExpiryNotNumber),
                "{wrong}"
            );
            assert_eq!(
                times(json!({"exp": 2000, "nbf": wrong})),
                Err(Rejected::NotBeforeNotNumber),
                "{wrong}"
            );
            assert_eq!(
                times(json!({"exp": 2000, "iat": wrong})),
                Err(Rejected::IssuedAtNotNumber),
                "{wrong}"
            );
        }
    }

    #[test]
    fn extreme_numbers_are_numbers() {
        assert_eq!(
            times(json!({"exp": 1e308, "nbf": -1e308, "iat": i64::MIN})),
            Ok(())
        );
        assert_eq!(times(json!({"exp": u64::MAX})), Ok(()));
        assert_eq!(times(json!({"exp": -1})), Err(Rejected::Expired));
    }

    #[test]
    fn a_clock_before_1970_accepts_nothing_that_was_issued_later() {
        let early = SystemTime::UNIX_EPOCH - Duration::from_secs(1000);
        assert_eq!(
            check_times(&map(json!({"exp": 2000, "iat": 0})), early),
            Err(Rejected::IssuedInFuture)
        );
    }

    #[test]
    fn an_audience_is_named_or_the_token_is_refused() {
        let audience = |aud: Value| check_audience(&map(json!({"aud": aud})), Some("us"));
        assert_eq!(audience(json!("us")), Ok(()));
        assert_eq!(audience(json!(["them", "us"])), Ok(()));
        for other in [
            json!("them"),
            json!("US"),
            json!("us "),
            json!(""),
            json!([]),
            json!(["them"]),
            json!(null),
        ] {
            assert_eq!(audience(other.clone()), Err(Rejected::Audience), "{other}");
        }
        for wrong in [
            json!(1),
            json!({"us": 1}),
            json!(["us", 1]),
            json!([["us"]]),
            json!(true),
        ] {
            assert_eq!(audience(wrong.clone()), Err(Rejected::AudienceNotText), "{wrong}");
        }
        assert_eq!(
            check_audience(&map(json!({})), Some("us")),
            Err(Rejected::Audience)
        );
        assert_eq!(check_audience(&map(json!({"aud": 1})), None), Ok(()));
    }

    #[test]
    fn an_issuer_is_exactly_the_one_or_the_token_is_refused() {
        let issuer = |payload: Value| check_issuer(&map(payload), Some("https://us"));
        assert_eq!(issuer(json!({"iss": "https://us"})), Ok(()));
        for other in [
            json!({}),
            json!({"iss": "https://us/"}),
            json!({"iss": null}),
            json!({"iss": ["https://us"]}),
        ] {
            assert_eq!(issuer(other.clone()), Err(Rejected::Issuer), "{other}");
        }
        assert_eq!(check_issuer(&map(json!({"iss": 1})), None), Ok(()));
    }

    #[test]
    fn a_supabase_role_is_one_of_two() {
        let role = |role: Value| supabase_role(&map(json!({"role": role})));
        assert_eq!(role(json!("authenticated")), Ok(RoleKind::User));
        assert_eq!(role(json!("service_role")), Ok(RoleKind::Service));
        assert_eq!(role(json!("anon")), Err(Rejected::Anonymous));
        assert_eq!(supabase_role(&map(json!({}))), Err(Rejected::Anonymous));
        for other in [
            json!("postgres"),
            json!("supabase_admin"),
            json!("Authenticated"),
            json!("authenticated "),
            json!(""),
            json!("user"),
            json!(null),
            json!(["authenticated"]),
            json!(1),
        ] {
            assert_eq!(role(other.clone()), Err(Rejected::Role), "{other}");
        }
    }

    #[test]
    fn an_application_role_is_any_text_but_must_be_there() {
        let role = |role: Value| application_role(&map(json!({"role": role})));
        assert_eq!(role(json!("user")), Ok(RoleKind::User));
        assert_eq!(role(json!("admin")), Ok(RoleKind::User));
        assert_eq!(role(json!("service_role")), Ok(RoleKind::Service));
        assert_eq!(role(json!("anon")), Err(Rejected::Anonymous));
        assert_eq!(application_role(&map(json!({}))), Err(Rejected::NoSession));
        for other in [
            json!(""),
            json!("  "),
            json!(null),
            json!(["user"]),
            json!(1),
            json!(true),
        ] {
            assert_eq!(role(other.clone()), Err(Rejected::NoSession), "{other}");
        }
    }
}
