//! Pages to read: how the crate is built, why each default is what it is, what it guards against, and where accounts are
//! kept.

#![allow(
    clippy::doc_markdown,
    reason = "pages are read outside of rustdoc too, where names of products are plain words"
)]

#[doc = include_str!("../docs/architecture.md")]
pub mod architecture {}
#[doc = include_str!("../docs/defaults.md")]
pub mod defaults {}
#[doc = include_str!("../docs/mail.md")]
pub mod mail {}
#[doc = include_str!("../docs/registry.md")]
pub mod registry {}
#[doc = include_str!("../docs/stores.md")]
pub mod stores {}
#[doc = include_str!("../docs/threats.md")]
pub mod threats {}

/// Runs the README's snippets.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
