//! The format of a sealed value.
//!
//! Standard base64 of `version(1) | key id(4) | nonce(12) | ciphertext | tag(16)`. One value has one text: base64
//! without padding, or with stray bits in its last character, is refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::NONCE_LEN;
use zeroize::Zeroizing;

use crate::master::KeyId;

const VERSION: u8 = 1;
/// `version | key id`, authenticated as it stands.
pub(crate) const HEADER: usize = 5;
const TAG: usize = 16;
const SHORTEST: usize = HEADER + NONCE_LEN + TAG;

/// A sealed value, taken apart but not opened.
pub(crate) struct Envelope {
    /// Wiped when dropped: it is opened in place.
    bytes: Zeroizing<Vec<u8>>,
}

impl Envelope {
    /// `None` for what isn't our format.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
        (bytes.len() >= SHORTEST && bytes[0] == VERSION).then_some(Self { bytes })
    }

    /// One that has `plaintext` where its ciphertext will be. Never reallocated, so that no copy is left behind.
    pub(crate) fn around(plaintext: &str, key: KeyId, nonce: [u8; NONCE_LEN]) -> Self {
        let mut bytes = Zeroizing::new(Vec::with_capacity(SHORTEST + plaintext.len()));
        bytes.extend_from_slice(&header(key));
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(plaintext.as_bytes());
        Self { bytes }
    }

    pub(crate) fn key(&self) -> KeyId {
        KeyId([self.bytes[1], self.bytes[2], self.bytes[3], self.bytes[4]])
    }

    pub(crate) fn nonce(&self) -> [u8; NONCE_LEN] {
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&self.bytes[HEADER..HEADER + NONCE_LEN]);
        nonce
    }

    /// What follows the nonce.
    pub(crate) fn body(&mut self) -> &mut [u8] {
        &mut self.bytes[HEADER + NONCE_LEN..]
    }

    /// Appends the tag and writes it all as text.
    pub(crate) fn finish(mut self, tag: &[u8]) -> String {
        self.bytes.extend_from_slice(tag);
        STANDARD.encode(&*self.bytes)
    }
}

/// The authenticated part of an envelope.
pub(crate) fn header(key: KeyId) -> [u8; HEADER] {
    let [a, b, c, d] = key.0;
    [VERSION, a, b, c, d]
}

/// Which key sealed this value, read without opening it. Nothing vouches for it until the value is opened.
///
/// `None` if it isn't our format, for instance a [legacy value](crate::legacy::is_legacy).
#[must_use]
pub fn key_id(sealed: &str) -> Option<KeyId> {
    Some(Envelope::read(sealed)?.key())
}
