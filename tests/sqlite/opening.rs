//! Over which pools a store opens, and what the file itself refuses. Not: tables of other releases.
//!
//! **A pool under which `Done` would not last is refused.**

use acceso::adapter::sqlite::SqliteStore;
use sqlx::Executor;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::common::{ANA, PASSWORD};
use crate::deployment::Deployment;
use crate::stand::Stand;

const UNSYNCED: &str = "the pool's connections need journal_mode = wal and synchronous = full";

async fn refused(options: SqliteConnectOptions, connections: u32) -> String {
    let pool = SqlitePoolOptions::new().max_connections(connections).connect_with(options).await.expect("it opens");
    let error = SqliteStore::from_pool(pool).await.expect_err("a pool that is refused");
    error.to_string()
}

#[tokio::test]
async fn a_pool_that_does_not_flush_each_commit_is_refused() {
    let stand = Stand::new().await;
    for level in [SqliteSynchronous::Normal, SqliteSynchronous::Off] {
        assert_eq!(refused(stand.options().synchronous(level), 3).await, UNSYNCED);
    }
}

#[tokio::test]
async fn a_pool_with_a_rollback_journal_is_refused() {
    for mode in [SqliteJournalMode::Delete, SqliteJournalMode::Truncate, SqliteJournalMode::Memory] {
        let stand = Stand::empty();
        let options = stand.options().journal_mode(mode);
        let pool = SqlitePoolOptions::new().connect_with(options.clone()).await.expect("it opens");
        SqliteStore::migrate(&pool).await.expect("an empty file");
        pool.close().await;
        assert_eq!(refused(options, 3).await, UNSYNCED);
    }
}

#[tokio::test]
async fn a_pool_of_one_connection_is_refused() {
    let stand = Stand::new().await;
    let expected = "the pool needs two connections at least, one to write and one to read";
    assert_eq!(refused(stand.options(), 1).await, expected);
}

#[tokio::test]
async fn a_pool_that_flushes_more_than_is_needed_is_taken() {
    let stand = Stand::new().await;
    let options = stand.options().synchronous(SqliteSynchronous::Extra);
    let pool = SqlitePoolOptions::new().max_connections(2).connect_with(options).await.expect("it opens");
    let mut portal = Deployment::over(SqliteStore::from_pool(pool).await.expect("a good pool"));
    portal.user(ANA, "anapena", PASSWORD).await;
}

#[tokio::test]
async fn an_event_is_never_changed() {
    let stand = Stand::new().await;
    let mut portal = Deployment::over(stand.store().await);
    portal.user(ANA, "anapena", PASSWORD).await;
    let before = portal.store.inner.events(0, 99).await.expect("readable events");
    for sql in [
        "update acceso_events set at = 0",
        "update or replace acceso_events set number = 1",
        "insert into acceso_events (number, at, kind) values (1, 0, 'signed_in') on conflict do update set at = 0",
    ] {
        let refused = stand.pool().await.execute(sql).await.expect_err(sql);
        assert!(refused.to_string().contains("events are never changed"), "{sql}: {refused}");
    }
    assert_eq!(portal.store.inner.events(0, 99).await.expect("readable events"), before);
}
