//! Does a secret open for its slot, and for nothing else?
//!
//! Everything here goes through the public API.

mod fingerprints;
mod forgeries;
mod known_answers;
mod legacy;
mod rotation;
mod support;
