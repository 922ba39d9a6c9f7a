//! How does an endpoint want to be convinced?
//!
//! What clients send as `"auth"` and the column `webhook_endpoints.auth` holds. There are no secrets in it,
//! and unknown names are refused, so that none gets in by mistake.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::secret::{Secret, UnusableSecret};
use crate::source::Source;
use crate::verify::signature;

/// Seconds that a signed time may be off, in both directions (Standard Webhooks' reference code).
const TOLERANCE_SECONDS: u32 = 300;
/// A day: whoever tolerates more need not look at the time at all.
const LONGEST_TOLERANCE: u32 = 86_400;

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
    Hmac(HmacPlan),
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
    Hmac(HmacPlan),
    /// Standard Webhooks 1.0.0.
    StandardWebhooks {
        /// Seconds that the signed time may be off.
        #[serde(default = "tolerance")]
        tolerance_seconds: u32,
    },
}

/// Vapi's `HmacAuthenticationPlan` without its key, with its defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HmacPlan {
    /// Hash function.
    pub algorithm: Algorithm,
    /// Header with the signature.
    #[serde(alias = "signatureHeader")]
    pub signature_header: String,
    /// Header with the time, in seconds or milliseconds since 1970.
    #[serde(alias = "timestampHeader")]
    pub timestamp_header: String,
    /// What stands in front of each signature.
    #[serde(alias = "signaturePrefix")]
    pub signature_prefix: String,
    /// Whether the sender adds the time. If not, `{timestamp}.` is dropped from the default format.
    #[serde(alias = "includeTimestamp")]
    pub include_timestamp: bool,
    /// What is signed; `{body}` must be in it, `{timestamp}`, `{method}`, `{url}` and `{svix-id}` may be.
    #[serde(alias = "payloadFormat")]
    pub payload_format: String,
    /// Header with the id that `{svix-id}` stands for.
    #[serde(alias = "messageIdHeader")]
    pub message_id_header: Option<String>,
    /// How the signature is written.
    #[serde(alias = "signatureEncoding", alias = "encoding")]
    pub signature_encoding: Encoding,
    /// Whether the key is the secret's base64 decoding instead of its text.
    #[serde(alias = "secretIsBase64")]
    pub secret_is_base64: bool,
    /// Seconds that a signed time may be off.
    #[serde(alias = "toleranceSeconds")]
    pub tolerance_seconds: u32,
}

/// The hash function of an HMAC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// HMAC-SHA1, for old senders.
    Sha1,
    /// HMAC-SHA256.
    #[default]
    Sha256,
    /// HMAC-SHA512.
    Sha512,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Hexadecimal, in either case.
    #[default]
    Hex,
    /// Standard base64 with padding.
    Base64,
}

/// Why a configuration can't be one. The text is for whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAuth(String);

impl Default for HmacPlan {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::default(),
            signature_header: "x-signature".into(),
            timestamp_header: "x-timestamp".into(),
            signature_prefix: String::new(),
            include_timestamp: true,
            payload_format: DEFAULT_FORMAT.into(),
            message_id_header: None,
            signature_encoding: Encoding::default(),
            secret_is_base64: false,
            tolerance_seconds: TOLERANCE_SECONDS,
        }
    }
}

const DEFAULT_FORMAT: &str = "{timestamp}.{body}";

impl Auth {
    /// What a source uses when nothing was configured, as on the platform's addresses.
    #[must_use]
    pub fn default_of(source: Source) -> Self {
        match source {
            Source::Twilio => Self::Twilio,
            Source::Vapi => Self::Vapi(VapiAuth::default()),
            Source::Make => Self::Make(MakeAuth::default()),
        }
    }

