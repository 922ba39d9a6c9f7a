//! Why a token was not accepted.
//!
//! A closed list of reasons in PostgREST's words and codes, so that existing clients read them unchanged.
//! A reason carries nothing of the token: it may be logged, counted and sent as it is.

use std::fmt;

/// Why a token proves no identity. The answer is always 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rejected {
    /// Longer than [`crate::VerifierSettings::size_limit`]; nothing of it was read.
    TooLong,
    /// No text at all where a token was announced.
    Empty,
    /// A Supabase API key (`sb_publishable_…`, `sb_secret_…`), which is not a JWT.
    ApiKey,
    /// Not three parts: an encrypted token, or no token.
    PartCount,
    /// A header that is not base64url of a JSON object with a textual `alg`.
    Undecodable,
    /// An algorithm other than HS256, ES256 and RS256; `none` above all.
    Algorithm,
    /// A `crit` header: it demands an understanding of extensions, and we understand none (RFC 7515 §4.1.11).
    CriticalHeader,
    /// The key set has no key of that id. A newer set may have it: see [`Rejected::may_be_cured_by_new_keys`].
    UnknownKey,
    /// The algorithm has no key here, or the named key is of another kind.
    UnfitKey,
    /// The signature is not the key's.
    Signature,
    /// Nobody is signed in: an `anon` key, or (said by the caller) no token at all.
    Anonymous,
    /// A payload that is not a JSON object, or in which a registered claim comes twice or as an array or object.
    Claims,
    /// A character U+0000 in the payload, which Postgres can't read.
    NulCharacter,
    /// No `exp`: a token for ever.
    NoExpiry,
    /// `exp` is not a number.
    ExpiryNotNumber,
    /// `nbf` is not a number.
    NotBeforeNotNumber,
    /// `iat` is not a number.
    IssuedAtNotNumber,
    /// `exp` is more than 30 seconds ago.
    Expired,
    /// `nbf` is more than 30 seconds ahead.
    NotYetValid,
    /// `iat` is more than 30 seconds ahead.
    IssuedInFuture,
    /// `aud` is neither a string nor an array of strings.
    AudienceNotText,
    /// `aud` is missing or names others only.
    Audience,
    /// `iss` is missing or another.
    Issuer,
    /// A role that is none of ours, such as `supabase_admin` or a role of the database.
    Role,
    /// No `role` in a deployment whose sessions carry one: a password-reset token is such a token.
    NoSession,
    /// The user claim is missing or can't be a user id.
    UserId,
    /// An access token (`mko_…`) that nobody made, or that was revoked or has expired.
    AccessToken,
}

