//! Is a caller ever taken for someone they are not?
//!
//! Everything here goes through the public API, with tokens signed by ring or Node and a clock made up.

mod attacks;
mod cache;
mod malformed;
mod oracle;
mod properties;
mod sessions;
mod signers;
mod support;
