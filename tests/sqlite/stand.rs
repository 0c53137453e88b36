//! A file with the tables in it, and pools over it as a host makes them. Not: the store.
//!
//! **The file is gone with the test.**

use std::str::FromStr;

use acceso::adapter::sqlite::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection, Executor, Row, SqliteConnection, SqlitePool};
use tempfile::TempDir;

use crate::statements::noted;

/// One file of its own.
pub(crate) struct Stand {
    folder: TempDir,
    url: String,
}

impl Stand {
    pub(crate) const DATABASE: &str = "sqlite";

    /// Without tables.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { url: crate::url(&folder), folder }
    }

    /// With the tables of this release.
    pub(crate) async fn new() -> Self {
        let stand = Self::empty();
        SqliteStore::migrate(&stand.pool().await).await.expect("an empty file");
        stand
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The tables, indexes and triggers of ours, as the database tells them.
    pub(crate) async fn schema(&self) -> String {
        let sql =
            "select sql from sqlite_schema where name like 'acceso!_%' escape '!' and sql is not null order by name";
        let rows = sqlx::query(sql).fetch_all(&self.pool().await).await.expect("a schema");
        rows.iter().map(|row| row.get::<String, _>(0) + ";\n").collect()
    }

    /// The log of commits that are not in the file yet.
    pub(crate) fn write_ahead_log(&self) -> Vec<u8> {
        std::fs::read(self.folder.path().join("acceso.sqlite-wal")).unwrap_or_default()
    }

    /// As a host opens it that has read the documentation.
    pub(crate) fn options(&self) -> SqliteConnectOptions {
        let options = SqliteConnectOptions::from_str(&self.url).expect("a URL");
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

    /// As a blob is written.
    pub(crate) fn bytes(hex: &str) -> String {
        format!("x'{hex}'")
    }

    /// Whether the tables accept this.
    pub(crate) async fn accepts(&self, sql: &str) -> bool {
        let pool = self.pool().await;
        let mut tried = pool.begin().await.expect("a transaction");
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut *tried).await;
        tried.rollback().await.expect("taken back");
        done.is_ok()
    }

    /// Done by a hand that minds no constraint.
    pub(crate) async fn damage(&self, sql: &str) {
        let mut hand = SqliteConnection::connect_with(&self.options()).await.expect("the file opens");
        hand.execute("pragma ignore_check_constraints = on").await.expect("a setting");
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut hand).await.expect(sql);
    }

    /// What would bring the rows of users back to what they are now.
    pub(crate) async fn copy_of_users(&self) -> String {
        self.damage("drop table if exists sound; create table sound as select * from acceso_users").await;
        "delete from acceso_users; insert into acceso_users select * from sound".to_owned()
    }

    /// The first column of each row.
    pub(crate) async fn texts(&self, sql: &'static str) -> Vec<String> {
        let rows = sqlx::query(sql).fetch_all(&self.pool().await).await.expect(sql);
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Everything that stands in the tables, as statements that write it; the notes of migrations come with their table.
    pub(crate) async fn script(&self) -> String {
        let pool = self.pool().await;
        let notes = "select sql || ';' from sqlite_schema where name = 'acceso_migrations'";
        let mut script: String = sqlx::query(notes).fetch_one(&pool).await.expect("notes").get(0);
        script.push('\n');
        let inserts = "select 'select ''insert into ' || m.name || ' values ('' || ' \
             || group_concat('quote(' || c.name || ')', ' || '', '' || ') || ' || '');'' from ' || m.name \
             from sqlite_schema m, pragma_table_info(m.name) c \
             where m.type = 'table' and m.name like 'acceso!_%' escape '!' group by m.name order by m.name";
        for row in sqlx::query(inserts).fetch_all(&pool).await.expect("tables") {
            let select: String = row.get(0);
            for row in sqlx::query(AssertSqlSafe(select)).fetch_all(&pool).await.expect("rows") {
                script += &(row.get::<String, _>(0) + "\n");
            }
        }
        script
    }

    /// Done by the owner's hand.
    pub(crate) async fn run(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&self.pool().await).await.expect("legal SQL");
    }

    pub(crate) async fn store(&self) -> SqliteStore {
        SqliteStore::from_pool(self.pool().await).await.expect("the tables are there")
    }
}
