//! A host's own `UserStore`, over one file (`redb`): copy it, and put your own database under it.
//!
//! ```text
//! cargo run --example own_store      # an account lives across a reopening of the file
//! cargo test --example own_store     # the conformance suite
//! ```
//!
//! One table of bytes: a record is one document ([`Stored`]) under its key, and for each way in which it is looked for
//! another row leads to that key.
//!
//! **A commit is one write transaction**, and redb lets one writer in at a time: so a guard holds until the commit ends by
//! itself, and nothing can deadlock. A database with row locks needs more; the port's contract says what.
//!
//! Honest about two things. `Done` means that the file was synced: redb commits with `Durability::Immediate`. And redb
//! blocks its thread, so every call goes through `spawn_blocking`: a store must not hold up the executor, and how it
//! avoids that is its own business.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use acceso::adapter::memory::{MemoryMailer, MemoryRegistry};
use acceso::{
    Acceso, Addressee, Backlog, BoxError, Claim, Client, Commit, Committed, Confirmation, ConfirmationForm, Courier,
    Digest, EmailAddress, Event, Lease, Login, LoginForm, MailId, MailIntent, MailPurpose, Mailbox, MailboxId, Patient,
    Purged, Registering, Registration, RegistrationForm, RegistrationId, Session, SessionToken, Stay, Stored,
    Timestamp, User, UserId, UserStore, Username, Write,
};
use async_trait::async_trait;
use redb::{Database, ReadOnlyTable, ReadableTable, Table, TableDefinition};

type Bytes = &'static [u8];

const ROWS: TableDefinition<'static, Bytes, Bytes> = TableDefinition::new("acceso");

/// A kind of record: the letter in front of its keys, its key, and what it is looked for by.
trait Record: Sized {
    const KIND: u8;
    fn key(&self) -> Vec<u8>;
    fn looked_for_by(&self) -> Vec<Vec<u8>>;
    fn document(&self) -> Result<Vec<u8>, BoxError>;
    /// A document that cannot be read is an error, never "not there".
    fn read(document: &[u8]) -> Result<Self, BoxError>;
}

macro_rules! record {
    ($record:ty, $kind:literal, $key:expr, $looked_for_by:expr) => {
        impl Record for $record {
            const KIND: u8 = $kind;

            fn key(&self) -> Vec<u8> {
                key::<Self>($key(self).as_bytes())
            }

            fn looked_for_by(&self) -> Vec<Vec<u8>> {
                $looked_for_by(self)
            }

            fn document(&self) -> Result<Vec<u8>, BoxError> {
                Ok(serde_json::to_vec(&Stored(self))?)
            }

            fn read(document: &[u8]) -> Result<Self, BoxError> {
                Ok(serde_json::from_slice::<Stored<Self>>(document)?.0)
            }
        }
    };
}

record!(User, b'u', User::id, |user: &User| vec![user_named(user.username()), users_with(user.email())]);
record!(Registration, b'r', Registration::id, |kept: &Registration| vec![registrations_of(kept.email())]);
record!(Mailbox, b'm', Mailbox::id, |mailbox: &Mailbox| vec![mailbox_of(mailbox.email())]);
record!(Session, b's', Session::digest, |session: &Session| vec![sessions_of(session.user())]);
// A claim reads every waiting row: let due times lead to them if yours wait by the hundred thousand.
record!(MailIntent, b'q', MailIntent::id, |_: &MailIntent| Vec::new());

const EVENTS: u8 = b'e';

fn key<R: Record>(key: &[u8]) -> Vec<u8> {
    [&[R::KIND], key].concat()
}

/// The front of the rows that lead to what is looked for; the key follows. No name and no address holds a zero byte.
fn leading(kind: u8, by: &[u8]) -> Vec<u8> {
    [&[kind], by, &[0]].concat()
}

fn user_named(name: &Username) -> Vec<u8> {
    leading(b'N', name.as_str().as_bytes())
}

fn users_with(email: &EmailAddress) -> Vec<u8> {
    leading(b'U', email.key().as_bytes())
}

fn registrations_of(email: &EmailAddress) -> Vec<u8> {
    leading(b'R', email.key().as_bytes())
}

