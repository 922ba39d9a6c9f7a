//! Can the key be changed without losing a secret?

use seal::{KeyId, KeyRing, OpenError, SameKeyId};

use crate::support::{ALICE, KEY, again, random_key, ring, secret};

#[test]
fn a_retired_key_opens_and_the_current_one_seals() {
    let (old, new) = (random_key(), random_key());
    let before = ring(&old, &[]).seal(&ALICE, &secret(KEY)).unwrap();
    let rotated = ring(&new, &[&old]);
    assert!(rotated.needs_resealing(&before));

    let after = rotated
        .seal(&ALICE, &rotated.open(&ALICE, &before).unwrap())
        .unwrap();
    assert!(!rotated.needs_resealing(&after));
    assert_eq!(seal::key_id(&after), Some(new.id()));

    let alone = ring(&new, &[]);
    assert_eq!(alone.open(&ALICE, &after).unwrap().expose(), KEY);
    assert_eq!(alone.open(&ALICE, &before).err(), Some(OpenError));
    assert!(!alone.knows(old.id()) && alone.needs_resealing(&before));
}

#[test]
fn every_retired_key_opens() {
    let keys = [random_key(), random_key(), random_key()];
    let all = ring(&keys[0], &[&keys[1], &keys[2]]);
    assert_eq!(all.current(), keys[0].id());
    for key in &keys {
        assert!(all.knows(key.id()));
        let sealed = ring(key, &[]).seal(&ALICE, &secret(KEY)).unwrap();
        assert_eq!(all.open(&ALICE, &sealed).unwrap().expose(), KEY);
    }
    assert!(!all.knows(random_key().id()));
}

#[test]
fn rings_and_keys_are_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<KeyRing>();
    shared::<seal::SecretText>();
    shared::<seal::legacy::LegacyKey>();
}

#[test]
fn a_key_given_twice_is_refused_by_name() {
    let (one, other) = (random_key(), random_key());
    let refused = |current, retired| KeyRing::new(again(current), retired).err();
    assert_eq!(refused(&one, vec![again(&one)]), Some(SameKeyId(one.id())));
    let twice = refused(&one, vec![again(&other), again(&other)]).unwrap();
    assert_eq!(twice, SameKeyId(other.id()));
    assert!(twice.to_string().contains(&other.id().to_string()));
}

#[test]
fn a_ring_shows_key_ids_and_nothing_else() {
    let (one, other) = (random_key(), random_key());
    assert_eq!(
        format!("{:?}", ring(&one, &[&other])),
        format!("KeyRing {{ current: {}, retired: [{}] }}", one.id(), other.id())
    );
}

#[test]
fn what_is_not_ours_needs_no_resealing() {
    let ring = ring(&random_key(), &[]);
    for text in ["", "plain", "AAAA:AAAA:AAAA", &"A".repeat(80)] {
        assert!(
            !ring.needs_resealing(text) && seal::key_id(text).is_none(),
            "{text}"
        );
    }
}

#[test]
fn a_key_id_is_the_keys_alone() {
    let key = random_key();
    assert_eq!(key.id(), again(&key).id());
    assert_ne!(key.id(), random_key().id());
    assert_eq!(key.id().to_string().parse::<KeyId>(), Ok(key.id()));
    assert!(!key.to_hex().contains(&key.id().to_string()));
}
