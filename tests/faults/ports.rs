//! The three ports behind one counter, so that a fault can be put at any call. Not: what a fault may lead to.
//!
//! **Every call of every port passes here, in the order in which the core makes them.**

#![allow(dead_code, reason = "each test uses its own part of it")]

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use acceso::adapter::memory::{MemoryMailer, MemoryRegistry, MemoryStore};
use acceso::{
    Backlog, BoxError, Claim, Commit, Committed, Digest, EmailAddress, Mail, MailIntent, Mailbox, MailboxId, Mailer,
    Patient, PatientRegistry, Purged, Registration, RegistrationId, SendError, Session, Timestamp, User, UserId,
    UserStore, Username,
};
use async_trait::async_trait;
use serde_json::Value;

use crate::common::kept::Kept;
use crate::dump::{Known, dump};

/// What goes wrong at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It fails, and has done nothing.
    Fails,
    /// It has done its work, and its answer is lost.
    AnswerLost,
    /// It panics before it has done anything.
    PanicsBefore,
    /// It panics when it has done its work.
    PanicsAfter,
    /// A commit that somebody else was quicker than; no fault for other calls.
    Conflicts,
    /// A mail that is refused for good; no fault for other calls.
    RefusedForGood,
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Fails, Self::AnswerLost, Self::PanicsBefore, Self::PanicsAfter, Self::Conflicts, Self::RefusedForGood];

    fn strikes(self, call: Call) -> bool {
        match self {
            Self::Conflicts => call == Call::Commit,
            Self::RefusedForGood => call == Call::Send,
            _ => true,
        }
    }
}

/// Which call it is, as far as faults differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Read,
    Commit,
    /// A claim, a purge or a restore: a write that is no commit.
    Write,
    Ask,
    Send,
}

/// Drivers quote rows: nothing of this may come out of the core's own texts.
pub const ROW: &str = "fila-filtrada-por-el-driver";

/// A text of its own, by which the hook of panics knows that this one was made on purpose.
pub const INJECTED: &str = "a port panicked on purpose";

/// One row of faults to come, and what was seen.
#[derive(Default)]
pub struct Control {
    calls: AtomicUsize,
    planned: Mutex<Option<(usize, Kind)>>,
    begun: Mutex<Option<Call>>,
    hit: Mutex<Option<Call>>,
    landed: AtomicUsize,
    yields: AtomicBool,
    records: AtomicBool,
    states: Mutex<Vec<Value>>,
    silent: AtomicBool,
    shown: Mutex<Vec<String>>,
    pub known: Mutex<Known>,
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Control {
    /// From here on calls count from 0, and the one of this number goes wrong; every one, if the number is `usize::MAX`.
    pub fn plan(&self, at: usize, kind: Kind) {
        self.watch();
        *lock(&self.planned) = Some((at, kind));
    }

    /// From here on calls count from 0, and none goes wrong.
    pub fn watch(&self) {
        self.calm();
        self.calls.store(0, Ordering::SeqCst);
        self.landed.store(0, Ordering::SeqCst);
        *lock(&self.hit) = None;
    }

    /// Nothing goes wrong any more.
    pub fn calm(&self) {
        *lock(&self.planned) = None;
        self.yields.store(false, Ordering::SeqCst);
        self.records.store(false, Ordering::SeqCst);
    }

    /// Every call returns to the executor before and after its work, so that it can be dropped there.
    pub fn yield_at_each_call(&self) {
        self.yields.store(true, Ordering::SeqCst);
    }

    /// Keeps nothing of what goes through: for crowds.
    pub fn be_silent(&self) {
        self.silent.store(true, Ordering::SeqCst);
    }

    fn show(&self, text: impl FnOnce() -> String) {
        if !self.silent.load(Ordering::SeqCst) {
            lock(&self.shown).push(text());
        }
    }

    /// The store is dumped after each write that lands, without the rows of mail: they are under lease.
    pub fn record_states(&self) {
        self.records.store(true, Ordering::SeqCst);
    }

    pub fn states(&self) -> Vec<Value> {
        std::mem::take(&mut lock(&self.states))
    }

    /// The call that went wrong.
    pub fn hit(&self) -> Option<Call> {
        *lock(&self.hit)
    }

    /// The call that was begun last.
    pub fn begun(&self) -> Option<Call> {
        *lock(&self.begun)
    }

    /// Calls since the count began.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Writes that have landed since the count began.
    pub fn landed(&self) -> usize {
        self.landed.load(Ordering::SeqCst)
    }

    /// Everything that a log of a careless host would hold: `Debug` of what went in and out.
    pub fn shown(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.shown))
    }

    fn next(&self, call: Call) -> Option<Kind> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        *lock(&self.begun) = Some(call);
        let kind = lock(&self.planned)
            .filter(|(at, kind)| [number, usize::MAX].contains(at) && kind.strikes(call))
            .map(|(_, kind)| kind);
        if kind.is_some() {
            *lock(&self.hit) = Some(call);
        }
        kind
    }

    async fn pause(&self) {
        if self.yields.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    }

    async fn around<T: Debug, E>(
        &self,
        call: Call,
        fault: impl Fn(Kind) -> Result<T, E>,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let kind = self.next(call);
        self.pause().await;
        match kind {
            Some(kind @ (Kind::Fails | Kind::Conflicts | Kind::RefusedForGood)) => return fault(kind),
            Some(Kind::PanicsBefore) => panic!("{INJECTED}"),
            Some(Kind::AnswerLost | Kind::PanicsAfter) | None => {}
        }
        let answer = work.await;
        if let Ok(answer) = &answer {
            self.show(|| format!("{answer:?} {answer:#?}"));
        }
        self.pause().await;
        match kind {
            Some(kind @ Kind::AnswerLost) => fault(kind),
            Some(Kind::PanicsAfter) => panic!("{INJECTED}"),
            _ => answer,
        }
    }
}

