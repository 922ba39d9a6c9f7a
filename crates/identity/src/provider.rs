//! The cryptography that `jsonwebtoken` runs on.
//!
//! On ring, for three algorithms, and to verify only. The providers that come with it were refused: one
//! compiles a minute of C, the other brings an RSA crate with an open advisory. Whatever is not listed
//! here does not exist for this service.

use std::sync::OnceLock;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{self, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::hmac;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

static RING: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    // For making JWKs out of private keys, which nothing here does.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes ring the process' provider, once; false if something else was installed before.
pub(crate) fn install() -> bool {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    *INSTALLED.get_or_init(|| RING.install_default().is_ok())
}

/// A signature scheme with the key that checks it.
enum Check {
    Hs256(hmac::Key),
    Es256(UnparsedPublicKey<Vec<u8>>),
    Rs256(RsaPublicKeyComponents<Vec<u8>>),
}

impl Verifier<Vec<u8>> for Check {
    fn verify(&self, message: &[u8], tag: &Vec<u8>) -> Result<(), signature::Error> {
        match self {
            Self::Hs256(key) => hmac::verify(key, message, tag),
            Self::Es256(key) => key.verify(message, tag),
            Self::Rs256(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, message, tag),
        }
        // What ring says is no more than "no".
        .map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Check {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Hs256(_) => Algorithm::HS256,
            Self::Es256(_) => Algorithm::ES256,
            Self::Rs256(_) => Algorithm::RS256,
        }
    }
}

/// The algorithm must be one of the three *and* the key of its family: no key serves two purposes.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature is jsonwebtoken's"
)]
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    let check = match (algorithm, key.family(), key.kind()) {
        (Algorithm::HS256, AlgorithmFamily::Hmac, DecodingKeyKind::SecretOrDer(secret)) => {
            Check::Hs256(hmac::Key::new(hmac::HMAC_SHA256, secret))
        }
        (Algorithm::ES256, AlgorithmFamily::Ec, DecodingKeyKind::SecretOrDer(point)) => {
            Check::Es256(UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point.clone()))
        }
        (Algorithm::RS256, AlgorithmFamily::Rsa, DecodingKeyKind::RsaModulusExponent { n, e }) => {
            Check::Rs256(RsaPublicKeyComponents {
                n: n.clone(),
                e: e.clone(),
            })
        }
        _ => return Err(ErrorKind::InvalidKeyFormat.into()),
    };
    Ok(Box::new(check))
}

/// Nothing signs through `jsonwebtoken`; `mint` uses ring itself.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature is jsonwebtoken's"
)]
fn signer(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    Err(ErrorKind::UnsupportedAlgorithm.into())
}

/// The signed examples of RFC 7515, appendix A.
#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    /// A.1, A.2 and A.3 sign the same payload.
    const PAYLOAD: &str =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

    struct Example {
        algorithm: Algorithm,
        key: DecodingKey,
        header: &'static str,
        signature: &'static str,
    }

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    fn a1() -> Example {
        Example {
            algorithm: Algorithm::HS256,
            key: DecodingKey::from_secret(&bytes(
                "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
            )),
            header: "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
            signature: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        }
    }

    fn a2() -> Example {
        let n = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4Ql\
                 L-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUs\
                 LA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoud\
                 F8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
        Example {
            algorithm: Algorithm::RS256,
            key: DecodingKey::from_rsa_raw_components(&bytes(n), &bytes("AQAB")),
            header: "eyJhbGciOiJSUzI1NiJ9",
            signature: "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5ju\
                        jGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07\
                        Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipU\
                        TI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        }
    }

    fn a3() -> Example {
        let mut point = vec![4];
        point.extend(bytes("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"));
        point.extend(bytes("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"));
        Example {
            algorithm: Algorithm::ES256,
            key: DecodingKey::from_ec_der(&point),
            header: "eyJhbGciOiJFUzI1NiJ9",
            signature: "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        }
    }

    fn verifies(example: &Example, signature: &str) -> bool {
        assert!(install());
        let message = format!("{}.{PAYLOAD}", example.header);
        jsonwebtoken::crypto::verify(signature, message.as_bytes(), &example.key, example.algorithm).unwrap()
    }

    #[test]
    fn the_rfcs_examples_verify() {
        for example in [a1(), a2(), a3()] {
            assert!(verifies(&example, example.signature), "{:?}", example.algorithm);
        }
    }

    #[test]
    fn no_signature_of_another_example_verifies() {
        for example in [a1(), a2(), a3()] {
            for other in [a1(), a2(), a3()] {
                assert_eq!(
                    verifies(&example, other.signature),
                    example.algorithm == other.algorithm
                );
            }
        }
    }

    #[test]
    fn a_key_serves_its_own_algorithm_only() {
        let all = [
            "HS256", "HS384", "HS512", "ES256", "ES384", "RS256", "RS384", "RS512", "PS256", "PS384",
            "PS512", "EdDSA",
        ];
        for example in [a1(), a2(), a3()] {
            for algorithm in all.map(|name| name.parse::<Algorithm>().unwrap()) {
                let accepted = verifier(&algorithm, &example.key).is_ok();
                assert_eq!(accepted, algorithm == example.algorithm, "{algorithm:?}");
            }
        }
    }

    #[test]
    fn installing_twice_is_harmless() {
        assert!(install() && install());
    }
}
