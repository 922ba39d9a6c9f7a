//! Signs what goes out to tenants' receivers, by Standard Webhooks 1.0.0.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

use crate::hmac_scheme::TOLERANCE_SECONDS;
use crate::secret::{Secret, UnusableSecret};
use crate::verify::signature::{key, standard_webhooks};

/// The header `webhook-signature` of a message: a signature by each secret, so that a receiver may know the new one or the
/// old one while they are being exchanged. `timestamp` is what the header `webhook-timestamp` says, in seconds since 1970.
///
/// # Errors
/// [`UnusableSecret`]: a secret isn't base64, with or without `whsec_` in front.
pub fn standard_signature(
    secrets: &[Secret],
    id: &str,
    timestamp: i64,
    body: &[u8],
) -> Result<String, UnusableSecret> {
    let scheme = standard_webhooks(TOLERANCE_SECONDS);
    let head = format!("{id}.{timestamp}.");
    let signatures = secrets.iter().map(|secret| {
        let mut code = hmac::Context::with_key(&key(&scheme, secret)?);
        code.update(head.as_bytes());
        code.update(body);
        Ok(format!(
            "{}{}",
            scheme.signature_prefix,
            STANDARD.encode(code.sign())
        ))
    });
    Ok(signatures.collect::<Result<Vec<_>, _>>()?.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned()).unwrap()
    }

    const NEW: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    #[test]
    fn the_example_of_the_specification_is_signed_as_it_says() {
        for text in [NEW, &NEW["whsec_".len()..]] {
            let signed = standard_signature(&[secret(text)], ID, 1_614_265_330, BODY);
            assert_eq!(
                signed.as_deref(),
                Ok("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
            );
        }
    }

    #[test]
    fn two_secrets_make_two_signatures_of_which_each_is_what_it_alone_would_make() {
        let old = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
        let alone = |text| standard_signature(&[secret(text)], ID, 1_614_265_330, BODY).unwrap();
        let both = standard_signature(&[secret(NEW), secret(old)], ID, 1_614_265_330, BODY).unwrap();
        assert_eq!(both, format!("{} {}", alone(NEW), alone(old)));
        assert_ne!(alone(NEW), alone(old));
    }

    #[test]
    fn what_is_no_base64_signs_nothing() {
        let refused = standard_signature(&[secret(NEW), secret("not base64!")], ID, 0, BODY);
        assert_eq!(refused, Err(UnusableSecret::NotBase64));
    }
}
