//! The same work by hand over the same tables, through the same driver: one statement after the other, as somebody writes
//! them who needs nothing else. Not: a store; it checks no row and meets no conflict.
//!
//! **Each piece of work has as many transactions as the crate's, and as durable.**

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use acceso::BoxError;
use sha2::{Digest, Sha256};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, Row, SqlitePool};

use super::fill::NOW;

/// Connections of its own, set like the store's.
#[derive(Clone)]
pub(crate) enum ByHand {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// The same text for both drivers, whose types have no common name.
macro_rules! over {
    ($by_hand:expr, |$pool:ident| $work:expr) => {
        match $by_hand {
            ByHand::Sqlite($pool) => $work,
            ByHand::Postgres($pool) => $work,
        }
    };
    ($by_hand:expr, |$pool:ident, $begin:ident| $work:expr) => {
        match $by_hand {
            ByHand::Sqlite($pool) => {
                const $begin: &str = "begin immediate";
                $work
            }
            ByHand::Postgres($pool) => {
                const $begin: &str = "begin";
                $work
            }
        }
    };
}

macro_rules! run {
    ($db:expr, $sql:expr $(, $value:expr)*) => {
        sqlx::query($sql)$(.bind($value))*.execute(&mut *$db).await?.rows_affected()
    };
}

type Done = Result<(), BoxError>;

/// Reads every column of a user, from this one on.
macro_rules! read_user {
    ($row:expr, $from:expr) => {
        black_box((
            ($row.get::<Vec<u8>, _>($from), $row.get::<i64, _>($from + 1), $row.get::<i64, _>($from + 2)),
            [3, 4, 5, 6, 7, 8, 11].map(|at| $row.get::<String, _>($from + at)),
            ($row.get::<Option<String>, _>($from + 10), $row.get::<Option<String>, _>($from + 12)),
            [9, 13, 14, 15, 16].map(|at| $row.get::<Option<i64>, _>($from + at)),
            [17, 18].map(|at| $row.get::<i64, _>($from + at)),
        ))
    };
}

const EVENT: &str =
    "insert into acceso_events (at, kind, mail, user_id, address, device) values ($1, $2, null, $3, null, null)";

const MAIL: &str = "insert into acceso_mail (id, purpose, user_id, generation, email, username, group_key, place, queued_at, \
     due_at, attempts, lease, lease_until) values ($1, $2, null, null, $3, null, $4, $5, $6, $6, 0, 0, null)";

impl ByHand {
    /// With as many connections as the store.
    pub(crate) async fn to(url: &str) -> Result<Self, BoxError> {
        Self::with(url, if url.starts_with("sqlite:") { 5 } else { 10 }).await
    }

    pub(crate) async fn with(url: &str, connections: u32) -> Result<Self, BoxError> {
        if url.starts_with("sqlite:") {
            let options: SqliteConnectOptions = url.parse()?;
            let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
            let pool = SqlitePoolOptions::new().max_connections(connections).idle_timeout(None).max_lifetime(None);
            return Ok(Self::Sqlite(pool.test_before_acquire(false).connect_with(options).await?));
        }
        let options: PgConnectOptions = url.parse()?;
        let pool = PgPoolOptions::new().max_connections(connections).test_before_acquire(false);
        Ok(Self::Postgres(pool.connect_with(options).await?))
    }

    /// A session's digest that stands anywhere in the table.
    pub(crate) async fn some_digest(&self) -> Result<[u8; 32], BoxError> {
        const NEXT: &str = "select digest from acceso_sessions where digest >= $1 order by digest limit 1";
        const FIRST: &str = "select digest from acceso_sessions order by digest limit 1";
        let digest: Vec<u8> = over!(self, |pool| {
            match sqlx::query(NEXT).bind(random::<32>().to_vec()).fetch_optional(pool).await? {
                Some(row) => row.try_get(0)?,
                None => sqlx::query(FIRST).fetch_one(pool).await?.try_get(0)?,
            }
        });
        digest.try_into().map_err(|_| "a digest has 32 bytes".into())
    }

