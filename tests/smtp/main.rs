//! Mails over SMTP: to servers that behave, to servers of other makers, and to those that do not behave. Not: what the
//! courier makes of it.
//!
//! **Whatever a server does, a mail is sent, or an error says which kind; never a panic, never a wait without end.**

#[path = "../common/certificates.rs"]
mod certificates;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/peer.rs"]
mod peer;
#[path = "../common/smtp_peer.rs"]
mod smtp_peer;
#[path = "../common/smtp_server.rs"]
mod smtp_server;

mod answers;
mod configured;
mod conformance;
mod dkim;
mod misbehaviour;
mod peers;
mod stand;
