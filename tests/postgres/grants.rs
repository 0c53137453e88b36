//! The contract under the roles that `docs/stores.md` recommends. Not: what the owner of the tables may do.
//!
//! **What the document says is what is run here, and the portal's role can add events and never change or remove one.**

use std::borrow::Cow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use acceso::Timestamp;
use acceso::adapter::postgres::PostgresStore;
use sqlx::Executor;

use crate::common::{ANA, PASSWORD};
use crate::deployment::Deployment;
use crate::handles::Handles;
use crate::server::{postgres_or_skip, shared};
use crate::stand::Stand;

const DOCUMENT: &str = include_str!("../../docs/stores.md");

/// The pieces of SQL under the heading, in their order.
fn recipe() -> Vec<&'static str> {
    let (_, after) = DOCUMENT.split_once("\n## Grants\n").expect("the heading");
    let section = after.split("\n## ").next().unwrap_or_default();
    let blocks = section.split("```sql\n").skip(1);
    let found: Vec<_> = blocks.map(|block| block.split("```").next().unwrap_or_default()).collect();
    assert_eq!(found.len(), 3, "for the server, before and after migrating");
    found
}

/// The URL of the database for another role.
fn url(role: &str, database: &str) -> String {
    format!("postgres://{role}@{}/{database}", shared().address())
}

/// Follows the document, once for the server of these tests.
fn follow_the_document() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        let [server, before, after] = recipe()[..] else { panic!("three pieces") };
        // One at a time: a database cannot be made among other statements.
        for statement in server.split_inclusive(';').map(str::trim).filter(|sql| !sql.is_empty()) {
            shared().run_sql(&shared().url("postgres"), statement);
        }
        let owner = url("portal_owner", "portal");
        shared().run_sql(&owner, before);
        let migrated = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let pool = Stand::at(url("portal_owner", "portal")).pool().await;
                PostgresStore::migrate(&pool).await.expect("the owner may make tables");
                // A copy of the database is made where nobody is connected to it.
                pool.close().await;
            });
        });
        migrated.join().expect("the tables are there");
        shared().run_sql(&owner, after);
    });
}

/// A database of its own, as the document leaves one.
fn granted() -> String {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    follow_the_document();
    let name = format!("granted{}", MADE.fetch_add(1, Ordering::Relaxed));
    let sql = format!("create database {name} owner portal_owner template portal");
    shared().run_sql(&shared().url("postgres"), &sql);
    name
}

/// For the portal's role.
async fn opened(times: usize) -> Handles<PostgresStore, ()> {
    let database = granted();
    let mut handles = Vec::new();
    for _ in 0..times {
        handles.push(Stand::at(url("portal", &database)).store().await);
    }
    Handles::new(handles, ())
}

mod keeps_the_contract_under_the_grants {
    acceso::conformance::user_store! {
        test: #[tokio::test(flavor = "multi_thread", worker_threads = 4)],
        spawn: tokio::spawn,
        store: super::opened(1).await,
        events: |store| crate::events(store.one()).await.expect("readable events"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_portal_can_neither_change_nor_remove_an_event() {
    if !postgres_or_skip("the_portal_can_neither_change_nor_remove_an_event") {
        return;
    }
    let stand = Stand::at(url("portal", &granted()));
    let mut portal = Deployment::over(stand.store().await);
    portal.user(ANA, "anapena", PASSWORD).await;
    let store = &portal.store.inner;
    let before = store.events(0, 99).await.expect("readable events");
    assert!(!before.is_empty());
    let pool = stand.pool().await;
    for sql in [
        "update acceso_events set at = 0",
        "delete from acceso_events",
        "truncate acceso_events",
        "drop table acceso_events",
        "alter table acceso_events disable trigger all",
        "select 1 from acceso_events for update",
        "delete from acceso_migrations",
        "delete from acceso_claims",
        "create table mine (id int)",
    ] {
        let refused = pool.execute(sql).await.expect_err(sql);
        let code = refused.as_database_error().and_then(|error| error.code().map(Cow::into_owned));
        assert_eq!(code.as_deref(), Some("42501"), "{sql}: {refused}");
    }
    let later = Timestamp::from_millis(i64::MAX);
    assert!(store.purge_events(later, 99).await.is_err());
    assert_eq!(store.events(0, 99).await.expect("readable events"), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_portal_cannot_migrate_and_need_not() {
    if !postgres_or_skip("the_portal_cannot_migrate_and_need_not") {
        return;
    }
    let database = granted();
    let stand = Stand::at(url("portal", &database));
    assert!(PostgresStore::migrate(&stand.pool().await).await.is_err());
    let portal = Deployment::over(stand.store().await);
    portal.register(ANA, "anapena", PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_can_remove_old_events() {
    if !postgres_or_skip("the_owner_can_remove_old_events") {
        return;
    }
    let database = granted();
    let portal = Deployment::over(Stand::at(url("portal", &database)).store().await);
    portal.register(ANA, "anapena", PASSWORD).await;
    let owner = Stand::at(url("portal_owner", &database)).store().await;
    let removed = owner.purge_events(Timestamp::from_millis(i64::MAX), 99).await.expect("the owner may");
    assert_eq!(removed, 1);
}
