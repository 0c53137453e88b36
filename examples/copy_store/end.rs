//! One end of the copy: a connection in the middle of a transaction. Not: which rows go where.
//!
//! **Rows are read as of one instant, and written all at once by [`End::commit`].**

use std::str::FromStr;
use std::time::Duration;

use acceso::adapter::postgres::PostgresStore;
use acceso::adapter::sqlite::SqliteStore;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{
    AssertSqlSafe, ColumnIndex, Connection, Database, Decode, Encode, Executor, PgConnection, Postgres, QueryBuilder,
    Sqlite, SqliteConnection, Type,
};

use super::Outcome;
use super::tables::{Kind, Row, TABLES, Table, Value};

/// Rows that are held in memory at once. Each value is a variable of the statement that writes them, and both databases
/// take some ten thousands.
const BATCH: usize = 500;

/// A store checks that its pool has two.
const CONNECTIONS: u32 = 2;

const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) enum End {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl End {
    /// The store to copy from, as of this instant.
    pub(crate) async fn source(url: &str) -> Outcome<Self> {
        Self::open(url, false).await
    }

    /// The store to copy into, with its tables made, and for nobody else until the end.
    pub(crate) async fn target(url: &str) -> Outcome<Self> {
        Self::open(url, true).await
    }

    async fn open(url: &str, to_write: bool) -> Outcome<Self> {
        let mut end = match url.split_once(':') {
            Some(("sqlite", _)) => Self::Sqlite(sqlite(url, to_write).await?),
            Some(("postgres" | "postgresql", _)) => Self::Postgres(postgres(url, to_write).await?),
            _ => return Err("a store is sqlite:FILE or postgres://USER@HOST/DATABASE".into()),
        };
        end.check_tables().await?;
        Ok(end)
    }

    /// Whether the tables are those that this program knows.
    async fn check_tables(&mut self) -> Outcome<()> {
        const SQLITE: &str = "select t.name || '.' || c.name from sqlite_schema t join pragma_table_info(t.name) c \
             where t.type = 'table' and t.name like 'acceso\\_%' escape '\\'";
        const POSTGRES: &str = "select (table_name || '.' || column_name)::text from information_schema.columns \
             where table_schema = current_schema() and table_name like 'acceso\\_%'";
        let sql = if let Self::Sqlite(_) = self { SQLITE } else { POSTGRES };
        let own = |column: &String| column.starts_with("acceso_migrations.") || column.starts_with("acceso_claims.");
        let texts = self.rows(sql.to_owned(), Vec::new(), &[("", Kind::Text)]).await?.into_iter().flatten();
        let texts = texts.filter_map(|value| if let Value::Text(text) = value { text } else { None });
        let mut found: Vec<String> = texts.filter(|column| !own(column)).collect();
        let columns =
            |table: &Table| table.columns.iter().map(|(column, _)| format!("{}.{column}", table.name)).collect();
        let mut known: Vec<String> = TABLES.iter().flat_map(|table| -> Vec<String> { columns(table) }).collect();
        found.sort();
        known.sort();
        if found == known { Ok(()) } else { Err("the tables are not those of this program's release".into()) }
    }

    pub(crate) async fn count(&mut self, table: &Table) -> Outcome<u64> {
        let sql = format!("select count(*) from {}", table.name);
        Ok(u64::try_from(self.number(sql, Vec::new()).await?)?)
    }

    /// The next rows in the order of their key.
    pub(crate) async fn rows_after(&mut self, table: &Table, key: Value) -> Outcome<Vec<Row>> {
        let (name, by, columns) = (table.name, table.key(), table.columns());
        let sql = format!("select {columns} from {name} where {by} > $1 order by {by} limit {BATCH}");
        self.rows(sql, vec![key], table.columns).await
    }

    pub(crate) async fn insert(&mut self, table: &Table, rows: Vec<Row>) -> Outcome<()> {
        let into = format!("insert into {} ({}) ", table.name, table.columns());
        match self {
            Self::Sqlite(db) => values::<Sqlite>(into, rows).build().execute(db).await.map(drop)?,
            // Numbers are those of the source.
            Self::Postgres(db) => {
                values::<Postgres>(into + "overriding system value ", rows).build().execute(db).await.map(drop)?;
            }
        }
        Ok(())
    }

    /// The highest number that a row has or had.
    pub(crate) async fn last_number(&mut self, table: &Table) -> Outcome<i64> {
        let name = table.name;
        let sql = match self {
            Self::Sqlite(_) => format!(
                "select max(coalesce((select max(number) from {name}), 0), \
                 coalesce((select seq from sqlite_sequence where name = '{name}'), 0))"
            ),
            Self::Postgres(_) => {
                format!("select coalesce(pg_sequence_last_value(pg_get_serial_sequence('{name}', 'number')), 0)")
            }
        };
        self.number(sql, Vec::new()).await
    }

    /// Lets the next row have the number after this one.
    pub(crate) async fn number_from(&mut self, table: &Table, last: i64) -> Outcome<()> {
        let name = table.name;
        match self {
            // Where numbers may be used again, the highest that is there counts anyway.
            Self::Sqlite(db) => {
                let sql = "delete from sqlite_sequence where name = $1";
                sqlx::query(sql).bind(name).execute(&mut *db).await?;
                let sql = "insert into sqlite_sequence (name, seq) select name, $2 from sqlite_schema \
                           where name = $1 and sql like '% autoincrement%'";
                sqlx::query(sql).bind(name).bind(last).execute(db).await?;
            }
            Self::Postgres(_) if last == 0 => {}
            Self::Postgres(_) => {
                let sql = format!("select setval(pg_get_serial_sequence('{name}', 'number'), $1)");
                self.number(sql, vec![Value::Int(Some(last))]).await?;
            }
        }
        Ok(())
    }

    /// Makes what was written last.
    pub(crate) async fn commit(self) -> Outcome<()> {
        match self {
            Self::Sqlite(mut db) => {
                db.execute("commit").await?;
                // The last one to close takes the log into the file.
                db.close().await?;
            }
            Self::Postgres(mut db) => {
                // A new table has no statistics, and its first queries would be planned without.
                for table in &TABLES {
                    db.execute(AssertSqlSafe(format!("analyze {}", table.name))).await?;
                }
                db.execute("commit").await?;
                db.close().await?;
            }
        }
        Ok(())
    }

    async fn number(&mut self, sql: String, bound: Row) -> Outcome<i64> {
        match self.rows(sql, bound, &[("", Kind::Int)]).await?.first().and_then(|row| row.first()) {
            Some(Value::Int(Some(number))) => Ok(*number),
            _ => Err("a number was asked for, and none came".into()),
        }
    }

    async fn rows(&mut self, sql: String, bound: Row, columns: &[(&str, Kind)]) -> Outcome<Vec<Row>> {
        Ok(match self {
            Self::Sqlite(db) => {
                let rows = bind(sqlx::query(AssertSqlSafe(sql)), bound).fetch_all(db).await?;
                rows.iter().map(|row| read(row, columns)).collect::<Result<_, _>>()?
            }
            Self::Postgres(db) => {
                let rows = bind(sqlx::query(AssertSqlSafe(sql)), bound).fetch_all(db).await?;
                rows.iter().map(|row| read(row, columns)).collect::<Result<_, _>>()?
            }
        })
    }
}

async fn sqlite(url: &str, to_write: bool) -> Outcome<SqliteConnection> {
    let mut options = SqliteConnectOptions::from_str(url)?.busy_timeout(PATIENCE).synchronous(SqliteSynchronous::Full);
    if to_write {
        options = options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
    }
    let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await?;
    if to_write {
        SqliteStore::migrate(&pool).await?;
    }
    // Refuses a file of another release.
    SqliteStore::from_pool(pool.clone()).await?;
    let mut connection = pool.acquire().await?.detach();
    pool.close().await;
    connection.execute(if to_write { "begin immediate" } else { "begin" }).await?;
    Ok(connection)
}

async fn postgres(url: &str, to_write: bool) -> Outcome<PgConnection> {
    let options = PgConnectOptions::from_str(url)?;
    let pool =
        PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE).connect_with(options).await?;
    if to_write {
        PostgresStore::migrate(&pool).await?;
    }
    // Refuses a database of another release.
    PostgresStore::from_pool(pool.clone()).await?;
    let mut connection = pool.acquire().await?.detach();
    pool.close().await;
    if to_write {
        connection.execute("begin").await?;
        for table in &TABLES {
            connection.execute(AssertSqlSafe(format!("lock table {}", table.name))).await?;
        }
    } else {
        connection.execute("begin isolation level repeatable read read only").await?;
    }
    Ok(connection)
}

