//! A host's own `UserStore`, over `SQLite` (`rusqlite`): copy it, and put your own database under it.
//!
//! ```text
//! cargo run --example own_store      # an account lives across a reopening of the file
//! cargo test --example own_store     # the conformance suite
//! ```
//!
//! One table for each kind of record: the record as one document ([`Stored`]), beside it the columns that are searched.
//!
//! **A commit takes the database's one write lock as it begins**: a guard holds until it ends, nothing deadlocks, and
//! who waits for the lock in vain gets an error, never a `Conflict`. Row locks ask more of you; the port says what.
//!
//! Honest about two things. `Done` means that the log was synced: `synchronous = full`. And one connection behind a
//! mutex makes reads wait for writes: in production let a pool of connections read, which in WAL wait for nobody.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use acceso::adapter::memory::{MemoryMailer, MemoryRegistry};
use acceso::{
    Acceso, Addressee, Backlog, BoxError, Claim, Client, Commit, Committed, Confirmation, ConfirmationForm, Courier,
    Digest, EmailAddress, Event, Lease, Login, LoginForm, MailIntent, Mailbox, MailboxId, Patient, Purged, Registering,
    Registration, RegistrationForm, RegistrationId, Session, SessionToken, Stay, Stored, Timestamp, User, UserId,
    UserStore, Username, Write,
};
use async_trait::async_trait;
use rusqlite::{Connection, ErrorCode, Params, Row, ToSql, TransactionBehavior, params};
use serde::de::DeserializeOwned;
use serde_json::{from_str, to_string as json};

/// Text and blobs are compared as bytes by default. Rows that hold a document are too long for `without rowid`.
const SCHEMA: &str = "
    pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 5000;
    create table if not exists mailboxes (id blob primary key, version integer not null, email text not null unique,
        last_link_ends integer, document text not null) strict;
    create index if not exists mailboxes_by_end on mailboxes (last_link_ends);
    create table if not exists registrations (id blob primary key, email text not null, username text not null,
        registered_at integer not null, expires_at integer not null, document text not null) strict;
    create index if not exists registrations_by_email on registrations (email, registered_at);
    create index if not exists registrations_by_end on registrations (expires_at);
    create table if not exists users (id blob primary key, version integer not null, username text not null unique,
        email text not null, document text not null) strict;
    create index if not exists users_by_email on users (email);
    create table if not exists sessions (digest blob primary key, user_id blob not null, opened_at integer not null,
        last_seen integer not null, absolute_end integer not null, document text not null) strict;
    create index if not exists sessions_by_user on sessions (user_id, opened_at);
    create index if not exists sessions_by_end on sessions (absolute_end);
    create table if not exists mail (id blob primary key, equals text not null, to_user integer not null,
        due_at integer not null, attempts integer not null, lease integer not null, lease_until integer,
        document text not null) strict;
    create index if not exists mail_by_equals on mail (equals, to_user, due_at, lease_until);
    create table if not exists events (number integer primary key, document text not null) strict;";

/// Groups of which no row waits: users' first, then strangers' in an order that nobody foresees. It walks the index of
/// all mail: let due times lead there if yours waits by the hundred thousand.
const CLAIMABLE: &str = "
    select equals from mail group by equals, to_user
    having count(*) filter (where due_at > ?1 and due_at <= ?2 or lease_until > ?1 and lease_until <= ?3) = 0
    order by to_user desc, case when to_user then min(due_at) else random() end limit ?4";

type Result<T, E = BoxError> = std::result::Result<T, E>;

