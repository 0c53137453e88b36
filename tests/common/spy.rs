//! Ports that watch and misbehave on request, around those in memory. Not: another store; what is kept is the memory
//! store's.
//!
//! **What a port was asked is told in order, whoever was asked about.**

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::collections::VecDeque;
use std::future::pending;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};

use acceso::adapter::memory::{MemoryMailer, MemoryRegistry, MemoryStore};
use acceso::test_util::{FakeClock, SeededEntropy, cheap_hashing};
use acceso::{
    Acceso, Backlog, BoxError, Claim, Client, Commit, Committed, Courier, Digest, EmailAddress, Mail, MailIntent,
    Mailbox, MailboxId, Mailer, Patient, PatientRegistry, Policy, Purged, Registration, RegistrationId, SendError,
    Session, Stored, Timestamp, UnreadableRecord, User, UserId, UserStore, Username,
};
use async_trait::async_trait;
use serde_json::Value;

use super::common::{ANA, Portal, patient};

/// Changes a record's stored form as it is read.
type Tamper = Arc<dyn Fn(&mut Value) + Send + Sync>;

/// The memory store, noting each call.
#[derive(Default)]
pub struct Spy {
    pub inner: Arc<MemoryStore>,
    calls: Mutex<Vec<String>>,
    tamper: Mutex<Option<Tamper>>,
    tamper_mailbox: Mutex<Option<Tamper>>,
    /// Commits fail, and nothing lands.
    pub refuses: AtomicBool,
    /// Each call takes two polls more, so that a future can be dropped before and after it.
    pub dawdles: AtomicBool,
}

impl Spy {
    /// The calls since the last time, a commit with its verbs.
    pub fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many calls of this name there were since the last [`take_calls`](Self::take_calls).
    pub fn count(&self, name: &str) -> usize {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).iter().filter(|call| call.starts_with(name)).count()
    }

    /// From now on users are read like this.
    pub fn tamper(&self, tamper: impl Fn(&mut Value) + Send + Sync + 'static) {
        *self.tamper.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(tamper));
    }

    /// From now on mailboxes are read like this.
    pub fn tamper_mailbox(&self, tamper: impl Fn(&mut Value) + Send + Sync + 'static) {
        *self.tamper_mailbox.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(tamper));
    }

    async fn dawdle(&self) {
        if self.dawdles.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    }

    fn opened(&self, mailbox: Mailbox) -> Result<Mailbox, BoxError> {
        match self.tamper_mailbox.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            None => Ok(mailbox),
            Some(tamper) => {
                let mut document = serde_json::to_value(Stored(&mailbox))?;
                tamper(&mut document);
                let read = serde_json::from_value::<Stored<Mailbox>>(document);
                read.map(|Stored(tampered)| tampered)
                    .map_err(|cause| UnreadableRecord::new("mailbox", None, cause).into())
            }
        }
    }

    fn note(&self, call: impl Into<String>) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call.into());
    }

    fn seen(&self, user: User) -> Result<User, BoxError> {
        match self.tamper.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            None => Ok(user),
            Some(tamper) => {
                let mut document = serde_json::to_value(Stored(&user))?;
                tamper(&mut document);
                let read = serde_json::from_value::<Stored<User>>(document);
                read.map(|Stored(tampered)| tampered)
                    .map_err(|cause| UnreadableRecord::new("user", Some(user.id()), cause).into())
            }
        }
    }
}

fn verbs(commit: &Commit) -> String {
    let verb = |write: &acceso::Write| -> String {
        format!("{write:?}").chars().take_while(char::is_ascii_alphanumeric).collect()
    };
    commit.writes().iter().map(verb).collect::<Vec<_>>().join(" ")
}

