#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod envelope;
mod fingerprint;
mod keyring;
pub mod legacy;
mod master;
mod secret;
mod slot;
mod slot_keys;

pub use envelope::key_id;
pub use fingerprint::fingerprint_key_id;
pub use keyring::{KeyRing, OpenError, SameKeyId, SealError};
pub use master::{KeyId, MasterKey, NoRandomness, NotAKeyId, WeakKey};
pub use secret::SecretText;
pub use slot::Slot;