fn broken<T>(_: Kind) -> Result<T, BoxError> {
    Err(format!("connection lost: {ROW}").into())
}

/// A store with faults.
pub struct FaultyStore<S = MemoryStore> {
    pub store: Arc<S>,
    pub control: Arc<Control>,
}

impl<S: Kept> FaultyStore<S> {
    async fn read<T: Debug>(&self, work: impl Future<Output = Result<T, BoxError>>) -> Result<T, BoxError> {
        self.control.around(Call::Read, broken, work).await
    }

    async fn write<T: Debug>(&self, work: impl Future<Output = Result<T, BoxError>>) -> Result<T, BoxError> {
        let landing = async {
            let answer = work.await;
            self.landed().await;
            answer
        };
        self.control.around(Call::Write, broken, landing).await
    }

    async fn landed(&self) {
        self.control.landed.fetch_add(1, Ordering::SeqCst);
        if self.control.records.load(Ordering::SeqCst) {
            let known = lock(&self.control.known).clone();
            let state = dump(&*self.store, &known).await;
            lock(&self.control.states).push(state);
        }
    }
}

#[async_trait]
impl<S: Kept> UserStore for FaultyStore<S> {
    async fn user(&self, id: UserId) -> Result<Option<User>, BoxError> {
        self.read(self.store.user(id)).await
    }

    async fn user_named(&self, name: &Username) -> Result<Option<User>, BoxError> {
        self.read(self.store.user_named(name)).await
    }

    async fn users_with_email(&self, email: &EmailAddress) -> Result<Vec<User>, BoxError> {
        self.read(self.store.users_with_email(email)).await
    }

    async fn registration(&self, id: RegistrationId) -> Result<Option<Registration>, BoxError> {
        self.read(self.store.registration(id)).await
    }

    async fn registrations(
        &self,
        email: &EmailAddress,
        name: Option<&Username>,
        limit: u32,
    ) -> Result<Vec<Registration>, BoxError> {
        self.read(self.store.registrations(email, name, limit)).await
    }

    async fn mailbox(&self, id: MailboxId) -> Result<Option<Mailbox>, BoxError> {
        self.read(self.store.mailbox(id)).await
    }

    async fn mailbox_of(&self, email: &EmailAddress) -> Result<Option<Mailbox>, BoxError> {
        self.read(self.store.mailbox_of(email)).await
    }

    async fn session(&self, digest: &Digest) -> Result<Option<(Session, Arc<User>)>, BoxError> {
        self.read(self.store.session(digest)).await
    }

    async fn sessions_of(&self, user: UserId) -> Result<Vec<Session>, BoxError> {
        self.read(self.store.sessions_of(user)).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, BoxError> {
        lock(&self.control.known).learn(commit);
        self.control.show(|| format!("{commit:?}"));
        let fault = |kind| if kind == Kind::Conflicts { Ok(Committed::Conflict) } else { broken(kind) };
        let landing = async {
            let answer = self.store.commit(commit).await;
            if matches!(answer, Ok(Committed::Done)) {
                self.landed().await;
            }
            answer
        };
        self.control.around(Call::Commit, fault, landing).await
    }

    async fn claim_due_mail(&self, claim: Claim) -> Result<Vec<MailIntent>, BoxError> {
        self.write(self.store.claim_due_mail(claim)).await
    }

    async fn mail_backlog(&self) -> Result<Backlog, BoxError> {
        self.read(self.store.mail_backlog()).await
    }

    async fn purge(&self, now: Timestamp, limit: u32) -> Result<Purged, BoxError> {
        self.write(self.store.purge(now, limit)).await
    }

    async fn forget_live(&self) -> Result<(), BoxError> {
        self.write(self.store.forget_live()).await
    }
}

/// The registry in memory, with faults.
pub struct FaultyRegistry {
    pub registry: Arc<MemoryRegistry>,
    pub control: Arc<Control>,
}

#[async_trait]
impl PatientRegistry for FaultyRegistry {
    async fn patients_with_email(&self, email: &EmailAddress) -> Result<Vec<Patient>, BoxError> {
        self.control.around(Call::Ask, broken, self.registry.patients_with_email(email)).await
    }
}

/// The mailer in memory, with faults.
pub struct FaultyMailer {
    pub mailer: Arc<MemoryMailer>,
    pub control: Arc<Control>,
}

#[async_trait]
impl Mailer for FaultyMailer {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        self.control.show(|| format!("{mail:?}"));
        let fault = |kind| {
            let quoted = BoxError::from(format!("550 {ROW}"));
            Err(if kind == Kind::RefusedForGood { SendError::Permanent(quoted) } else { SendError::Transient(quoted) })
        };
        self.control.around(Call::Send, fault, self.mailer.send(mail)).await
    }
}
