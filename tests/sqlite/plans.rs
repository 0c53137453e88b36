//! How `SQLite` finds what each statement asks for. Not: how long that takes.
//!
//! **Every statement that the store runs is explained, and none reads a whole table.**

use acceso::Timestamp;
use acceso::adapter::sqlite::SqliteStore;
use sqlx::{AssertSqlSafe, Row, SqlitePool};

use crate::deployment::Deployment;
use crate::life;
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

/// Asked once, when a store is opened: a table of a row for each release.
const AT_THE_START: &str = "select max(version) as version from acceso_migrations";

/// Enough rows that a plan by their number would show.
const ROWS: &str = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_reads_a_whole_table() {
    let stand = Stand::new().await;
    let listening = Listening::to(stand.noted_pool()).await;
    let store = SqliteStore::from_pool(listening.pool().clone()).await.expect("the tables are there");
    let mut portal = Deployment::over(store);
    life::everything(&mut portal).await;
    let store = &portal.store.inner;
    store.events(0, 9).await.expect("readable events");
    store.purge_events(Timestamp::from_millis(0), 9).await.expect("the store is there");
    let said = listening.take().await;

    let pool = stand.pool().await;
    fill(&pool).await;
    for measured in [false, true] {
        if measured {
            sqlx::raw_sql("analyze").execute(&pool).await.expect("statistics");
        }
        for sql in said.iter().filter(|sql| sql.contains("acceso_")) {
            let plan = plan(&pool, sql).await;
            assert!(is_searched(sql, &plan), "{sql}\n{plan:#?}");
        }
    }
    for text in sql_in(&["sql", "sqlite"]) {
        // What only a store needs whose commits run beside each other, or each of whose statements is a round trip.
        let locks = text.ends_with("for update") || text.ends_with("for no key update");
        let of_the_other =
            locks || text.contains("acceso_mail m ") && !text.starts_with("select") || text.contains("listed");
        assert!(of_the_other || said.iter().any(|sql| sql.contains(&text)), "no life has run this: {text}");
    }
}

async fn plan(pool: &SqlitePool, sql: &str) -> Vec<String> {
    let explain = AssertSqlSafe(format!("explain query plan {sql}"));
    let rows = sqlx::raw_sql(explain).fetch_all(pool).await.expect("a plan");
    rows.iter().map(|row| row.get("detail")).collect()
}

/// Whether no table is read from one end to the other. A queue may be walked along its index until there is enough.
fn is_searched(sql: &str, plan: &[String]) -> bool {
    if AFTER_A_RESTORE.iter().any(|all| sql == *all || (all.contains("credential") && sql.starts_with(all))) {
        return true;
    }
    let stops = sql.contains(" limit ");
    let counts = sql.starts_with("select (select count(*) from acceso_mail");
    plan.iter()
        .filter(|step| step.starts_with("SCAN") && *step != "SCAN CONSTANT ROW")
        .all(|scan| sql.starts_with(AT_THE_START) || (scan.contains(" INDEX ") && (stops || counts)))
}

async fn fill(pool: &SqlitePool) {
    for insert in [
        "insert into acceso_users (id, version, generation, username, email_key, email, full_name, patients, language, \
         status, credential, password_hash, strikes, created_at, changed_at) \
         select randomblob(16), 1, 1, 'u' || i, 'u' || i || '@example.org', 'u@example.org', 'U', '[\"p\"]', 'es', \
         'active', 'chosen', 'h', 0, i, i from n",
        "insert into acceso_registrations (id, username, email_key, email, full_name, password_hash, language, \
         registered_at, expires_at) \
         select randomblob(16), 'u' || i, 'u' || i || '@example.org', 'u@example.org', 'U', 'h', 'es', i, i from n",
        "insert into acceso_mailboxes (id, version, email_key, email, last_link_ends, purge_from, entries) \
         select randomblob(16), 1, 'u' || i || '@example.org', 'u@example.org', i, i, '[]' from n",
        "insert into acceso_sessions (digest, session_id, user_id, kind, remembered, opened_at, last_seen, absolute_end) \
         select randomblob(32), randomblob(16), randomblob(16), 'full', 0, i, i, i from n",
        "insert into acceso_mail (id, purpose, user_id, generation, email, group_key, place, queued_at, due_at, attempts, \
         lease) select randomblob(16), 'user_names', case i % 2 when 0 then randomblob(16) end, \
         case i % 2 when 0 then 1 end, case i % 2 when 1 then 'u@example.org' end, 'g' || i, i, i, i, 0, 0 from n",
        "insert into acceso_events (at, kind, user_id) select i, 'signed_in', randomblob(16) from n",
    ] {
        let (into, select) = insert.split_once(" select ").expect("rows");
        let sql = AssertSqlSafe(format!("{into} {ROWS} select {select}"));
        sqlx::raw_sql(sql).execute(pool).await.expect("legal rows");
    }
}
