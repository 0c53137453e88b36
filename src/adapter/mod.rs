//! What the crate brings for its own ports, a feature each. Not: the ports' contracts.
//!
//! **An adapter adds names; it never changes what the core does.**

#[cfg(feature = "directory")]
pub mod directory;
