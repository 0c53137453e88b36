//! The store in one file of `SQLite`. Not: what every store must do, which the conformance suite checks here too.
//!
//! **Each test has a file of its own.**

#![allow(unreachable_pub, reason = "a test crate exports nothing, and its rooms are shared with other tests")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/deployment.rs"]
mod deployment;
mod group_commit;
#[path = "../common/handles.rs"]
mod handles;
#[path = "../common/life.rs"]
mod life;
#[path = "../common/migrations.rs"]
mod migrations;
mod opening;
mod plans;
#[path = "../common/poison.rs"]
mod poison;
#[path = "../common/purging.rs"]
mod purging;
#[path = "../common/releases.rs"]
mod releases;
#[path = "../common/round_trips.rs"]
mod round_trips;
#[path = "../common/sources.rs"]
mod sources;
#[path = "../common/spy.rs"]
mod spy;
mod stand;
#[path = "../common/statements.rs"]
mod statements;
mod waiting;

use acceso::adapter::sqlite::SqliteStore;
use acceso::{BoxError, Event};
use handles::Handles;
use tempfile::TempDir;

/// For the rooms that both stores share.
type Store = SqliteStore;
type Db = sqlx::Sqlite;

/// No machine lacks what this store needs.
fn can_run(_: &str) -> bool {
    true
}

fn url(folder: &TempDir) -> String {
    format!("sqlite:{}", folder.path().join("acceso.sqlite").display())
}

/// Every event of the store.
async fn events(store: &SqliteStore) -> Result<Vec<Event>, BoxError> {
    Ok(store.events(0, u32::MAX).await?.into_iter().map(|(_, event)| event).collect())
}

/// One file, opened as often as that.
async fn opened(times: usize) -> Handles<SqliteStore, TempDir> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut handles = Vec::new();
    for _ in 0..times {
        handles.push(SqliteStore::connect(&url(&folder)).await.expect("the file opens"));
    }
    Handles::new(handles, folder)
}

mod keeps_the_contract {
    acceso::conformance::user_store! {
        test: #[tokio::test(flavor = "multi_thread", worker_threads = 4)],
        spawn: tokio::spawn,
        store: super::opened(1).await,
        events: |store| super::events(store.one()).await.expect("readable events"),
    }
}

mod keeps_the_contract_opened_twice {
    acceso::conformance::user_store! {
        test: #[tokio::test(flavor = "multi_thread", worker_threads = 4)],
        spawn: tokio::spawn,
        store: super::opened(2).await,
        events: |store| super::events(store.one()).await.expect("readable events"),
    }
}
