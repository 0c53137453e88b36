//! The patient registry over FHIR: against a server that misbehaves by script, and against one of another maker.

#[path = "../common/fhir_server.rs"]
mod fhir_server;

mod answers;
mod bounds;
mod configured;
mod pages;
mod stand;
