//! Marks a value whose origin was checked.

use std::fmt;

use serde_json::Map;

use crate::claims::Claims;
use crate::rejected::Rejected;

/// A value whose origin was proved: a webhook delivery with the right signature, or the record of one.
///
/// The field is private and there is no `map`: what was verified can be read and taken out, but not exchanged
/// for something else. The one constructor is fenced in `.clippy.toml`, so each place that makes a proof
/// carries its reason.
///
/// ```compile_fail,E0423
/// let forged = identity::Verified("a delivery");
/// ```
/// ```compile_fail,E0277
/// let forged: identity::Verified<()> = Default::default();
/// ```
#[derive(Clone)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// Asserts that `value` came from whom it says it came from: search for this name to see who may.
    #[must_use]
    pub fn assert_verified(value: T) -> Self {
        Self(value)
    }

    /// What was verified.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.0
    }

    /// Takes what was verified, and with it gives up the proof.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> AsRef<T> for Verified<T> {
    fn as_ref(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Verified<T> {
    /// Shows nothing of the contents: deliveries hold numbers and names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").finish_non_exhaustive()
    }
}

impl Claims {
    /// The identity of the user to whom a verified delivery belongs: the owner of its endpoint or, on the
    /// platform's address, of the number that it came in on.
    ///
    /// The claims hold that user and the role, and nothing of the delivery. Whose the delivery is, is for
    /// routing to say (`owner` comes from the database); the proof is here so that nobody acts for a user
    /// because of a delivery that nobody checked.
    ///
    /// # Errors
    /// [`Rejected::UserId`] if the owner can't be a user id.
    pub fn on_behalf_of<T>(owner: &str, _proof: &Verified<T>) -> Result<Self, Rejected> {
        Self::assert_verified(owner, Map::new())
    }

    /// The identity of the owner of an access token, with the token's scopes and id and nothing else. The proof is that
    /// the token was found by its hash.
    ///
    /// # Errors
    /// [`Rejected::UserId`] if the owner can't be a user id.
    pub fn of_access_token<T>(
        owner: &str,
        id: &str,
        scopes: &[&str],
        _proof: &Verified<T>,
    ) -> Result<Self, Rejected> {
        let payload = [("access_token", id.into()), ("scope", scopes.join(" ").into())];
        let payload = payload.map(|(name, value)| (name.to_owned(), value));
        Self::assert_verified(owner, Map::from_iter(payload))
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test of the constructor itself")]
mod tests {
    use super::*;

    #[test]
    fn a_verified_delivery_acts_as_its_owner_and_tells_postgres_nothing_else() {
        let proof = Verified::assert_verified("delivery of +14017122661");
        let claims = Claims::on_behalf_of("alice", &proof).unwrap();
        assert_eq!(claims.user_id(), "alice");
        assert_eq!(claims.payload(), r#"{"role":"authenticated","sub":"alice"}"#);
    }

    #[test]
    fn an_access_token_acts_as_its_owner_within_its_scopes() {
        let proof = Verified::assert_verified(());
        let claims = Claims::of_access_token("alice", "t1", &["leads:read", "relay:zoho"], &proof).unwrap();
        assert_eq!(claims.user_id(), "alice");
        assert_eq!(claims.scopes().collect::<Vec<_>>(), ["leads:read", "relay:zoho"]);
        assert_eq!(
            claims.payload(),
            r#"{"access_token":"t1","role":"authenticated","scope":"leads:read relay:zoho","sub":"alice"}"#
        );
    }

    #[test]
    fn a_delivery_of_nobody_gets_no_claims() {
        let proof = Verified::assert_verified(());
        for owner in ["", " ", "a\0b", "a\nb", &"x".repeat(256)] {
            assert_eq!(Claims::on_behalf_of(owner, &proof).unwrap_err(), Rejected::UserId);
        }
    }

    #[test]
    fn what_was_verified_is_read_but_not_shown() {
        let proof = Verified::assert_verified(String::from("+14017122661"));
        assert_eq!(proof.get(), "+14017122661");
        assert_eq!(proof.as_ref(), "+14017122661");
        assert_eq!(format!("{proof:?}"), "Verified { .. }");
        assert_eq!(proof.into_inner(), "+14017122661");
    }
}
