//! Many at once on real threads: guesses, links, sessions and couriers. Not: every order of two calls, which
//! `faults/overtaking.rs` plays one by one.
//!
//! **The outcome of calls that overlap is one that they could have had one after the other.**

#![allow(unreachable_pub, reason = "a test crate exports nothing, and its rooms are shared with other tests")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../faults/dump.rs"]
mod dump;
#[path = "../faults/ports.rs"]
mod ports;

/// The store that is raced on: in memory.
mod store {
    pub type Store = acceso::adapter::memory::MemoryStore;

    pub fn fresh() -> impl Future<Output = Store> {
        std::future::ready(Store::new())
    }
}

mod couriers;
mod crowd;
mod guesses;
mod links;
mod queue;
mod sessions;
