//! What the stores over SQL have in common: verbs as statements, rows as records. Not: connections and transactions, which
//! differ.
//!
//! **Each value is bound, never spliced, and each row that is read is checked like a form.**

pub(in crate::adapter) mod job;
pub(in crate::adapter) mod rows;
pub(in crate::adapter) mod statements;
pub(in crate::adapter) mod writes;

use sqlx::query::Query;
use sqlx::{Database, Encode, Type};

use crate::clock::Timestamp;
use crate::port::error::BoxError;

/// The newest schema that this version of the crate knows.
pub(in crate::adapter) const SCHEMA_VERSION: i64 = 1;

/// Where the migrations that were run are noted. A host's own stand in a table of their own.
pub(in crate::adapter) const MIGRATIONS_TABLE: &str = "acceso_migrations";

/// How often one purge looks for mailboxes: a bound on how long it holds the store.
pub(in crate::adapter) const PURGE_ROUNDS: usize = 8;

/// Why a store over SQL could not do what it was asked. Holds no row.
#[derive(thiserror::Error)]
pub(in crate::adapter) enum SqlError {
    #[error("the database did not do what it was asked")]
    Database(#[from] sqlx::Error),
    #[error("the database has no tables of acceso: run `migrate` first")]
    NotMigrated,
    #[error("the database has version {found} of the tables and this crate knows {SCHEMA_VERSION}: run `migrate`")]
    Outdated { found: i64 },
    #[error(
        "the database has version {found} of the tables and this crate knows {SCHEMA_VERSION}: bring all processes to the newer release"
    )]
    TooNew { found: i64 },
    #[error("a migration failed")]
    Migration(#[from] sqlx::migrate::MigrateError),
}

/// Without the driver's own error, whose `Debug` quotes rows.
impl std::fmt::Debug for SqlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SqlError({self})")
    }
}

/// Whether the tables are those that this version of the crate was written for.
pub(in crate::adapter) fn check_version(found: Option<i64>) -> Result<(), SqlError> {
    match found {
        None => Err(SqlError::NotMigrated),
        Some(found) if found < SCHEMA_VERSION => Err(SqlError::Outdated { found }),
        Some(found) if found > SCHEMA_VERSION => Err(SqlError::TooNew { found }),
        Some(_) => Ok(()),
    }
}

/// The version of the schema that is there, by the table of migrations.
pub(in crate::adapter) const FOUND_VERSION: &str =
    "select max(version) as version from acceso_migrations where success";

/// The migrations of a dialect, their table apart from the host's.
pub(in crate::adapter) fn migrator(accounts: &'static str) -> sqlx::migrate::Migrator {
    use sqlx::SqlSafeStr;
    use sqlx::migrate::{Migration, MigrationType, Migrator};
    let first = Migration::new(1, "accounts".into(), MigrationType::Simple, accounts.into_sql_str(), false);
    let mut migrator = Migrator::with_migrations(vec![first]);
    migrator.dangerous_set_table_name(MIGRATIONS_TABLE);
    migrator
}

/// What became of migrating, told as what one does about it.
pub(in crate::adapter) fn migrated(outcome: Result<(), sqlx::migrate::MigrateError>) -> Result<(), BoxError> {
    use sqlx::migrate::MigrateError;
    outcome.map_err(|error| match error {
        MigrateError::VersionMissing(found) if found > SCHEMA_VERSION => boxed(SqlError::TooNew { found }),
        error => boxed(error),
    })
}

/// One value of a statement, `None` for null.
#[derive(Clone)]
pub(in crate::adapter) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Flag(bool),
}

/// One statement with its values.
#[derive(Clone)]
pub(in crate::adapter) struct Statement {
    pub(in crate::adapter) sql: &'static str,
    pub(in crate::adapter) values: Vec<Value>,
    /// Whether it must touch a row, or else the whole commit is a conflict.
    pub(in crate::adapter) must_hit: bool,
}

impl Statement {
    /// As the driver wants it.
    pub(in crate::adapter) fn bound<'q, D>(self) -> Query<'q, D, D::Arguments>
    where
        D: Database,
        Option<i64>: Encode<'q, D> + Type<D>,
        Option<String>: Encode<'q, D> + Type<D>,
        Option<Vec<u8>>: Encode<'q, D> + Type<D>,
        bool: Encode<'q, D> + Type<D>,
    {
        self.values.into_iter().fold(sqlx::query::<D>(self.sql), |query, value| match value {
            Value::Int(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::Bytes(value) => query.bind(value),
            Value::Flag(value) => query.bind(value),
        })
    }
}

/// A statement that only reads, or whose rows are counted by nobody.
pub(in crate::adapter) fn statement(sql: &'static str, values: impl Into<Vec<Value>>) -> Statement {
    Statement { sql, values: values.into(), must_hit: false }
}

/// An instant, in the milliseconds of its column.
fn instant(at: Timestamp) -> Value {
    at.as_millis().into()
}

fn maybe_instant(at: Option<Timestamp>) -> Value {
    at.map(Timestamp::as_millis).into()
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

/// Counts stay below 2⁶³: versions, generations and lease numbers are counted from 1.
impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(str::to_owned))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(value: &[u8; N]) -> Self {
        Self::Bytes(Some(value.to_vec()))
    }
}

impl<const N: usize> From<Option<&[u8; N]>> for Value {
    fn from(value: Option<&[u8; N]>) -> Self {
        Self::Bytes(value.map(|bytes| bytes.to_vec()))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Flag(value)
    }
}

/// Runs one job with an error of the port's kind.
pub(in crate::adapter) fn boxed(error: impl Into<SqlError>) -> BoxError {
    Box::new(error.into())
}