    pub(crate) async fn session(&self, digest: &[u8; 32]) -> Done {
        static SQL: &str = "select s.digest, s.session_id, s.user_id, s.kind, s.remembered, s.opened_at, s.last_seen, \
             s.absolute_end, s.device, u.id, u.version, u.generation, u.username, u.email, u.full_name, u.patients, \
             u.language, u.status, u.disabled_at, u.disabled_by, u.credential, u.password_hash, u.strikes, u.locked_at, \
             u.temporary_from, u.temporary_until, u.created_at, u.changed_at \
             from acceso_sessions s join acceso_users u on u.id = s.user_id where s.digest = $1";
        over!(self, |pool| {
            let row = sqlx::query(SQL).bind(digest.to_vec()).fetch_one(pool).await?;
            black_box((
                [0, 1, 2].map(|at| row.get::<Vec<u8>, _>(at)),
                (row.get::<String, _>(3), row.get::<bool, _>(4)),
                [5, 6, 7].map(|at| row.get::<i64, _>(at)),
                row.get::<Option<String>, _>(8),
            ));
            read_user!(row, 9);
            Ok(())
        })
    }

    pub(crate) async fn users_with_email(&self, email: &str) -> Done {
        static SQL: &str = "select id, version, generation, username, email, full_name, patients, language, status, \
             disabled_at, disabled_by, credential, password_hash, strikes, locked_at, temporary_from, temporary_until, \
             created_at, changed_at from acceso_users where email_key = $1";
        over!(self, |pool| {
            for row in sqlx::query(SQL).bind(email.to_lowercase()).fetch_all(pool).await? {
                read_user!(row, 0);
            }
            Ok(())
        })
    }

    /// A login beside its hash: the user is read; held, with a session and an event, in one transaction.
    pub(crate) async fn login(&self, name: &str) -> Done {
        static SQL: &str = "select id, version, generation, username, email, full_name, patients, language, status, \
             disabled_at, disabled_by, credential, password_hash, strikes, locked_at, temporary_from, temporary_until, \
             created_at, changed_at from acceso_users where username = $1";
        const GUARD: &str = "update acceso_users set version = version where id = $1 and version = $2";
        const OPEN: &str = "insert into acceso_sessions (digest, session_id, user_id, kind, remembered, opened_at, last_seen, \
             absolute_end, device) values ($1, $2, $3, 'full', $4, $5, $5, $6, null)";
        const MAKE_ROOM: &str = "delete from acceso_sessions where user_id = $1 and digest in (select digest from \
             acceso_sessions where user_id = $1 order by opened_at desc, digest desc \
             limit 9223372036854775807 offset 10)";
        over!(self, |pool, BEGIN| {
            let row = sqlx::query(SQL).bind(name).fetch_one(pool).await?;
            read_user!(row, 0);
            let (user, version): (Vec<u8>, i64) = (row.try_get(0)?, row.try_get(1)?);
            let now = NOW.as_millis();
            let mut db = pool.begin_with(BEGIN).await?;
            run!(db, GUARD, &user, version);
            let (digest, id) = (random::<32>().to_vec(), random::<16>().to_vec());
            run!(db, OPEN, digest, id, &user, false, now, now + 43_200_000);
            run!(db, MAKE_ROOM, &user);
            run!(db, EVENT, now, "signed_in", &user);
            Ok(db.commit().await?)
        })
    }

