//! A database with the tables in it, and pools over it as a host makes them. Not: the store.
//!
//! **Each has a database of its own.**

use std::str::FromStr;
use std::time::Duration;

use acceso::adapter::postgres::PostgresStore;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::server;
use crate::statements::noted;

/// One database.
pub(crate) struct Stand {
    url: String,
}

impl Stand {
    /// Without tables.
    pub(crate) fn empty() -> Self {
        Self { url: server::shared().database() }
    }

    /// The database of this URL.
    pub(crate) fn at(url: String) -> Self {
        Self { url }
    }

    /// With the tables of this release.
    pub(crate) async fn new() -> Self {
        let stand = Self::empty();
        PostgresStore::migrate(&stand.pool().await).await.expect("an empty database");
        stand
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        PgConnectOptions::from_str(&self.url).expect("a URL")
    }

    pub(crate) async fn pool(&self) -> PgPool {
        pool(self.options()).await
    }

    /// One to listen to.
    pub(crate) async fn noted_pool(&self) -> PgPool {
        pool(noted(self.options())).await
    }

    pub(crate) async fn store(&self) -> PostgresStore {
        PostgresStore::from_pool(self.pool().await).await.expect("the tables are there")
    }

    /// What the owner does by hand. The rows of the answer, a line each.
    pub(crate) fn sql(&self, sql: &str) -> String {
        server::shared().run_sql(&self.url, sql)
    }
}

pub(crate) async fn pool(options: PgConnectOptions) -> PgPool {
    let pool = PgPoolOptions::new().max_connections(3).test_before_acquire(false);
    pool.acquire_timeout(Duration::from_secs(60)).connect_with(options).await.expect("the server is there")
}
