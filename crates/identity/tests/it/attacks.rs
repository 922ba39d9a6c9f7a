//! What would someone send who has no key, or the wrong one?

use identity::{Principal, Rejected};
use serde_json::json;

use crate::support::{
    Ec, NOW, Rsa, SECRET, alice, anywhere, b64, but, hmac, key_set, refusal, secret, token,
};

/// Refused with PGRST301, in a deployment that knows the secret and both kinds of key.
pub(crate) fn unusable(token: &str) -> Rejected {
    let (ec, rsa) = (Ec::generate("ec"), Rsa::test_key());
    let refused = refusal(anywhere(token, &key_set(&[ec.jwk(), rsa.jwk()])));
    assert_eq!(refused.code(), "PGRST301", "{token}");
    refused
}

#[test]
fn a_token_without_signature_is_refused() {
    for name in ["none", "None", "NONE", "nOnE", ""] {
        let header = json!({"alg": name, "typ": "JWT"});
        assert_eq!(
            unusable(&token(&header, &alice(), |_| vec![])),
            Rejected::Algorithm
        );
        assert_eq!(
            unusable(&token(&header, &alice(), hmac(SECRET.as_bytes()))),
            Rejected::Algorithm
        );
    }
    for name in ["HS256", "ES256", "RS256"] {
        let refused = unusable(&token(&json!({"alg": name}), &alice(), |_| vec![]));
        assert_eq!(refused, Rejected::Signature, "{name}");
    }
}

#[test]
fn a_public_key_is_not_an_hmac_secret() {
    let (ec, rsa) = (Ec::generate("ec"), Rsa::test_key());
    let keys = key_set(&[ec.jwk(), rsa.jwk()]);
    let forms: [Vec<u8>; 9] = [
        ec.pem().into(),
        ec.pem().trim_end().into(),
        ec.der(),
        ec.point().to_vec(),
        ec.jwk().to_string().into(),
        crate::support::jwks(&[ec.jwk(), rsa.jwk()]),
        ec.jwk()["x"].as_str().unwrap().into(),
        rsa.jwk().to_string().into(),
        rsa.jwk()["n"].as_str().unwrap().into(),
    ];
    for form in forms {
        for header in [
            json!({"alg": "HS256"}),
            json!({"alg": "HS256", "kid": "ec"}),
            json!({"alg": "HS256", "kid": "rsa"}),
        ] {
            let forged = token(&header, &alice(), hmac(&form));
            assert_eq!(refusal(anywhere(&forged, &keys)), Rejected::Signature);
            let no_secret = crate::support::verifier(identity::VerifierSettings::default());
            let refused = no_secret.verify(&forged, &keys, crate::support::at(NOW));
            assert_eq!(refusal(refused), Rejected::UnfitKey);
        }
    }
}

#[test]
fn a_published_symmetric_key_is_not_a_key() {
    let published = b"a symmetric key that should not be here";
    let oct = json!({"kty": "oct", "k": b64(published), "kid": "oct", "alg": "HS256", "use": "sig"});
    let forged = token(&json!({"alg": "HS256", "kid": "oct"}), &alice(), hmac(published));
    assert_eq!(refusal(anywhere(&forged, &key_set(&[oct]))), Rejected::Signature);
}

#[test]
fn the_empty_secret_signs_nothing() {
    assert_eq!(
        unusable(&token(&json!({"alg": "HS256"}), &alice(), hmac(b""))),
        Rejected::Signature
    );
}

#[test]
fn a_key_of_one_kind_signs_no_token_of_another() {
    let (ec, rsa) = (Ec::generate("ec"), Rsa::test_key());
    let keys = key_set(&[ec.jwk(), rsa.jwk()]);
    for (header, reason) in [
        (json!({"alg": "RS256", "kid": "ec"}), Rejected::UnfitKey),
        (json!({"alg": "RS256"}), Rejected::Signature),
        (json!({"alg": "HS256", "kid": "ec"}), Rejected::Signature),
        (json!({"alg": "ES384", "kid": "ec"}), Rejected::Algorithm),
    ] {
        let forged = token(&header, &alice(), |message| ec.sign(message));
        assert_eq!(refusal(anywhere(&forged, &keys)), reason, "{header}");
    }
    for (header, reason) in [
        (json!({"alg": "ES256", "kid": "rsa"}), Rejected::UnfitKey),
        (json!({"alg": "ES256"}), Rejected::Signature),
        (json!({"alg": "PS256", "kid": "rsa"}), Rejected::Algorithm),
        (json!({"alg": "RS512", "kid": "rsa"}), Rejected::Algorithm),
    ] {
        let forged = token(&header, &alice(), |message| rsa.sign(message));
        assert_eq!(refusal(anywhere(&forged, &keys)), reason, "{header}");
    }
}