fn mailbox_of(email: &EmailAddress) -> Vec<u8> {
    leading(b'M', email.key().as_bytes())
}

fn sessions_of(user: UserId) -> Vec<u8> {
    leading(b'S', user.as_bytes())
}

/// What a transaction of either kind reads.
trait Reads: ReadableTable<Bytes, Bytes> {
    fn find<R: Record>(&self, of: &[u8]) -> Result<Option<R>, BoxError> {
        self.get(key::<R>(of).as_slice())?.map(|document| R::read(document.value())).transpose()
    }

    /// The values of all rows whose key begins so.
    fn beginning<T>(&self, front: &[u8], read: impl Fn(&[u8]) -> Result<T, BoxError>) -> Result<Vec<T>, BoxError> {
        let mut found = Vec::new();
        for row in self.range::<&[u8]>(front..)? {
            let (key, value) = row?;
            if !key.value().starts_with(front) {
                break;
            }
            found.push(read(value.value())?);
        }
        Ok(found)
    }

    fn all<R: Record>(&self) -> Result<Vec<R>, BoxError> {
        self.beginning(&[R::KIND], R::read)
    }

    fn list<R: Record>(&self, looked_for: &[u8]) -> Result<Vec<R>, BoxError> {
        self.beginning(looked_for, |key| {
            let document = self.get(key)?.ok_or("a row leads to a record that is not there")?;
            R::read(document.value())
        })
    }
}

impl<T: ReadableTable<Bytes, Bytes>> Reads for T {}

/// What a commit does to the one table.
struct Writer<'a>(Table<'a, Bytes, Bytes>);

