//! What the crate brings for its own ports, a feature each but for those in memory. Not: the ports' contracts.
//!
//! **An adapter adds names; it never changes what the core does.**

#[cfg(feature = "directory")]
pub mod directory;
pub mod memory;