/// How a row is read; one that cannot be is an error, never "not there".
type Read<T> = fn(&Row<'_>) -> Result<T>;

fn list<T>(db: &Connection, sql: &str, values: impl Params, read: Read<T>) -> Result<Vec<T>> {
    db.prepare_cached(sql)?.query_and_then(values, read)?.collect()
}

fn find<T>(db: &Connection, sql: &str, values: impl Params, read: Read<T>) -> Result<Option<T>> {
    Ok(list(db, sql, values, read)?.pop())
}

fn document<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<T> {
    Ok(from_str(row.get_ref(column)?.as_str()?)?)
}

fn record<T>(row: &Row<'_>) -> Result<T>
where
    Stored<T>: DeserializeOwned,
{
    document(row, "document").map(|Stored(record)| record)
}

/// What changes beside the document is true in its column only.
fn session(row: &Row<'_>) -> Result<Session> {
    Ok(record::<Session>(row)?.with_last_seen(Timestamp::from_millis(row.get("last_seen")?)))
}

fn mail(row: &Row<'_>) -> Result<MailIntent> {
    let until: Option<i64> = row.get("lease_until")?;
    let lease = Lease { number: row.get("lease")?, until: until.map(Timestamp::from_millis) };
    Ok(record::<MailIntent>(row)?.with_columns(Timestamp::from_millis(row.get("due_at")?), row.get("attempts")?, lease))
}

/// Applies one write, and counts the rows that it touched: none if an id or key is taken.
fn apply(db: &Connection, write: &Write) -> Result<usize> {
    let run = |sql: &str, values: &[&dyn ToSql]| match db.prepare_cached(sql)?.execute(values) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => Ok(0),
        touched => Ok(touched?),
    };
    let ms = Timestamp::as_millis;
    match write {
        Write::InsertMailbox(m) => run(
            "insert into mailboxes (id, version, email, last_link_ends, document) values (?1, ?2, ?3, ?4, ?5)",
            params![m.id().as_bytes(), m.version(), m.email().key(), m.last_link_ends().map(ms), json(&Stored(m))?],
        ),
        // A mailbox keeps its address for life, a user its name and address.
        Write::ReplaceMailbox { mailbox: m, expected } => run(
            "update mailboxes set version = ?3, last_link_ends = ?4, document = ?5 where id = ?1 and version = ?2",
            params![m.id().as_bytes(), expected, m.version(), m.last_link_ends().map(ms), json(&Stored(m))?],
        ),
        Write::RemoveRegistration { id } => run("delete from registrations where id = ?1", params![id.as_bytes()]),
        Write::RemoveRegistrationsOf { email, username } => run(
            "delete from registrations where email = ?1 and username = coalesce(?2, username)",
            params![email.key(), username.as_ref().map(Username::as_str)],
        ),
        Write::InsertRegistration(r) => {
            let (id, email, name) = (r.id(), r.email().key(), r.username().as_str());
            run(
                "insert into registrations (id, email, username, registered_at, expires_at, document)
                 values (?1, ?2, ?3, ?4, ?5, ?6)",
                params![id.as_bytes(), email, name, ms(r.registered_at()), ms(r.expires_at()), json(&Stored(r))?],
            )
        }
        Write::RemoveUser { id, version } => {
            run("delete from users where id = ?1 and version = ?2", params![id.as_bytes(), version])
        }
        Write::GuardUser { id, version } => {
            run("update users set version = version where id = ?1 and version = ?2", params![id.as_bytes(), version])
        }
        Write::ReplaceUser { user: u, expected } => run(
            "update users set version = ?3, document = ?4 where id = ?1 and version = ?2",
            params![u.id().as_bytes(), expected, u.version(), json(&Stored(&**u))?],
        ),
        Write::InsertUser(u) => run(
            "insert into users (id, version, username, email, document) values (?1, ?2, ?3, ?4, ?5)",
            params![u.id().as_bytes(), u.version(), u.username().as_str(), u.email().key(), json(&Stored(&**u))?],
        ),
        Write::GuardSession { digest } => {
            run("update sessions set last_seen = last_seen where digest = ?1", params![digest.as_bytes()])
        }
        Write::TouchSession { digest, last_seen } => run(
            "update sessions set last_seen = ?2 where digest = ?1 and last_seen < ?2",
            params![digest.as_bytes(), last_seen.as_millis()],
        ),
        Write::CloseSession { digest } => run("delete from sessions where digest = ?1", params![digest.as_bytes()]),
        Write::CloseSessionsOf { user, except } => run(
            "delete from sessions where user_id = ?1 and digest is distinct from ?2",
            params![user.as_bytes(), except.as_ref().map(Digest::as_bytes)],
        ),
        Write::OpenSession { session: s, keep_at_most } => {
            let (opened, seen, end) = (ms(s.opened_at()), ms(s.last_seen()), ms(s.absolute_end()));
            let inserted = run(
                "insert into sessions (digest, user_id, opened_at, last_seen, absolute_end, document)
                 values (?1, ?2, ?3, ?4, ?5, ?6)",
                params![s.digest().as_bytes(), s.user().as_bytes(), opened, seen, end, json(&Stored(s))?],
            )?;
            run(
                "delete from sessions where digest in (select digest from sessions
                 where user_id = ?1 and digest <> ?2 order by opened_at desc limit -1 offset ?3)",
                params![s.user().as_bytes(), s.digest().as_bytes(), keep_at_most.saturating_sub(1)],
            )?;
            Ok(inserted)
        }
        Write::HoldMail { id, lease } => run(
            "update mail set lease = lease where id = ?1 and lease = ?2 and lease_until is not null",
            params![id.as_bytes(), lease],
        ),
        Write::SettleMail { id, lease, .. } => run(
            "delete from mail where id = ?1 and lease = ?2 and lease_until is not null",
            params![id.as_bytes(), lease],
        ),
        Write::PostponeMail { id, lease, due_at, attempts, .. } => run(
            "update mail set due_at = ?3, attempts = ?4, lease_until = null
             where id = ?1 and lease = ?2 and lease_until is not null",
            params![id.as_bytes(), lease, ms(*due_at), attempts],
        ),
        Write::QueueMail(m) => {
            // Purpose and addressee, the letter case of an address aside: the same text for equal rows only.
            let equals = json(&(m.purpose(), m.addressee()))?.to_ascii_lowercase();
            let (id, to_user) = (m.id(), matches!(m.addressee(), Addressee::User { .. }));
            let (due, lease, until) = (ms(m.due_at()), m.lease().number, m.lease().until.map(ms));
            run(
                "insert into mail (id, equals, to_user, due_at, attempts, lease, lease_until, document)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![id.as_bytes(), equals, to_user, due, m.attempts(), lease, until, json(&Stored(m))?],
            )
        }
        Write::Record(event) => run("insert into events (document) values (?1)", params![json(event)?]),
    }
}

