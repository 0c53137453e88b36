//! A [`UserStore`] in one file of `SQLite`, for a portal of one machine. Not: several machines, which
//! `adapter::postgres` is for.
//!
//! **`Done` means that the commit is on the disk.**

mod writer;

use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous};
use sqlx::{Row, SqlitePool};

use crate::adapter::sql::job::{Job, Written};
use crate::adapter::sql::rows::{self, cells_of};
use crate::adapter::sql::statements;
use crate::adapter::sql::writes::Writer;
use crate::adapter::sql::{self, Statement, boxed};
use crate::adapter::sqlite::writer::Queue;
use crate::clock::Timestamp;
use crate::event::Event;
use crate::identity::{EmailAddress, MailboxId, RegistrationId, UserId, Username};
use crate::mail::intent::MailIntent;
use crate::mailbox::Mailbox;
use crate::plan::Commit;
use crate::port::error::BoxError;
use crate::port::user_store::{Backlog, Claim, Committed, Purged, UserStore};
use crate::registration::Registration;
use crate::secret::Digest;
use crate::session::Session;
use crate::user::User;

cells_of!(SqliteRow);

/// How long a statement waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a call may take in all: what waits for another process, and as long again for those before it.
const DEADLINE: Duration = Duration::from_secs(20);

/// The pause between two tries to open a file that others are making.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// Connections of [`SqliteStore::connect`]: one writes, the others read. `SQLite` lets one write at a time.
const CONNECTIONS: u32 = 5;

/// What only this store can say.
#[derive(Debug, thiserror::Error)]
enum OwnError {
    #[error("the pool needs two connections at least, one to write and one to read")]
    OneConnection,
    #[error("the pool's connections need journal_mode = wal and synchronous = full")]
    Unsynced,
    #[error("the file did not answer in time")]
    Late,
    #[error("the call was cut short: the store is closing, or the driver panicked")]
    Closing,
}

/// A commit has the whole database to itself.
const LOCKS_ROWS: bool = false;

/// A store in one file. Cheap to clone; all clones are one store.
///
/// - **One writes at a time.** Commits that wait for each other are written together and share one flush to the disk; each
///   lands or is refused alone. Reads wait for nobody.
/// - **Several processes** may open the same file on one machine, never over a network's file system. One that waits for
///   another's write longer than 10 s gets an error, which the core answers with `Unavailable`.
/// - **A call ends within 20 s**, with an error if the file did not answer by then; a commit may have landed all the same.
///   [`forget_live`](UserStore::forget_live) takes as long as it takes.
/// - **A full disk** is an error, and nothing has landed.
///
/// Needs a running tokio runtime with its time enabled, and ends its work with that runtime. What is kept is in
/// `docs/stores.md`.
///
/// ```
/// # async fn open(folder: &std::path::Path) -> Result<(), acceso::BoxError> {
/// use acceso::adapter::sqlite::SqliteStore;
///
/// let file = folder.join("acceso.sqlite");
/// let store = SqliteStore::connect(&format!("sqlite:{}", file.display())).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqliteStore {
    pool: SqlitePool,
    queue: Queue,
    writer: Arc<Writer>,
}

