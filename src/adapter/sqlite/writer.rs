//! The one connection that writes, and the queue before it. Not: what is written.
//!
//! **What waits together is flushed together, and each job lands, or is refused, alone.**

use std::sync::Arc;

use sqlx::{Connection, Row, SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot};

use crate::adapter::sql::job::{Job, Written};
use crate::adapter::sql::rows::group_of;
use crate::adapter::sql::statements::{self, FORGET_LIVE};
use crate::adapter::sql::{PURGE_ROUNDS, Statement, boxed, rows, statement, writes};
use crate::adapter::sqlite::{OwnError, SQLITE_CONSTRAINT, code_of};
use crate::clock::Timestamp;
use crate::mail::intent::MailIntent;
use crate::port::error::BoxError;
use crate::port::user_store::{Claim, Committed, Purged};

/// The most jobs of one flush: a bound on how long the first of them waits for the last.
const MOST_TOGETHER: usize = 64;

/// The most jobs that wait in the queue; further ones wait before it.
const MOST_WAITING: usize = 256;

type Answer = Result<Written, BoxError>;

type Asked = (Job, oneshot::Sender<Answer>);

/// The way to the writer. When the last one is dropped, the writer ends after what it was given.
#[derive(Clone)]
pub(super) struct Queue {
    jobs: mpsc::Sender<Asked>,
}

impl Queue {
    pub(super) fn over(pool: SqlitePool) -> Self {
        let (jobs, mut waiting) = mpsc::channel::<Asked>(MOST_WAITING);
        tokio::spawn(async move {
            let mut together = Vec::with_capacity(MOST_TOGETHER);
            while waiting.recv_many(&mut together, MOST_TOGETHER).await > 0 {
                let jobs = together.drain(..);
                // Of a job that nobody waits for any more nothing has begun.
                let (jobs, answers): (Vec<_>, Vec<_>) = jobs.filter(|(_, answer)| !answer.is_closed()).unzip();
                // In a task of its own: if anything panics there, those who wait are told, and the writer goes on.
                let (pool, count) = (pool.clone(), answers.len());
                let flushed = tokio::spawn(async move { flush(&pool, jobs, count).await });
                let outcomes = flushed.await.unwrap_or_default();
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    // Who has gone meanwhile finds what landed when he looks again.
                    let _ = answer.send(outcome);
                }
            }
        });
        Self { jobs }
    }

    /// Gives a job to the writer. If the future is dropped meanwhile, the job lands wholly or not at all.
    pub(super) async fn ask(&self, job: Job) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.jobs.send((job, answer)).await.map_err(|_| OwnError::Closing)?;
        answered.await.map_err(|_| OwnError::Closing)?
    }
}

/// What concerns one job alone, or all that are flushed with it.
enum Failure {
    Own(BoxError),
    Flush(sqlx::Error),
}

impl From<sqlx::Error> for Failure {
    /// A broken constraint, or a trigger that refuses, is taken back with its statement. Any other failure may have taken
    /// back the transaction.
    fn from(error: sqlx::Error) -> Self {
        // A column that cannot be read has taken nothing back.
        if code_of(&error) == Some(SQLITE_CONSTRAINT) || matches!(error, sqlx::Error::ColumnDecode { .. }) {
            Self::Own(boxed(error))
        } else {
            Self::Flush(error)
        }
    }
}

/// The failure of a flush, told to each whose job was in it.
#[derive(Clone, thiserror::Error)]
#[error("the database did not do what it was asked")]
struct Shared(#[source] Arc<sqlx::Error>);

/// Without the driver's own error, whose `Debug` may quote rows.
impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shared({self})")
    }
}

/// Writes all jobs in one transaction, and gives an outcome for each.
async fn flush(pool: &SqlitePool, jobs: Vec<Job>, count: usize) -> Vec<Answer> {
    if jobs.is_empty() {
        return Vec::new();
    }
    match write_all(pool, jobs).await {
        Ok(outcomes) => outcomes,
        Err(error) => {
            let error = Shared(Arc::new(error));
            (0..count).map(|_| Err(Box::new(error.clone()) as BoxError)).collect()
        }
    }
}

async fn write_all(pool: &SqlitePool, jobs: Vec<Job>) -> Result<Vec<Answer>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let outcomes = write_on(&mut connection, jobs).await;
    if outcomes.is_err() {
        // SQLite takes a transaction back by itself when the disk is full. The driver counts it as open still, and would
        // begin no other on this connection.
        let _ = connection.close().await;
    }
    outcomes
}

/// At first without a savepoint for each: few are refused, and a savepoint costs as much as a commit writes.
async fn write_on(connection: &mut SqliteConnection, jobs: Vec<Job>) -> Result<Vec<Answer>, sqlx::Error> {
    match write_together(connection, &jobs).await? {
        Some(outcomes) => Ok(outcomes),
        None => write_each(connection, jobs).await,
    }
}