    /// Reads a configuration; null and `{}` are the default.
    ///
    /// # Errors
    /// [`BadAuth`] for unknown names or ways, headers that can't be names, a format without the body, one
    /// that needs an id and names no header for it, a tolerance beyond a day.
    pub fn from_json(source: Source, value: &Value) -> Result<Self, BadAuth> {
        if value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty) {
            return Ok(Self::default_of(source));
        }
        let takes_no_more = value.as_object().is_some_and(|members| members.len() > 1);
        let auth = match source {
            Source::Twilio => return Err(BadAuth("twilio has no auth settings; leave auth out".into())),
            Source::Vapi => Self::Vapi(VapiAuth::deserialize(value).map_err(|error| unreadable(&error))?),
            Source::Make => Self::Make(MakeAuth::deserialize(value).map_err(|error| unreadable(&error))?),
        };
        if matches!(auth, Self::Vapi(VapiAuth::Secret) | Self::Make(MakeAuth::ApiKey)) && takes_no_more {
            return Err(BadAuth(
                "auth of this type has no further settings; the secret goes into secret".into(),
            ));
        }
        auth.checked()
    }

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
        if let Some(plan) = self.plan() {
            return signature::key(&plan, secret).map(|_| ());
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
            _ if self.plan().is_some_and(|plan| plan.secret_is_base64) => {
                Some(format!("whsec_{}", STANDARD.encode(random)))
            }
            _ => Some(hex::encode(random)),
        }
    }

    /// How deliveries are signed, if they are signed by a plan.
    pub(crate) fn plan(&self) -> Option<HmacPlan> {
        match self {
            Self::Vapi(VapiAuth::Hmac(plan)) | Self::Make(MakeAuth::Hmac(plan)) => Some(plan.clone()),
            Self::Vapi(VapiAuth::StandardWebhooks { tolerance_seconds })
            | Self::Make(MakeAuth::StandardWebhooks { tolerance_seconds }) => {
                Some(signature::standard_webhooks(*tolerance_seconds))
            }
            _ => None,
        }
    }

    fn checked(mut self) -> Result<Self, BadAuth> {
        if let Self::Vapi(VapiAuth::Hmac(plan)) | Self::Make(MakeAuth::Hmac(plan)) = &mut self
            && !plan.include_timestamp
            && plan.payload_format == DEFAULT_FORMAT
        {
            plan.payload_format = "{body}".into();
        }
        if let Self::Vapi(VapiAuth::Bearer { header, .. }) = &self {
            header_name(header)?;
        }
        if let Some(plan) = self.plan() {
            plan.check()?;
        }
        Ok(self)
    }
}

impl HmacPlan {
    fn check(&self) -> Result<(), BadAuth> {
        let names = [Some(&self.signature_header), Some(&self.timestamp_header)];
        for name in names
            .into_iter()
            .chain([self.message_id_header.as_ref()])
            .flatten()
        {
            header_name(name)?;
        }
        let problem = if !self.payload_format.contains("{body}") {
            "payload_format must contain {body}: else the body could be anything"
        } else if self.payload_format.contains("{svix-id}") && self.message_id_header.is_none() {
            "payload_format contains {svix-id}, so message_id_header must name its header"
        } else if !self.include_timestamp && self.payload_format.contains("{timestamp}") {
            "payload_format contains {timestamp}, so include_timestamp must be true"
        } else if self.tolerance_seconds > LONGEST_TOLERANCE {
            "tolerance_seconds must be at most 86400"
        } else if self.payload_format.len() > 200 || self.signature_prefix.len() > 50 {
            "payload_format may have 200 bytes and signature_prefix 50"
        } else if self.signature_prefix.chars().any(char::is_whitespace) {
            "signature_prefix must not contain blanks: they separate signatures"
        } else {
            return Ok(());
        };
        Err(BadAuth(problem.into()))
    }
}

/// RFC 9110 §5.1: a token.
fn header_name(name: &str) -> Result<(), BadAuth> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.is_empty() && name.len() <= 100 && name.bytes().all(token) {
        Ok(())
    } else {
        Err(BadAuth(
            "a header name has letters, digits and hyphens only".into(),
        ))
    }
}

/// What serde says of names is for the sender; what it says of values may be a secret in the wrong place.
fn unreadable(error: &serde_json::Error) -> BadAuth {
    let said = error.to_string();
    let of_names = ["unknown field", "unknown variant", "missing field"];
    if of_names.iter().any(|start| said.starts_with(start)) {
        BadAuth(said)
    } else {
        BadAuth("a setting in auth has the wrong type".into())
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
