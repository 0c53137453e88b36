//! One call to the database: in a task of its own, in time, and on a connection that is alive. Not: what is asked.
//!
//! **A connection that may be in the middle of something is closed, and never used again.**

use std::pin::Pin;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgRow;
use sqlx::{Executor, PgConnection, PgPool, Postgres, Row};

use crate::adapter::sql::job::{Job, Written};
use crate::adapter::sql::rows::group_of;
use crate::adapter::sql::statements::{self, FORGET_LIVE};
use crate::adapter::sql::{PURGE_ROUNDS, Statement, boxed, rows, statement, writes};
use crate::clock::Timestamp;
use crate::mail::intent::MailIntent;
use crate::port::error::BoxError;
use crate::port::user_store::{Claim, Committed, Purged};

/// How long a call may take in all.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long forgetting what a backup holds may take: ten million users, from a cold disk, with room.
const FORGETTING: Duration = Duration::from_secs(3_600);

/// How long a call waits before it asks anew for a connection that could not be made.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a connection may take to show that it is well before it goes back to the pool.
const GIVE_BACK: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("the database did not answer in time")]
    Late,
    #[error("the call was cut short: the runtime is closing, or the driver panicked")]
    Closing,
}

/// A connection for one call.
struct Held {
    pool: PgPool,
    connection: Option<PoolConnection<Postgres>>,
    tries: u32,
    /// Whether a transaction is open on it, or may be.
    open: bool,
}

impl Held {
    /// Another connection; the one before was dead. While the server is away there is none, and what stands before it
    /// may take connections only to end them: all that is waited for, as long as the call may last.
    async fn another(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        self.discard();
        self.tries += 1;
        let connection = loop {
            match self.pool.acquire().await {
                Err(error) if is_gone(&error) => tokio::time::sleep(PAUSE).await,
                Err(sqlx::Error::PoolTimedOut) => {}
                acquired => break acquired?,
            }
        };
        Ok(self.connection.insert(connection))
    }

    /// All of a pool may have died at once, and each is found out by its first statement; the last try has a new one.
    fn may_try_another(&self, error: &sqlx::Error) -> bool {
        is_gone(error) && self.tries <= self.pool.options().get_max_connections().saturating_add(1)
    }

    /// To the pool again. The driver tests it first, and of a network that swallows everything it would wait for that
    /// answer for ever, with a place of the pool.
    fn give_back(&mut self) {
        if let Some(mut connection) = self.connection.take().filter(|_| !self.open) {
            tokio::spawn(async move { tokio::time::timeout(GIVE_BACK, connection.return_to_pool()).await });
        }
    }

    fn discard(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            connection.close_on_drop();
        }
        self.open = false;
    }
}

/// A panic leaves no open transaction in the pool.
impl Drop for Held {
    fn drop(&mut self) {
        if self.open {
            self.discard();
        }
    }
}

type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, sqlx::Error>> + Send + 'a>>;

/// Does the work in a task, so that a caller who goes away leaves no statement half answered, and in time.
async fn call<T: Send + 'static>(
    pool: &PgPool,
    deadline: Duration,
    work: impl FnOnce(&mut Held) -> Work<'_, T> + Send + 'static,
) -> Result<T, BoxError> {
    let mut held = Held { pool: pool.clone(), connection: None, tries: 0, open: false };
    let task = tokio::spawn(async move {
        match tokio::time::timeout(deadline, work(&mut held)).await {
            Ok(Ok(done)) => {
                held.give_back();
                Ok(done)
            }
            Ok(Err(error)) => {
                if is_gone(&error) || held.open {
                    held.discard();
                }
                held.give_back();
                Err(boxed(error))
            }
            Err(_) => {
                held.discard();
                Err(CallError::Late.into())
            }
        }
    });
    task.await.unwrap_or_else(|_| Err(CallError::Closing.into()))
}

