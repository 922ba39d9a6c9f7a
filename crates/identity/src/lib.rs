#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod authenticator;
mod claims;
mod json;
pub mod jwks;
mod keys;
mod mint;
mod principal;
mod provider;
mod rejected;
mod rules;
mod secret;
mod unverified;
mod verified;
mod verifier;

pub use authenticator::{AuthError, Authenticator};
pub use claims::Claims;
pub use keys::{KeySet, NotAKeySet};
pub use mint::mint;
pub use principal::{Principal, ServiceToken};
pub use rejected::Rejected;
pub use secret::{HmacSecret, WeakSecret};
pub use verified::Verified;
pub use verifier::{Misconfigured, SIZE_LIMIT, Verifier, VerifierSettings};