impl SqliteStore {
    /// Opens the file of a URL such as `sqlite:/var/lib/portal/acceso.sqlite`, makes it if it is not there, and brings its
    /// tables to this release.
    ///
    /// # Errors
    /// If the URL is none, the file cannot be opened or made, or its tables are of a later release.
    pub async fn connect(url: &str) -> Result<Self, BoxError> {
        let options = SqliteConnectOptions::from_str(url).map_err(boxed)?;
        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        // An idle connection costs a file handle, and a new one parses the schema anew.
        let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).idle_timeout(None).max_lifetime(None);
        let pool = opened(pool.test_before_acquire(false), options).await.map_err(boxed)?;
        Self::migrate(&pool).await?;
        Self::from_pool(pool).await
    }

    /// A store over the host's own pool, whose database [`migrate`](Self::migrate) has brought to this release. The pool
    /// needs two connections at least, one to write and one to read.
    ///
    /// # Errors
    /// If the tables are not those of this release, if the pool has one connection, or if a connection of it does not keep
    /// a write-ahead log (`journal_mode = wal`) or does not flush each commit (`synchronous = full`): what was answered
    /// would not last.
    pub async fn from_pool(pool: SqlitePool) -> Result<Self, BoxError> {
        if pool.options().get_max_connections() < 2 {
            return Err(OwnError::OneConnection.into());
        }
        let found = sqlx::query(sql::FOUND_VERSION).fetch_optional(&pool).await;
        let version = match found {
            Ok(Some(row)) => rows::version(&row).map_err(boxed)?,
            Ok(None) => None,
            // There is no such table: nothing was ever migrated.
            Err(error) if code_of(&error) == Some(SQLITE_ERROR) => None,
            Err(error) => return Err(boxed(error)),
        };
        sql::check_version(version).map_err(boxed)?;
        let settings = sqlx::query("select journal_mode, synchronous from pragma_journal_mode, pragma_synchronous");
        let settings = settings.fetch_one(&pool).await.map_err(boxed)?;
        let (journal, synchronous): (String, i64) =
            (settings.try_get(0).map_err(boxed)?, settings.try_get(1).map_err(boxed)?);
        if !journal.eq_ignore_ascii_case("wal") || synchronous < 2 {
            return Err(OwnError::Unsynced.into());
        }
        Ok(Self { queue: Queue::over(pool.clone()), pool, writer: Arc::new(Writer::new(LOCKS_ROWS)) })
    }

    /// Brings the tables (all begin with `acceso_`) to this release. Safe when several processes do it at once, and beside
    /// the host's own migrations.
    ///
    /// # Errors
    /// If the database cannot be written, or was migrated by a later release.
    pub async fn migrate(pool: &SqlitePool) -> Result<(), BoxError> {
        // The driver's own lock is none for this database. What looks and what migrates is one transaction. (Of `run` the
        // compiler cannot tell that its future is `Send`.)
        let mut alone = pool.begin_with("begin immediate").await.map_err(boxed)?;
        sql::migrated(sql::migrator(include_str!("0001_accounts.sql")).run_direct(None, &mut *alone, false).await)?;
        alone.commit().await.map_err(boxed)
    }

    /// Events with numbers above `after` (0 for all), the oldest first, at most `limit`: for the clinic's staff and its
    /// other systems. Numbers rise in the order of commits.
    ///
    /// # Errors
    /// If the database is not there, or a row cannot be read.
    pub async fn events(&self, after: u64, limit: u32) -> Result<Vec<(u64, Event)>, BoxError> {
        self.list(statements::events(after, limit), rows::event).await
    }

    /// Removes events from before the instant, at most `limit`, and tells how many: the host's own decision, by the law
    /// that it is under. The core never removes one.
    ///
    /// # Errors
    /// If the database is not there; nothing was removed then.
    pub async fn purge_events(&self, before: Timestamp, limit: u32) -> Result<u64, BoxError> {
        self.write(Job::PurgeEvents(before, limit)).await?.purged_events()
    }

    async fn write(&self, job: Job) -> Result<Written, BoxError> {
        in_time(self.queue.ask(job)).await?
    }

    async fn list<T>(
        &self,
        statement: Statement,
        read: fn(&SqliteRow) -> Result<T, BoxError>,
    ) -> Result<Vec<T>, BoxError> {
        let rows = in_time(statement.bound().fetch_all(&self.pool)).await?.map_err(boxed)?;
        rows.iter().map(read).collect()
    }

    async fn find<T>(
        &self,
        statement: Statement,
        read: fn(&SqliteRow) -> Result<T, BoxError>,
    ) -> Result<Option<T>, BoxError> {
        let row = in_time(statement.bound().fetch_optional(&self.pool)).await?.map_err(boxed)?;
        row.as_ref().map(read).transpose()
    }
}