impl Rejected {
    /// PostgREST's code: `PGRST301` (not a good token), `PGRST302` (nobody), `PGRST303` (its claims); for a token that
    /// PostgREST would have taken, `MK_TOKEN_TOO_LONG`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.answer().0
    }

    /// What is wrong, in PostgREST's words where it has some. ASCII without quotation marks, so that it fits
    /// into `WWW-Authenticate`.
    #[must_use]
    pub fn message(self) -> &'static str {
        self.answer().1
    }

    /// What to do about it, where that is not obvious.
    #[must_use]
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Self::TooLong => Some(
                "Keep less in user_metadata and app_metadata, which every token carries, or raise JWT_SIZE_LIMIT.",
            ),
            Self::ApiKey => Some(
                "sb_publishable_ and sb_secret_ keys are not JWTs and belong in the apikey header. \
                 Send the signed-in user's access token as Bearer.",
            ),
            Self::AccessToken => Some("Make another: POST /v1/access-tokens with the user's own session."),
            Self::Anonymous => Some("Sign in and send the user's access token as Bearer."),
            Self::NoExpiry => Some("Tokens must expire: add a numeric exp claim, in seconds since 1970."),
            Self::NoSession => {
                Some("A session token has a non-empty role; a password-reset token is not a session.")
            }
            _ => None,
        }
    }

    /// Whether a newer key set may turn this into a yes. The key's signature was not looked at yet.
    #[must_use]
    pub fn may_be_cured_by_new_keys(self) -> bool {
        self == Self::UnknownKey
    }

    fn answer(self) -> (&'static str, &'static str) {
        match self {
            Self::TooLong => (TOO_LONG, "JWT is longer than this service accepts"),
            Self::Empty => (UNUSABLE, "Empty JWT is sent in Authorization header"),
            Self::ApiKey => (UNUSABLE, "An sb_ API key is not a JWT"),
            Self::PartCount => (UNUSABLE, "Expected 3 parts in JWT"),
            Self::Undecodable => (UNUSABLE, "JWT couldn't be decoded"),
            Self::Algorithm => (UNUSABLE, "Wrong or unsupported encoding algorithm"),
            Self::CriticalHeader => (UNUSABLE, "Critical JWT header parameters are not supported"),
            Self::UnknownKey | Self::UnfitKey => (UNUSABLE, "No suitable key or wrong key type"),
            Self::Signature => (UNUSABLE, "JWT cryptographic operation failed"),
            Self::Anonymous => (NOBODY, "Unauthorized: No active session"),
            Self::Claims => (CLAIMS, "Parsing claims failed"),
            Self::NulCharacter => (CLAIMS, "The JWT claims must not contain NUL characters"),
            Self::NoExpiry => (CLAIMS, "The JWT 'exp' claim is required"),
            Self::ExpiryNotNumber => (CLAIMS, "The JWT 'exp' claim must be a number"),
            Self::NotBeforeNotNumber => (CLAIMS, "The JWT 'nbf' claim must be a number"),
            Self::IssuedAtNotNumber => (CLAIMS, "The JWT 'iat' claim must be a number"),
            Self::Expired => (CLAIMS, "JWT expired"),
            Self::NotYetValid => (CLAIMS, "JWT not yet valid"),
            Self::IssuedInFuture => (CLAIMS, "JWT issued at future"),
            Self::AudienceNotText => (
                CLAIMS,
                "The JWT 'aud' claim must be a string or an array of strings",
            ),
            Self::Audience => (CLAIMS, "JWT not in audience"),
            Self::Issuer => (CLAIMS, "JWT not from the expected issuer"),
            Self::Role => (CLAIMS, "The JWT role is not accepted here"),
            Self::NoSession => (CLAIMS, "The JWT is not a session: it has no role"),
            Self::AccessToken => (UNUSABLE, "The access token is unknown, revoked or expired"),
            Self::UserId => (
                CLAIMS,
                "The user id must be a non-blank string of at most 255 bytes without control characters",
            ),
        }
    }
}

const TOO_LONG: &str = "MK_TOKEN_TOO_LONG";
const UNUSABLE: &str = "PGRST301";
const NOBODY: &str = "PGRST302";
const CLAIMS: &str = "PGRST303";

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Rejected {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_anonymous_answer_is_the_one_users_know() {
        assert_eq!(Rejected::Anonymous.code(), "PGRST302");
        assert_eq!(Rejected::Anonymous.message(), "Unauthorized: No active session");
    }

    #[test]
    fn an_api_key_is_told_where_it_belongs() {
        let hint = Rejected::ApiKey.hint().unwrap();
        assert_eq!(Rejected::ApiKey.code(), "PGRST301");
        assert!(hint.contains("apikey") && hint.contains("access token"));
    }

    const ALL: [Rejected; 26] = [
        Rejected::TooLong,
        Rejected::Empty,
        Rejected::ApiKey,
        Rejected::PartCount,
        Rejected::Undecodable,
        Rejected::Algorithm,
        Rejected::CriticalHeader,
        Rejected::UnknownKey,
        Rejected::UnfitKey,
        Rejected::Signature,
        Rejected::Anonymous,
        Rejected::Claims,
        Rejected::NulCharacter,
        Rejected::NoExpiry,
        Rejected::ExpiryNotNumber,
        Rejected::NotBeforeNotNumber,
        Rejected::IssuedAtNotNumber,
        Rejected::Expired,
        Rejected::NotYetValid,
        Rejected::IssuedInFuture,
        Rejected::AudienceNotText,
        Rejected::Audience,
        Rejected::Issuer,
        Rejected::Role,
        Rejected::NoSession,
        Rejected::UserId,
    ];

    #[test]
    fn every_message_fits_into_a_header() {
        for reason in ALL {
            for text in [Some(reason.message()), reason.hint()].into_iter().flatten() {
                assert!(text.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{text}");
                assert!(!text.contains(['"', '\\']), "{text}");
            }
        }
    }

    #[test]
    fn only_a_missing_key_can_be_cured_by_new_keys() {
        for reason in ALL {
            assert_eq!(reason.may_be_cured_by_new_keys(), reason == Rejected::UnknownKey);
        }
    }
}
