//! What is signed, how, and where the signature is.

use serde::{Deserialize, Serialize};

use crate::bad_auth::BadAuth;

/// Seconds that a signed time may be off, in both directions (Standard Webhooks' reference code).
pub(crate) const TOLERANCE_SECONDS: u32 = 300;
/// A day: whoever tolerates more need not look at the time at all.
const LONGEST_TOLERANCE: u32 = 86_400;

/// Vapi's `HmacAuthenticationPlan` without its key, with its defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HmacScheme {
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

impl Default for HmacScheme {
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

/// Vapi's default.
pub(crate) const DEFAULT_FORMAT: &str = "{timestamp}.{body}";

impl HmacScheme {
    pub(crate) fn check(&self) -> Result<(), BadAuth> {
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
pub(crate) fn header_name(name: &str) -> Result<(), BadAuth> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.is_empty() && name.len() <= 100 && name.bytes().all(token) {
        Ok(())
    } else {
        Err(BadAuth(
            "a header name has letters, digits and hyphens only".into(),
        ))
    }
}
