//! The tables as they come to be, whoever comes first and whatever else lives in the database. Not: what is kept in them.
//!
//! **A database is brought to this release once, and a store opens over no other.**

use std::error::Error;
use std::process::Command;

use acceso::BoxError;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Executor, Row, SqlSafeStr};

use crate::common::{ANA, PASSWORD};
use crate::deployment::Deployment;
use crate::stand::Stand;
use crate::{Db, Store, can_run};

const AT_ONCE: usize = 12;

/// Names the database to a process that is to migrate it.
const DATABASE: &str = "ACCESO_TEST_MIGRATES";

/// The error and its causes, as an operator reads them.
fn told(error: &BoxError) -> String {
    let mut told = error.to_string();
    let mut cause: Option<&dyn Error> = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}

/// The notes of the migrations that were run, their own table's.
async fn notes(pool: &sqlx::Pool<Db>, table: &str) -> Vec<(i64, Vec<u8>)> {
    let sql = sqlx::AssertSqlSafe(format!("select version, checksum from {table} order by version"));
    let rows = sqlx::raw_sql(sql).fetch_all(pool).await.expect("a table of migrations");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn works(stand: &Stand) {
    let mut portal = Deployment::over(stand.store().await);
    portal.user(ANA, "anapena", PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_may_migrate_an_empty_database_at_once() {
    if !can_run("many_may_migrate_an_empty_database_at_once") {
        return;
    }
    for _ in 0..4 {
        let stand = Stand::empty();
        let url = stand.url().to_owned();
        let one = |_| {
            tokio::spawn({
                let url = url.clone();
                async move { Store::connect(&url).await.map(drop).map_err(|error| told(&error)) }
            })
        };
        let started: Vec<_> = (0..AT_ONCE).map(one).collect();
        for migrating in started {
            assert_eq!(migrating.await.expect("no panic"), Ok(()));
        }
        assert_eq!(notes(&stand.pool().await, "acceso_migrations").await.len(), 1);
        works(&stand).await;
    }
}

/// What the processes of the next test run; for itself it does nothing.
#[tokio::test]
async fn a_process_that_migrates() {
    if let Ok(url) = std::env::var(DATABASE) {
        let opened = Store::connect(&url).await;
        assert!(opened.is_ok(), "{:?}", opened.err().as_ref().map(told));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_may_migrate_at_once() {
    if !can_run("several_processes_may_migrate_at_once") {
        return;
    }
    let stand = Stand::empty();
    let program = std::env::current_exe().expect("this test");
    let one = |_| {
        let mut command = Command::new(&program);
        command.args(["--exact", "migrations::a_process_that_migrates"]).env(DATABASE, stand.url());
        command.stdout(std::process::Stdio::piped()).spawn().expect("a process")
    };
    let started: Vec<_> = (0..4).map(one).collect();
    for process in started {
        let done = process.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success() && said.contains("1 passed"), "{said}");
    }
    assert_eq!(notes(&stand.pool().await, "acceso_migrations").await.len(), 1);
    works(&stand).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrating_again_changes_nothing() {
    if !can_run("migrating_again_changes_nothing") {
        return;
    }
    let stand = Stand::new().await;
    let pool = stand.pool().await;
    let before = (stand.schema().await, notes(&pool, "acceso_migrations").await);
    for _ in 0..3 {
        Store::migrate(&pool).await.expect("nothing to do");
    }
    assert_eq!((stand.schema().await, notes(&pool, "acceso_migrations").await), before);
}

/// The host's own tables, with the driver's migrator as it is delivered.
fn of_the_host(tables: usize) -> Migrator {
    let all = ["create table visits (id integer)", "create table doctors (id integer)"];
    let one = |(number, sql): (i64, &'static str)| {
        Migration::new(number, "mine".into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations((1..).zip(all).take(tables).map(one).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_hosts_own_migrations_live_in_the_same_database() {
    if !can_run("the_hosts_own_migrations_live_in_the_same_database") {
        return;
    }
    let stand = Stand::empty();
    let pool = stand.pool().await;
    of_the_host(1).run(&pool).await.expect("the host's");
    let before = notes(&pool, "_sqlx_migrations").await;
    Store::migrate(&pool).await.expect("ours");
    assert_eq!(notes(&pool, "_sqlx_migrations").await, before);
    of_the_host(1).run(&pool).await.expect("nothing to do");
    of_the_host(2).run(&pool).await.expect("the host's next release");
    Store::migrate(&pool).await.expect("nothing to do");
    assert_eq!(notes(&pool, "_sqlx_migrations").await.len(), 2);
    assert_eq!(notes(&pool, "acceso_migrations").await.len(), 1);
    pool.execute("insert into visits values (1)").await.expect("the host's table");
    works(&stand).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_without_tables_is_refused() {
    if !can_run("a_database_without_tables_is_refused") {
        return;
    }
    let stand = Stand::empty();
    let refused = Store::from_pool(stand.pool().await).await.expect_err("no tables");
    assert_eq!(told(&refused), "the database has no tables of acceso: run `migrate` first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_without_the_last_migration_is_refused() {
    if !can_run("a_database_without_the_last_migration_is_refused") {
        return;
    }
    let stand = Stand::new().await;
    let pool = stand.pool().await;
    pool.execute("update acceso_migrations set version = 0").await.expect("an older release");
    let refused = Store::from_pool(pool).await.expect_err("an older release");
    assert_eq!(told(&refused), "the database has version 0 of the tables and this crate knows 1: run `migrate`");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_a_later_release_is_refused_and_left_alone() {
    if !can_run("a_database_of_a_later_release_is_refused_and_left_alone") {
        return;
    }
    let stand = Stand::new().await;
    let pool = stand.pool().await;
    let later = "insert into acceso_migrations (version, description, success, checksum, execution_time) \
                 select 2, 'later', success, checksum, 0 from acceso_migrations";
    pool.execute(later).await.expect("a later release");
    let before = (stand.schema().await, notes(&pool, "acceso_migrations").await);
    let expected = "the database has version 2 of the tables and this crate knows 1: \
                    bring all processes to the newer release";
    let opened = Store::from_pool(pool.clone()).await.expect_err("a later release");
    assert_eq!(told(&opened), expected);
    let connected = Store::connect(stand.url()).await.expect_err("a later release");
    assert_eq!(told(&connected), expected);
    // More often than the pool has connections, so that none of them keeps a lock.
    for _ in 0..4 {
        let migrated = Store::migrate(&pool).await.expect_err("a later release");
        assert_eq!(told(&migrated), expected);
    }
    assert_eq!((stand.schema().await, notes(&pool, "acceso_migrations").await), before);
    pool.execute("delete from acceso_migrations where version = 2").await.expect("back to this release");
    Store::migrate(&stand.pool().await).await.expect("nothing is locked");
}
