//! What the crate brings for its own ports, a feature each but for those in memory. Not: the ports' contracts.
//!
//! **An adapter adds names; it never changes what the core does.**

#[cfg(feature = "directory")]
pub mod directory;
#[cfg(feature = "fhir")]
pub mod fhir;
#[cfg(feature = "maildir")]
pub mod maildir;
pub mod memory;
#[cfg(any(feature = "maildir", feature = "smtp"))]
pub mod message;
#[cfg(any(feature = "directory", feature = "fhir"))]
mod patient_resource;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "smtp")]
pub mod smtp;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod sql;
#[cfg(feature = "sqlite")]
pub mod sqlite;
