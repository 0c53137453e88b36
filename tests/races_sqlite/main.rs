//! The races of `races`, on one file of `SQLite`, two of whose handles share the calls. Not: the queue of hashing, which knows no
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
#[path = "../races/sessions.rs"]
mod sessions;

/// The store that is raced on: one file, opened twice.
mod store {
    use acceso::adapter::sqlite::SqliteStore;
    use tempfile::TempDir;

    use crate::common::kept::Kept;
    use crate::handles::Handles;

    pub type Store = Handles<SqliteStore, TempDir>;

    #[async_trait::async_trait]
    impl Kept for Store {
        async fn kept(&self) -> Vec<acceso::Event> {
            self.one().kept().await
        }
    }

    pub async fn fresh() -> Store {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("acceso.sqlite").display());
        let open = async || SqliteStore::connect(&url).await.expect("the file opens");
        Handles::new([open().await, open().await], folder)
    }
}