/// A store in one file; `:memory:` for one that ends with the process.
#[derive(Clone)]
pub struct OwnStore(Arc<Mutex<Connection>>);

impl OwnStore {
    /// Opens the file, and makes it if it is not there.
    pub fn open(path: &Path) -> Result<Self> {
        let mut db = Connection::open(path)?;
        db.execute_batch(SCHEMA)?;
        db.set_transaction_behavior(TransactionBehavior::Immediate);
        db.set_prepared_statement_cache_capacity(64);
        Ok(Self(Arc::new(Mutex::new(db))))
    }

    /// Every event so far, oldest first. The port never reads them: they are for your staff.
    pub async fn events(&self) -> Result<Vec<Event>> {
        let sql = "select document from events order by number";
        self.with(|db| list(db, sql, [], |row| document(row, "document"))).await
    }

    /// Runs the work where it may block; a caller that goes away does not end it. A transaction dropped by an error or
    /// a panic takes everything back, so a poisoned lock guards a sound connection.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let db = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || work(&mut db.lock().unwrap_or_else(PoisonError::into_inner))).await?
    }
}

#[async_trait]
impl UserStore for OwnStore {
    async fn user(&self, id: UserId) -> Result<Option<User>> {
        self.with(move |db| find(db, "select document from users where id = ?1", [id.as_bytes()], record)).await
    }

    async fn user_named(&self, name: &Username) -> Result<Option<User>> {
        let values = [name.to_string()];
        self.with(|db| find(db, "select document from users where username = ?1", values, record)).await
    }

    async fn users_with_email(&self, email: &EmailAddress) -> Result<Vec<User>> {
        let values = [email.key().to_owned()];
        self.with(|db| list(db, "select document from users where email = ?1", values, record)).await
    }

    async fn registration(&self, id: RegistrationId) -> Result<Option<Registration>> {
        self.with(move |db| find(db, "select document from registrations where id = ?1", [id.as_bytes()], record)).await
    }