#[async_trait]
impl UserStore for Spy {
    async fn user(&self, id: UserId) -> Result<Option<User>, BoxError> {
        self.note("user");
        self.inner.user(id).await?.map(|user| self.seen(user)).transpose()
    }
    async fn user_named(&self, name: &Username) -> Result<Option<User>, BoxError> {
        self.note("user_named");
        self.dawdle().await;
        self.inner.user_named(name).await?.map(|user| self.seen(user)).transpose()
    }
    async fn users_with_email(&self, email: &EmailAddress) -> Result<Vec<User>, BoxError> {
        self.note("users_with_email");
        self.inner.users_with_email(email).await?.into_iter().map(|user| self.seen(user)).collect()
    }
    async fn registration(&self, id: RegistrationId) -> Result<Option<Registration>, BoxError> {
        self.note("registration");
        self.inner.registration(id).await
    }
    async fn registrations(
        &self,
        email: &EmailAddress,
        name: Option<&Username>,
        limit: u32,
    ) -> Result<Vec<Registration>, BoxError> {
        self.note("registrations");
        self.inner.registrations(email, name, limit).await
    }
    async fn mailbox(&self, id: MailboxId) -> Result<Option<Mailbox>, BoxError> {
        self.note("mailbox");
        self.inner.mailbox(id).await?.map(|mailbox| self.opened(mailbox)).transpose()
    }
    async fn mailbox_of(&self, email: &EmailAddress) -> Result<Option<Mailbox>, BoxError> {
        self.note("mailbox_of");
        self.inner.mailbox_of(email).await
    }
    async fn session(&self, digest: &Digest) -> Result<Option<(Session, Arc<User>)>, BoxError> {
        self.note("session");
        match self.inner.session(digest).await? {
            Some((session, user)) => Ok(Some((session, Arc::new(self.seen(User::clone(&user))?)))),
            None => Ok(None),
        }
    }
    async fn sessions_of(&self, user: UserId) -> Result<Vec<Session>, BoxError> {
        self.note("sessions_of");
        self.inner.sessions_of(user).await
    }
    async fn commit(&self, commit: &Commit) -> Result<Committed, BoxError> {
        self.note(format!("commit: {}", verbs(commit)));
        self.dawdle().await;
        if self.refuses.load(Ordering::SeqCst) {
            return Err("the store is read only".into());
        }
        let committed = self.inner.commit(commit).await;
        self.dawdle().await;
        committed
    }
    async fn claim_due_mail(&self, claim: Claim) -> Result<Vec<MailIntent>, BoxError> {
        self.note("claim_due_mail");
        self.inner.claim_due_mail(claim).await
    }
    async fn mail_backlog(&self) -> Result<Backlog, BoxError> {
        self.note("mail_backlog");
        self.inner.mail_backlog().await
    }
    async fn purge(&self, now: Timestamp, limit: u32) -> Result<Purged, BoxError> {
        self.note("purge");
        self.inner.purge(now, limit).await
    }
    async fn forget_live(&self) -> Result<(), BoxError> {
        self.note("forget_live");
        self.inner.forget_live().await
    }
}

/// What a mailer does with the next mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Taken,
    Transient,
    Permanent,
    /// The mail server never answers.
    Hangs,
}

/// A mailer that does as told, and takes every mail otherwise. It keeps what it did not take, too.
#[derive(Default)]
pub struct Post {
    pub taken: Arc<MemoryMailer>,
    fates: Mutex<VecDeque<Fate>>,
    lost: Mutex<Vec<Mail>>,
    begun: AtomicUsize,
}

impl Post {
    pub fn next(&self, fates: impl IntoIterator<Item = Fate>) {
        self.fates.lock().unwrap_or_else(PoisonError::into_inner).extend(fates);
    }

