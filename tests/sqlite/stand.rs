//! A file with the tables in it, and pools over it as a host makes them. Not: the store.
//!
//! **The file is gone with the test.**

use std::str::FromStr;

use acceso::adapter::sqlite::SqliteStore;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tempfile::TempDir;

use crate::statements::noted;

/// One file of its own.
pub(crate) struct Stand {
    folder: TempDir,
}

impl Stand {
    /// Without tables.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    /// With the tables of this release.
    pub(crate) async fn new() -> Self {
        let stand = Self::empty();
        SqliteStore::migrate(&stand.pool().await).await.expect("an empty file");
        stand
    }

    pub(crate) fn url(&self) -> String {
        crate::url(&self.folder)
    }

    /// The log of commits that are not in the file yet.
    pub(crate) fn write_ahead_log(&self) -> Vec<u8> {
        std::fs::read(self.folder.path().join("acceso.sqlite-wal")).unwrap_or_default()
    }

    /// As a host opens it that has read the documentation.
    pub(crate) fn options(&self) -> SqliteConnectOptions {
        let options = SqliteConnectOptions::from_str(&self.url()).expect("a URL");
        options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full)
    }

    pub(crate) async fn pool(&self) -> SqlitePool {
        SqlitePoolOptions::new().max_connections(3).connect_with(self.options()).await.expect("the file opens")
    }

    /// One to listen to.
    pub(crate) async fn noted_pool(&self) -> SqlitePool {
        let options = noted(self.options());
        SqlitePoolOptions::new().max_connections(3).connect_with(options).await.expect("the file opens")
    }

    pub(crate) async fn store(&self) -> SqliteStore {
        SqliteStore::from_pool(self.pool().await).await.expect("the tables are there")
    }
}
