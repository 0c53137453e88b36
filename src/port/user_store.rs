//! Where accounts are kept. Not: any rule about them.

use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::identity::{EmailAddress, MailboxId, RegistrationId, UserId, Username};
use crate::mail::intent::MailIntent;
use crate::mailbox::Mailbox;
use crate::plan::Commit;
use crate::port::error::BoxError;
use crate::registration::Registration;
use crate::secret::Digest;
use crate::session::Session;
use crate::user::User;

/// What became of a commit that the store could judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Committed {
    /// Every write has landed, and stays.
    Done,
    /// No write has landed: one that must hit did not. The core reads again and decides again.
    Conflict,
}

/// How mail is waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Rows asked for by strangers.
    pub typed: u64,
    /// Rows about users.
    pub to_users: u64,
    /// The earliest due time of all rows.
    pub oldest_due: Option<Timestamp>,
}

/// How much a purge has removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purged {
    /// Sessions past their absolute end.
    pub sessions: u64,
    /// Registrations past their end.
    pub registrations: u64,
    /// Mailboxes without a user and without a live link.
    pub mailboxes: u64,
}

/// What a courier asks for when it claims mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Now, by the core's clock.
    pub now: Timestamp,
    /// Until when the claimed rows are held. A lease that ends more than five minutes after this is void: a clock that
    /// was wrong wrote it.
    pub lease_until: Timestamp,
    /// A row due later than this is due now: a clock that was wrong wrote it.
    pub latest_due: Timestamp,
    /// The most groups of equal rows to claim.
    pub limit: u32,
}

/// The host's store of users, registrations, mailboxes, sessions, mail to be sent, and events.
///
/// # Contract
/// - **Reads see every commit that was answered `Done`** before the read began, by whichever process: never a replica
///   that lags. Lists come in any order unless it says otherwise.
/// - **A commit is atomic.** [`commit`](Self::commit) applies every write of [`Commit::writes`] in their order, or none;
///   a write sees what those before it have done.
///   `Done` means that it lasts, as far as the store promises that anything lasts.
/// - **A write that [`must_hit`](crate::Write::must_hit) and touches no row**, or inserts an id or key that is there
///   already (user: id, user name; mailbox: id, e-mail key; session: digest; registration and mail: id), makes the
///   commit a `Conflict`. So do a serialization failure and a deadlock, where nothing has landed for certain.
/// - **A guard holds until the commit ends**: no other commit replaces or removes the guarded user, or closes the guarded
///   session, between. A plain `SELECT` does not do that in `PostgreSQL`; `update … set version = version where id = …
///   and version = …` does, and has a row count.
/// - **Keys are compared as bytes**: `ñ` is not `n`, `á` is not `a`, a trailing blank counts. The core has folded what is
///   to be folded; the store folds nothing. E-mail addresses are compared by their [`key`](EmailAddress::key).
/// - **Versions are the core's**: store what the record says, compare with what the write says, count nothing. Versions,
///   generations and lease numbers stay below 2⁶³, so a signed column of 64 bits holds them; instants may be any.
/// - A closed session is gone: touching it does nothing. "Last seen" never goes backwards.
/// - Each record comes back as it was written, to the millisecond.
///
/// # Untrusted input
/// Everything in a record is parsed and bounded, and still typed by strangers: bind it, never splice it. Password hashes
/// and digests are secrets of the store: log no row.
///
/// # Errors
/// Any error means "not there now": the core answers `Unavailable`, and repeats nothing by itself, because a commit whose
/// answer was lost may have landed. Never answer `Conflict` for an outage, nor `Ok(None)` for a row that cannot be read.
/// A row that does not parse is an error.
///
/// # Cancellation
/// The future may be dropped at any await. A dropped commit has landed wholly or not at all.
///
/// # Concurrency
/// Called from many tasks, and by several processes on one store. Reads of one record, and a commit that relies on it, are
/// joined by versions only: no lock outlives a call. Return within a time-out of your own: the core has no timer.
///
/// # Testing yours
/// `acceso::conformance::user_store` (feature `conformance`) has a named check for each sentence above and below
/// that can be seen from outside.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// The user with this id.
    async fn user(&self, id: UserId) -> Result<Option<User>, BoxError>;

    /// The user with this name.
    async fn user_named(&self, name: &Username) -> Result<Option<User>, BoxError>;

    /// Every user of the address.
    async fn users_with_email(&self, email: &EmailAddress) -> Result<Vec<User>, BoxError>;

    /// The registration with this id.
    async fn registration(&self, id: RegistrationId) -> Result<Option<Registration>, BoxError>;

    /// The newest registrations of the address (under the name, if one is given), newest first, at most `limit`.
    async fn registrations(
        &self,
        email: &EmailAddress,
        name: Option<&Username>,
        limit: u32,
    ) -> Result<Vec<Registration>, BoxError>;

    /// The mailbox with this id.
    async fn mailbox(&self, id: MailboxId) -> Result<Option<Mailbox>, BoxError>;

    /// The mailbox of the address.
    async fn mailbox_of(&self, email: &EmailAddress) -> Result<Option<Mailbox>, BoxError>;

    /// The session with this digest and its user, read as of one instant: one round trip for each web request.
    async fn session(&self, digest: &Digest) -> Result<Option<(Session, Arc<User>)>, BoxError>;

    /// Every session of the user, ended ones perhaps among them.
    async fn sessions_of(&self, user: UserId) -> Result<Vec<Session>, BoxError>;

    /// Applies the commit, wholly or not at all.
    async fn commit(&self, commit: &Commit) -> Result<Committed, BoxError>;

    /// Claims mail that is due, and returns the rows as claimed: lease number raised by one, held until
    /// `claim.lease_until`.
    ///
    /// - A row is due if its due time is not later than `now`, or later than `latest_due`.
    /// - A row is free if nobody holds it, its lease ended at `now` or earlier, or is void.
    /// - Rows that are equal (purpose and addressee) are one group: claimed together, and only if each of them is free and
    ///   due. The limit counts groups.
    /// - Where there are more than the limit, groups of a user are taken first, the earliest due first; then typed ones in
    ///   an order that is random for each claim, so that a flood of some holds nobody else up for long. The rows come
    ///   back in any order.
    /// - A store asks no clock of its own: `claim.now` is now.
    /// - Two claims at once never return the same row. A claim that finds nothing takes no write lock.
    async fn claim_due_mail(&self, claim: Claim) -> Result<Vec<MailIntent>, BoxError>;

    /// How much mail is waiting, held rows included. May lag a second behind.
    async fn mail_backlog(&self) -> Result<Backlog, BoxError>;

    /// Removes what nothing rests on any more, at most `limit` rows of each kind: sessions whose absolute end is `now` or
    /// earlier, registrations whose end is, mailboxes whose last link has ended (or that have none) and whose address no
    /// user has. Never events, users or mail.
    async fn purge(&self, now: Timestamp, limit: u32) -> Result<Purged, BoxError>;

    /// After a restore from a backup: removes every session, registration, mailbox and mail, and replaces each user for
    /// whom [`User::after_restore`] gives another record. Events stay.
    async fn forget_live(&self) -> Result<(), BoxError>;
}