pub(super) async fn read(pool: &PgPool, statement: Statement) -> Result<Vec<PgRow>, BoxError> {
    call(pool, DEADLINE, move |held| {
        Box::pin(async move {
            loop {
                let connection = held.another().await?;
                match statement.clone().bound().fetch_all(connection).await {
                    Err(error) if held.may_try_another(&error) => {}
                    rows => return rows,
                }
            }
        })
    })
    .await
}

/// Does the job in one transaction. The level is stated, because a host's pool may have another default: at a higher one
/// the guards hold too, and more commits conflict.
pub(super) async fn write(pool: &PgPool, job: Job) -> Result<Written, BoxError> {
    // Done once after a restore, by hand: it must end however much there is to forget.
    let deadline = if matches!(job, Job::ForgetLive) { FORGETTING } else { DEADLINE };
    call(pool, deadline, move |held| {
        Box::pin(async move {
            loop {
                let connection = held.another().await?;
                match connection.execute("begin isolation level read committed").await {
                    Err(error) if held.may_try_another(&error) => {}
                    begun => {
                        begun?;
                        break;
                    }
                }
            }
            held.open = true;
            let overtaken = if_overtaken(&job);
            let Some(connection) = held.connection.as_mut() else { return Err(sqlx::Error::PoolClosed) };
            let outcome = carry_out(connection, job).await;
            let ended = match &outcome {
                Ok(Written::Commit(Committed::Conflict)) | Err(_) => connection.execute("rollback").await,
                Ok(_) => connection.execute("commit").await,
            };
            // Open still, if its end was not acknowledged.
            held.open = ended.is_err();
            let outcome = match outcome {
                Ok(written) => ended.map(|_| written),
                Err(failure) => Err(failure),
            };
            match (outcome, overtaken) {
                (Err(error), Some(overtaken)) if is_overtaken(&error) => Ok(overtaken),
                (outcome, _) => outcome,
            }
        })
    })
    .await
}

/// What a job answers that has met another transaction and left nothing.
fn if_overtaken(job: &Job) -> Option<Written> {
    match job {
        Job::Commit(_) => Some(Written::Commit(Committed::Conflict)),
        // What could not be had now is there at the next tick.
        Job::Claim(..) => Some(Written::Claim(Vec::new())),
        Job::Purge(..) => Some(Written::Purge(Purged::default())),
        Job::PurgeEvents(..) | Job::ForgetLive => None,
    }
}

async fn carry_out(db: &mut PgConnection, job: Job) -> Result<Written, sqlx::Error> {
    const EVENTS: &str = "delete from acceso_events \
         where number = any (array(select number from acceso_events where at < $1 limit $2))";
    Ok(match job {
        Job::Commit(statements) => Written::Commit(commit(db, statements).await?),
        Job::Claim(claim, from) => Written::Claim(self::claim(db, claim, from).await?),
        Job::Purge(now, limit) => Written::Purge(purge(db, now, limit).await?),
        Job::PurgeEvents(before, limit) => Written::PurgeEvents(removed(db, EVENTS, before, limit).await?),
        Job::ForgetLive => {
            db.execute("set local statement_timeout = 0").await?;
            for sql in FORGET_LIVE {
                sqlx::query(sql).execute(&mut *db).await?;
            }
            Written::ForgetLive
        }
    })
}

async fn commit(db: &mut PgConnection, statements: Vec<Statement>) -> Result<Committed, sqlx::Error> {
    for statement in statements {
        let must_hit = statement.must_hit;
        match statement.bound().execute(&mut *db).await {
            Ok(done) if must_hit && done.rows_affected() == 0 => return Ok(Committed::Conflict),
            Ok(_) => {}
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => return Ok(Committed::Conflict),
            Err(error) => return Err(error),
        }
    }
    Ok(Committed::Done)
}