    /// From now on every mail is taken.
    pub fn recover(&self) {
        self.fates.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The mails that were not taken.
    pub fn take_lost(&self) -> Vec<Mail> {
        std::mem::take(&mut *self.lost.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many mails were begun to be sent.
    pub fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Mailer for Post {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let fate = self.fates.lock().unwrap_or_else(PoisonError::into_inner).pop_front().unwrap_or(Fate::Taken);
        if fate != Fate::Taken {
            self.lost.lock().unwrap_or_else(PoisonError::into_inner).push(mail.clone());
        }
        match fate {
            Fate::Taken => self.taken.send(mail).await,
            Fate::Transient => Err(SendError::Transient("greylisted".into())),
            Fate::Permanent => Err(SendError::Permanent("no such mailbox".into())),
            Fate::Hangs => pending().await,
        }
    }
}

/// A registry that can be out of order, and counts who asks.
#[derive(Default)]
pub struct Records {
    pub inner: Arc<MemoryRegistry>,
    pub down: AtomicBool,
    pub asked: AtomicUsize,
    /// Answered to whatever is asked, beside what fits.
    pub near_matches: Mutex<Vec<Patient>>,
}

#[async_trait]
impl PatientRegistry for Records {
    async fn patients_with_email(&self, email: &EmailAddress) -> Result<Vec<Patient>, BoxError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err("the records are out of order".into());
        }
        let near = self.near_matches.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(self.inner.patients_with_email(email).await?.into_iter().chain(near).collect())
    }
}

/// A portal whose ports are watched.
pub struct Watched {
    pub portal: Portal,
    pub spy: Arc<Spy>,
    pub post: Arc<Post>,
    pub records: Arc<Records>,
    others: AtomicU64,
}

impl Watched {
    /// As [`Portal::with`].
    pub fn with(policy: Policy) -> Self {
        Self::of(cheap_hashing(policy))
    }

    /// With the policy's own cost of hashing.
    pub fn of(policy: Policy) -> Self {
        let (spy, post, records) = (Arc::new(Spy::default()), Arc::new(Post::default()), Arc::new(Records::default()));
        records.inner.insert(patient("pac-0001", ANA));
        let clock = FakeClock::default();
        let (acceso, courier) = over(&spy, &post, &records, &clock, policy, 7);
        let portal = Portal {
            acceso,
            courier,
            store: Arc::clone(&spy.inner),
            registry: Arc::clone(&records.inner),
            mailer: Arc::clone(&post.taken),
            clock,
            client: Client::unknown(),
        };
        Self { portal, spy, post, records, others: AtomicU64::new(100) }
    }

    /// Another process on the same store, perhaps under another policy.
    pub fn beside(&self, policy: Policy) -> (Acceso, Courier) {
        let seed = self.others.fetch_add(1, Ordering::SeqCst);
        over(&self.spy, &self.post, &self.records, &self.portal.clock, policy, seed)
    }
}

fn over(
    spy: &Arc<Spy>,
    post: &Arc<Post>,
    records: &Arc<Records>,
    clock: &FakeClock,
    policy: Policy,
    seed: u64,
) -> (Acceso, Courier) {
    Acceso::builder(Arc::clone(spy), Arc::clone(records), Arc::clone(post))
        .portal("Clínica del Sol", "https://portal.example")
        .contact("0800 555 0000")
        .policy(policy)
        .clock(clock.clone())
        .entropy(SeededEntropy::new(seed))
        .build()
        .expect("a safe policy")
}

/// One poll; the output if it was ready.
pub fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Option<F::Output> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

/// A user as a store keeps it.
pub fn document(user: &User) -> Value {
    serde_json::to_value(Stored(user)).expect("a record serializes")
}

/// The user of this name as the store keeps it.
pub async fn user(store: &MemoryStore, name: &str) -> User {
    store.user_named(&name.parse().expect("legal")).await.expect("in memory").expect("a user")
}

/// The output, and how often the future had to wait: with ports that never do, once for each run of Argon2.
pub async fn with_waits<F: Future>(future: F) -> (F::Output, usize) {
    let (mut future, mut waits) = (Box::pin(future), 0);
    let output = std::future::poll_fn(|context| {
        let poll = future.as_mut().poll(context);
        waits += usize::from(poll.is_pending());
        poll
    });
    let output = output.await;
    (output, waits)
}
