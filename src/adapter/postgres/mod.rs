//! A [`UserStore`] in `PostgreSQL`, for a portal of one process or of many. Not: the database's own care, which
//! `docs/stores.md` tells.
//!
//! **Every commit is one transaction, and what it relies on is locked until it ends.**

mod transaction;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::{Executor, PgPool};

use crate::adapter::postgres::transaction::is_undefined_table;
use crate::adapter::sql::job::{Job, Written};
use crate::adapter::sql::rows::{self, cells_of};
use crate::adapter::sql::statements;
use crate::adapter::sql::writes::Writer;
use crate::adapter::sql::{self, Statement, boxed};
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

cells_of!(PgRow);

/// Connections of [`PostgresStore::connect`]: the default of sqlx. A login holds one for some milliseconds.
const CONNECTIONS: u32 = 10;

/// How long a call waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// What the server does for a connection that its process has forgotten: it ends what takes longer than a call waits.
const SESSION_SETTINGS: &str = "set statement_timeout = '10s'; set idle_in_transaction_session_timeout = '10s'";

/// Commits run beside each other.
const LOCKS_ROWS: bool = true;

/// A store in `PostgreSQL` 13 or later. Cheap to clone; all clones are one store.
///
/// - **Any number of processes** may share one database: every decision is a guarded commit, and the crate keeps no state
///   outside it. No advisory locks but for migrations, no `LISTEN`, nothing that a node remembers.
/// - **A call ends within 10 s.** A server that restarts or fails over is waited for that long; a connection that has
///   died is replaced, and what had not begun is begun again. A commit whose answer was lost is an error, because it may
///   have landed.
/// - **A call that is dropped** ends by itself in the background, wholly or not at all.
///
/// Needs a running tokio runtime with its time enabled. What is kept, and what the database should be set to, is in
/// `docs/stores.md`.
///
/// ```no_run
/// # async fn open() -> Result<(), acceso::BoxError> {
/// use acceso::adapter::postgres::PostgresStore;
///
/// let store = PostgresStore::connect("postgres://portal@127.0.0.1/portal").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresStore {
    pool: PgPool,
    writer: Arc<Writer>,
}

impl PostgresStore {
    /// Connects to the database of a URL such as `postgres://portal:secret@db.clinic.example/portal`, and brings its
    /// tables to this release. TLS needs the feature `postgres-tls`.
    ///
    /// # Errors
    /// If the URL is none, the server does not answer, its role may not make tables, or they are of a later release.
    pub async fn connect(url: &str) -> Result<Self, BoxError> {
        let options = PgConnectOptions::from_str(url).map_err(boxed)?;
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(ACQUIRE_TIMEOUT);
        // A ping before each use would be a round trip more; a dead connection is found out by its first statement.
        let pool = pool.test_before_acquire(false).after_connect(|connection, _| {
            Box::pin(async move { connection.execute(SESSION_SETTINGS).await.map(drop) })
        });
        let pool = pool.connect_with(options).await.map_err(boxed)?;
        Self::migrate(&pool).await?;
        Self::from_pool(pool).await
    }

    /// A store over the host's own pool, whose database [`migrate`](Self::migrate) has brought to this release. Reads and
    /// writes, and makes no table: its role may be one that cannot. Switch `test_before_acquire` off in the pool, or each
    /// call pays for a ping.
    ///
    /// # Errors
    /// If the server does not answer, or the tables are not those of this release.
    pub async fn from_pool(pool: PgPool) -> Result<Self, BoxError> {
        let version = match sqlx::query(sql::FOUND_VERSION).fetch_optional(&pool).await {
            Ok(Some(row)) => rows::version(&row).map_err(boxed)?,
            Ok(None) => None,
            Err(error) if is_undefined_table(&error) => None,
            Err(error) => return Err(boxed(error)),
        };
        sql::check_version(version).map_err(boxed)?;
        Ok(Self { pool, writer: Arc::new(Writer::new(LOCKS_ROWS)) })
    }

    /// Brings the tables (all begin with `acceso_`, in the first schema of the role's `search_path`) to this release.
    /// Safe when several processes do it at once (one takes an advisory lock), and beside the host's own migrations.
    ///
    /// # Errors
    /// If the role may not make tables, or the database was migrated by a later release.
    pub async fn migrate(pool: &PgPool) -> Result<(), BoxError> {
        let mut connection = pool.acquire().await.map_err(boxed)?;
        // The driver keeps its lock after a failure, and for as long as the connection lives.
        connection.close_on_drop();
        sql::migrated(sql::migrator(include_str!("0001_accounts.sql")).run_direct(None, &mut *connection, false).await)
    }

    /// Events with numbers above `after` (0 for all), the oldest first, at most `limit`: for the clinic's staff and its
    /// other systems. A number is taken when an event is written and seen when its commit lands, so that under load a
    /// lower one may be seen a moment after a higher one: who follows the events asks again from some seconds back.
    ///
    /// # Errors
    /// If the database is not there, or a row cannot be read.
    pub async fn events(&self, after: u64, limit: u32) -> Result<Vec<(u64, Event)>, BoxError> {
        self.list(statements::events(after, limit), rows::event).await
    }

    /// Removes events from before the instant, at most `limit`, and tells how many: the host's own decision, by the law
    /// that it is under. The core never removes one, and under the recipe of grants in `docs/stores.md` its role cannot.
    ///
    /// # Errors
    /// If the database is not there, or the role may not; nothing was removed then.
    pub async fn purge_events(&self, before: Timestamp, limit: u32) -> Result<u64, BoxError> {
        self.write(Job::PurgeEvents(before, limit)).await?.purged_events()
    }

    async fn list<T>(&self, statement: Statement, read: fn(&PgRow) -> Result<T, BoxError>) -> Result<Vec<T>, BoxError> {
        transaction::read(&self.pool, statement).await?.iter().map(read).collect()
    }

    async fn find<T>(
        &self,
        statement: Statement,
        read: fn(&PgRow) -> Result<T, BoxError>,
    ) -> Result<Option<T>, BoxError> {
        transaction::read(&self.pool, statement).await?.first().map(read).transpose()
    }

    async fn write(&self, job: Job) -> Result<Written, BoxError> {
        transaction::write(&self.pool, job).await
    }
}

/// Without the URL, which may hold a password.
impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl UserStore for PostgresStore {
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
        // A look first: the courier asks four times a second, mostly for nothing, and then locks nothing.
        if transaction::read(&self.pool, statements::ready(claim)).await?.is_empty() {
            return Ok(Vec::new());
        }
        let from = statements::anywhere();
        for candidates in statements::claimable(claim, from) {
            if !transaction::read(&self.pool, candidates).await?.is_empty() {
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
        self.write(Job::ForgetLive).await.map(drop)
    }
}
