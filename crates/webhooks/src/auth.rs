//! How an endpoint wants to be convinced.
//!
//! What clients send as `"auth"` and the column `webhook_endpoints.auth` holds. There are no secrets in it,
//! and unknown names are refused, so that none gets in by mistake.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bad_auth::BadAuth;
use crate::hmac_scheme::{DEFAULT_FORMAT, HmacScheme, TOLERANCE_SECONDS, header_name};
use crate::secret::{Secret, UnusableSecret};
use crate::source::Source;
use crate::verify::signature;

/// The configuration of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Twilio's signature. There is nothing to configure: the delivery says which key and algorithm.
    Twilio,
    /// Vapi, in one of its ways.
    Vapi(VapiAuth),
    /// Make, by a key or a signature.
    Make(MakeAuth),
}

/// How Vapi authenticates. `{}` is [`VapiAuth::Secret`]; the names are Vapi's, in snake or camel case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum VapiAuth {
    /// The secret in `x-vapi-secret` (an assistant's or number's `server.secret`) or as bearer token.
    #[default]
    Secret,
    /// A bearer credential.
    Bearer {
        /// Header that carries it.
        #[serde(default = "authorization", alias = "headerName", alias = "header_name")]
        header: String,
        /// Whether `Bearer` stands in front.
        #[serde(
            default = "yes",
            alias = "bearerPrefixEnabled",
            alias = "bearer_prefix_enabled"
        )]
        prefix: bool,
    },
    /// An HMAC credential.
    Hmac(HmacScheme),
    /// Standard Webhooks 1.0.0 (headers `webhook-id`, `webhook-timestamp`, `webhook-signature`).
    StandardWebhooks {
        /// Seconds that the signed time may be off.
        #[serde(default = "tolerance")]
        tolerance_seconds: u32,
    },
}

/// How a Make scenario authenticates. `{}` is [`MakeAuth::ApiKey`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum MakeAuth {
    /// The key in `x-make-apikey`, `x-api-key` or as bearer token.
    #[default]
    ApiKey,
    /// A signature that the scenario computes.
    Hmac(HmacScheme),
    /// Standard Webhooks 1.0.0.
    StandardWebhooks {
        /// Seconds that the signed time may be off.
        #[serde(default = "tolerance")]
        tolerance_seconds: u32,
    },
}

impl Auth {
    /// The configuration as it is stored.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let written = match self {
            Self::Twilio => Ok(Value::Object(serde_json::Map::new())),
            Self::Vapi(auth) => serde_json::to_value(auth),
            Self::Make(auth) => serde_json::to_value(auth),
        };
        written.unwrap_or_default()
    }

    /// Whether a secret fits the configuration: to be asked when it is saved.
    ///
    /// # Errors
    /// [`UnusableSecret`].
    pub fn check_secret(&self, secret: &Secret) -> Result<(), UnusableSecret> {
        if let Some(scheme) = self.hmac_scheme() {
            return signature::key(&scheme, secret).map(|_| ());
        }
        let text = secret.text();
        let sendable = text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && text.trim() == text;
        if sendable {
            Ok(())
        } else {
            Err(UnusableSecret::NotAHeaderValue)
        }
    }

    /// A new secret of this kind out of 32 random bytes. `None` for Twilio, whose secret is the account's.
    #[must_use]
    pub fn new_secret(&self, random: &[u8; 32]) -> Option<String> {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;
        match self {
            Self::Twilio => None,
            _ if self.hmac_scheme().is_some_and(|scheme| scheme.secret_is_base64) => {
                Some(format!("whsec_{}", STANDARD.encode(random)))
            }
            _ => Some(hex::encode(random)),
        }
    }

    /// Whose configuration it is.
    pub(crate) fn source(&self) -> Source {
        match self {
            Self::Twilio => Source::Twilio,
            Self::Vapi(_) => Source::Vapi,
            Self::Make(_) => Source::Make,
        }
    }

    /// How deliveries are signed, if they are signed by a scheme.
    pub(crate) fn hmac_scheme(&self) -> Option<HmacScheme> {
        match self {
            Self::Vapi(VapiAuth::Hmac(scheme)) | Self::Make(MakeAuth::Hmac(scheme)) => Some(scheme.clone()),
            Self::Vapi(VapiAuth::StandardWebhooks { tolerance_seconds })
            | Self::Make(MakeAuth::StandardWebhooks { tolerance_seconds }) => {
                Some(signature::standard_webhooks(*tolerance_seconds))
            }
            _ => None,
        }
    }

    /// Refuses what no endpoint can be set up with.
    pub(crate) fn checked(mut self) -> Result<Self, BadAuth> {
        if let Self::Vapi(VapiAuth::Hmac(scheme)) | Self::Make(MakeAuth::Hmac(scheme)) = &mut self
            && !scheme.include_timestamp
            && scheme.payload_format == DEFAULT_FORMAT
        {
            scheme.payload_format = "{body}".into();
        }
        if let Self::Vapi(VapiAuth::Bearer { header, .. }) = &self {
            header_name(header)?;
        }
        if let Some(scheme) = self.hmac_scheme() {
            scheme.check()?;
        }
        Ok(self)
    }
}

fn authorization() -> String {
    "authorization".into()
}

fn yes() -> bool {
    true
}

fn tolerance() -> u32 {
    TOLERANCE_SECONDS
}
