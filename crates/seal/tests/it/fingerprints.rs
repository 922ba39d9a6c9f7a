//! Does a fingerprint recognise its secret, and help nobody without the key?

use proptest::prelude::*;
use seal::{Slot, fingerprint_key_id};

use crate::support::{ALICE, KEY, any_parts, random_key, ring, secret, slot, some_ring};

#[test]
fn a_fingerprint_is_of_one_secret_in_one_slot() {
    let ring = some_ring();
    let print = ring.fingerprint(&ALICE, &secret(KEY));
    assert_eq!(print, ring.fingerprint(&ALICE, &secret(KEY)));
    assert_eq!(ring.matches(&ALICE, &secret(KEY), &print), Some(true));
    for text in ["", "sk", &KEY[1..], &KEY.to_lowercase(), &format!("{KEY} ")] {
        assert_eq!(ring.matches(&ALICE, &secret(text), &print), Some(false), "{text}");
    }
    for slot in [
        Slot {
            table: "leads",
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
    ] {
        assert_eq!(ring.matches(&slot, &secret(KEY), &print), Some(false), "{slot:?}");
        assert_ne!(ring.fingerprint(&slot, &secret(KEY)), print);
    }
}

#[test]
fn without_its_key_nothing_can_be_said_of_it() {
    let (old, new) = (random_key(), random_key());
    let print = ring(&old, &[]).fingerprint(&ALICE, &secret(KEY));
    assert_eq!(fingerprint_key_id(&print), Some(old.id()));
    assert_eq!(ring(&new, &[]).matches(&ALICE, &secret(KEY), &print), None);
    assert_eq!(
        ring(&new, &[&old]).matches(&ALICE, &secret(KEY), &print),
        Some(true)
    );
    // Renamed to a key of the ring, it is a fingerprint of nothing.
    let renamed = print.replace(&old.id().to_string(), &new.id().to_string());
    assert_eq!(
        ring(&new, &[&old]).matches(&ALICE, &secret(KEY), &renamed),
        Some(false)
    );
}

#[test]
fn no_changed_fingerprint_matches() {
    let ring = some_ring();
    let print = ring.fingerprint(&ALICE, &secret(KEY));
    for position in 0..print.len() {
        for other in (0..128).filter(|byte| *byte != print.as_bytes()[position]) {
            let mut changed = print.clone().into_bytes();
            changed[position] = other;
            let changed = String::from_utf8(changed).unwrap();
            assert_ne!(
                ring.matches(&ALICE, &secret(KEY), &changed),
                Some(true),
                "{changed}"
            );
        }
        assert_eq!(ring.matches(&ALICE, &secret(KEY), &print[..position]), None);
    }
}

#[test]
fn what_is_no_fingerprint_of_ours_is_none() {
    let ring = some_ring();
    let sealed = ring.seal(&ALICE, &secret(KEY)).unwrap();
    let print = ring.fingerprint(&ALICE, &secret(KEY));
    // The CRM's bare SHA-256, a sealed value, and texts that come near.
    for text in [
        "",
        &"0f".repeat(32),
        &sealed,
        &print.to_uppercase(),
        &format!("{print}\n"),
        &print.replacen("1.", "2.", 1),
    ] {
        assert_eq!(fingerprint_key_id(text), None, "{text}");
        assert_eq!(ring.matches(&ALICE, &secret(KEY), text), None, "{text}");
    }
    assert_eq!(seal::key_id(&print), None);
    assert!(!seal::legacy::is_legacy(&print));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_the_same_secret_in_the_same_slot_matches(
        one in any_parts(), other in any_parts(), text in "[ab]{0,3}", guess in "[ab]{0,3}",
    ) {
        let ring = some_ring();
        let print = ring.fingerprint(&slot(&one), &secret(&text));
        let same = one == other && text == guess;
        prop_assert_eq!(ring.matches(&slot(&other), &secret(&guess), &print), Some(same));
        prop_assert_eq!(ring.matches(&slot(&one), &secret(&text), &print), Some(true));
    }

    #[test]
    fn no_text_is_taken_for_a_fingerprint(text in any::<String>()) {
        prop_assert_eq!(some_ring().matches(&ALICE, &secret(KEY), &text), None);
    }
}
