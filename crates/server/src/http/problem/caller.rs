//! Problems of who asks: nobody, or nobody who may.

use identity::Rejected;
use poem::http::{StatusCode, header};

use super::Problem;

impl Problem {
    pub(crate) fn unauthorized(rejected: Rejected) -> Self {
        let (code, message) = (rejected.code(), rejected.message());
        let challenge = match code {
            "PGRST302" => "Bearer".to_owned(),
            _ => format!("Bearer error=\"invalid_token\", error_description=\"{message}\""),
        };
        let problem =
            Self::new(StatusCode::UNAUTHORIZED, code, message).header(header::WWW_AUTHENTICATE, &challenge);
        match rejected.hint() {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }

    /// A delivery without a signature.
    pub(crate) fn unsigned() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "MK_WEBHOOK_UNSIGNED",
            "The delivery carries no signature or key",
        )
        .header(header::WWW_AUTHENTICATE, "Bearer")
    }

    pub(crate) fn forbidden(message: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "MK403", message)
    }

    /// A token of an app that the user let in, where only the user's own session gets at things.
    pub(crate) fn third_party() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "MK_THIRD_PARTY",
            "This token belongs to an app (client_id), which gets at neither keys nor addresses nor numbers",
        )
        .hint("Use the user's own session, or have an admin name the app in THIRD_PARTY_CLIENTS")
    }

    /// A token whose scopes are for something else (RFC 6750 §3.1).
    pub(crate) fn insufficient_scope(needed: &str) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "MK_SCOPE",
            "The token's scopes don't permit this",
        )
        .details(format!("needed: {needed}"))
        .header(
            header::WWW_AUTHENTICATE,
            &format!("Bearer error=\"insufficient_scope\", scope=\"{needed}\""),
        )
    }

    /// A session without a second factor, where one is wanted.
    pub(crate) fn second_factor() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "MK_AAL2",
            "This needs a session with a second factor (aal2)",
        )
        .hint("Sign in with a second factor: supabase.auth.mfa.challengeAndVerify()")
    }
}
