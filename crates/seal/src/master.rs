//! A master key, and which text may be one.

use std::fmt;
use std::str::FromStr;

use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use crate::slot_keys::SlotKeys;

/// 32 bytes from which every other key is derived. Zeroised when dropped, and boxed, so that moving it leaves no
/// copies behind.
///
/// It has no `Debug`, `Display`, `Serialize` or `Clone`:
/// ```compile_fail,E0277
/// fn shown(key: seal::MasterKey) -> String { format!("{key:?}") }
/// ```
/// ```compile_fail,E0277
/// fn shown(key: seal::MasterKey) -> String { format!("{key}") }
/// ```
/// ```compile_fail,E0277
/// fn sent(key: seal::MasterKey) -> String { serde_json::to_string(&key).unwrap() }
/// ```
/// ```compile_fail,E0599
/// fn doubled(key: seal::MasterKey) -> seal::MasterKey { key.clone() }
/// ```
pub struct MasterKey(Box<Zeroizing<[u8; LENGTH]>>);

/// Bytes of a master key.
const LENGTH: usize = 32;

/// Keys that documentation shows, lower-case: everybody has them.
const EXAMPLES: [&str; 4] = [
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    "deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
];

/// Why a text can't be a master key. Carries nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakKey {
    /// Not 64 characters long. White space counts.
    #[error("a sealing key has exactly 64 hex characters (32 bytes)")]
    Length,
    /// 64 characters, not all of them hex digits.
    #[error("a sealing key has hex characters only: 0 to 9, a to f")]
    NotHex,
    /// Zeros only.
    #[error("a sealing key must be random, not zeros")]
    Zeros,
    /// A byte, or any sequence of up to 16 bytes, over and over.
    #[error("a sealing key must be random, not one sequence repeated")]
    Repeated,
    /// One that documentation shows as an example.
    #[error("this sealing key is an example from documentation, which everybody knows")]
    Example,
}

/// The operating system gave no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct NoRandomness;

impl MasterKey {
    /// Reads 64 hex characters, in either case.
    ///
    /// # Errors
    /// [`WeakKey`]: another length, other characters, or a key that can be guessed.
    pub fn from_hex(text: &str) -> Result<Self, WeakKey> {
        if text.chars().count() != 2 * LENGTH {
            return Err(WeakKey::Length);
        }
        let mut key = Self::blank();
        hex::decode_to_slice(text, key.0.as_mut_slice()).map_err(|_| WeakKey::NotHex)?;
        key.refuse_guessable()?;
        Ok(key)
    }

    /// A new random key from the operating system.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut key = Self::blank();
        SystemRandom::new()
            .fill(key.0.as_mut_slice())
            .map_err(|_| NoRandomness)?;
        Ok(key)
    }

    /// The key as 64 hex characters, for `mako keys generate` only.
    #[must_use]
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.bytes()))
    }

    /// The name by which sealed values refer to this key. It tells nothing about the key.
    #[must_use]
    pub fn id(&self) -> KeyId {
        SlotKeys::extract(self).id()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    fn blank() -> Self {
        Self(Box::new(Zeroizing::new([0; LENGTH])))
    }

    /// A random key is any of these less often than once in 2¹²⁰ keys.
    fn refuse_guessable(&self) -> Result<(), WeakKey> {
        let bytes = self.bytes();
        if bytes.iter().all(|byte| *byte == 0) {
            return Err(WeakKey::Zeros);
        }
        let text = self.to_hex();
        if EXAMPLES.contains(&text.as_str()) {
            return Err(WeakKey::Example);
        }
        if (1..=LENGTH / 2).any(|period| bytes[period..] == bytes[..LENGTH - period]) {
            return Err(WeakKey::Repeated);
        }
        Ok(())
    }
}

/// Names a master key: 4 bytes derived from it, 8 hex characters as text. May be logged and shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub(crate) [u8; 4]);

/// A text that is not 8 hex characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key id has exactly 8 hex characters")]
pub struct NotAKeyId;

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyId {
    type Err = NotAKeyId;

    fn from_str(text: &str) -> Result<Self, NotAKeyId> {
        let mut id = [0; 4];
        hex::decode_to_slice(text, &mut id).map_err(|_| NotAKeyId)?;
        Ok(Self(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "5a1f0c93be6d7e2248d1a90b3cf4e67788121fd0a4b35c6e9f0de1827364b5ca";

    fn refusal(text: &str) -> Option<WeakKey> {
        MasterKey::from_hex(text).err()
    }

    #[test]
    fn a_key_is_read_in_either_case_and_written_in_lower_case() {
        for text in [KEY.to_owned(), KEY.to_uppercase()] {
            assert_eq!(*MasterKey::from_hex(&text).ok().unwrap().to_hex(), KEY);
        }
    }

    #[test]
    fn what_is_not_64_hex_characters_is_refused() {
        for text in [
            "",
            &KEY[1..],
            &format!("{KEY}0"),
            &format!("{KEY}\n"),
            &format!(" {KEY}"),
        ] {
            assert_eq!(refusal(text), Some(WeakKey::Length), "{text:?}");
        }
        for text in [
            KEY.replace('5', "g"),
            KEY.replace('5', " "),
            KEY.replace('5', "é"),
        ] {
            assert_eq!(refusal(&text), Some(WeakKey::NotHex), "{text:?}");
        }
    }

    #[test]
    fn a_key_that_can_be_guessed_is_refused() {
        assert_eq!(refusal(&"0".repeat(64)), Some(WeakKey::Zeros));
        assert_eq!(refusal(&"f".repeat(64)), Some(WeakKey::Repeated));
        assert_eq!(refusal(&"5a".repeat(32)), Some(WeakKey::Repeated));
        assert_eq!(refusal(&KEY[..32].repeat(2)), Some(WeakKey::Repeated));
        assert_eq!(refusal(&"abcdef".repeat(11)[..64]), Some(WeakKey::Repeated));
    }

    #[test]
    fn a_key_from_documentation_is_refused_in_either_case() {
        for text in EXAMPLES {
            assert_eq!(refusal(text), Some(WeakKey::Example));
            assert_eq!(refusal(&text.to_uppercase()), Some(WeakKey::Example));
        }
    }

    #[test]
    fn a_refusal_tells_nothing_of_the_text() {
        let text = "s3cr3t".repeat(20);
        let refusal = refusal(&text).unwrap();
        assert!(!format!("{refusal} {refusal:?}").contains("s3cr3t"));
    }

    #[test]
    fn generated_keys_differ_and_are_good() {
        let (one, other) = (
            MasterKey::generate().unwrap_or_else(|_| panic!()),
            MasterKey::generate(),
        );
        assert_ne!(*one.to_hex(), *other.ok().unwrap().to_hex());
        assert!(MasterKey::from_hex(&one.to_hex()).is_ok_and(|again| again.id() == one.id()));
    }

    #[test]
    fn a_key_id_is_read_as_it_is_written() {
        let id = KeyId([0x0a, 0, 0xff, 1]);
        assert_eq!(id.to_string(), "0a00ff01");
        assert_eq!(format!("{id:?}"), "0a00ff01");
        assert_eq!("0A00ff01".parse(), Ok(id));
        for text in ["", "0a00ff0", "0a00ff010", "0a00ff0g", "0x00ff01", "é00ff01"] {
            assert_eq!(text.parse::<KeyId>(), Err(NotAKeyId), "{text}");
        }
    }
}
