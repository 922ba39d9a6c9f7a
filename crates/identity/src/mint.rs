//! Makes tokens for development.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::secret::HmacSecret;

/// Signs `claims` (a JSON object) as an HS256 token, for `mako token`, the demo tenants and tests.
///
/// It adds nothing: a token without `exp` is made, and refused by [`crate::Verifier`] like any other.
#[must_use]
pub fn mint(secret: &HmacSecret, claims: &Value) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
    let message = format!("{header}.{payload}");
    let signature = URL_SAFE_NO_PAD.encode(secret.sign(message.as_bytes()));
    format!("{message}.{signature}")
}
