//! A store over SQL filled with as many users as asked for. Not: a way that accounts come to be.
//!
//! **Every row is a copy of one that the crate wrote for the first patient; only who it is and when differ.**
//!
//! A portal that has been open for a year: each user has a mailbox whose links have ended, two open sessions and the
//! events of a registration, a login and a recovery; of twenty users one more person waits for her confirmation, and of a
//! hundred one mail is postponed.

use std::sync::Arc;
use std::time::Duration;

use acceso::adapter::memory::MemoryMailer;
use acceso::test_util::{FakeClock, cheap_hashing};
use acceso::{
    BoxError, Client, Confirmation, ConfirmationForm, Login, LoginForm, PasswordRecoveryForm, Policy, RecoveryRequest,
    Registering, Stay, Timestamp, UserStore,
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};

use super::clinic::{PASSWORD, deliver, email, registration, service_at, token, username};

/// When the store is full: the sessions and registrations in it have not ended.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

const A_MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Postponed mail is due by then.
const POSTPONED: Duration = Duration::from_secs(10 * 60);

/// The policy of a filled store: hashes cost next to nothing, and requests are answered whatever waits.
pub(crate) fn policy() -> Policy {
    let mut policy = cheap_hashing(Policy::portal());
    (policy.mail.max_waiting, policy.hashing.queue_per_thread) = (10_000_000, 1_000);
    policy
}

/// Fills a store that is empty but for its tables, through a connection to the same database: `users` in all, two at
/// least, of the names `paciente0`, `paciente1`, …
pub(crate) async fn fill(store: Arc<dyn UserStore>, link: &mut Link, users: usize) -> Result<(), BoxError> {
    live_one_life(store).await?;
    let indexes = link.drop_indexes().await?;
    for table in COPIED {
        link.run(&format!("create temp table model_{table} as select * from acceso_{table}")).await?;
    }
    link.run(&insert_users(users - 1)).await?;
    for sql in [INSERT_MAILBOXES, INSERT_SESSIONS, INSERT_EVENTS] {
        link.run(sql).await?;
    }
    link.run(&insert_registrations((users / 20).max(1))).await?;
    let postponed = NOW.after(POSTPONED).as_millis();
    link.run(&insert_mail("nuevo", (users / 100).max(1), postponed)).await?;
    link.run(&format!("update acceso_mail set due_at = {postponed}")).await?;
    for sql in indexes {
        link.run(&sql).await?;
    }
    link.settle().await
}

/// Adds mails that strangers asked for, all due.
pub(crate) async fn queue(link: &mut Link, mails: usize) -> Result<(), BoxError> {
    link.run(&insert_mail("espera", mails, NOW.as_millis())).await
}

/// Adds as many sessions, registrations and mailboxes that the next purge removes.
pub(crate) async fn expire(link: &mut Link, rows: usize) -> Result<(), BoxError> {
    for insert in [insert_ended_sessions, insert_ended_registrations, insert_ended_mailboxes] {
        link.run(&insert(rows)).await?;
    }
    Ok(())
}

/// What the first patient and one who is not confirmed yet leave in a store.
async fn live_one_life(store: Arc<dyn UserStore>) -> Result<(), BoxError> {
    let (clock, mailer, client) = (FakeClock::at(NOW), Arc::new(MemoryMailer::new()), Client::unknown());
    clock.set(Timestamp::from_millis(NOW.as_millis() - i64::try_from(A_MONTH.as_millis())?));
    let (acceso, mut courier) = service_at(clock.clone(), Arc::clone(&store), Arc::clone(&mailer), policy());
    let (name, address) = (username(0), email(0));
    let registering = acceso.register(registration(&address, &name), &client).await?;
    assert!(matches!(registering, Registering::Accepted(_)), "{registering:?}");
    deliver(&mut courier).await;
    let token = mailer.take().iter().find_map(token).expect("a link");
    let form = ConfirmationForm { token, username: name.clone(), password: PASSWORD.into(), reference: None };
    assert!(matches!(acceso.confirm(form, &client).await?, Confirmation::Confirmed));
    let login = async || acceso.login(LoginForm::new(username(0), PASSWORD), Stay::Session, &client).await;
    assert!(matches!(login().await?, Login::SignedIn(_)));
    let form = PasswordRecoveryForm { email: address, username: name };
    assert!(matches!(acceso.recover_password(form, &client).await?, RecoveryRequest::Accepted));
    deliver(&mut courier).await;

    clock.set(NOW);
    let purged = store.purge(NOW, 100).await?;
    assert_eq!((purged.sessions, purged.mailboxes), (1, 0), "the first session is over, and the mailbox has a user");
    assert!(matches!(login().await?, Login::SignedIn(_)));
    let waiting = registration("nuevo0@pacientes.example", "nuevo0");
    assert!(matches!(acceso.register(waiting, &client).await?, Registering::Accepted(_)));
    Ok(())
}

