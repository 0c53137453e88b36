//! Stores whose events a test can read. Not: the stores.
//!
//! **Events come back in the order of commits.**

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use acceso::adapter::memory::MemoryStore;
use acceso::adapter::postgres::PostgresStore;
use acceso::adapter::sqlite::SqliteStore;
use acceso::{Event, UserStore};
use async_trait::async_trait;

#[async_trait]
pub trait Kept: UserStore + 'static {
    /// Every event so far.
    async fn kept(&self) -> Vec<Event>;
}

#[async_trait]
impl Kept for MemoryStore {
    async fn kept(&self) -> Vec<Event> {
        self.events()
    }
}

#[async_trait]
impl Kept for SqliteStore {
    async fn kept(&self) -> Vec<Event> {
        let events = self.events(0, u32::MAX).await.expect("readable events");
        events.into_iter().map(|(_, event)| event).collect()
    }
}

#[async_trait]
impl Kept for PostgresStore {
    async fn kept(&self) -> Vec<Event> {
        let events = self.events(0, u32::MAX).await.expect("readable events");
        events.into_iter().map(|(_, event)| event).collect()
    }
}
