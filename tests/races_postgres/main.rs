//! The races of `races`, on `PostgreSQL`, two of whose handles share the calls. Not: the queue of hashing, which knows no
//! store.
//!
//! **The outcome of calls that overlap is one that they could have had one after the other, on this store too.**

#![allow(unreachable_pub, reason = "a test crate exports nothing, and its rooms are shared with other tests")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../races/couriers.rs"]
mod couriers;
#[path = "../races/crowd.rs"]
mod crowd;
#[path = "../faults/dump.rs"]
mod dump;
#[path = "../races/guesses.rs"]
mod guesses;
#[path = "../common/handles.rs"]
mod handles;
#[path = "../races/links.rs"]
mod links;
#[path = "../faults/ports.rs"]
mod ports;
#[path = "../common/postgres.rs"]
mod server;
#[path = "../races/sessions.rs"]
mod sessions;

/// The store that is raced on: a database of its own, connected to twice.
mod store {
    use acceso::adapter::postgres::PostgresStore;

    use crate::common::kept::Kept;
    use crate::handles::Handles;
    use crate::server;

    pub type Store = Handles<PostgresStore, ()>;

    #[async_trait::async_trait]
    impl Kept for Store {
        async fn kept(&self) -> Vec<acceso::Event> {
            self.one().kept().await
        }
    }

    pub async fn fresh() -> Store {
        let url = server::shared().database();
        let connect = async || PostgresStore::connect(&url).await.expect("the server is there");
        Handles::new([connect().await, connect().await], ())
    }
}
