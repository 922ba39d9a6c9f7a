//! The keys that seal and open.

use std::fmt;

use ring::aead::{Aad, NONCE_LEN, Nonce};
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::envelope::{self, Envelope};
use crate::fingerprint;
use crate::master::{KeyId, MasterKey};
use crate::secret::SecretText;
use crate::slot::Slot;
use crate::slot_keys::SlotKeys;

/// One current key, which seals, and any number of retired ones, which only open.
///
/// ring's copies of keys can't be wiped; the master keys themselves are, by [`KeyRing::new`].
pub struct KeyRing {
    current: SlotKeys,
    retired: Vec<SlotKeys>,
}

/// Two keys of a ring have the same id. It is the same key, given twice; or, once in four thousand million pairs,
/// another, and then a new one must be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two sealing keys have the id {0}: one key was given twice, or the newer must be made again")]
pub struct SameKeyId(pub KeyId);

/// A secret could not be sealed: the operating system gave no random bytes, or it is longer than 64 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret could not be sealed")]
pub struct SealError;

/// A value did not open. Why is not told: not our format, no such key, another slot, changed, or not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed value did not open")]
pub struct OpenError;

impl KeyRing {
    /// Takes the keys over and wipes them once the working keys are derived.
    ///
    /// # Errors
    /// [`SameKeyId`].
    #[expect(clippy::needless_pass_by_value, reason = "the master keys are wiped here")]
    pub fn new(current: MasterKey, retired: Vec<MasterKey>) -> Result<Self, SameKeyId> {
        let mut ring = Self {
            current: SlotKeys::extract(&current),
            retired: Vec::with_capacity(retired.len()),
        };
        for key in &retired {
            let keys = SlotKeys::extract(key);
            if ring.knows(keys.id()) {
                return Err(SameKeyId(keys.id()));
            }
            ring.retired.push(keys);
        }
        Ok(ring)
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn current(&self) -> KeyId {
        self.current.id()
    }

    /// The ids of all its keys, the current one first.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        std::iter::once(&self.current)
            .chain(&self.retired)
            .map(SlotKeys::id)
    }

    /// Whether values sealed by this key can be opened.
    #[must_use]
    pub fn knows(&self, id: KeyId) -> bool {
        self.find(id).is_some()
    }

    /// Seals with the current key; only the same slot opens it again.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(&self, slot: &Slot<'_>, secret: &SecretText) -> Result<String, SealError> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| SealError)?;
        self.seal_with(nonce, slot, secret)
    }

    /// Opens what the current or a retired key sealed for this slot. Never panics.
    ///
    /// # Errors
    /// [`OpenError`], the same for every cause.
    pub fn open(&self, slot: &Slot<'_>, sealed: &str) -> Result<SecretText, OpenError> {
        let mut envelope = Envelope::read(sealed).ok_or(OpenError)?;
        let key = envelope.key();
        let cipher = self.find(key).ok_or(OpenError)?.cipher(slot);
        let nonce = Nonce::assume_unique_for_key(envelope.nonce());
        let plaintext = cipher
            .open_in_place(nonce, associated_data(key, slot), envelope.body())
            .map_err(|_| OpenError)?;
        SecretText::copied_from(plaintext).ok_or(OpenError)
    }

    /// Whether another key than the current one sealed this. False for what isn't our format, which this ring
    /// can't reseal: [`crate::legacy`] may.
    #[must_use]
    pub fn needs_resealing(&self, sealed: &str) -> bool {
        envelope::key_id(sealed).is_some_and(|id| id != self.current())
    }

    /// What to store beside a sealed value in order to recognise the secret without opening it. Without the key
    /// no guess can be tried against it, and it is of no use in another slot.
    #[must_use]
    pub fn fingerprint(&self, slot: &Slot<'_>, secret: &SecretText) -> String {
        let tag = hmac::sign(&self.current.fingerprints(slot), secret.expose().as_bytes());
        fingerprint::write(self.current(), &tag)
    }

    /// The secret's fingerprints under every key of the ring, the current one's first: to find what is stored by one.
    #[must_use]
    pub fn fingerprints(&self, slot: &Slot<'_>, secret: &SecretText) -> Vec<String> {
        let of = |key: &SlotKeys| {
            let tag = hmac::sign(&key.fingerprints(slot), secret.expose().as_bytes());
            fingerprint::write(key.id(), &tag)
        };
        std::iter::once(&self.current)
            .chain(&self.retired)
            .map(of)
            .collect()
    }

    /// Whether the fingerprint is this secret's, in constant time. `None` if that can't be said: its key isn't in
    /// the ring, or it isn't a fingerprint of ours.
    #[must_use]
    pub fn matches(&self, slot: &Slot<'_>, secret: &SecretText, fingerprint: &str) -> Option<bool> {
        let (id, tag) = fingerprint::read(fingerprint)?;
        let key = self.find(id)?.fingerprints(slot);
        Some(hmac::verify(&key, secret.expose().as_bytes(), &tag).is_ok())
    }

    fn seal_with(
        &self,
        nonce: [u8; NONCE_LEN],
        slot: &Slot<'_>,
        secret: &SecretText,
    ) -> Result<String, SealError> {
        let key = self.current();
        let mut envelope = Envelope::around(secret.expose(), key, nonce);
        let tag = self
            .current
            .cipher(slot)
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                associated_data(key, slot),
                envelope.body(),
            )
            .map_err(|_| SealError)?;
        Ok(envelope.finish(tag.as_ref()))
    }

    fn find(&self, id: KeyId) -> Option<&SlotKeys> {
        std::iter::once(&self.current)
            .chain(&self.retired)
            .find(|keys| keys.id() == id)
    }
}

/// `version | key id`, then the slot.
fn associated_data(key: KeyId, slot: &Slot<'_>) -> Aad<Vec<u8>> {
    Aad::from(slot.written_after(&envelope::header(key)))
}

/// Shows key ids only.
impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("current", &self.current())
            .field(
                "retired",
                &self.retired.iter().map(SlotKeys::id).collect::<Vec<_>>(),
            )
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The other direction, opening, is in `tests/it/known_answers.rs`.
    #[test]
    fn under_nodes_nonces_we_write_what_node_wrote() {
        let vectors: Value = serde_json::from_str(include_str!("../tests/data/vectors.json")).unwrap();
        for case in vectors["sealed"].as_array().unwrap() {
            let text = |name: &str| case[name].as_str().unwrap();
            let part = |name: &str| case["slot"][name].as_str().unwrap();
            let slot = Slot {
                table: part("table"),
                column: part("column"),
                user: part("user"),
                row: part("row"),
            };
            let mut nonce = [0; NONCE_LEN];
            hex::decode_to_slice(text("nonce"), &mut nonce).unwrap();
            let ring = KeyRing::new(MasterKey::from_hex(text("master")).ok().unwrap(), Vec::new()).unwrap();
            let sealed = ring.seal_with(nonce, &slot, &SecretText::new(text("secret").into()));
            assert_eq!(sealed.unwrap(), text("sealed"));
        }
    }
}
