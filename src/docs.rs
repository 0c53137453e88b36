//! Pages to read: how the crate is built, why each default is what it is, and what it guards against.

#[doc = include_str!("../docs/architecture.md")]
pub mod architecture {}
#[doc = include_str!("../docs/defaults.md")]
pub mod defaults {}
#[doc = include_str!("../docs/threats.md")]
pub mod threats {}

/// Runs the README's snippets.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
