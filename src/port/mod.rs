//! What the host plugs in: traits and their contracts. Not: any implementation.
//!
//! **A port decides nothing: it finds, keeps or sends.**

pub(crate) mod error;
pub(crate) mod mailer;
pub(crate) mod patient_registry;
pub(crate) mod user_store;
