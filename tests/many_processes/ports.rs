//! The ports of a process: the store watched, patients by rule, and a mailer into a file. Not: a judge of any of it.
//!
//! **The store's answer reaches the core as it was, after it is written down.**

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use acceso::{
    Addressee, Backlog, BoxError, Claim, Commit, Committed, Digest, EmailAddress, EventKind, Mail, MailIntent,
    MailPurpose, Mailbox, MailboxId, Mailer, Patient, PatientRegistry, Purged, Registration, RegistrationId, SendError,
    Session, Timestamp, User, UserId, UserStore, Username, Write,
};
use async_trait::async_trait;

use crate::log::{self, CommitLine, Intent, Landed, Log, MailLine, Step};

/// Each address of this domain is a patient's.
pub const CLINIC: &str = "@pacientes.example";

pub struct Registry;

#[async_trait]
impl PatientRegistry for Registry {
    async fn patients_with_email(&self, email: &EmailAddress) -> Result<Vec<Patient>, BoxError> {
        if !email.key().ends_with(CLINIC) {
            return Ok(Vec::new());
        }
        let id = format!("pac-{}", email.key()).parse()?;
        Ok(vec![Patient { id, email: email.clone(), full_name: "Paciente".into(), portal_access: true }])
    }
}

/// Takes mails into a file, and now and then not at the first try.
pub struct FileMailer {
    log: Log,
    calls: AtomicU64,
    refused: Mutex<HashSet<String>>,
}

/// One of so many mails is refused once by a process.
const REFUSED_ONE_OF: u64 = 16;

impl FileMailer {
    pub fn new(log: Log) -> Self {
        Self { log, calls: AtomicU64::new(0), refused: Mutex::default() }
    }
}

#[async_trait]
impl Mailer for FileMailer {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let id = mail.id().to_string();
        let due = self.calls.fetch_add(1, Ordering::Relaxed) % REFUSED_ONE_OF == REFUSED_ONE_OF - 1;
        let taken = !(due && self.refused.lock().expect("the set").insert(id.clone()));
        let purpose = mail.purpose().code().to_owned();
        self.log.write(&MailLine {
            at: log::now(),
            id,
            purpose,
            to: mail.to().to_string(),
            taken,
            secret: secret(mail),
        });
        if taken { Ok(()) } else { Err(SendError::Transient("not now".into())) }
    }
}

/// The link's token, or the temporary password: the one word on a line of its own.
fn secret(mail: &Mail) -> Option<String> {
    let is_password = |line: &&str| line.len() == 16 && line.bytes().all(|b| b.is_ascii_alphanumeric());
    match mail.purpose() {
        MailPurpose::ConfirmRegistration | MailPurpose::ConfirmRecovery => {
            let (_, after) = mail.text().split_once("?token=")?;
            Some(after.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect())
        }
        MailPurpose::TemporaryPassword => mail.text().lines().find(is_password).map(str::to_owned),
        _ => None,
    }
}

/// A store whose commits are written down.
pub struct Watched {
    store: Arc<dyn UserStore>,
    log: Log,
    under_way: AtomicU64,
}

impl Watched {
    pub fn new(store: Arc<dyn UserStore>, log: Log) -> Self {
        Self { store, log, under_way: AtomicU64::new(0) }
    }

    /// Whether every commit that was begun is written down.
    pub fn is_idle(&self) -> bool {
        self.under_way.load(Ordering::SeqCst) == 0
    }
}

