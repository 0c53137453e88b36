//! Ports over real things. Not: anything that decides.
//!
//! **An adapter's own types and errors stay inside it.**

pub mod memory;
