//! The three ports of the core under test: in memory, with faults injected, and everything seen noted. Not: any judgement.
//!
//! **A fault strikes before a port has done its work, or after; never in the middle.**

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;

use acceso::adapter::memory::MemoryStore;
use acceso::test_util::SeededEntropy;
use acceso::{
    Backlog, BoxError, Claim, Commit, Committed, Digest, EmailAddress, Entropy, EntropyError, Mail, MailIntent,
    Mailbox, MailboxId, Mailer, Patient, PatientRegistry, Purged, Registration, RegistrationId, SendError, Session,
    User, UserId, UserStore, Username,
};
use async_trait::async_trait;

/// What happens at the nth call of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    pub at: u8,
    pub kind: FaultKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    ErrorBefore,
    ErrorAfter,
    /// The caller is dropped.
    CrashBefore,
    CrashAfter,
}

/// What becomes of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    /// Accepted, and never seen again.
    Lost,
    Transient,
    /// It has arrived, but the mailer says that it has not.
    TransientYetArrived,
    Permanent,
}

/// What the core said to the mailer about a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    Taken,
    Later,
    Never,
    /// The caller was gone before the answer.
    Unheard,
}

#[derive(Debug, Clone)]
pub enum Seen {
    /// A read, or the name of whatever else was asked.
    Asked(&'static str),
    /// A commit that the store judged, and which of several callers at once made it.
    Commit {
        commit: Commit,
        landed: bool,
        by: usize,
    },
    Claimed(Vec<MailIntent>),
    Mailed {
        mail: Mail,
        arrived: bool,
        reply: Reply,
    },
    Purged,
}

#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "switches, each for itself")]
pub struct Control {
    pub fault: Option<Fault>,
    /// The fault has struck.
    pub struck: bool,
    /// The caller is to be dropped.
    pub stuck: bool,
    /// Commits are answered, and do not land.
    pub dry: bool,
    /// Every call of a port lets others go first.
    pub yields: bool,
    pub yielded: bool,
    pub by: usize,
    pub seen: Vec<Seen>,
    pub verdicts: Vec<Verdict>,
    pub records: Vec<Patient>,
    pub registry_down: bool,
    calls: u8,
    mailed: usize,
}

#[derive(Debug, Default)]
pub struct Ports {
    pub store: MemoryStore,
    control: Mutex<Control>,
}

impl Ports {
    pub fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().expect("no panic under the lock")
    }

    /// Begins to watch anew.
    pub fn arm(&self, fault: Option<Fault>) {
        let mut control = self.control();
        (control.fault, control.struck, control.stuck) = (fault, false, false);
        (control.calls, control.mailed, control.by) = (0, 0, 0);
        control.seen.clear();
    }

    fn note(&self, seen: Seen) {
        let mut control = self.control();
        if !control.dry {
            control.seen.push(seen);
        }
    }

    /// The fault of this call, if it is the one.
    fn counted(&self) -> Option<FaultKind> {
        let mut control = self.control();
        let number = control.calls;
        control.calls = control.calls.saturating_add(1);
        let kind = control.fault.filter(|fault| fault.at == number)?.kind;
        control.struck = true;
        Some(kind)
    }

    async fn hang(&self) {
        self.control().stuck = true;
        pending::<()>().await;
    }

    async fn breathe(&self) {
        if !self.control().yields {
            return;
        }
        let mut passed = false;
        std::future::poll_fn(|_| {
            if passed {
                return Poll::Ready(());
            }
            passed = true;
            self.control().yielded = true;
            Poll::Pending
        })
        .await;
    }

    async fn through<T: Send>(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<T, BoxError>> + Send,
        seen: impl FnOnce(&T) -> Option<Seen> + Send,
    ) -> Result<T, BoxError> {
        self.breathe().await;
        let fault = self.counted();
        match fault {
            Some(FaultKind::ErrorBefore) => return Err("the store is not there".into()),
            Some(FaultKind::CrashBefore) => self.hang().await,
            _ => {}
        }
        let done = work.await?;
        self.note(seen(&done).unwrap_or(Seen::Asked(name)));
        match fault {
            Some(FaultKind::ErrorAfter) => return Err("the store's answer was lost".into()),
            Some(FaultKind::CrashAfter) => self.hang().await,
            _ => {}
        }
        Ok(done)
    }
}

