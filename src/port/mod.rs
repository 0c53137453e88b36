//! What the host plugs in: traits and their contracts. Not: any implementation.
//!
//! **A port decides nothing: it finds, keeps or sends.**

pub(crate) mod error;
pub(crate) mod patient_registry;

pub use error::BoxError;
pub use patient_registry::PatientRegistry;