/// What a commit is about. The store has not answered yet.
fn line_of(commit: &Commit) -> CommitLine {
    let mut line = CommitLine {
        begun: log::now(),
        ended: 0,
        landed: Landed::Done,
        call: None,
        events: Vec::new(),
        users: Vec::new(),
        mailboxes: Vec::new(),
        queued: Vec::new(),
        settled: Vec::new(),
    };
    for write in commit.writes() {
        match write {
            Write::InsertUser(user) => {
                line.users.push(Step { id: user.id().to_string(), from: 0, to: user.version() });
            }
            Write::ReplaceUser { user, expected } => {
                line.users.push(Step { id: user.id().to_string(), from: *expected, to: user.version() });
            }
            Write::GuardUser { id, version } => {
                line.users.push(Step { id: id.to_string(), from: *version, to: *version });
            }
            Write::InsertMailbox(mailbox) => {
                line.mailboxes.push(Step { id: mailbox.id().to_string(), from: 0, to: mailbox.version() });
            }
            Write::ReplaceMailbox { mailbox, expected } => {
                line.mailboxes.push(Step { id: mailbox.id().to_string(), from: *expected, to: mailbox.version() });
            }
            Write::QueueMail(intent) => line.queued.push(asked_for(intent)),
            Write::SettleMail { id, .. } => line.settled.push(id.to_string()),
            Write::Record(event) => {
                line.call = event.device().map(ToString::to_string);
                let mail = match event.kind() {
                    EventKind::MailSent(mail) | EventKind::MailRefused(mail) | EventKind::MailExpired(mail) => {
                        Some(mail)
                    }
                    _ => None,
                };
                line.events.push((event.kind().code().to_owned(), mail.map(|mail| mail.code().to_owned())));
            }
            _ => {}
        }
    }
    line
}

fn asked_for(intent: &MailIntent) -> Intent {
    let (addressee, user) = match intent.addressee() {
        Addressee::Typed { email, username } => {
            (format!("{} {}", email.key(), username.as_ref().map_or("", Username::as_str)), None)
        }
        Addressee::User { id, generation } => (format!("{id} {generation}"), Some(id.to_string())),
    };
    Intent { id: intent.id().to_string(), purpose: intent.purpose().code().to_owned(), addressee, user }
}

#[async_trait]
impl UserStore for Watched {
    async fn user(&self, id: UserId) -> Result<Option<User>, BoxError> {
        self.store.user(id).await
    }

    async fn user_named(&self, name: &Username) -> Result<Option<User>, BoxError> {
        self.store.user_named(name).await
    }

    async fn users_with_email(&self, email: &EmailAddress) -> Result<Vec<User>, BoxError> {
        self.store.users_with_email(email).await
    }

    async fn registration(&self, id: RegistrationId) -> Result<Option<Registration>, BoxError> {
        self.store.registration(id).await
    }

    async fn registrations(
        &self,
        email: &EmailAddress,
        name: Option<&Username>,
        limit: u32,
    ) -> Result<Vec<Registration>, BoxError> {
        self.store.registrations(email, name, limit).await
    }

    async fn mailbox(&self, id: MailboxId) -> Result<Option<Mailbox>, BoxError> {
        self.store.mailbox(id).await
    }

    async fn mailbox_of(&self, email: &EmailAddress) -> Result<Option<Mailbox>, BoxError> {
        self.store.mailbox_of(email).await
    }

    async fn session(&self, digest: &Digest) -> Result<Option<(Session, Arc<User>)>, BoxError> {
        self.store.session(digest).await
    }

    async fn sessions_of(&self, user: UserId) -> Result<Vec<Session>, BoxError> {
        self.store.sessions_of(user).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, BoxError> {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        let mut line = line_of(commit);
        let answer = self.store.commit(commit).await;
        line.ended = log::now();
        line.landed = match &answer {
            Ok(Committed::Done) => Landed::Done,
            Ok(Committed::Conflict) => Landed::Conflict,
            Err(cause) => Landed::Unknown(cause.to_string()),
        };
        self.log.write(&line);
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        answer
    }

    async fn claim_due_mail(&self, claim: Claim) -> Result<Vec<MailIntent>, BoxError> {
        self.store.claim_due_mail(claim).await
    }

    async fn mail_backlog(&self) -> Result<Backlog, BoxError> {
        self.store.mail_backlog().await
    }

    async fn purge(&self, now: Timestamp, limit: u32) -> Result<Purged, BoxError> {
        self.store.purge(now, limit).await
    }

    async fn forget_live(&self) -> Result<(), BoxError> {
        self.store.forget_live().await
    }
}