/// A connection that loads. Not one of the store's: it may be slow, and need not last.
pub(crate) enum Link {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Link {
    pub(crate) async fn to(url: &str) -> Result<Self, BoxError> {
        if url.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(url).await?;
            let settings = "pragma synchronous = off; pragma cache_size = -524288; pragma busy_timeout = 10000";
            connection.execute(settings).await?;
            return Ok(Self::Sqlite(connection));
        }
        let mut connection = PgConnection::connect(url).await?;
        let settings = "set synchronous_commit = off; set work_mem = '128MB'; set maintenance_work_mem = '512MB'";
        connection.execute(settings).await?;
        Ok(Self::Postgres(connection))
    }

    /// Runs a statement of ours in the words of this database.
    pub(crate) async fn run(&mut self, sql: &str) -> Result<(), BoxError> {
        let id = ["randomblob(16)", "uuid_send(gen_random_uuid())"];
        let digest = ["randomblob(32)", "uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())"];
        let hexadecimal = [("lower(hex(o.id))", "lower(hex(u.id))"), ("encode(o.id, 'hex')", "encode(u.id, 'hex')")];
        let dialect = usize::from(matches!(self, Self::Postgres(_)));
        let sql = sql
            .replace("{id}", id[dialect])
            .replace("{digest}", digest[dialect])
            .replace("{model in hexadecimal}", hexadecimal[dialect].0)
            .replace("{user in hexadecimal}", hexadecimal[dialect].1);
        match self {
            Self::Sqlite(connection) => connection.execute(AssertSqlSafe(sql)).await.map(drop)?,
            Self::Postgres(connection) => connection.execute(AssertSqlSafe(sql)).await.map(drop)?,
        }
        Ok(())
    }

    /// Drops the indexes that are made again in less time than they take to grow row by row, and tells how.
    async fn drop_indexes(&mut self) -> Result<Vec<String>, BoxError> {
        let indexes: Vec<(String, String)> = match self {
            Self::Sqlite(connection) => {
                let sql = "select name, sql from sqlite_schema where type = 'index' and sql is not null \
                           and name like 'acceso%'";
                let rows = sqlx::query(sql).fetch_all(connection).await?;
                rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, sqlx::Error>>()?
            }
            Self::Postgres(connection) => {
                let sql = "select indexname::text, indexdef from pg_indexes where schemaname = current_schema() \
                           and indexname like 'acceso%' and indexname not in (select conname from pg_constraint)";
                let rows = sqlx::query(sql).fetch_all(connection).await?;
                rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, sqlx::Error>>()?
            }
        };
        for (name, _) in &indexes {
            self.run(&format!("drop index {name}")).await?;
        }
        Ok(indexes.into_iter().map(|(_, sql)| sql).collect())
    }

    /// What the database does by itself in a quiet hour.
    pub(crate) async fn settle(&mut self) -> Result<(), BoxError> {
        match self {
            Self::Sqlite(_) => self.run("pragma wal_checkpoint(truncate)").await,
            Self::Postgres(_) => {
                self.run("vacuum (analyze)").await?;
                self.run("checkpoint").await
            }
        }
    }
}

const COPIED: [&str; 6] = ["users", "mailboxes", "sessions", "registrations", "mail", "events"];

/// The numbers 1 to `last` as `n(i)`, before an `insert`.
fn numbers(last: usize) -> String {
    format!("with recursive n(i) as (select cast(1 as bigint) union all select i + 1 from n where i < {last})")
}

