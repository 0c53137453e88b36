//! Stories of accounts over a clinic's patient record, which a FHIR server of another maker keeps. Not: what a server may
//! do wrong, which `tests/fhir` tells.
//!
//! **Each test has ids and addresses of its own**: one server serves all tests of a process.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/fhir_peer.rs"]
mod fhir_peer;
#[path = "../common/peer.rs"]
mod peer;

mod addresses;
mod changes;
mod conformance;
mod downtime;
mod families;
mod gone;
mod placeholder;
mod stand;
mod stranger;