#[test]
fn a_key_brought_along_in_the_header_is_ignored() {
    let mallory = Ec::generate("ec");
    for header in [
        json!({"alg": "ES256", "jwk": mallory.jwk()}),
        json!({"alg": "ES256", "kid": "ec", "jwk": mallory.jwk()}),
        json!({"alg": "ES256", "jku": "https://mallory.example/jwks.json"}),
        json!({"alg": "ES256", "x5u": "https://mallory.example/cert.pem"}),
        json!({"alg": "ES256", "x5c": [b64(mallory.der())]}),
    ] {
        let forged = token(&header, &alice(), |message| mallory.sign(message));
        assert_eq!(unusable(&forged), Rejected::Signature, "{header}");
    }
}

#[test]
fn a_key_meant_for_something_else_signs_nothing() {
    let ec = Ec::generate("ec");
    for change in [
        json!({"use": "enc"}),
        json!({"alg": "ECDH-ES"}),
        json!({"key_ops": ["deriveKey"]}),
    ] {
        let keys = key_set(&[but(ec.jwk(), change)]);
        assert_eq!(
            refusal(anywhere(&ec.token(&alice()), &keys)),
            Rejected::UnknownKey
        );
    }
}

#[test]
fn an_unknown_extension_is_refused_however_well_signed() {
    for header in [
        json!({"alg": "HS256", "crit": ["exp"]}),
        json!({"alg": "HS256", "crit": ["b64"], "b64": false}),
        json!({"alg": "HS256", "crit": []}),
        json!({"alg": "HS256", "crit": null}),
    ] {
        assert_eq!(
            unusable(&token(&header, &alice(), hmac(SECRET.as_bytes()))),
            Rejected::CriticalHeader
        );
    }
}

#[test]
fn a_header_that_the_library_cannot_read_is_undecodable_before_its_signature_counts() {
    for header in [
        json!({"alg": "HS256", "typ": 5}),
        json!({"alg": "HS256", "jwk": "x"}),
    ] {
        assert_eq!(
            unusable(&token(&header, &alice(), hmac(SECRET.as_bytes()))),
            Rejected::Undecodable
        );
    }
}

#[test]
fn a_cut_signature_is_refused() {
    let (ec, rsa) = (Ec::generate("ec"), Rsa::test_key());
    let keys = key_set(&[ec.jwk(), rsa.jwk()]);
    for whole in [
        identity::mint(&secret(SECRET), &alice()),
        ec.token(&alice()),
        rsa.token(&alice()),
    ] {
        let start = whole.rfind('.').unwrap() + 1;
        for end in start..whole.len() {
            assert_eq!(refusal(anywhere(&whole[..end], &keys)), Rejected::Signature);
        }
        for longer in ["A", "AA", "AAAA", "=", "=="] {
            assert_eq!(
                refusal(anywhere(&format!("{whole}{longer}"), &keys)),
                Rejected::Signature
            );
        }
    }
}

#[test]
fn one_flipped_bit_anywhere_is_refused() {
    let ec = Ec::generate("ec");
    let keys = key_set(&[ec.jwk()]);
    for whole in [identity::mint(&secret(SECRET), &alice()), ec.token(&alice())] {
        for position in 0..whole.len() {
            for bit in 0..7 {
                let mut bytes = whole.clone().into_bytes();
                bytes[position] ^= 1 << bit;
                let changed = String::from_utf8(bytes).expect("still ASCII");
                assert_eq!(refusal(anywhere(&changed, &keys)).code(), "PGRST301", "{changed}");
            }
        }
    }
}

#[test]
fn signatures_made_of_special_numbers_are_refused() {
    // CVE-2022-21449: r = s = 0, and their neighbours.
    let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let order: Vec<u8> = (0..64)
        .step_by(2)
        .map(|at| u8::from_str_radix(&order[at..at + 2], 16).unwrap())
        .collect();
    let (zero, mut one) = (vec![0; 32], vec![0; 32]);
    one[31] = 1;
    for r in [&zero, &one, &order] {
        for s in [&zero, &one, &order] {
            let forged = token(&json!({"alg": "ES256"}), &alice(), |_| [r.as_slice(), s].concat());
            assert_eq!(unusable(&forged), Rejected::Signature);
        }
    }
    for byte in [0, 1, 0xff] {
        let forged = token(&json!({"alg": "RS256"}), &alice(), |_| vec![byte; 256]);
        assert_eq!(unusable(&forged), Rejected::Signature);
    }
}

#[test]
fn parts_of_two_good_tokens_make_no_third() {
    let (mine, hers) = (but(alice(), json!({"sub": "mallory"})), alice());
    let (mine, hers) = (
        identity::mint(&secret(SECRET), &mine),
        identity::mint(&secret(SECRET), &hers),
    );
    let mine: Vec<_> = mine.split('.').collect();
    let hers: Vec<_> = hers.split('.').collect();
    assert_eq!(
        unusable(&[mine[0], hers[1], mine[2]].join(".")),
        Rejected::Signature
    );
}

#[test]
fn nothing_shows_its_contents_when_printed() {
    let claims = but(alice(), json!({"email": "alice@example.com"}));
    let principal: Result<Principal, _> = crate::support::hs256(crate::support::supabase(), &claims);
    let verifier = crate::support::verifier(crate::support::supabase());
    let shown = format!("{principal:?} {verifier:?}");
    for hidden in ["alice", "example", "shared secret"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}