impl Writer<'_> {
    /// Writes the record in place of what stands under its key.
    fn put<R: Record>(&mut self, record: &R) -> Result<bool, BoxError> {
        self.0.insert(record.key().as_slice(), record.document()?.as_slice())?;
        for leading in record.looked_for_by() {
            self.0.insert([leading, record.key()].concat().as_slice(), record.key().as_slice())?;
        }
        Ok(true)
    }

    /// Writes the record if neither its key is taken nor, where one is given, what it alone may be looked for by.
    fn insert<R: Record>(&mut self, record: &R, unique: Option<Vec<u8>>) -> Result<bool, BoxError> {
        let taken = unique.map(|leading| self.0.list::<R>(&leading)).transpose()?;
        let free = taken.is_none_or(|taken| taken.is_empty()) && self.0.get(record.key().as_slice())?.is_none();
        Ok(free && self.put(record)?)
    }

    fn remove<R: Record>(&mut self, record: Option<R>) -> Result<bool, BoxError> {
        let Some(record) = record else { return Ok(false) };
        for leading in record.looked_for_by() {
            self.0.remove([leading, record.key()].concat().as_slice())?;
        }
        Ok(self.0.remove(record.key().as_slice())?.is_some())
    }

    fn remove_all<R: Record>(&mut self, records: Vec<R>) -> Result<u64, BoxError> {
        records.into_iter().try_fold(0, |removed, record| Ok(removed + u64::from(self.remove(Some(record))?)))
    }

    fn user_at(&self, id: UserId, version: u64) -> Result<Option<User>, BoxError> {
        Ok(self.0.find::<User>(id.as_bytes())?.filter(|user| user.version() == version))
    }

    fn held(&self, id: MailId, lease: u64) -> Result<Option<MailIntent>, BoxError> {
        let holds = |row: &MailIntent| row.lease().number == lease && row.lease().until.is_some();
        Ok(self.0.find::<MailIntent>(id.as_bytes())?.filter(holds))
    }

    /// Applies one write; `false` if it touched no row, or its key is taken.
    fn apply(&mut self, write: &Write) -> Result<bool, BoxError> {
        match write {
            Write::InsertMailbox(mailbox) => self.insert(mailbox, Some(mailbox_of(mailbox.email()))),
            Write::ReplaceMailbox { mailbox, expected } => {
                let kept = self.0.find::<Mailbox>(mailbox.id().as_bytes())?;
                Ok(kept.is_some_and(|kept| kept.version() == *expected) && self.put(mailbox)?)
            }
            Write::RemoveRegistration { id } => {
                let kept = self.0.find::<Registration>(id.as_bytes())?;
                self.remove(kept)
            }
            Write::RemoveRegistrationsOf { email, username } => {
                let mut kept = self.0.list::<Registration>(&registrations_of(email))?;
                kept.retain(|kept| username.as_ref().is_none_or(|name| name == kept.username()));
                Ok(self.remove_all(kept)? > 0)
            }
            Write::InsertRegistration(registration) => self.insert(registration, None),
            Write::RemoveUser { id, version } => {
                let user = self.user_at(*id, *version)?;
                self.remove(user)
            }
            // The one writer that there is has read it: it stays so until the transaction ends.
            Write::GuardUser { id, version } => Ok(self.user_at(*id, *version)?.is_some()),
            Write::ReplaceUser { user, expected } => {
                Ok(self.user_at(user.id(), *expected)?.is_some() && self.put(&**user)?)
            }
            Write::InsertUser(user) => self.insert(&**user, Some(user_named(user.username()))),
            Write::GuardSession { digest } => Ok(self.0.find::<Session>(digest.as_bytes())?.is_some()),
            Write::TouchSession { digest, last_seen } => match self.0.find::<Session>(digest.as_bytes())? {
                Some(kept) if kept.last_seen() < *last_seen => self.put(&kept.with_last_seen(*last_seen)),
                _ => Ok(false),
            },
            Write::CloseSession { digest } => {
                let kept = self.0.find::<Session>(digest.as_bytes())?;
                self.remove(kept)
            }
            Write::CloseSessionsOf { user, except } => {
                let mut kept = self.0.list::<Session>(&sessions_of(*user))?;
                kept.retain(|kept| Some(kept.digest()) != except.as_ref());
                Ok(self.remove_all(kept)? > 0)
            }
            Write::OpenSession { session, keep_at_most } => {
                let mut others = self.0.list::<Session>(&sessions_of(session.user()))?;
                others.sort_by_key(Session::opened_at);
                others.truncate((others.len() + 1).saturating_sub(usize::from(*keep_at_most)));
                let opened = self.insert(session, None)?;
                self.remove_all(if opened { others } else { Vec::new() })?;
                Ok(opened)
            }
            Write::HoldMail { id, lease } => Ok(self.held(*id, *lease)?.is_some()),
            Write::SettleMail { id, lease, .. } => {
                let row = self.held(*id, *lease)?;
                self.remove(row)
            }
            Write::PostponeMail { id, lease, due_at, attempts, .. } => {
                let Some(row) = self.held(*id, *lease)? else { return Ok(false) };
                self.put(&row.with_columns(*due_at, *attempts, Lease { number: *lease, until: None }))
            }
            Write::QueueMail(intent) => self.insert(intent, None),
            Write::Record(event) => {
                let last =
                    self.0.range::<&[u8]>([EVENTS].as_slice()..[EVENTS + 1].as_slice())?.next_back().transpose()?;
                let last = last.map(|(key, _)| <[u8; 8]>::try_from(&key.value()[1..])).transpose()?;
                let next = last.map_or(0, |number| u64::from_be_bytes(number) + 1);
                let key = [&[EVENTS], next.to_be_bytes().as_slice()].concat();
                Ok(self.0.insert(key.as_slice(), serde_json::to_vec(event)?.as_slice())?.is_none())
            }
        }
    }
}

/// The rows that a claim may take, as they stand.
fn claimable(rows: &impl Reads, claim: Claim) -> Result<Vec<MailIntent>, BoxError> {
    let void = claim.lease_until.after(Duration::from_secs(5 * 60));
    let ready = |row: &MailIntent| {
        let due = row.due_at() <= claim.now || row.due_at() > claim.latest_due;
        due && row.lease().until.is_none_or(|until| until <= claim.now || until > void)
    };
    let mut groups: HashMap<(MailPurpose, Addressee), Vec<MailIntent>> = HashMap::new();
    for row in rows.all::<MailIntent>()? {
        groups.entry((row.purpose(), row.addressee().clone())).or_default().push(row);
    }
    groups.retain(|_, rows| rows.iter().all(ready));
    // A new hasher's keys are random, so the order among strangers is.
    let random = RandomState::new();
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_cached_key(|(of, rows)| match of.1 {
        Addressee::User { .. } => (0, rows.iter().map(MailIntent::due_at).min(), 0),
        Addressee::Typed { .. } => (1, None, random.hash_one(of)),
    });
    Ok(groups.into_iter().take(claim.limit as usize).flat_map(|(_, rows)| rows).collect())
}

