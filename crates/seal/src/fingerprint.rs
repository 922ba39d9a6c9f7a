//! The format of a fingerprint.
//!
//! As `1.<key id>.<HMAC-SHA256>`, lower-case hex. It can't be taken for a sealed value or a bare SHA-256 (the
//! CRM's `key_hash`), both of which have no dots.

use ring::hmac;

use crate::master::KeyId;

const VERSION: &str = "1.";
/// Bytes of HMAC-SHA256.
const TAG: usize = 32;

pub(crate) fn write(key: KeyId, tag: &hmac::Tag) -> String {
    format!("{VERSION}{key}.{}", hex::encode(tag))
}

/// `None` for what isn't a fingerprint of ours.
pub(crate) fn read(text: &str) -> Option<(KeyId, [u8; TAG])> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let (id, digits) = text.strip_prefix(VERSION)?.split_once('.')?;
    let mut tag = [0; TAG];
    hex::decode_to_slice(digits, &mut tag).ok()?;
    Some((id.parse().ok()?, tag))
}

/// Which key made this fingerprint. `None` if it isn't one of ours.
///
/// A retired key may be dropped when no sealed value and no fingerprint names it any more.
#[must_use]
pub fn fingerprint_key_id(fingerprint: &str) -> Option<KeyId> {
    read(fingerprint).map(|(id, _)| id)
}
