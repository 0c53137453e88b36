//! The stores under faults: a client killed, the server killed, the disk full, a connection cut, a primary lost. Not: faults
//! of a port in memory, which `tests/faults` has.
//!
//! **What was acknowledged is there, nothing is half done, and who called goes on by himself.**
//!
//! A short form runs with the other tests. The long one, with its counts:
//! `ACCESO_LONG=1 cargo test --all-features --test store_faults -- --nocapture`

#![cfg(unix)]
#![allow(unreachable_pub, reason = "a test crate exports nothing, and its rooms are shared with other tests")]

mod check;
mod client_kill;
mod crowd;
mod cut;
mod full_disk;
mod ledger;
mod life;
mod portal;
#[path = "../common/proxy.rs"]
mod proxy;
#[path = "../common/postgres.rs"]
mod server;
mod server_kill;
mod tables;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

fn random(below: u64) -> u64 {
    RandomState::new().build_hasher().finish() % below
}

/// How many rounds of a fault: few with the other tests, many where the long form was asked for.
fn rounds(short: usize, long: usize) -> usize {
    if std::env::var_os("ACCESO_LONG").is_some() { long } else { short }
}