/// A store in one file.
#[derive(Clone)]
pub struct OwnStore(Arc<Database>);

impl OwnStore {
    /// Opens the file, and makes it if it is not there.
    pub fn open(path: &Path) -> Result<Self, BoxError> {
        Self::over(Database::create(path)?)
    }

    /// The table is there from the beginning, so that a read never misses it.
    fn over(database: Database) -> Result<Self, BoxError> {
        let transaction = database.begin_write()?;
        transaction.open_table(ROWS)?;
        transaction.commit()?;
        Ok(Self(Arc::new(database)))
    }

    /// Every event so far, oldest first. The port never reads them: they are for your staff.
    pub async fn events(&self) -> Result<Vec<Event>, BoxError> {
        self.read(|rows| rows.beginning(&[EVENTS], |event| Ok(serde_json::from_slice(event)?))).await
    }

    /// Runs one read transaction: a snapshot, which waits for nobody.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ReadOnlyTable<Bytes, Bytes>) -> Result<T, BoxError> + Send + 'static,
    ) -> Result<T, BoxError> {
        let database = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || work(&database.begin_read()?.open_table(ROWS)?)).await?
    }

    /// Runs one write transaction; an error and `None` take everything back. A caller that goes away does not end it.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writer<'_>) -> Result<Option<T>, BoxError> + Send + 'static,
    ) -> Result<Option<T>, BoxError> {
        let database = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || {
            let transaction = database.begin_write()?;
            let done = work(&mut Writer(transaction.open_table(ROWS)?))?;
            if done.is_some() {
                transaction.commit()?;
            } else {
                transaction.abort()?;
            }
            Ok(done)
        })
        .await?
    }
}

#[async_trait]
impl UserStore for OwnStore {
    async fn user(&self, id: UserId) -> Result<Option<User>, BoxError> {
        self.read(move |rows| rows.find(id.as_bytes())).await
    }

    async fn user_named(&self, name: &Username) -> Result<Option<User>, BoxError> {
        let named = user_named(name);
        self.read(move |rows| Ok(rows.list(&named)?.pop())).await
    }

    async fn users_with_email(&self, email: &EmailAddress) -> Result<Vec<User>, BoxError> {
        let of = users_with(email);
        self.read(move |rows| rows.list(&of)).await
    }

    async fn registration(&self, id: RegistrationId) -> Result<Option<Registration>, BoxError> {
        self.read(move |rows| rows.find(id.as_bytes())).await
    }

    async fn registrations(
        &self,
        email: &EmailAddress,
        name: Option<&Username>,
        limit: u32,
    ) -> Result<Vec<Registration>, BoxError> {
        let of = registrations_of(email);
        let mut found = self.read(move |rows| rows.list::<Registration>(&of)).await?;
        found.retain(|kept| name.is_none_or(|name| name == kept.username()));
        found.sort_by_key(|kept| std::cmp::Reverse(kept.registered_at()));
        found.truncate(limit as usize);
        Ok(found)
    }

    async fn mailbox(&self, id: MailboxId) -> Result<Option<Mailbox>, BoxError> {
        self.read(move |rows| rows.find(id.as_bytes())).await
    }

    async fn mailbox_of(&self, email: &EmailAddress) -> Result<Option<Mailbox>, BoxError> {
        let of = mailbox_of(email);
        self.read(move |rows| Ok(rows.list(&of)?.pop())).await
    }

    async fn session(&self, digest: &Digest) -> Result<Option<(Session, Arc<User>)>, BoxError> {
        let digest = *digest;
        self.read(move |rows| {
            let Some(session) = rows.find::<Session>(digest.as_bytes())? else { return Ok(None) };
            Ok(rows.find(session.user().as_bytes())?.map(|user| (session, Arc::new(user))))
        })
        .await
    }

