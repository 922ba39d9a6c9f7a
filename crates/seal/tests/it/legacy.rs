//! Are the CRM's own values read exactly, and nothing else taken for one?

use std::sync::LazyLock;

use proptest::prelude::*;
use seal::OpenError;
use seal::legacy::{LegacyKey, is_legacy};
use serde_json::Value;

use crate::support::{bytes, text};

struct Crm {
    key: LegacyKey,
    encryption_key: String,
    value: String,
    secret: String,
}

static CRM: LazyLock<Crm> = LazyLock::new(|| {
    let vectors: Value = serde_json::from_str(include_str!("../data/vectors.json")).expect("JSON");
    let field = |name: &str| vectors["legacy"][0][name].as_str().expect("a text").to_owned();
    let encryption_key = field("encryption_key");
    Crm {
        key: LegacyKey::derive(&encryption_key),
        encryption_key,
        value: field("value"),
        secret: field("secret"),
    }
});

fn opens(value: &str) -> bool {
    match CRM.key.open(value) {
        Ok(opened) => {
            assert_eq!(opened.expose(), CRM.secret);
            true
        }
        Err(OpenError) => false,
    }
}

fn parts() -> Vec<Vec<u8>> {
    CRM.value.split(':').map(bytes).collect()
}

fn joined(parts: &[Vec<u8>]) -> String {
    parts.iter().map(text).collect::<Vec<_>>().join(":")
}

#[test]
fn the_value_itself_opens() {
    assert!(is_legacy(&CRM.value) && opens(&CRM.value));
    assert_eq!(joined(&parts()), CRM.value);
}

#[test]
fn the_key_is_the_text_as_it_stands() {
    assert_ne!(CRM.encryption_key, CRM.encryption_key.to_lowercase());
    for other in [
        CRM.encryption_key.to_lowercase(),
        format!("{}\n", CRM.encryption_key),
        String::new(),
    ] {
        assert_eq!(LegacyKey::derive(&other).open(&CRM.value).err(), Some(OpenError));
    }
}

#[test]
fn no_flipped_bit_opens() {
    for part in 0..3 {
        for bit in 0..parts()[part].len() * 8 {
            let mut parts = parts();
            parts[part][bit / 8] ^= 1 << (bit % 8);
            assert!(!opens(&joined(&parts)), "bit {bit} of part {part}");
        }
    }
}

#[test]
fn no_piece_of_it_opens() {
    for length in 0..CRM.value.len() {
        assert!(
            !opens(&CRM.value[..length]) && !opens(&CRM.value[length + 1..]),
            "{length}"
        );
    }
    for part in 0..3 {
        for length in 0..parts()[part].len() {
            let mut parts = parts();
            parts[part].truncate(length);
            assert!(!opens(&joined(&parts)), "part {part} cut to {length} bytes");
            assert_eq!(
                is_legacy(&joined(&parts)),
                part == 2,
                "the IV and the tag have 16 bytes"
            );
        }
    }
}

#[test]
fn what_is_not_three_parts_of_base64_is_not_legacy() {
    let value = &CRM.value;
    let (iv, rest) = value.split_once(':').unwrap();
    for text in [
        String::new(),
        "::".into(),
        iv.into(),
        rest.into(),
        format!("{value}:"),
        format!(":{value}"),
        format!("{value}:{iv}"),
        format!("{value}\n"),
        format!(" {value}"),
        value.replacen("==", "", 1),
        value.replacen("==", "=", 1),
        value.replace(':', "."),
        value.replacen(':', ":\u{e9}", 1),
    ] {
        assert!(!is_legacy(&text) && !opens(&text), "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_opens(text in prop_oneof![any::<String>(), "[A-Za-z0-9+/=]{0,30}:[A-Za-z0-9+/=]{0,30}:[A-Za-z0-9+/=]{0,60}"]) {
        prop_assert!(!opens(&text));
    }

    #[test]
    fn no_made_up_parts_open(iv in any::<[u8; 16]>(), tag in any::<[u8; 16]>(), body in any::<Vec<u8>>()) {
        let value = joined(&[iv.to_vec(), tag.to_vec(), body]);
        prop_assert!(is_legacy(&value) && seal::key_id(&value).is_none());
        prop_assert!(!opens(&value));
    }

    #[test]
    fn no_changed_character_opens(position in any::<prop::sample::Index>(), byte in 0..128u8) {
        let mut changed = CRM.value.clone().into_bytes();
        let position = position.index(changed.len());
        prop_assume!(changed[position] != byte);
        changed[position] = byte;
        prop_assert!(!opens(&String::from_utf8(changed).expect("ASCII")));
    }
}