macro_rules! reads {
    ($($name:ident($($argument:ident: $type:ty),*) -> $read:ty;)*) => {
        #[async_trait]
        impl UserStore for Ports {
            $(async fn $name(&self, $($argument: $type),*) -> Result<$read, BoxError> {
                self.through(stringify!($name), self.store.$name($($argument),*), |_| None).await
            })*

            async fn commit(&self, commit: &Commit) -> Result<Committed, BoxError> {
                if self.control().dry {
                    return Ok(Committed::Done);
                }
                let by = self.control().by;
                let seen = |committed: &Committed| {
                    let landed = *committed == Committed::Done;
                    Some(Seen::Commit { commit: commit.clone(), landed, by })
                };
                self.through("commit", self.store.commit(commit), seen).await
            }

            async fn claim_due_mail(&self, claim: Claim) -> Result<Vec<MailIntent>, BoxError> {
                let seen = |claimed: &Vec<MailIntent>| Some(Seen::Claimed(claimed.clone()));
                self.through("claim_due_mail", self.store.claim_due_mail(claim), seen).await
            }

            async fn purge(&self, now: acceso::Timestamp, limit: u32) -> Result<Purged, BoxError> {
                self.through("purge", self.store.purge(now, limit), |_| Some(Seen::Purged)).await
            }
        }
    };
}

reads! {
    user(id: UserId) -> Option<User>;
    user_named(name: &Username) -> Option<User>;
    users_with_email(email: &EmailAddress) -> Vec<User>;
    registration(id: RegistrationId) -> Option<Registration>;
    registrations(email: &EmailAddress, name: Option<&Username>, limit: u32) -> Vec<Registration>;
    mailbox(id: MailboxId) -> Option<Mailbox>;
    mailbox_of(email: &EmailAddress) -> Option<Mailbox>;
    session(digest: &Digest) -> Option<(Session, Arc<User>)>;
    sessions_of(user: UserId) -> Vec<Session>;
    mail_backlog() -> Backlog;
    forget_live() -> ();
}

#[async_trait]
impl PatientRegistry for Ports {
    async fn patients_with_email(&self, email: &EmailAddress) -> Result<Vec<Patient>, BoxError> {
        self.breathe().await;
        let control = self.control();
        if control.registry_down {
            return Err("the registry is down".into());
        }
        // A near match with every answer: it must link nobody.
        let near = Patient {
            id: "pac-near".parse()?,
            email: format!("a{}", email.as_str()).parse()?,
            full_name: "Otra Persona".into(),
            portal_access: true,
        };
        let equal = control.records.iter().filter(|patient| patient.email == *email).cloned();
        Ok(equal.chain([near]).collect())
    }
}

#[async_trait]
impl Mailer for Ports {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        self.breathe().await;
        let fault = self.counted();
        let mut verdict = {
            let mut control = self.control();
            let number = control.mailed;
            control.mailed += 1;
            let of = control.verdicts.len().max(1);
            control.verdicts.get(number % of).copied().unwrap_or(Verdict::Delivered)
        };
        match fault {
            Some(FaultKind::ErrorBefore) => verdict = Verdict::Transient,
            Some(FaultKind::ErrorAfter) => verdict = Verdict::TransientYetArrived,
            Some(FaultKind::CrashBefore) => self.hang().await,
            Some(FaultKind::CrashAfter) | None => {}
        }
        let arrived = matches!(verdict, Verdict::Delivered | Verdict::TransientYetArrived);
        let unheard = fault == Some(FaultKind::CrashAfter);
        let reply = match verdict {
            _ if unheard => Reply::Unheard,
            Verdict::Delivered | Verdict::Lost => Reply::Taken,
            Verdict::Transient | Verdict::TransientYetArrived => Reply::Later,
            Verdict::Permanent => Reply::Never,
        };
        self.note(Seen::Mailed { mail: mail.clone(), arrived, reply });
        if unheard {
            self.hang().await;
        }
        match reply {
            Reply::Taken | Reply::Unheard => Ok(()),
            Reply::Later => Err(SendError::Transient("greylisted".into())),
            Reply::Never => Err(SendError::Permanent("no such mailbox".into())),
        }
    }
}

/// Counts the salts drawn: one for each new hash.
#[derive(Debug, Clone)]
pub struct CountingEntropy {
    entropy: SeededEntropy,
    salts: Arc<AtomicUsize>,
}

impl CountingEntropy {
    pub fn new(seed: u64) -> Self {
        Self { entropy: SeededEntropy::new(seed), salts: Arc::default() }
    }

    pub fn salts(&self) -> usize {
        self.salts.load(Ordering::SeqCst)
    }
}

impl Entropy for CountingEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        if bytes.len() == 16 {
            self.salts.fetch_add(1, Ordering::SeqCst);
        }
        self.entropy.fill(bytes)
    }
}