    async fn registrations(
        &self,
        email: &EmailAddress,
        name: Option<&Username>,
        limit: u32,
    ) -> Result<Vec<Registration>> {
        let values = (email.key().to_owned(), name.map(Username::to_string), limit);
        let sql = "select document from registrations where email = ?1 and username = coalesce(?2, username)
                   order by registered_at desc, rowid desc limit ?3";
        self.with(|db| list(db, sql, values, record)).await
    }

    async fn mailbox(&self, id: MailboxId) -> Result<Option<Mailbox>> {
        self.with(move |db| find(db, "select document from mailboxes where id = ?1", [id.as_bytes()], record)).await
    }

    async fn mailbox_of(&self, email: &EmailAddress) -> Result<Option<Mailbox>> {
        let values = [email.key().to_owned()];
        self.with(|db| find(db, "select document from mailboxes where email = ?1", values, record)).await
    }

    async fn session(&self, digest: &Digest) -> Result<Option<(Session, Arc<User>)>> {
        let values = [*digest.as_bytes()];
        let sql = "select s.document, last_seen, u.document as user from sessions s join users u on u.id = user_id
                   where digest = ?1";
        let read: Read<_> = |row| Ok((session(row)?, Arc::new(document::<Stored<User>>(row, "user")?.0)));
        self.with(move |db| find(db, sql, values, read)).await
    }

    async fn sessions_of(&self, user: UserId) -> Result<Vec<Session>> {
        let sql = "select document, last_seen from sessions where user_id = ?1";
        self.with(move |db| list(db, sql, [user.as_bytes()], session)).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed> {
        let commit = commit.clone();
        let work = move |db: &mut Connection| {
            let transaction = db.transaction()?;
            for write in commit.writes() {
                if apply(&transaction, write)? == 0 && write.must_hit() {
                    return Ok(Committed::Conflict);
                }
            }
            Ok(transaction.commit().map(|()| Committed::Done)?)
        };
        self.with(work).await
    }

    async fn claim_due_mail(&self, claim: Claim) -> Result<Vec<MailIntent>> {
        let void = claim.lease_until.after(Duration::from_secs(5 * 60)).as_millis();
        let (now, latest_due, limit) = (claim.now.as_millis(), claim.latest_due.as_millis(), claim.limit);
        let work = move |db: &mut Connection| {
            // A look first: the courier asks four times a second, mostly for nothing, and only one can write.
            if list(db, CLAIMABLE, (now, latest_due, void, limit), |_| Ok(()))?.is_empty() {
                return Ok(Vec::new());
            }
            let set = "update mail set lease = lease + 1, lease_until = ?5";
            let sql = format!("{set} where equals in ({CLAIMABLE}) returning *");
            let values = (now, latest_due, void, limit, claim.lease_until.as_millis());
            let transaction = db.transaction()?;
            let claimed = list(&transaction, &sql, values, mail)?;
            Ok(transaction.commit().map(|()| claimed)?)
        };
        self.with(work).await
    }

    async fn mail_backlog(&self) -> Result<Backlog> {
        let sql = "select count(*) filter (where not to_user), count(*) filter (where to_user), min(due_at) from mail";
        let read: Read<_> = |row| {
            let oldest_due = row.get::<_, Option<i64>>(2)?.map(Timestamp::from_millis);
            Ok(Backlog { typed: row.get(0)?, to_users: row.get(1)?, oldest_due })
        };
        Ok(self.with(move |db| find(db, sql, [], read)).await?.unwrap_or_default())
    }

    async fn purge(&self, now: Timestamp, limit: u32) -> Result<Purged> {
        let work = move |db: &mut Connection| {
            let transaction = db.transaction()?;
            let delete = |table: &str, idle: &str| {
                let rows = format!("select rowid from {table} where {idle} limit ?2");
                let sql = format!("delete from {table} where rowid in ({rows})");
                transaction.execute(&sql, (now.as_millis(), limit)).map(|rows| rows as u64)
            };
            let idle = "(last_link_ends is null or last_link_ends <= ?1)
                        and not exists (select 1 from users where users.email = mailboxes.email)";
            let purged = Purged {
                sessions: delete("sessions", "absolute_end <= ?1")?,
                registrations: delete("registrations", "expires_at <= ?1")?,
                mailboxes: delete("mailboxes", idle)?,
            };
            Ok(transaction.commit().map(|()| purged)?)
        };
        self.with(work).await
    }

    async fn forget_live(&self) -> Result<()> {
        let work = |db: &mut Connection| {
            let transaction = db.transaction()?;
            for table in ["sessions", "registrations", "mailboxes", "mail"] {
                transaction.execute(&format!("delete from {table}"), [])?;
            }
            for user in list::<User>(&transaction, "select document from users", [], record)? {
                if let Some(next) = user.after_restore() {
                    apply(&transaction, &Write::ReplaceUser { user: Box::new(next), expected: user.version() })?;
                }
            }
            Ok(transaction.commit()?)
        };
        self.with(work).await
    }
}

/// A patient registers and signs in; the program ends, begins again, and the patient is still signed in.
#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let file = std::env::temp_dir().join(format!("acceso-own-store-{}.sqlite", std::process::id()));
    let token = before(&file).await?;
    let visitor = after(&file, &token).await;
    std::fs::remove_file(&file)?;
    println!("after reopening {}: signed in as {}", file.display(), visitor?);
    Ok(())
}

