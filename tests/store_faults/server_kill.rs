//! `PostgreSQL` killed under load: and started again, or followed by its replica. Not: one connection's end, see `cut`.
//!
//! **The clients' process lives through it, and its people need not be told.**

use std::sync::Arc;

use acceso::adapter::postgres::PostgresStore;

use crate::crowd::Crowd;
use crate::ledger::Ledger;
use crate::life::{Halt, Life};
use crate::portal::Portal;
use crate::proxy::Proxy;
use crate::random;
use crate::server::{Server, postgres_or_skip};
use crate::tables::Database;

/// At most this many calls are awaited between two faults.
const MOST_CALLS: u64 = 150;

async fn portal(url: &str) -> Arc<Portal> {
    let store = PostgresStore::connect(url).await.expect("the server is there");
    Arc::new(Portal::over(store, Arc::new(Ledger::in_memory()), 0))
}

fn some_calls() -> usize {
    usize::try_from(1 + random(MOST_CALLS)).expect("few")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_killed_and_restarted_under_load_loses_nothing() {
    const NAME: &str = "a_server_killed_and_restarted_under_load_loses_nothing";
    if !postgres_or_skip(NAME) {
        return;
    }
    let server = Server::durable();
    let url = server.database();
    let database = Database::Postgres(url.clone());
    let portal = portal(&url).await;
    let mut crowd = Crowd::enter(&portal);
    let kills = crate::rounds(5, 100);
    for _ in 0..kills {
        crowd.until_acknowledged(some_calls()).await;
        tokio::task::block_in_place(|| server.kill());
        portal.struck();
        tokio::task::block_in_place(|| server.restart());
        crowd.check(&database).await;
    }
    crowd.until_acknowledged(some_calls()).await;
    crowd.leave(NAME, kills, &database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_primary_killed_under_load_loses_nothing_to_its_replica() {
    const NAME: &str = "a_primary_killed_under_load_loses_nothing_to_its_replica";
    if !postgres_or_skip(NAME) {
        return;
    }
    let mut primary = Server::durable();
    let url = primary.database();
    let (_, name) = url.rsplit_once('/').expect("a database");
    let proxy = Proxy::start(primary.address());
    let portal = portal(&proxy.url(&url)).await;
    let mut crowd = Crowd::enter(&portal);
    let failovers = crate::rounds(2, 30);
    let mut database = Database::Postgres(url.clone());
    for _ in 0..failovers {
        let standby = tokio::task::block_in_place(|| primary.standby());
        crowd.until_acknowledged(some_calls()).await;
        tokio::task::block_in_place(|| primary.kill());
        portal.struck();
        tokio::task::block_in_place(|| standby.promote());
        proxy.set_target(standby.address());
        primary = standby;
        database = Database::Postgres(primary.url(name));
        crowd.check(&database).await;
    }
    crowd.until_acknowledged(some_calls()).await;
    crowd.leave(NAME, failovers, &database).await;
}

/// A call waits for the replica as long as it may last, and is `Unavailable` then.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_commit_that_the_replica_does_not_get_is_not_acknowledged() {
    const NAME: &str = "a_commit_that_the_replica_does_not_get_is_not_acknowledged";
    // It waits for as long as a call may last.
    if crate::rounds(0, 1) == 0 || !postgres_or_skip(NAME) {
        return;
    }
    let server = Server::start();
    let url = server.database();
    let portal = portal(&url).await;
    let standby = tokio::task::block_in_place(|| server.standby());
    Life::new(&portal, 1).impatient().register().await.expect("the replica gets it");
    tokio::task::block_in_place(|| standby.stop());
    let answer = Life::new(&portal, 2).impatient().register().await;
    assert!(matches!(answer, Err(Halt::GaveUp)), "{answer:?}: it is on one machine only");
    tokio::task::block_in_place(|| standby.restart());
    Life::new(&portal, 3).register().await.expect("the replica gets it");
    println!("{NAME}: 1 round, 3 calls, 2 acknowledged, 1 unavailable, 0 violations");
}
