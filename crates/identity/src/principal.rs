//! What a verified token turns out to be.

use serde_json::Map;

use crate::claims::Claims;
use crate::rejected::Rejected;

/// Who presented a verified token.
#[derive(Clone, Debug)]
pub enum Principal {
    /// A signed-in user.
    User(Claims),
    /// A back end with a `service_role` token, which is nobody until it says whom it acts for.
    Service(ServiceToken),
}

/// Proof that a verified token had the role `service_role`.
///
/// It opens nothing by itself: rows are reached as a user only, through the same policies.
#[derive(Clone, Debug)]
pub struct ServiceToken(());

impl ServiceToken {
    /// Asserts that a verified token's role was `service_role`.
    pub(crate) fn assert_verified() -> Self {
        Self(())
    }

    /// The identity of the user this service says it acts for (the header `x-mako-user`).
    ///
    /// The claims hold that user, the role and that it is a service, and nothing of the service's own token.
    ///
    /// # Errors
    /// [`Rejected::UserId`] if it can't be a user id.
    pub fn acting_as(&self, user_id: &str) -> Result<Claims, Rejected> {
        let payload = Map::from_iter([("service_token".to_owned(), true.into())]);
        Claims::assert_verified(user_id, payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_acts_as_the_user_it_names_and_as_nobody_else() {
        let claims = ServiceToken::assert_verified().acting_as("bob").unwrap();
        assert_eq!(claims.user_id(), "bob");
        assert_eq!(
            claims.payload(),
            r#"{"role":"authenticated","service_token":true,"sub":"bob"}"#
        );
    }

    #[test]
    fn a_service_that_names_nobody_gets_no_claims() {
        for id in ["", "  ", "a\0", "a\r\nb"] {
            assert_eq!(
                ServiceToken::assert_verified().acting_as(id).unwrap_err(),
                Rejected::UserId
            );
        }
    }
}
