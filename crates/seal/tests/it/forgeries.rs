//! Does anything open that was not sealed, as it stands, for this slot?

use std::sync::LazyLock;

use proptest::prelude::*;
use seal::{KeyRing, OpenError, Slot};

use crate::support::{ALICE, KEY, any_parts, bytes, random_key, ring, secret, slot, some_ring, text};

/// A current and a retired key, and a value sealed by the current one.
struct Deployment {
    ring: KeyRing,
    retired: KeyRing,
    sealed: String,
}

static DEPLOYMENT: LazyLock<Deployment> = LazyLock::new(|| {
    let (current, retired) = (random_key(), random_key());
    let ring = ring(&current, &[&retired]);
    let sealed = ring.seal(&ALICE, &secret(KEY)).expect("sealed");
    Deployment {
        ring,
        retired: self::ring(&retired, &[]),
        sealed,
    }
});

#[track_caller]
fn opens(sealed: &str) -> bool {
    match DEPLOYMENT.ring.open(&ALICE, sealed) {
        Ok(opened) => {
            assert_eq!(opened.expose(), KEY);
            true
        }
        Err(OpenError) => false,
    }
}

#[test]
fn what_was_sealed_opens() {
    assert!(opens(&DEPLOYMENT.sealed));
}

#[test]
fn nothing_opens_in_another_slot() {
    for slot in [
        Slot {
            table: "webhook_endpoints",
            ..ALICE
        },
        Slot {
            column: "key_hash",
            ..ALICE
        },
        Slot { user: "bob", ..ALICE },
        Slot {
            row: "twilio",
            ..ALICE
        },
        Slot {
            user: ALICE.row,
            row: ALICE.user,
            ..ALICE
        },
        Slot {
            user: "alicev",
            row: "api",
            ..ALICE
        },
        Slot {
            user: "",
            row: "",
            ..ALICE
        },
        Slot {
            user: "Alice",
            ..ALICE
        },
        Slot {
            user: "alice ",
            ..ALICE
        },
    ] {
        assert_eq!(
            DEPLOYMENT.ring.open(&slot, &DEPLOYMENT.sealed).err(),
            Some(OpenError),
            "{slot:?}"
        );
    }
}

#[test]
fn no_piece_of_it_opens() {
    let (sealed, bytes) = (&DEPLOYMENT.sealed, bytes(&DEPLOYMENT.sealed));
    for length in 0..sealed.len() {
        assert!(
            !opens(&sealed[..length]) && !opens(&sealed[length + 1..]),
            "{length}"
        );
    }
    for length in 0..bytes.len() {
        assert!(
            !opens(&text(&bytes[..length])) && !opens(&text(&bytes[length + 1..])),
            "{length}"
        );
        let mut without = bytes.clone();
        without.remove(length);
        assert!(!opens(&text(without)), "{length}");
    }
}

#[test]
fn no_flipped_bit_opens() {
    let bytes = bytes(&DEPLOYMENT.sealed);
    for position in 0..bytes.len() {
        for other in (0..=u8::MAX).filter(|byte| *byte != bytes[position]) {
            let mut changed = bytes.clone();
            changed[position] = other;
            assert!(!opens(&text(changed)), "byte {position} made {other}");
        }
    }
}

#[test]
fn no_other_character_opens() {
    let sealed = DEPLOYMENT.sealed.as_bytes();
    for position in 0..sealed.len() {
        for other in (0..128).filter(|byte| *byte != sealed[position]) {
            let mut changed = sealed.to_vec();
            changed[position] = other;
            assert!(
                !opens(std::str::from_utf8(&changed).unwrap()),
                "{position} made {other}"
            );
        }
    }
}

