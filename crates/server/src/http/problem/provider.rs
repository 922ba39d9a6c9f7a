//! Problems of what a tenant connected: there is no key or grant, or the provider fails.

use poem::http::StatusCode;

use super::Problem;

impl Problem {
    /// A subscription where nothing tells of what happens to rows.
    pub(super) fn no_events() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "MK_DISTRIBUTED",
            "Events aren't sent from this database, whose rows lie on several nodes",
        )
        .hint("Ask the operator; lists filtered by created_after tell what is new")
    }

    /// A service that the caller has no active key for.
    pub(crate) fn not_connected() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "MK_NOT_CONNECTED",
            "This service isn't connected",
        )
        .hint("Save a key first: PUT /v1/api-keys/{service}, or POST /v1/connections/{service}/authorize")
    }

    /// An authorisation that can't be finished.
    pub(crate) fn not_begun(message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "MK_STATE", message)
            .hint("Begin with POST /v1/connections/{service}/authorize")
    }

    /// A service whose grant has ended.
    pub(crate) fn connection_ended() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "MK_CONNECTION_ERROR",
            "The provider has ended the access to this account",
        )
        .hint("Authorise again: POST /v1/connections/{service}/authorize")
    }

    pub(crate) fn bad_gateway(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, code, message)
    }
}
