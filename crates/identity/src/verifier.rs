//! Verifies a token and says whose it is.
//!
//! The one way from text to [`Principal`]. The order of the steps is part of the contract: nothing in the
//! payload counts before the signature holds, and an `anon` key is told "no active session" whatever else
//! it lacks, because clients send it when nobody is signed in.

use std::fmt;
use std::time::SystemTime;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};

use crate::claims::Claims;
use crate::keys::KeySet;
use crate::principal::{Principal, ServiceToken};
use crate::provider;
use crate::rejected::Rejected;
use crate::rules::{self, RoleKind};
use crate::secret::HmacSecret;
use crate::unverified::UnverifiedToken;

/// What makes a token good, from the environment.
pub struct VerifierSettings {
    /// `JWT_SECRET`: the key of HS256 tokens. Without it they are all refused.
    pub secret: Option<HmacSecret>,
    /// `JWT_AUDIENCE`: if set, tokens that don't name it are refused.
    pub audience: Option<String>,
    /// `JWT_ISSUER`: if set, tokens of others are refused.
    pub issuer: Option<String>,
    /// `JWT_USER_CLAIM`: the claim that names the user. With `sub`, tokens are read as Supabase's; with any
    /// other name, as an application's own, whose `role` is not a Postgres role.
    pub user_claim: String,
    /// `JWT_SIZE_LIMIT`: bytes that a token may have. Longer ones are refused unread: they cost us, not the sender.
    pub size_limit: usize,
}

/// Supabase's tokens have about 1 KB; those with many organisations or avatars in `user_metadata` have 12 KB and more.
pub const SIZE_LIMIT: usize = 16 * 1024;

impl Default for VerifierSettings {
    /// Supabase's tokens; no secret.
    fn default() -> Self {
        Self {
            secret: None,
            audience: None,
            issuer: None,
            user_claim: SUPABASE_CLAIM.into(),
            size_limit: SIZE_LIMIT,
        }
    }
}

/// Why settings can't work. Said at start-up, so that it is not found out token by token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misconfigured {
    /// The user claim is empty, or one that is the same for many users.
    UserClaim,
    /// The audience is set to nothing.
    Audience,
    /// The issuer is set to nothing.
    Issuer,
    /// Another part of the process gave `jsonwebtoken` other cryptography; ours would not be used.
    Cryptography,
}

/// Checks tokens. Cheap to share, stateless; keys and time are parameters.
pub struct Verifier {
    secret: Option<DecodingKey>,
    audience: Option<String>,
    issuer: Option<String>,
    user_claim: String,
    size_limit: usize,
}

impl Verifier {
    /// Takes the settings over.
    ///
    /// # Errors
    /// [`Misconfigured`].
    pub fn new(settings: VerifierSettings) -> Result<Self, Misconfigured> {
        let VerifierSettings {
            secret,
            audience,
            issuer,
            user_claim,
            size_limit,
        } = settings;
        if user_claim.is_empty() || SHARED_CLAIMS.contains(&user_claim.as_str()) {
            return Err(Misconfigured::UserClaim);
        }
        if audience.as_deref() == Some("") {
            return Err(Misconfigured::Audience);
        }
        if issuer.as_deref() == Some("") {
            return Err(Misconfigured::Issuer);
        }
        if !provider::install() {
            return Err(Misconfigured::Cryptography);
        }
        let secret = secret.map(|secret| DecodingKey::from_secret(secret.as_bytes()));
        Ok(Self {
            secret,
            audience,
            issuer,
            user_claim,
            size_limit,
        })
    }

    /// Bytes that a token may have.
    pub(crate) fn size_limit(&self) -> usize {
        self.size_limit
    }

    /// Verifies a token as it was presented, without `Bearer `.
    ///
    /// # Errors
    /// [`Rejected`]; if [`Rejected::may_be_cured_by_new_keys`], fetch them and ask again, or leave both to
    /// [`crate::Authenticator`].
    pub fn verify(
        &self,
        unverified_token: &str,
        keys: &KeySet,
        now: SystemTime,
    ) -> Result<Principal, Rejected> {
        let token = UnverifiedToken::parse(unverified_token, self.size_limit)?;
        self.verify_parsed(&token, keys, now)
    }

