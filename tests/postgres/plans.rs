//! How `PostgreSQL` finds what each statement asks for. Not: how long that takes.
//!
//! **Every statement that the store runs is explained, and none reads a whole table.**

use acceso::Timestamp;
use acceso::adapter::postgres::PostgresStore;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use crate::deployment::Deployment;
use crate::life;
use crate::server::postgres_or_skip;
use crate::sources::sql_in;
use crate::stand::Stand;
use crate::statements::Listening;

/// What is done once after a restore: everything is read, on purpose.
const AFTER_A_RESTORE: [&str; 5] = [
    "delete from acceso_sessions",
    "delete from acceso_registrations",
    "delete from acceso_mailboxes",
    "delete from acceso_mail",
    "update acceso_users set credential = 'awaiting_temporary'",
];

/// Tables of a few rows.
const SMALL: [&str; 2] = ["acceso_claims", "acceso_migrations"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_reads_a_whole_table() {
    if !postgres_or_skip("no_statement_reads_a_whole_table") {
        return;
    }
    let stand = Stand::new().await;
    let listening = Listening::to(stand.noted_pool()).await;
    let store = PostgresStore::from_pool(listening.pool().clone()).await.expect("the tables are there");
    let mut portal = Deployment::over(store);
    life::everything(&mut portal).await;
    let store = &portal.store.inner;
    store.events(0, 9).await.expect("readable events");
    store.purge_events(Timestamp::from_millis(0), 9).await.expect("the store is there");
    let said = listening.take().await;

    for insert in ROWS {
        stand.sql(insert);
    }
    stand.sql("vacuum analyze");
    let pool = stand.pool().await;
    let mut db = pool.acquire().await.expect("the server is there");
    sqlx::raw_sql("set plan_cache_mode = force_generic_plan").execute(&mut *db).await.expect("a setting");
    for sql in said.iter().filter(|sql| sql.contains("acceso_")) {
        let plan = plan(&mut db, sql).await;
        assert!(is_searched(sql, &plan), "{sql}\n{plan:#?}");
    }
    for text in sql_in(&["sql", "postgres"]) {
        assert!(said.iter().any(|sql| sql.contains(&text)), "no life has run this: {text}");
    }
}

/// The plan that fits all values, which is what a prepared statement comes to.
async fn plan(db: &mut PgConnection, sql: &str) -> Vec<String> {
    let parameters = (1..=30).rev().find(|number| sql.contains(&format!("${number}"))).unwrap_or(0);
    let nulls = vec!["null"; parameters].join(", ");
    let values = if parameters == 0 { String::new() } else { format!("({nulls})") };
    let prepare = AssertSqlSafe(format!("prepare asked as {sql}"));
    sqlx::raw_sql(prepare).execute(&mut *db).await.expect("a legal statement");
    let explain = AssertSqlSafe(format!("explain (costs off) execute asked{values}"));
    let rows = sqlx::raw_sql(explain).fetch_all(&mut *db).await.expect("a plan");
    sqlx::raw_sql("deallocate asked").execute(&mut *db).await.expect("it was prepared");
    rows.iter().map(|row| row.get(0)).collect()
}

/// Whether no table is read from one end to the other.
fn is_searched(sql: &str, plan: &[String]) -> bool {
    let restores =
        AFTER_A_RESTORE.iter().any(|all| sql == *all || (all.contains("credential") && sql.starts_with(all)));
    let small = |step: &str| SMALL.iter().any(|table| step.contains(table));
    restores || plan.iter().filter(|step| step.contains("Seq Scan")).all(|step| small(step))
}

/// So many that the planner prefers an index wherever there is one.
const ROWS: [&str; 6] = [
    "insert into acceso_users (id, version, generation, username, email_key, email, full_name, patients, language, \
     status, credential, password_hash, strikes, created_at, changed_at) \
     select decode(md5(i::text), 'hex'), 1, 1, 'u' || i, 'u' || i || '@example.org', 'u@example.org', 'U', '[\"p\"]', \
     'es', 'active', 'chosen', 'h', 0, i, i from generate_series(1, 10000) i",
    "insert into acceso_registrations (id, username, email_key, email, full_name, password_hash, language, \
     registered_at, expires_at) \
     select decode(md5(i::text), 'hex'), 'u' || i, 'u' || i || '@example.org', 'u@example.org', 'U', 'h', 'es', i, i \
     from generate_series(1, 10000) i",
    "insert into acceso_mailboxes (id, version, email_key, email, last_link_ends, purge_from, entries) \
     select decode(md5(i::text), 'hex'), 1, 'u' || i || '@example.org', 'u@example.org', i, i, '[]' \
     from generate_series(1, 10000) i",
    "insert into acceso_sessions (digest, session_id, user_id, kind, remembered, opened_at, last_seen, absolute_end) \
     select sha256(i::text::bytea), decode(md5(i::text), 'hex'), decode(md5(i::text), 'hex'), 'full', false, i, i, i \
     from generate_series(1, 10000) i",
    "insert into acceso_mail (id, purpose, user_id, generation, email, group_key, place, queued_at, due_at, attempts, \
     lease) select decode(md5(i::text), 'hex'), 'user_names', case i % 2 when 0 then decode(md5(i::text), 'hex') end, \
     case i % 2 when 0 then 1 end, case i % 2 when 1 then 'u@example.org' end, 'g' || i, i, i, i, 0, 0 \
     from generate_series(1, 10000) i",
    "insert into acceso_events (at, kind, user_id) select i, 'signed_in', decode(md5(i::text), 'hex') \
     from generate_series(1, 10000) i",
];