/// Couriers claim one after the other. The rows of the groups found are locked before they are judged: a row given back
/// meanwhile is seen as it is, and a row queued meanwhile waits with its equals.
async fn claim(db: &mut PgConnection, claim: Claim, from: i64) -> Result<Vec<MailIntent>, sqlx::Error> {
    sqlx::query("select only_row from acceso_claims for update").execute(&mut *db).await?;
    let mut groups: Vec<String> = Vec::new();
    for candidates in statements::claimable(claim, from) {
        groups.extend(candidates.bound().fetch_all(&mut *db).await?.iter().filter_map(group_of));
    }
    groups.truncate(claim.limit as usize);
    let lock = "select id from acceso_mail where group_key = any($1) order by id for update";
    sqlx::query(lock).bind(&groups).execute(&mut *db).await?;
    let mut claimed = Vec::with_capacity(groups.len());
    for group in groups {
        for row in statements::claim_group(claim, group).bound().fetch_all(&mut *db).await? {
            match rows::mail(&row) {
                Ok(intent) => claimed.push(intent),
                Err(_) => {
                    writes::record_unreadable(claim, rows::user_of(&row)).bound().execute(&mut *db).await?;
                }
            }
        }
    }
    Ok(claimed)
}

async fn purge(db: &mut PgConnection, now: Timestamp, limit: u32) -> Result<Purged, sqlx::Error> {
    // Rows that somebody holds are for the next purge. An array is looked up by the index, however many rows the planner
    // takes the limit for.
    const SESSIONS: &str = "delete from acceso_sessions where digest = any (array(select digest from acceso_sessions \
         where absolute_end <= $1 limit $2 for update skip locked))";
    const REGISTRATIONS: &str = "delete from acceso_registrations where id = any (array(select id \
         from acceso_registrations where expires_at <= $1 limit $2 for update skip locked))";
    const MAILBOXES: &str = "select id from acceso_mailboxes where purge_from <= $1 order by purge_from limit $2 \
         for update skip locked";
    let sessions = removed(db, SESSIONS, now, limit).await?;
    let registrations = removed(db, REGISTRATIONS, now, limit).await?;
    // Judged once the mailboxes are held: who makes a user of one, or removes it, holds it too.
    let unused = "delete from acceso_mailboxes m where id = any($1) \
         and not exists (select 1 from acceso_users u where u.email_key = m.email_key)";
    let kept = "update acceso_mailboxes set purge_from = null where id = any($1)";
    let mut mailboxes = 0;
    // Those that have a user are looked at and kept: they must not stand for the others behind them.
    for _ in 0..PURGE_ROUNDS {
        let left = u64::from(limit).saturating_sub(mailboxes);
        let due = statement(MAILBOXES, [now.as_millis().into(), left.into()]).bound().fetch_all(&mut *db).await?;
        let due: Vec<Vec<u8>> = due.iter().map(|row| row.try_get("id")).collect::<Result<_, _>>()?;
        mailboxes += sqlx::query(unused).bind(&due).execute(&mut *db).await?.rows_affected();
        sqlx::query(kept).bind(&due).execute(&mut *db).await?;
        if (due.len() as u64) < left {
            break;
        }
    }
    Ok(Purged { sessions, registrations, mailboxes })
}

/// How many rows the statement removed, of those from before the instant.
async fn removed(db: &mut PgConnection, sql: &'static str, before: Timestamp, limit: u32) -> Result<u64, sqlx::Error> {
    let values = [before.as_millis().into(), i64::from(limit).into()];
    Ok(statement(sql, values).bound().execute(db).await?.rows_affected())
}

fn has_code(error: &sqlx::Error, codes: &[&str]) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| codes.contains(&&*code))
}

/// Serialization failure and deadlock: nothing has landed.
fn is_overtaken(error: &sqlx::Error) -> bool {
    has_code(error, &["40001", "40P01"])
}

pub(super) fn is_undefined_table(error: &sqlx::Error) -> bool {
    has_code(error, &["42P01"])
}

/// Whether the connection is of no use any more: cut, or ended by a server that shuts down, crashed, starts up, lost
/// patience, or takes no writes any more.
fn is_gone(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(_) | sqlx::Error::Protocol(_))
        || has_code(error, &["57P01", "57P02", "57P03", "57P05", "25P03", "25006", "08003", "08006", "08P01"])
}