/// Nothing is written, and nobody answered, if one of several jobs is refused.
async fn write_together(connection: &mut SqliteConnection, jobs: &[Job]) -> Result<Option<Vec<Answer>>, sqlx::Error> {
    let mut flush = connection.begin_with("begin immediate").await?;
    let mut outcomes = Vec::with_capacity(jobs.len());
    for job in jobs {
        let outcome = write(&mut flush, job.clone()).await;
        let refused = is_refused(&outcome);
        outcomes.push(answer(outcome)?);
        if refused {
            flush.rollback().await?;
            return Ok((jobs.len() == 1).then_some(outcomes));
        }
    }
    flush.commit().await?;
    Ok(Some(outcomes))
}

/// Each job in a savepoint, to be taken back alone.
async fn write_each(connection: &mut SqliteConnection, jobs: Vec<Job>) -> Result<Vec<Answer>, sqlx::Error> {
    let mut flush = connection.begin_with("begin immediate").await?;
    let mut outcomes = Vec::with_capacity(jobs.len());
    for job in jobs {
        let mut alone = flush.begin().await?;
        let outcome = write(&mut alone, job).await;
        let refused = is_refused(&outcome);
        outcomes.push(answer(outcome)?);
        if refused {
            alone.rollback().await?;
        } else {
            alone.commit().await?;
        }
    }
    flush.commit().await?;
    Ok(outcomes)
}

fn is_refused(outcome: &Result<Written, Failure>) -> bool {
    matches!(outcome, Ok(Written::Commit(Committed::Conflict)) | Err(Failure::Own(_)))
}

/// What the job is answered, unless all of its flush have failed.
fn answer(outcome: Result<Written, Failure>) -> Result<Answer, sqlx::Error> {
    match outcome {
        Ok(written) => Ok(Ok(written)),
        Err(Failure::Own(error)) => Ok(Err(error)),
        Err(Failure::Flush(error)) => Err(error),
    }
}

async fn write(db: &mut SqliteConnection, job: Job) -> Result<Written, Failure> {
    const EVENTS: &str =
        "delete from acceso_events where number in (select number from acceso_events where at < $1 limit $2)";
    Ok(match job {
        Job::Commit(statements) => Written::Commit(commit(db, statements).await?),
        Job::Claim(claim, from) => Written::Claim(self::claim(db, claim, from).await?),
        Job::Purge(now, limit) => Written::Purge(purge(db, now, limit).await?),
        Job::PurgeEvents(before, limit) => Written::PurgeEvents(removed(db, EVENTS, before, limit).await?),
        Job::ForgetLive => {
            for sql in FORGET_LIVE {
                sqlx::query(sql).execute(&mut *db).await?;
            }
            Written::ForgetLive
        }
    })
}

async fn commit(db: &mut SqliteConnection, statements: Vec<Statement>) -> Result<Committed, Failure> {
    for statement in statements {
        let must_hit = statement.must_hit;
        match statement.bound().execute(&mut *db).await {
            Ok(done) if must_hit && done.rows_affected() == 0 => return Ok(Committed::Conflict),
            Ok(_) => {}
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => return Ok(Committed::Conflict),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Committed::Done)
}

async fn claim(db: &mut SqliteConnection, claim: Claim, from: i64) -> Result<Vec<MailIntent>, Failure> {
    let mut groups: Vec<String> = Vec::new();
    for candidates in statements::claimable(claim, from) {
        groups.extend(candidates.bound().fetch_all(&mut *db).await?.iter().filter_map(group_of));
    }
    groups.truncate(claim.limit as usize);
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

async fn purge(db: &mut SqliteConnection, now: Timestamp, limit: u32) -> Result<Purged, Failure> {
    const SESSIONS: &str = "delete from acceso_sessions where digest in (select digest from acceso_sessions where absolute_end <= $1 limit $2)";
    const REGISTRATIONS: &str = "delete from acceso_registrations where number in \
         (select number from acceso_registrations where expires_at <= $1 limit $2)";
    const MAILBOXES: &str = "select id, exists (select 1 from acceso_users u where u.email_key = m.email_key) as has_user \
         from acceso_mailboxes m where purge_from <= $1 order by purge_from limit $2";
    let sessions = removed(db, SESSIONS, now, limit).await?;
    let registrations = removed(db, REGISTRATIONS, now, limit).await?;
    let mut mailboxes = 0;
    // Those that have a user are looked at and kept: they must not stand for the others behind them.
    for _ in 0..PURGE_ROUNDS {
        let left = u64::from(limit).saturating_sub(mailboxes);
        let due = statement(MAILBOXES, [now.as_millis().into(), left.into()]).bound().fetch_all(&mut *db).await?;
        let looked_at = due.len() as u64;
        for row in due {
            let (id, has_user): (Vec<u8>, bool) = (row.try_get("id")?, row.try_get("has_user")?);
            let sql = if has_user {
                "update acceso_mailboxes set purge_from = null where id = $1"
            } else {
                mailboxes += 1;
                "delete from acceso_mailboxes where id = $1"
            };
            sqlx::query(sql).bind(id).execute(&mut *db).await?;
        }
        if looked_at < left {
            break;
        }
    }
    Ok(Purged { sessions, registrations, mailboxes })
}

/// How many rows the statement removed, of those from before the instant.
async fn removed(db: &mut SqliteConnection, sql: &'static str, before: Timestamp, limit: u32) -> Result<u64, Failure> {
    let values = [before.as_millis().into(), i64::from(limit).into()];
    Ok(statement(sql, values).bound().execute(db).await?.rows_affected())
}