    async fn sessions_of(&self, user: UserId) -> Result<Vec<Session>, BoxError> {
        self.read(move |rows| rows.list(&sessions_of(user))).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, BoxError> {
        let writes = commit.writes().to_vec();
        let done = self.write(move |rows| {
            for write in &writes {
                if !rows.apply(write)? && write.must_hit() {
                    return Ok(None);
                }
            }
            Ok(Some(()))
        });
        Ok(done.await?.map_or(Committed::Conflict, |()| Committed::Done))
    }

    async fn claim_due_mail(&self, claim: Claim) -> Result<Vec<MailIntent>, BoxError> {
        // A look first: the courier asks four times a second, mostly for nothing, and only one can write.
        if self.read(move |rows| Ok(claimable(rows, claim)?.is_empty())).await? {
            return Ok(Vec::new());
        }
        let claimed = self.write(move |rows| {
            let claimed = claimable(&rows.0, claim)?.into_iter().map(|row| row.claimed_until(claim.lease_until));
            let claimed: Vec<MailIntent> = claimed.collect();
            claimed.iter().try_for_each(|row| rows.put(row).map(drop))?;
            Ok(Some(claimed))
        });
        Ok(claimed.await?.unwrap_or_default())
    }

    async fn mail_backlog(&self) -> Result<Backlog, BoxError> {
        let waiting = self.read(Reads::all::<MailIntent>).await?;
        let typed = waiting.iter().filter(|row| matches!(row.addressee(), Addressee::Typed { .. })).count();
        let oldest_due = waiting.iter().map(MailIntent::due_at).min();
        Ok(Backlog { typed: typed as u64, to_users: (waiting.len() - typed) as u64, oldest_due })
    }

    async fn purge(&self, now: Timestamp, limit: u32) -> Result<Purged, BoxError> {
        let purged = self.write(move |rows| {
            let limit = limit as usize;
            let mut sessions = rows.0.all::<Session>()?;
            sessions.retain(|kept| kept.absolute_end() <= now);
            sessions.truncate(limit);
            let mut registrations = rows.0.all::<Registration>()?;
            registrations.retain(|kept| kept.expires_at() <= now);
            registrations.truncate(limit);
            let mut mailboxes = Vec::new();
            for kept in rows.0.all::<Mailbox>()? {
                let idle = kept.last_link_ends().is_none_or(|end| end <= now);
                if idle && mailboxes.len() < limit && rows.0.list::<User>(&users_with(kept.email()))?.is_empty() {
                    mailboxes.push(kept);
                }
            }
            Ok(Some(Purged {
                sessions: rows.remove_all(sessions)?,
                registrations: rows.remove_all(registrations)?,
                mailboxes: rows.remove_all(mailboxes)?,
            }))
        });
        Ok(purged.await?.unwrap_or_default())
    }

    async fn forget_live(&self) -> Result<(), BoxError> {
        let forgotten = self.write(|rows| {
            let (sessions, registrations) = (rows.0.all::<Session>()?, rows.0.all::<Registration>()?);
            let (mailboxes, mail) = (rows.0.all::<Mailbox>()?, rows.0.all::<MailIntent>()?);
            rows.remove_all(sessions)?;
            rows.remove_all(registrations)?;
            rows.remove_all(mailboxes)?;
            rows.remove_all(mail)?;
            let users = rows.0.all::<User>()?;
            users.iter().filter_map(User::after_restore).try_for_each(|user| rows.put(&user).map(drop)).map(Some)
        });
        forgotten.await.map(drop)
    }
}

/// A patient registers and signs in; the program ends, begins again, and the patient is still signed in.
#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let file = std::env::temp_dir().join(format!("acceso-own-store-{}.redb", std::process::id()));
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
    use super::{Database, OwnStore};

    /// A file in memory, so that each test begins with an empty one.
    fn store() -> OwnStore {
        let database = Database::builder().create_with_backend(redb::backends::InMemoryBackend::new());
        OwnStore::over(database.expect("a new database")).expect("its tables")
    }

    acceso::conformance::user_store! {
        test: #[tokio::test(flavor = "multi_thread")],
        spawn: tokio::spawn,
        store: store(),
        events: |store| store.events().await.expect("readable events"),
    }
}