#[test]
fn only_one_text_of_the_same_bytes_opens() {
    // 34 bytes: two characters of padding, and four stray bits before it.
    let sealed = DEPLOYMENT.ring.seal(&ALICE, &secret("k")).unwrap();
    assert!(sealed.ends_with("==") && DEPLOYMENT.ring.open(&ALICE, &sealed).is_ok());
    let bare = sealed.trim_end_matches('=');
    let (start, last) = bare.split_at(bare.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut texts: Vec<_> = alphabet
        .chars()
        .filter(|c| !last.starts_with(*c))
        .map(|c| format!("{start}{c}=="))
        .collect();
    assert_eq!(texts.len(), 63);
    texts.extend([
        bare.to_owned(),
        format!("{bare}="),
        format!("{sealed}="),
        format!("{bare}==="),
    ]);
    texts.extend([
        format!("{sealed}\n"),
        format!(" {sealed}"),
        format!("{}\n{}", &sealed[..20], &sealed[20..]),
    ]);
    texts.extend([
        format!("{sealed}\0"),
        format!("{sealed}{sealed}"),
        format!("{start}é=="),
    ]);
    for text in texts {
        assert_eq!(
            DEPLOYMENT.ring.open(&ALICE, &text).err(),
            Some(OpenError),
            "{text:?}"
        );
        assert!(!text.contains(char::is_whitespace) || seal::key_id(&text).is_none());
    }
}

#[test]
fn no_other_ring_opens_it() {
    assert_eq!(
        some_ring().open(&ALICE, &DEPLOYMENT.sealed).err(),
        Some(OpenError)
    );
}

#[test]
fn a_value_renamed_to_another_key_of_the_ring_does_not_open() {
    let retired = DEPLOYMENT.retired.seal(&ALICE, &secret(KEY)).unwrap();
    assert!(opens(&retired));
    let (mut one, mut other) = (bytes(&DEPLOYMENT.sealed), bytes(&retired));
    one[1..5].swap_with_slice(&mut other[1..5]);
    assert_eq!(seal::key_id(&text(&one)), seal::key_id(&retired));
    assert!(!opens(&text(one)) && !opens(&text(other)));
}

#[test]
fn a_value_of_a_later_version_does_not_open_and_names_no_key() {
    let mut bytes = bytes(&DEPLOYMENT.sealed);
    bytes[0] = 2;
    assert!(!opens(&text(&bytes)));
    assert_eq!(seal::key_id(&text(&bytes)), None);
}

#[test]
fn the_same_secret_never_looks_the_same() {
    let mut seen = std::collections::HashSet::new();
    assert!((0..1000).all(|_| seen.insert(DEPLOYMENT.ring.seal(&ALICE, &secret(KEY)).unwrap())));
}

#[test]
fn nothing_of_the_secret_is_seen_in_what_is_stored() {
    let stored = [bytes(&DEPLOYMENT.sealed), DEPLOYMENT.sealed.clone().into_bytes()];
    let pieces = KEY.as_bytes().windows(4).map(<[u8]>::to_vec);
    for piece in pieces.chain([text(KEY)[..8].into()]) {
        assert!(
            stored
                .iter()
                .all(|bytes| !bytes.windows(piece.len()).any(|window| window == piece))
        );
    }
    assert!(DEPLOYMENT.sealed.len() > 60);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_secret_opens_in_its_slot(parts in any_parts(), text in any::<String>()) {
        let sealed = DEPLOYMENT.ring.seal(&slot(&parts), &secret(&text)).unwrap();
        let opened = DEPLOYMENT.ring.open(&slot(&parts), &sealed).unwrap();
        prop_assert_eq!(opened.expose(), &text);
        prop_assert_eq!(opened.len(), text.len());
        prop_assert_eq!(bytes(&sealed).len(), 33 + text.len());
        prop_assert_eq!(seal::key_id(&sealed), Some(DEPLOYMENT.ring.current()));
        prop_assert!(!seal::legacy::is_legacy(&sealed));
    }

    #[test]
    fn no_secret_opens_in_a_different_slot(one in any_parts(), other in any_parts(), text in any::<String>()) {
        prop_assume!(one != other);
        let sealed = DEPLOYMENT.ring.seal(&slot(&one), &secret(&text)).unwrap();
        prop_assert_eq!(DEPLOYMENT.ring.open(&slot(&other), &sealed).err(), Some(OpenError));
    }

    #[test]
    fn no_text_opens(text in prop_oneof![any::<String>(), "[A-Za-z0-9+/]{0,200}={0,2}"]) {
        prop_assert!(!opens(&text));
        prop_assert!(!DEPLOYMENT.ring.needs_resealing(&text) || seal::key_id(&text).is_some());
    }

    #[test]
    fn nothing_made_up_behind_a_known_key_id_opens(rest in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut made_up = bytes(&DEPLOYMENT.sealed);
        made_up.truncate(5);
        made_up.extend(rest);
        prop_assert!(!opens(&text(&made_up)));
    }
}