async fn before(file: &Path) -> Result<SessionToken, BoxError> {
    let mailer = Arc::new(MemoryMailer::new());
    let (acceso, mut courier) = portal(OwnStore::open(file)?, Arc::clone(&mailer))?;
    let client = Client::unknown();
    let form = RegistrationForm {
        email: "ana.pena@example.org".into(),
        username: "anapena".into(),
        password: "Tres tristes tigres 3".into(),
        repeated: "Tres tristes tigres 3".into(),
        full_name: "Ana Peña".into(),
    };
    let Registering::Accepted(_) = acceso.register(form, &client).await? else { return Err("refused".into()) };
    courier.deliver_due().await?;
    let mail = mailer.take().pop().ok_or("no mail came")?;
    let (_, link) = mail.text().split_once("?token=").ok_or("the mail has no link")?;
    let form = ConfirmationForm {
        token: link.split_whitespace().next().unwrap_or_default().into(),
        username: "anapena".into(),
        password: "Tres tristes tigres 3".into(),
        reference: None,
    };
    let Confirmation::Confirmed = acceso.confirm(form, &client).await? else { return Err("not confirmed".into()) };
    let answer = acceso.login(LoginForm::new("anapena", "Tres tristes tigres 3"), Stay::SignedIn, &client).await?;
    let Login::SignedIn(session) = answer else { return Err("the login was rejected".into()) };
    acceso.shutdown().await;
    Ok(session.token)
}

async fn after(file: &Path, token: &SessionToken) -> Result<Username, BoxError> {
    let store = OwnStore::open(file)?;
    let (acceso, _courier) = portal(store.clone(), Arc::new(MemoryMailer::new()))?;
    let visitor = acceso.session(token).await?.ok_or("the session is gone")?;
    for event in store.events().await? {
        println!("{} {}", event.at(), event.kind().code());
    }
    acceso.shutdown().await;
    Ok(visitor.user().username().clone())
}

fn portal(store: OwnStore, mailer: Arc<MemoryMailer>) -> Result<(Acceso, Courier), BoxError> {
    let registry = MemoryRegistry::new();
    registry.insert(Patient {
        id: "pac-0001".parse()?,
        email: "ana.pena@example.org".parse()?,
        full_name: "Ana Peña".into(),
        portal_access: true,
    });
    Ok(Acceso::builder(store, registry, mailer).portal("Clínica del Sol", "https://portal.example").build()?)
}

#[cfg(test)]
mod tests {
    use super::{OwnStore, Path};

    acceso::conformance::user_store! {
        test: #[tokio::test(flavor = "multi_thread")],
        spawn: tokio::spawn,
        store: OwnStore::open(Path::new(":memory:")).expect("a store of its own"),
        events: |store| store.events().await.expect("readable events"),
    }
}
