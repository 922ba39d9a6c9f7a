//! Keys, slots and secrets to try.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use seal::{KeyRing, MasterKey, SecretText, Slot};

pub(crate) const ALICE: Slot<'static> = Slot {
    table: "api_keys",
    column: "encrypted_key",
    user: "alice",
    row: "vapi",
};

pub(crate) const KEY: &str = "sk-live-4eC39HqLyjWDarjtT1zdp7dc";

pub(crate) fn secret(text: &str) -> SecretText {
    SecretText::new(text.to_owned())
}

pub(crate) fn master(hex: &str) -> MasterKey {
    MasterKey::from_hex(hex).expect("a good key")
}

pub(crate) fn random_key() -> MasterKey {
    MasterKey::generate().expect("randomness")
}

/// The same key once more: `MasterKey` can't be cloned.
pub(crate) fn again(key: &MasterKey) -> MasterKey {
    master(&key.to_hex())
}

pub(crate) fn ring(current: &MasterKey, retired: &[&MasterKey]) -> KeyRing {
    KeyRing::new(again(current), retired.iter().map(|key| again(key)).collect()).expect("different keys")
}

/// A ring of one key nobody else has.
pub(crate) fn some_ring() -> KeyRing {
    ring(&random_key(), &[])
}

pub(crate) fn bytes(sealed: &str) -> Vec<u8> {
    STANDARD.decode(sealed).expect("base64")
}

pub(crate) fn text(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// Four parts, often empty or equal, sometimes anything.
pub(crate) fn any_parts() -> impl Strategy<Value = [String; 4]> {
    let part = prop_oneof!["[ab]{0,3}", any::<String>()];
    [part.clone(), part.clone(), part.clone(), part]
}

pub(crate) fn slot(parts: &[String; 4]) -> Slot<'_> {
    let [table, column, user, row] = parts;
    Slot {
        table,
        column,
        user,
        row,
    }
}
