//! The store in `PostgreSQL`, over a server that the tests start. Not: what every store must do, which the conformance suite
//! checks here too.
//!
//! **Each test has a database of its own.**

#![allow(unreachable_pub, reason = "a test crate exports nothing, and its rooms are shared with other tests")]

mod collations;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/deployment.rs"]
mod deployment;
mod grants;
mod guard;
#[path = "../common/handles.rs"]
mod handles;
#[path = "../common/life.rs"]
mod life;
#[path = "../common/migrations.rs"]
mod migrations;
mod plans;
#[path = "../common/poison.rs"]
mod poison;
#[path = "../common/proxy.rs"]
mod proxy;
#[path = "../common/purging.rs"]
mod purging;
#[path = "../common/releases.rs"]
mod releases;
#[path = "../common/round_trips.rs"]
mod round_trips;
#[path = "../common/postgres.rs"]
mod server;
#[path = "../common/sources.rs"]
mod sources;
#[path = "../common/spy.rs"]
mod spy;
mod stand;
#[path = "../common/statements.rs"]
mod statements;
mod wire;

use acceso::adapter::postgres::PostgresStore;
use acceso::{BoxError, Event};
use handles::Handles;
use server::postgres_or_skip as can_run;

/// For the rooms that both stores share.
type Store = PostgresStore;
type Db = sqlx::Postgres;

/// Every event of the store.
async fn events(store: &PostgresStore) -> Result<Vec<Event>, BoxError> {
    let events = store.events(0, i32::MAX as u32).await?;
    Ok(events.into_iter().map(|(_, event)| event).collect())
}

/// One database, connected to as often as that.
async fn connected(times: usize) -> Handles<PostgresStore, ()> {
    let url = server::shared().database();
    let mut handles = Vec::new();
    for _ in 0..times {
        handles.push(PostgresStore::connect(&url).await.expect("the server is there"));
    }
    Handles::new(handles, ())
}

mod keeps_the_contract {
    acceso::conformance::user_store! {
        test: #[tokio::test(flavor = "multi_thread", worker_threads = 4)],
        spawn: tokio::spawn,
        store: super::connected(1).await,
        events: |store| super::events(store.one()).await.expect("readable events"),
    }
}

mod keeps_the_contract_connected_twice {
    acceso::conformance::user_store! {
        test: #[tokio::test(flavor = "multi_thread", worker_threads = 4)],
        spawn: tokio::spawn,
        store: super::connected(2).await,
        events: |store| super::events(store.one()).await.expect("readable events"),
    }
}
