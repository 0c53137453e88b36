//! Many processes of the core on one database, and a checker of its own that reads what they wrote down and what the
//! database holds. Not: the rules of one flow; those have files of their own.
//!
//! **Some serial order explains every answer that any process got.**
//!
//! A short round for each store. `ACCESO_ROUNDS` plays more of them, `ACCESO_PROCESSES` and `ACCESO_CALLS` set how many
//! processes make how many calls each, `ACCESO_SEED` which. For minutes:
//!
//! ```sh
//! ACCESO_ROUNDS=60 ACCESO_CALLS=1000 cargo test --all-features --test many_processes -- --nocapture
//! ```

#![cfg(unix)]
#![allow(unreachable_pub, reason = "the modules are one crate's rooms; no one imports from a test")]

#[path = "../common/postgres.rs"]
mod server;

mod checker;
mod evidence;
mod hammer;
mod log;
mod ports;
mod script;
mod tables;
mod worker;

use acceso::adapter::sqlite::SqliteStore;
use hammer::Database;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_new_file_that_many_open_at_once_opens_for_all() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("acceso.sqlite").display());
        let openings = (0..8).map(|_| {
            let url = url.clone();
            tokio::spawn(async move { SqliteStore::connect(&url).await })
        });
        for opening in openings.collect::<Vec<_>>() {
            opening.await.expect("no panic").expect("the file opens");
        }
    }
}

#[test]
fn many_processes_on_one_file_of_sqlite_answer_as_if_one_after_the_other() {
    if worker::obeyed() {
        return;
    }
    hammer::rounds("many_processes_on_one_file_of_sqlite_answer_as_if_one_after_the_other", Database::Sqlite);
}

#[test]
fn many_processes_on_one_database_of_postgres_answer_as_if_one_after_the_other() {
    if worker::obeyed() {
        return;
    }
    let name = "many_processes_on_one_database_of_postgres_answer_as_if_one_after_the_other";
    if server::postgres_or_skip(name) {
        hammer::rounds(name, Database::Postgres);
    }
}
