//! What stands in the tables, read past the store, as of one instant. Not: what it should be.

use std::collections::HashMap;
use std::sync::Arc;

use acceso::UserStore;
use acceso::adapter::postgres::PostgresStore;
use acceso::adapter::sqlite::SqliteStore;
use sqlx::{Connection, Executor, PgConnection, Row, SqliteConnection};

use crate::ledger::Asked;

/// Where the store is.
#[derive(Debug, Clone)]
pub enum Database {
    Sqlite(String),
    Postgres(String),
}

pub struct UserRow {
    pub id: Vec<u8>,
    pub strikes: i64,
}

pub struct EventRow {
    pub kind: String,
    pub mail: Option<String>,
    pub user: Option<Vec<u8>>,
    pub asked: Option<Asked>,
}

/// Counts of rows, by whose they are.
#[derive(Default)]
pub struct Tables {
    pub users: HashMap<String, UserRow>,
    pub registrations: HashMap<String, usize>,
    pub sessions: HashMap<Vec<u8>, usize>,
    pub mail_to_users: HashMap<(Vec<u8>, String), usize>,
    pub mail_typed: HashMap<(String, String), usize>,
    /// In their order.
    pub events: Vec<EventRow>,
    pub damage: Vec<String>,
}

const USERS: &str = "select username, id, coalesce(strikes, 0) as strikes from acceso_users";
const REGISTRATIONS: &str = "select username from acceso_registrations";
const SESSIONS: &str = "select user_id from acceso_sessions";
const MAIL: &str = "select purpose, user_id, email from acceso_mail";
const EVENTS: &str = "select kind, mail, user_id, address from acceso_events order by number";

macro_rules! read {
    ($db:expr) => {{
        let (db, mut tables) = ($db, Tables::default());
        for row in sqlx::query(USERS).fetch_all(&mut *db).await? {
            let user = UserRow { id: row.try_get("id")?, strikes: row.try_get("strikes")? };
            tables.users.insert(row.try_get("username")?, user);
        }
        for row in sqlx::query(REGISTRATIONS).fetch_all(&mut *db).await? {
            *tables.registrations.entry(row.try_get("username")?).or_default() += 1;
        }
        for row in sqlx::query(SESSIONS).fetch_all(&mut *db).await? {
            *tables.sessions.entry(row.try_get("user_id")?).or_default() += 1;
        }
        for row in sqlx::query(MAIL).fetch_all(&mut *db).await? {
            let (purpose, user): (String, Option<Vec<u8>>) = (row.try_get("purpose")?, row.try_get("user_id")?);
            *match user {
                Some(user) => tables.mail_to_users.entry((user, purpose)).or_default(),
                None => tables.mail_typed.entry((row.try_get("email")?, purpose)).or_default(),
            } += 1;
        }
        for row in sqlx::query(EVENTS).fetch_all(&mut *db).await? {
            let address: Option<String> = row.try_get("address")?;
            tables.events.push(EventRow {
                kind: row.try_get("kind")?,
                mail: row.try_get("mail")?,
                user: row.try_get("user_id")?,
                asked: Asked::of(address.map(|address| address.parse().expect("an address"))),
            });
        }
        tables
    }};
}

impl Database {
    pub async fn store(&self) -> Arc<dyn UserStore> {
        match self {
            Self::Sqlite(url) => Arc::new(SqliteStore::connect(url).await.expect("the file opens")),
            Self::Postgres(url) => Arc::new(PostgresStore::connect(url).await.expect("the server is there")),
        }
    }

    pub async fn tables(&self) -> Tables {
        match self {
            Self::Sqlite(url) => of_sqlite(url).await,
            Self::Postgres(url) => of_postgres(url).await,
        }
        .expect("readable tables")
    }

    /// When the server has done with whoever was connected.
    pub async fn tables_at_rest(&self) -> Tables {
        if let Self::Postgres(url) = self {
            let others = "select count(*) from pg_stat_activity where datname = current_database() \
                          and backend_type = 'client backend' and pid <> pg_backend_pid()";
            let mut db = PgConnection::connect(url).await.expect("the server is there");
            while sqlx::query_scalar::<_, i64>(others).fetch_one(&mut db).await.expect("a count") > 0 {}
        }
        self.tables().await
    }
}

async fn of_sqlite(url: &str) -> Result<Tables, sqlx::Error> {
    let mut db = SqliteConnection::connect(url).await?;
    db.execute("begin").await?;
    let mut tables = read!(&mut db);
    let state: String = sqlx::query_scalar("pragma quick_check").fetch_one(&mut db).await?;
    if state != "ok" {
        tables.damage.push(state);
    }
    db.close().await?;
    Ok(tables)
}

async fn of_postgres(url: &str) -> Result<Tables, sqlx::Error> {
    let mut db = PgConnection::connect(url).await?;
    db.execute("begin isolation level repeatable read read only").await?;
    let tables = read!(&mut db);
    db.close().await?;
    Ok(tables)
}