/// Errs if it takes longer than a call may. What was given to the writer is passed over then, unless it has begun.
async fn in_time<T>(work: impl Future<Output = T>) -> Result<T, OwnError> {
    tokio::time::timeout(DEADLINE, work).await.map_err(|_| OwnError::Late)
}

/// Of several that make a file at once `SQLite` refuses all but one the switch to a write-ahead log, without waiting.
async fn opened(pool: SqlitePoolOptions, options: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    let begun = Instant::now();
    loop {
        match pool.clone().connect_with(options.clone()).await {
            Err(error) if code_of(&error) == Some(SQLITE_BUSY) && begun.elapsed() < BUSY_TIMEOUT => {
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            opened => return opened,
        }
    }
}

/// A statement that cannot be understood: for a table that is not there, too.
const SQLITE_ERROR: u32 = 1;

const SQLITE_BUSY: u32 = 5;

/// A constraint that is broken, or a trigger that refuses.
const SQLITE_CONSTRAINT: u32 = 19;

/// The lower byte of the code; the rest tells why.
fn code_of(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff)
}

/// Without the path of the file.
impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl UserStore for SqliteStore {
    async fn user(&self, id: UserId) -> Result<Option<User>, BoxError> {
        self.find(statements::user(id), rows::user).await
    }

    async fn user_named(&self, name: &Username) -> Result<Option<User>, BoxError> {
        self.find(statements::user_named(name), rows::user).await
    }

    async fn users_with_email(&self, email: &EmailAddress) -> Result<Vec<User>, BoxError> {
        self.list(statements::users_with_email(email), rows::user).await
    }

    async fn registration(&self, id: RegistrationId) -> Result<Option<Registration>, BoxError> {
        self.find(statements::registration(id), rows::registration).await
    }

    async fn registrations(
        &self,
        email: &EmailAddress,
        name: Option<&Username>,
        limit: u32,
    ) -> Result<Vec<Registration>, BoxError> {
        self.list(statements::registrations(email, name, limit), rows::registration).await
    }

    async fn mailbox(&self, id: MailboxId) -> Result<Option<Mailbox>, BoxError> {
        self.find(statements::mailbox(id), rows::mailbox).await
    }

    async fn mailbox_of(&self, email: &EmailAddress) -> Result<Option<Mailbox>, BoxError> {
        self.find(statements::mailbox_of(email), rows::mailbox).await
    }

    async fn session(&self, digest: &Digest) -> Result<Option<(Session, Arc<User>)>, BoxError> {
        self.find(statements::session(digest), rows::session_and_user).await
    }

    async fn sessions_of(&self, user: UserId) -> Result<Vec<Session>, BoxError> {
        self.list(statements::sessions_of(user), rows::session).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, BoxError> {
        let statements = self.writer.statements(commit.writes())?;
        self.write(Job::Commit(statements)).await?.committed()
    }

    async fn claim_due_mail(&self, claim: Claim) -> Result<Vec<MailIntent>, BoxError> {
        // A look first: the courier asks four times a second, mostly for nothing, and only one can write.
        if in_time(statements::ready(claim).bound().fetch_optional(&self.pool)).await?.map_err(boxed)?.is_none() {
            return Ok(Vec::new());
        }
        let from = statements::anywhere();
        for candidates in statements::claimable(claim, from) {
            if in_time(candidates.bound().fetch_optional(&self.pool)).await?.map_err(boxed)?.is_some() {
                return self.write(Job::Claim(claim, from)).await?.claimed();
            }
        }
        Ok(Vec::new())
    }

    async fn mail_backlog(&self) -> Result<Backlog, BoxError> {
        Ok(self.find(statements::backlog(), rows::backlog).await?.unwrap_or_default())
    }

    async fn purge(&self, now: Timestamp, limit: u32) -> Result<Purged, BoxError> {
        self.write(Job::Purge(now, limit)).await?.purged()
    }

    async fn forget_live(&self) -> Result<(), BoxError> {
        self.queue.ask(Job::ForgetLive).await.map(drop)
    }
}
