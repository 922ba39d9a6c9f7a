//! side effects