fn values<DB: Database>(into: String, rows: Vec<Row>) -> QueryBuilder<DB>
where
    Option<i64>: for<'q> Encode<'q, DB> + Type<DB>,
    Option<String>: for<'q> Encode<'q, DB> + Type<DB>,
    Option<Vec<u8>>: for<'q> Encode<'q, DB> + Type<DB>,
    bool: for<'q> Encode<'q, DB> + Type<DB>,
{
    let mut statement = QueryBuilder::new(into);
    statement.push_values(rows, |mut tuple, row| {
        for value in row {
            match value {
                Value::Int(value) => tuple.push_bind(value),
                Value::Text(value) => tuple.push_bind(value),
                Value::Bytes(value) => tuple.push_bind(value),
                Value::Flag(value) => tuple.push_bind(value),
            };
        }
    });
    statement
}

fn bind<DB: Database>(query: Query<'_, DB, DB::Arguments>, bound: Row) -> Query<'_, DB, DB::Arguments>
where
    Option<i64>: for<'q> Encode<'q, DB> + Type<DB>,
    Option<String>: for<'q> Encode<'q, DB> + Type<DB>,
    Option<Vec<u8>>: for<'q> Encode<'q, DB> + Type<DB>,
    bool: for<'q> Encode<'q, DB> + Type<DB>,
{
    bound.into_iter().fold(query, |query, value| match value {
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
        Value::Flag(value) => query.bind(value),
    })
}

fn read<R: sqlx::Row>(row: &R, columns: &[(&str, Kind)]) -> Result<Row, sqlx::Error>
where
    usize: ColumnIndex<R>,
    Option<i64>: for<'r> Decode<'r, R::Database> + Type<R::Database>,
    Option<String>: for<'r> Decode<'r, R::Database> + Type<R::Database>,
    Option<Vec<u8>>: for<'r> Decode<'r, R::Database> + Type<R::Database>,
    bool: for<'r> Decode<'r, R::Database> + Type<R::Database>,
{
    let value = |(at, (_, kind)): (usize, &(&str, Kind))| {
        Ok(match kind {
            Kind::Int => Value::Int(row.try_get(at)?),
            Kind::Text => Value::Text(row.try_get(at)?),
            Kind::Bytes => Value::Bytes(row.try_get(at)?),
            Kind::Flag => Value::Flag(row.try_get(at)?),
        })
    };
    columns.iter().enumerate().map(value).collect()
}
