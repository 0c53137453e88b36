//! The patient registry over FHIR, against servers that answer by script, also badly. Not: against one of another maker,
//! which is `tests/registry_record`.
//!
//! **Whatever a server does, a list is whole and holds the asked address, or there is an error that names the reason.**

#[path = "../common/certificates.rs"]
mod authority;
#[path = "../common/fhir_server.rs"]
mod fhir_server;
#[path = "../common/peer.rs"]
mod peer;

mod answers;
mod assertions;
mod authorization;
mod backend_services;
mod bounds;
mod certificates;
mod configured;
mod pages;
mod properties;
mod stand;
mod token_faults;