/// The users came one by one in the course of a year.
fn insert_users(last: usize) -> String {
    format!(
        "{} insert into acceso_users (id, version, generation, username, email_key, email, full_name, patients, \
         language, status, disabled_at, disabled_by, credential, password_hash, strikes, locked_at, temporary_from, \
         temporary_until, created_at, changed_at) \
         select {{id}}, m.version, m.generation, 'paciente' || i, 'paciente' || i || '@pacientes.example', \
         'paciente' || i || '@pacientes.example', m.full_name, '[\"paciente' || i || '\"]', m.language, m.status, \
         m.disabled_at, m.disabled_by, m.credential, m.password_hash, m.strikes, m.locked_at, m.temporary_from, \
         m.temporary_until, m.created_at - (i * 86413) % 31536000000, m.changed_at - (i * 86413) % 31536000000 \
         from n cross join model_users m",
        numbers(last)
    )
}

const INSERT_MAILBOXES: &str = "insert into acceso_mailboxes (id, version, email_key, email, last_link_ends, purge_from, entries) \
     select {id}, m.version, u.email_key, u.email, m.last_link_ends, m.purge_from, \
     replace(m.entries, {model in hexadecimal}, {user in hexadecimal}) \
     from acceso_users u cross join model_mailboxes m cross join model_users o where u.id <> o.id";

/// All opened in the last twelve hours, which is how long one lasts.
const INSERT_SESSIONS: &str = "insert into acceso_sessions (digest, session_id, user_id, kind, remembered, opened_at, last_seen, \
     absolute_end, device) \
     select {digest}, {id}, u.id, m.kind, m.remembered, m.opened_at - u.created_at % 39600000 - k * 1000, \
     m.opened_at - u.created_at % 39600000 - k * 1000, m.absolute_end - u.created_at % 39600000 - k * 1000, m.device \
     from acceso_users u cross join (select 0 as k union all select 1) as twice cross join model_sessions m \
     cross join model_users o where u.id <> o.id";

const INSERT_EVENTS: &str = "insert into acceso_events (at, kind, mail, user_id, address, device) \
     select m.at - o.created_at + u.created_at, m.kind, m.mail, u.id, m.address, m.device \
     from acceso_users u cross join model_events m cross join model_users o where u.id <> o.id and m.user_id = o.id";

fn insert_registrations(last: usize) -> String {
    copy_registrations("nuevo", last, "(i * 7919) % 82800000")
}

fn insert_ended_registrations(last: usize) -> String {
    copy_registrations("pasado", last, "86400000")
}

/// `earlier` is by how many milliseconds they registered before the model did; they wait for a day.
fn copy_registrations(name: &str, last: usize, earlier: &str) -> String {
    format!(
        "{} insert into acceso_registrations (id, username, email_key, email, full_name, password_hash, language, \
         registered_at, expires_at) \
         select {{id}}, '{name}' || i, '{name}' || i || '@pacientes.example', '{name}' || i || '@pacientes.example', \
         m.full_name, m.password_hash, m.language, m.registered_at - {earlier}, m.expires_at - {earlier} \
         from n cross join model_registrations m",
        numbers(last)
    )
}

/// Their place in the queue is anywhere, as the store's own hash has it.
fn insert_mail(name: &str, last: usize, due_at: i64) -> String {
    format!(
        "{} insert into acceso_mail (id, purpose, user_id, generation, email, username, group_key, place, queued_at, \
         due_at, attempts, lease, lease_until) \
         select {{id}}, m.purpose, m.user_id, m.generation, '{name}' || i || '@pacientes.example', m.username, \
         m.purpose || ' {name}' || i || '@pacientes.example', \
         ((i * 2654435761) % 4294967296 - 2147483648) * 4294967296, m.queued_at, {due_at}, m.attempts, m.lease, null \
         from n cross join model_mail m",
        numbers(last)
    )
}

fn insert_ended_sessions(last: usize) -> String {
    format!(
        "{} insert into acceso_sessions (digest, session_id, user_id, kind, remembered, opened_at, last_seen, \
         absolute_end, device) select {{digest}}, {{id}}, {{id}}, m.kind, m.remembered, m.opened_at - 86400000, \
         m.last_seen - 86400000, m.absolute_end - 86400000, m.device from n cross join model_sessions m",
        numbers(last)
    )
}

fn insert_ended_mailboxes(last: usize) -> String {
    format!(
        "{} insert into acceso_mailboxes (id, version, email_key, email, last_link_ends, purge_from, entries) \
         select {{id}}, m.version, 'pasado' || i || '@pacientes.example', 'pasado' || i || '@pacientes.example', \
         m.last_link_ends, m.last_link_ends, m.entries from n cross join model_mailboxes m",
        numbers(last)
    )
}