    /// A registration beside its hash, for which a text of its length stands: it is looked whether the name is taken;
    /// then a registration, a mail and an event.
    pub(crate) async fn register(&self, email: &str, name: &str) -> Done {
        const REGISTRATION: &str = "insert into acceso_registrations (id, username, email_key, email, full_name, password_hash, \
             language, registered_at, expires_at) values ($1, $2, $3, $3, $4, $5, 'es', $6, $7)";
        const TAKEN: &str = "select id from acceso_users where username = $1";
        over!(self, |pool, BEGIN| {
            black_box(sqlx::query(TAKEN).bind(name).fetch_optional(pool).await?);
            let now = NOW.as_millis();
            let mut db = pool.begin_with(BEGIN).await?;
            let id = random::<16>().to_vec();
            run!(db, REGISTRATION, id, name, email, "Nombre Apellido", "x".repeat(97), now, now + 86_400_000);
            let (id, group) = (random::<16>().to_vec(), format!("confirm_registration {email}"));
            run!(db, MAIL, id, "confirm_registration", email, group, place(), now);
            run!(db, EVENT, now, "registration_requested", None::<Vec<u8>>);
            Ok(db.commit().await?)
        })
    }

    /// A request for user names: a mail and an event.
    pub(crate) async fn recover_username(&self, email: &str) -> Done {
        over!(self, |pool, BEGIN| {
            let now = NOW.as_millis();
            let mut db = pool.begin_with(BEGIN).await?;
            let (id, group) = (random::<16>().to_vec(), format!("user_names {email}"));
            run!(db, MAIL, id, "user_names", email, group, place(), now);
            run!(db, EVENT, now, "user_names_requested", None::<Vec<u8>>);
            Ok(db.commit().await?)
        })
    }

    /// How much mail waits, and since when.
    pub(crate) async fn backlog(&self) -> Done {
        const SQL: &str = "select count(*), min(due_at) from acceso_mail";
        over!(self, |pool| {
            let row = sqlx::query(SQL).fetch_one(pool).await?;
            black_box((row.try_get::<i64, _>(0)?, row.try_get::<Option<i64>, _>(1)?));
            Ok(())
        })
    }

    pub(crate) async fn purge(&self, limit: i64) -> Done {
        const SESSIONS: &str = "delete from acceso_sessions where digest in \
             (select digest from acceso_sessions where absolute_end <= $1 limit $2)";
        const REGISTRATIONS: &str = "delete from acceso_registrations where id in \
             (select id from acceso_registrations where expires_at <= $1 limit $2)";
        const MAILBOXES: &str = "delete from acceso_mailboxes where id in \
             (select id from acceso_mailboxes m where purge_from <= $1 \
             and not exists (select 1 from acceso_users u where u.email_key = m.email_key) limit $2)";
        over!(self, |pool, BEGIN| {
            let mut db = pool.begin_with(BEGIN).await?;
            for sql in [SESSIONS, REGISTRATIONS, MAILBOXES] {
                run!(db, sql, NOW.as_millis(), limit);
            }
            Ok(db.commit().await?)
        })
    }

    /// A queue's usual claim: the earliest that are due, without groups, and in their order.
    pub(crate) async fn claim(&self, limit: i64) -> Done {
        const DUE: &str = "select id from acceso_mail where due_at <= $1 and (lease_until is null or lease_until <= $1) \
             order by due_at limit $2";
        const CLAIM: &str = "update acceso_mail set lease = lease + 1, lease_until = $2 where id = $1 returning *";
        over!(self, |pool, BEGIN| {
            let now = NOW.as_millis();
            let due = sqlx::query(DUE).bind(now).bind(limit).fetch_all(pool).await?;
            if due.is_empty() {
                return Ok(());
            }
            let mut db = pool.begin_with(BEGIN).await?;
            for row in due {
                let id: Vec<u8> = row.try_get(0)?;
                black_box(sqlx::query(CLAIM).bind(id).bind(now + 300_000).fetch_all(&mut *db).await?);
            }
            Ok(db.commit().await?)
        })
    }
}

/// Bytes that no other call gives.
fn random<const N: usize>() -> [u8; N] {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    let digest = Sha256::new().chain_update(b"by hand").chain_update(call.to_be_bytes()).finalize();
    std::array::from_fn(|at| digest[at % 32])
}

fn place() -> i64 {
    i64::from_be_bytes(random())
}