#[async_trait]
impl<T: UserStore + ?Sized> UserStore for Arc<T> {
    async fn user(&self, id: UserId) -> Result<Option<User>, BoxError> {
        (**self).user(id).await
    }

    async fn user_named(&self, name: &Username) -> Result<Option<User>, BoxError> {
        (**self).user_named(name).await
    }

    async fn users_with_email(&self, email: &EmailAddress) -> Result<Vec<User>, BoxError> {
        (**self).users_with_email(email).await
    }

    async fn registration(&self, id: RegistrationId) -> Result<Option<Registration>, BoxError> {
        (**self).registration(id).await
    }

    async fn registrations(
        &self,
        email: &EmailAddress,
        name: Option<&Username>,
        limit: u32,
    ) -> Result<Vec<Registration>, BoxError> {
        (**self).registrations(email, name, limit).await
    }

    async fn mailbox(&self, id: MailboxId) -> Result<Option<Mailbox>, BoxError> {
        (**self).mailbox(id).await
    }

    async fn mailbox_of(&self, email: &EmailAddress) -> Result<Option<Mailbox>, BoxError> {
        (**self).mailbox_of(email).await
    }

    async fn session(&self, digest: &Digest) -> Result<Option<(Session, Arc<User>)>, BoxError> {
        (**self).session(digest).await
    }

    async fn sessions_of(&self, user: UserId) -> Result<Vec<Session>, BoxError> {
        (**self).sessions_of(user).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, BoxError> {
        (**self).commit(commit).await
    }

    async fn claim_due_mail(&self, claim: Claim) -> Result<Vec<MailIntent>, BoxError> {
        (**self).claim_due_mail(claim).await
    }

    async fn mail_backlog(&self) -> Result<Backlog, BoxError> {
        (**self).mail_backlog().await
    }

    async fn purge(&self, now: Timestamp, limit: u32) -> Result<Purged, BoxError> {
        (**self).purge(now, limit).await
    }

    async fn forget_live(&self) -> Result<(), BoxError> {
        (**self).forget_live().await
    }
}
