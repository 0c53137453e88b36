//! A database with the tables in it, and pools over it as a host makes them. Not: the store.
//!
//! **Each has a database of its own.**

use std::str::FromStr;
use std::time::Duration;

use acceso::adapter::postgres::PostgresStore;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, PgPool, Row};
use tokio::sync::Mutex;

use crate::server;
use crate::statements::noted;

/// One database.
pub(crate) struct Stand {
    url: String,
    /// What would make the constraints that were dropped.
    constraints: Mutex<Vec<String>>,
}

impl Stand {
    pub(crate) const DATABASE: &str = "postgres";

    /// Without tables.
    pub(crate) fn empty() -> Self {
        Self::at(server::shared().database())
    }

    /// The database of this URL.
    pub(crate) fn at(url: String) -> Self {
        Self { url, constraints: Mutex::default() }
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

    /// The tables, constraints, indexes and triggers of ours, as the database tells them.
    pub(crate) async fn schema(&self) -> String {
        let rows = sqlx::query(SCHEMA).fetch_all(&self.pool().await).await.expect("a schema");
        rows.iter().map(|row| row.get::<String, _>(0) + "\n").collect()
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

    /// As a bytea is written.
    pub(crate) fn bytes(hex: &str) -> String {
        format!("'\\x{hex}'::bytea")
    }

    /// Whether the tables accept this, before any [`damage`](Self::damage) was done.
    pub(crate) async fn accepts(&self, sql: &str) -> bool {
        let pool = self.pool().await;
        let mut tried = pool.begin().await.expect("a transaction");
        let constraints = self.constraints.lock().await;
        for again in constraints.iter() {
            sqlx::raw_sql(AssertSqlSafe(again.clone())).execute(&mut *tried).await.expect(again);
        }
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut *tried).await;
        tried.rollback().await.expect("taken back");
        done.is_ok()
    }

    /// Done by a hand that has dropped every constraint first.
    pub(crate) async fn damage(&self, sql: &str) {
        let pool = self.pool().await;
        let mut constraints = self.constraints.lock().await;
        if constraints.is_empty() {
            for row in sqlx::query(CONSTRAINTS).fetch_all(&pool).await.expect("constraints") {
                let (drop, again): (String, String) = (row.get(0), row.get(1));
                sqlx::raw_sql(AssertSqlSafe(drop)).execute(&pool).await.expect("the owner may");
                constraints.push(again);
            }
        }
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&pool).await.expect(sql);
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
        let mut script = format!("{NOTES}\n");
        for row in sqlx::query(INSERTS).fetch_all(&pool).await.expect("tables") {
            let select: String = row.get(0);
            for row in sqlx::query(AssertSqlSafe(select)).fetch_all(&pool).await.expect("rows") {
                script += &(row.get::<String, _>(0) + "\n");
            }
        }
        script + COUNT_ON
    }

    /// Done by the owner's hand.
    pub(crate) async fn run(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&self.pool().await).await.expect("legal SQL");
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

/// Sorted as bytes, since databases have collations of their own.
const SCHEMA: &str = "\
    with lines (line, of_table, kind, place) as ( \
    select format('%s.%s %s%s%s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), \
        case when a.attnotnull then ' not null' else '' end, \
        case when l.collname = 'default' then '' else ' collate ' || l.collname end, \
        case a.attidentity when 'a' then ' always identity' \
            else coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') end), \
        c.relname::text, 1, to_char(a.attnum, '000') \
    from pg_attribute a join pg_class c on c.oid = a.attrelid and c.relkind = 'r' \
        left join pg_collation l on l.oid = a.attcollation \
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum \
    where a.attnum > 0 and not a.attisdropped \
    union all select format('%s constraint %s %s', c.relname, k.conname, pg_get_constraintdef(k.oid)), \
        c.relname::text, 2, k.conname::text \
    from pg_constraint k join pg_class c on c.oid = k.conrelid where k.contype <> 'n' \
    union all select indexdef, tablename::text, 3, indexname::text from pg_indexes \
    union all select pg_get_triggerdef(t.oid), c.relname::text, 4, t.tgname::text \
    from pg_trigger t join pg_class c on c.oid = t.tgrelid where not t.tgisinternal) \
    select line from lines where of_table like 'acceso\\_%' order by of_table collate \"C\", kind, place collate \"C\"";

/// Checks only: without keys and `not null` the rows would not even be found.
const CONSTRAINTS: &str = "\
    select format('alter table %s drop constraint %I', c.relname, k.conname), \
        format('alter table %s add constraint %I %s not valid', c.relname, k.conname, pg_get_constraintdef(k.oid)) \
    from pg_constraint k join pg_class c on c.oid = k.conrelid where c.relname like 'acceso\\_%' and k.contype = 'c'";

/// As the driver makes it.
const NOTES: &str = "create table acceso_migrations (version bigint primary key, description text not null, \
    installed_on timestamptz not null default now(), success boolean not null, checksum bytea not null, \
    execution_time bigint not null);";

const INSERTS: &str = "\
    select format('select ''insert into %s overriding system value values ('' || %s || '');'' from %s', table_name, \
        string_agg(format('quote_nullable(%I::text)', column_name), ' || '', '' || ' order by ordinal_position), table_name) \
    from information_schema.columns where table_name like 'acceso\\_%' and table_name <> 'acceso_claims' \
    group by table_name order by table_name";

/// Numbers go on after the highest.
const COUNT_ON: &str = "\
    select setval(pg_get_serial_sequence('acceso_events', 'number'), (select max(number) from acceso_events));\n\
    select setval(pg_get_serial_sequence('acceso_registrations', 'number'), (select max(number) from acceso_registrations));\n";
