//! What a token says of itself before anything is proven.
//!
//! Only what is needed to choose a key: algorithm and key id. The payload is not looked at here, so nothing
//! can be decided by it too early.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::Deserialize;

use crate::json;
use crate::rejected::Rejected;

/// A token whose form is right. Nobody has signed it yet, as far as we know.
pub(crate) struct UnverifiedToken<'t> {
    pub(crate) text: &'t str,
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: Option<String>,
}

impl<'t> UnverifiedToken<'t> {
    /// Reads the header of a token of at most `size_limit` bytes.
    ///
    /// # Errors
    /// [`Rejected::TooLong`], and the reasons with code `PGRST301` that need no key.
    pub(crate) fn parse(text: &'t str, size_limit: usize) -> Result<Self, Rejected> {
        if text.len() > size_limit {
            return Err(Rejected::TooLong);
        }
        if text.is_empty() {
            return Err(Rejected::Empty);
        }
        if text.starts_with("sb_") {
            return Err(Rejected::ApiKey);
        }
        let (header, rest) = text.split_once('.').ok_or(Rejected::PartCount)?;
        if rest.matches('.').count() != 1 {
            return Err(Rejected::PartCount);
        }
        let header = URL_SAFE_NO_PAD
            .decode(header)
            .map_err(|_| Rejected::Undecodable)?;
        let header: Header = serde_json::from_slice(&header).map_err(|_| Rejected::Undecodable)?;
        if header.critical {
            return Err(Rejected::CriticalHeader);
        }
        let algorithm = accepted(&header.alg).ok_or(Rejected::Algorithm)?;
        // Its reader is stricter about members that we ignore; heard now, so that a later error is the payload's.
        jsonwebtoken::decode_header(text).map_err(|_| Rejected::Undecodable)?;
        Ok(Self {
            text,
            algorithm,
            key_id: header.kid,
        })
    }

    /// Whether a key set decides about it, rather than the shared secret.
    pub(crate) fn wants_public_key(&self) -> bool {
        self.algorithm != Algorithm::HS256
    }
}

impl fmt::Debug for UnverifiedToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedToken").finish_non_exhaustive()
    }
}

/// The algorithms by their exact names; there is no fourth.
fn accepted(name: &str) -> Option<Algorithm> {
    match name {
        "HS256" => Some(Algorithm::HS256),
        "ES256" => Some(Algorithm::ES256),
        "RS256" => Some(Algorithm::RS256),
        _ => None,
    }
}

/// Everything else in a header is ignored, above all the keys it may offer (`jwk`, `jku`, `x5u`, `x5c`).
///
/// A derived struct refuses a field that comes twice, so `jsonwebtoken` can't read another `alg` than we did.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    #[serde(rename = "crit", default, deserialize_with = "json::present")]
    critical: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 8192;

    fn with_header(header: &str) -> Result<Algorithm, Rejected> {
        let token = format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(header));
        UnverifiedToken::parse(&token, LIMIT).map(|token| token.algorithm)
    }

    #[test]
    fn three_algorithms_are_read_and_no_other() {
        assert_eq!(with_header(r#"{"alg":"HS256"}"#), Ok(Algorithm::HS256));
        assert_eq!(
            with_header(r#"{"typ":"JWT","alg":"ES256","kid":"k"}"#),
            Ok(Algorithm::ES256)
        );
        assert_eq!(
            with_header(r#"{"alg":"RS256","kid":null,"x":[1]}"#),
            Ok(Algorithm::RS256)
        );
        for name in [
            "none", "None", "NONE", "nOnE", "", "hs256", "HS256 ", "HS384", "HS512", "ES384", "ES256K",
            "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA", "dir", "A128KW",
        ] {
            assert_eq!(
                with_header(&format!(r#"{{"alg":"{name}"}}"#)),
                Err(Rejected::Algorithm),
                "{name}"
            );
        }
    }

    #[test]
    fn a_header_that_is_not_one_is_undecodable() {
        for header in [
            "",
            "x",
            "[]",
            "null",
            "{}",
            r#"{"alg":null}"#,
            r#"{"alg":1}"#,
            r#"{"alg":["HS256"]}"#,
            r#"{"alg":"HS256"}x"#,
            r#"{"alg":"HS256","kid":7}"#,
            r#"{"alg":"HS256","alg":"none"}"#,
            r#"{"alg":"HS256","kid":"a","kid":"b"}"#,
        ] {
            assert_eq!(with_header(header), Err(Rejected::Undecodable), "{header}");
        }
    }

    #[test]
    fn a_critical_header_is_refused_whatever_it_holds() {
        for crit in [r#"["b64"]"#, "[]", "null", "1", r#""exp""#] {
            let header = format!(r#"{{"alg":"HS256","b64":false,"crit":{crit}}}"#);
            assert_eq!(with_header(&header), Err(Rejected::CriticalHeader), "{header}");
        }
    }

    #[test]
    fn length_is_looked_at_before_anything_else() {
        let longest = format!("sb_{}", "x".repeat(LIMIT - 3));
        assert_eq!(
            UnverifiedToken::parse(&longest, LIMIT).unwrap_err(),
            Rejected::ApiKey
        );
        assert_eq!(
            UnverifiedToken::parse(&format!("{longest}x"), LIMIT).unwrap_err(),
            Rejected::TooLong
        );
    }

    #[test]
    fn three_parts_are_three() {
        for text in ["a", "a.b", "a.b.c.d", "a.b.c.d.e", "...", "."] {
            assert_eq!(
                UnverifiedToken::parse(text, LIMIT).unwrap_err(),
                Rejected::PartCount,
                "{text}"
            );
        }
        assert_eq!(UnverifiedToken::parse("", LIMIT).unwrap_err(), Rejected::Empty);
        assert_eq!(
            UnverifiedToken::parse("..", LIMIT).unwrap_err(),
            Rejected::Undecodable
        );
    }
}