    pub(crate) fn verify_parsed(
        &self,
        token: &UnverifiedToken<'_>,
        keys: &KeySet,
        now: SystemTime,
    ) -> Result<Principal, Rejected> {
        let payload = self.signed_payload(token, keys)?;
        rules::check_times(&payload, now)?;
        let role = self.role(&payload)?;
        rules::check_audience(&payload, self.audience.as_deref())?;
        rules::check_issuer(&payload, self.issuer.as_deref())?;
        match role {
            RoleKind::Service => Ok(Principal::Service(ServiceToken::assert_verified())),
            RoleKind::User => {
                let user_id = payload
                    .get(&self.user_claim)
                    .and_then(Value::as_str)
                    .ok_or(Rejected::UserId)?;
                let user_id = user_id.to_owned();
                Claims::assert_verified(&user_id, payload).map(Principal::User)
            }
        }
    }

    /// The payload, once one of the keys that may have signed it turns out to have done so.
    fn signed_payload(
        &self,
        token: &UnverifiedToken<'_>,
        keys: &KeySet,
    ) -> Result<Map<String, Value>, Rejected> {
        let candidates = if token.wants_public_key() {
            keys.candidates(token.key_id.as_deref(), token.algorithm)?
        } else {
            // GoTrue puts a `kid` on HS256 tokens too, but there is one secret and it has no name.
            vec![self.secret.as_ref().ok_or(Rejected::UnfitKey)?]
        };
        for key in candidates {
            match jsonwebtoken::decode(token.text, key, &signature_only(token.algorithm)) {
                Ok(decoded) => return Ok(decoded.claims),
                // The header was read before, so this is the payload, and its signature is good.
                Err(error) if matches!(error.kind(), ErrorKind::Json(_)) => return Err(Rejected::Claims),
                Err(_) => {}
            }
        }
        Err(Rejected::Signature)
    }

    fn role(&self, payload: &Map<String, Value>) -> Result<RoleKind, Rejected> {
        if self.user_claim == SUPABASE_CLAIM {
            rules::supabase_role(payload)
        } else {
            rules::application_role(payload)
        }
    }
}

/// `jsonwebtoken` pinned to one algorithm, its other checks off: they read the clock, and `rules` has them.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation
}

const SUPABASE_CLAIM: &str = "sub";
/// Claims with the same value for many users: as the user's name they would merge tenants into one.
const SHARED_CLAIMS: [&str; 6] = ["role", "iss", "aud", "exp", "nbf", "iat"];

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("user_claim", &self.user_claim)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Misconfigured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UserClaim => "JWT_USER_CLAIM must name a claim that differs from user to user, such as sub",
            Self::Audience => "JWT_AUDIENCE must not be empty; leave it out to accept any audience",
            Self::Issuer => "JWT_ISSUER must not be empty; leave it out to accept any issuer",
            Self::Cryptography => "another jsonwebtoken CryptoProvider was installed in this process",
        })
    }
}

impl std::error::Error for Misconfigured {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_would_merge_or_refuse_everyone_are_refused() {
        for claim in ["", "role", "iss", "aud", "exp"] {
            let settings = VerifierSettings {
                user_claim: claim.into(),
                ..VerifierSettings::default()
            };
            assert_eq!(
                Verifier::new(settings).unwrap_err(),
                Misconfigured::UserClaim,
                "{claim}"
            );
        }
        let settings = VerifierSettings {
            audience: Some(String::new()),
            ..VerifierSettings::default()
        };
        assert_eq!(Verifier::new(settings).unwrap_err(), Misconfigured::Audience);
        let settings = VerifierSettings {
            issuer: Some(String::new()),
            ..VerifierSettings::default()
        };
        assert_eq!(Verifier::new(settings).unwrap_err(), Misconfigured::Issuer);
    }
}
