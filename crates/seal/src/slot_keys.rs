//! Derives a key for each slot from one master key.
//!
//! By HKDF-SHA256 (RFC 5869): extracted once, expanded for each use. No two of the purposes below are the start of
//! one another, and a slot is written unambiguously, so no two uses share a key.

use ring::hkdf::{HKDF_SHA256, KeyType, Okm, Prk, Salt};
use ring::{aead, hmac};

use crate::master::{KeyId, MasterKey};
use crate::slot::Slot;

const SALT: &[u8] = b"mako seal v1";
const KEY_ID: &[u8] = b"key id";
const SLOT_KEY: &[u8] = b"slot key";
const FINGERPRINT: &[u8] = b"fingerprint";

/// What is kept of a master key: the extracted key, from which slots' keys are made anew each time (0.4 µs). A
/// cache of those would be more key material to lose.
pub(crate) struct SlotKeys {
    prk: Prk,
    id: KeyId,
}

impl SlotKeys {
    pub(crate) fn extract(master: &MasterKey) -> Self {
        let prk = Salt::new(HKDF_SHA256, SALT).extract(master.bytes());
        let mut id = [0; 4];
        expand(&prk, &[KEY_ID], Length(id.len()))
            .fill(&mut id)
            .expect("as many bytes as were asked for");
        Self { prk, id: KeyId(id) }
    }

    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    /// AES-256-GCM under the slot's own key.
    pub(crate) fn cipher(&self, slot: &Slot<'_>) -> aead::LessSafeKey {
        let info = slot.written_after(SLOT_KEY);
        aead::LessSafeKey::new(expand(&self.prk, &[&info], &aead::AES_256_GCM).into())
    }

    /// HMAC-SHA256 under another key of the slot's own.
    pub(crate) fn fingerprints(&self, slot: &Slot<'_>) -> hmac::Key {
        let info = slot.written_after(FINGERPRINT);
        expand(&self.prk, &[&info], hmac::HMAC_SHA256).into()
    }
}

fn expand<'a, L: KeyType>(prk: &'a Prk, info: &'a [&'a [u8]], length: L) -> Okm<'a, L> {
    prk.expand(info, length)
        .expect("HKDF-SHA256 gives up to 8160 bytes")
}

/// Bytes wanted where no algorithm says how many.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}
