//! What a decision wants written, as one list of verbs for a store. Not: the decision, nor how a store writes.
//!
//! **A commit happens wholly or not at all, and it alone counts versions.**

use crate::clock::Timestamp;
use crate::event::Event;
use crate::identity::{EmailAddress, MailId, RegistrationId, UserId, Username};
use crate::mail::intent::MailIntent;
use crate::mailbox::Mailbox;
use crate::registration::Registration;
use crate::secret::Digest;
use crate::session::Session;
use crate::user::User;

/// What a flow has decided: what to answer once the commit has landed.
#[derive(Debug)]
pub(crate) struct Plan<T> {
    pub(crate) answer: T,
    pub(crate) commit: Commit,
}

/// A list of writes that a store applies in one atomic step, in the order given, or refuses as a whole.
///
/// Opaque: only the core fills one. A store walks [`writes`](Self::writes).
#[derive(Debug, Clone, Default)]
pub struct Commit {
    writes: Vec<Write>,
}

/// One statement of a commit. Exhaustive on purpose: a new kind of write must break every store at compile time, not in
/// production.
#[derive(Debug, Clone)]
pub enum Write {
    /// Insert; another mailbox with this id or this e-mail key is a conflict.
    InsertMailbox(Mailbox),
    /// Replace the mailbox with this id, whose stored version must be `expected`.
    ReplaceMailbox {
        /// The new record, its version already counted up.
        mailbox: Mailbox,
        /// The version that was read.
        expected: u64,
    },
    /// Remove the registration; it must be there.
    RemoveRegistration {
        /// Which.
        id: RegistrationId,
    },
    /// Remove every registration of the address, or of the address under the name. May find none.
    RemoveRegistrationsOf {
        /// By its key.
        email: EmailAddress,
        /// Only those under this name; all if `None`.
        username: Option<Username>,
    },
    /// Insert. No uniqueness but the id's.
    InsertRegistration(Registration),
    /// Remove the user, whose stored version must be `version`.
    RemoveUser {
        /// Whom.
        id: UserId,
        /// The version that was read.
        version: u64,
    },
    /// Change nothing, but let no other commit replace or remove the user before this one has ended; its stored version
    /// must be `version`.
    GuardUser {
        /// Whom.
        id: UserId,
        /// The version that was read.
        version: u64,
    },
    /// Replace the user with this id, whose stored version must be `expected`.
    ReplaceUser {
        /// The new record, its version already counted up.
        user: Box<User>,
        /// The version that was read.
        expected: u64,
    },
    /// Insert; another user with this id or this user name is a conflict.
    InsertUser(Box<User>),
    /// Change nothing; the session must be there, and no other commit may close it before this one has ended.
    GuardSession {
        /// Which.
        digest: Digest,
    },
    /// Set "last seen", never backwards. May find none: never brings a closed session back.
    TouchSession {
        /// Which.
        digest: Digest,
        /// The new instant, if later than the stored one.
        last_seen: Timestamp,
    },
    /// Remove the session. May find none.
    CloseSession {
        /// Which.
        digest: Digest,
    },
    /// Remove all sessions of the user but one, also those of a commit that landed while this one waited for a row of
    /// its. May find none.
    CloseSessionsOf {
        /// Whose.
        user: UserId,
        /// The one that stays.
        except: Option<Digest>,
    },
    /// Insert, then remove the user's oldest by `opened_at` until at most `keep_at_most` are left, the new one among
    /// them.
    OpenSession {
        /// The new session.
        session: Session,
        /// How many sessions the user may have, 1 at least.
        keep_at_most: u16,
    },
    /// Change nothing; the row must be under this lease.
    HoldMail {
        /// Which.
        id: MailId,
        /// The lease's number.
        lease: u64,
    },
    /// Remove the row if it is under this lease.
    SettleMail {
        /// Which.
        id: MailId,
        /// The lease's number.
        lease: u64,
        /// Whether it must be.
        required: bool,
    },
    /// Give the row back, to be tried again, if it is under this lease.
    PostponeMail {
        /// Which.
        id: MailId,
        /// The lease's number.
        lease: u64,
        /// When to try again.
        due_at: Timestamp,
        /// How often sending has failed.
        attempts: u32,
        /// Whether it must be.
        required: bool,
    },
    /// Insert.
    QueueMail(MailIntent),
    /// Append; events are never changed.
    Record(Event),
}

impl Write {
    /// Whether the write must touch exactly one row. If it touches none, or an insert finds its id or key taken, the
    /// whole commit is a [`Conflict`](crate::Committed::Conflict).
    pub fn must_hit(&self) -> bool {
        match self {
            Self::RemoveRegistrationsOf { .. }
            | Self::TouchSession { .. }
            | Self::CloseSession { .. }
            | Self::CloseSessionsOf { .. } => false,
            Self::SettleMail { required, .. } | Self::PostponeMail { required, .. } => *required,
            Self::InsertMailbox(_)
            | Self::ReplaceMailbox { .. }
            | Self::RemoveRegistration { .. }
            | Self::InsertRegistration(_)
            | Self::RemoveUser { .. }
            | Self::GuardUser { .. }
            | Self::ReplaceUser { .. }
            | Self::InsertUser(_)
            | Self::GuardSession { .. }
            | Self::OpenSession { .. }
            | Self::HoldMail { .. }
            | Self::QueueMail(_)
            | Self::Record(_) => true,
        }
    }

    /// Rooms, then verbs, then ids: every commit takes its locks in one order, so that two never wait for each other.
    fn rank(&self) -> (u8, u8, [u8; 16]) {
        let none = [0; 16];
        match self {
            Self::ReplaceMailbox { mailbox, .. } => (0, 1, *mailbox.id().as_bytes()),
            Self::InsertMailbox(mailbox) => (0, 2, *mailbox.id().as_bytes()),
            Self::RemoveRegistration { id } => (1, 0, *id.as_bytes()),
            Self::RemoveRegistrationsOf { .. } => (1, 1, none),
            Self::InsertRegistration(registration) => (1, 2, *registration.id().as_bytes()),
            Self::RemoveUser { id, .. } => (2, 0, *id.as_bytes()),
            Self::GuardUser { id, .. } => (2, 1, *id.as_bytes()),
            Self::ReplaceUser { user, .. } => (2, 1, *user.id().as_bytes()),
            Self::InsertUser(user) => (2, 2, *user.id().as_bytes()),
            Self::GuardSession { .. } => (3, 0, none),
            Self::TouchSession { .. } => (3, 1, none),
            Self::CloseSession { .. } => (3, 2, none),
            Self::CloseSessionsOf { .. } => (3, 3, none),
            Self::OpenSession { .. } => (3, 4, none),
            Self::HoldMail { id, .. } => (4, 0, *id.as_bytes()),
            Self::SettleMail { id, .. } => (4, 1, *id.as_bytes()),
            Self::PostponeMail { id, .. } => (4, 2, *id.as_bytes()),
            Self::QueueMail(intent) => (4, 3, *intent.id().as_bytes()),
            Self::Record(_) => (5, 0, none),
        }
    }
}

impl Commit {
    /// The writes, in the order in which to apply them.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// With the writes of `other` too.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.extend(other.writes);
        self
    }

    pub(crate) fn insert_mailbox(mut self, mailbox: Mailbox) -> Self {
        self.push(Write::InsertMailbox(mailbox));
        self
    }

    pub(crate) fn replace_mailbox(mut self, read: &Mailbox, next: Mailbox) -> Self {
        let expected = read.version();
        self.push(Write::ReplaceMailbox { mailbox: next.with_version(expected.saturating_add(1)), expected });
        self
    }

    pub(crate) fn remove_registration(mut self, id: RegistrationId) -> Self {
        self.push(Write::RemoveRegistration { id });
        self
    }

    pub(crate) fn remove_registrations_of(mut self, email: EmailAddress, username: Option<Username>) -> Self {
        self.push(Write::RemoveRegistrationsOf { email, username });
        self
    }

    pub(crate) fn insert_registration(mut self, registration: Registration) -> Self {
        self.push(Write::InsertRegistration(registration));
        self
    }

    pub(crate) fn remove_user(mut self, read: &User) -> Self {
        self.push(Write::RemoveUser { id: read.id(), version: read.version() });
        self
    }

    pub(crate) fn guard_user(mut self, read: &User) -> Self {
        self.push(Write::GuardUser { id: read.id(), version: read.version() });
        self
    }

    pub(crate) fn replace_user(mut self, read: &User, next: User) -> Self {
        let expected = read.version();
        self.push(Write::ReplaceUser { user: Box::new(next.with_version(expected.saturating_add(1))), expected });
        self
    }

    /// Replaces the user if the decision changed it, guards it if not.
    pub(crate) fn replace_or_guard_user(self, read: &User, next: Option<User>) -> Self {
        match next {
            Some(next) => self.replace_user(read, next),
            None => self.guard_user(read),
        }
    }

    pub(crate) fn insert_user(mut self, user: User) -> Self {
        self.push(Write::InsertUser(Box::new(user)));
        self
    }

    pub(crate) fn guard_session(mut self, session: &Session) -> Self {
        self.push(Write::GuardSession { digest: *session.digest() });
        self
    }

    pub(crate) fn touch_session(mut self, session: &Session, last_seen: Timestamp) -> Self {
        self.push(Write::TouchSession { digest: *session.digest(), last_seen });
        self
    }

    pub(crate) fn close_session(mut self, digest: Digest) -> Self {
        self.push(Write::CloseSession { digest });
        self
    }

    pub(crate) fn close_sessions_of(mut self, user: UserId, except: Option<Digest>) -> Self {
        self.push(Write::CloseSessionsOf { user, except });
        self
    }

    pub(crate) fn open_session(mut self, session: Session, keep_at_most: u16) -> Self {
        self.push(Write::OpenSession { session, keep_at_most });
        self
    }

    pub(crate) fn hold_mail(mut self, id: MailId, lease: u64) -> Self {
        self.push(Write::HoldMail { id, lease });
        self
    }

    /// Settles the rows of a group; the first must still be under its lease.
    pub(crate) fn settle_mail(mut self, group: &[MailIntent]) -> Self {
        self.extend(group.iter().enumerate().map(|(at, intent)| Write::SettleMail {
            id: intent.id(),
            lease: intent.lease().number,
            required: at == 0,
        }));
        self
    }

    /// Gives the rows of a group back; the first must still be under its lease.
    pub(crate) fn postpone_mail(mut self, group: &[MailIntent], due_at: Timestamp, attempts: u32) -> Self {
        self.extend(group.iter().enumerate().map(|(at, intent)| {
            let (id, lease) = (intent.id(), intent.lease().number);
            Write::PostponeMail { id, lease, due_at, attempts, required: at == 0 }
        }));
        self
    }

    pub(crate) fn queue_mail(mut self, intent: MailIntent) -> Self {
        self.push(Write::QueueMail(intent));
        self
    }

    pub(crate) fn record(mut self, event: Event) -> Self {
        self.push(Write::Record(event));
        self
    }

    fn push(&mut self, write: Write) {
        let rank = write.rank();
        let at = self.writes.partition_point(|earlier| earlier.rank() <= rank);
        self.writes.insert(at, write);
    }

    /// As many times `push`; sorted once, because a group may have as many rows as the outbox.
    fn extend(&mut self, writes: impl IntoIterator<Item = Write>) {
        self.writes.extend(writes);
        self.writes.sort_by_key(Write::rank);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_writes_at_once_stand_as_if_pushed_one_by_one() {
        let settle = |number: u8| Write::SettleMail { id: MailId::from_bytes([number; 16]), lease: 1, required: false };
        let close = |number: u8| Write::CloseSession { digest: Digest::from_bytes([number; 32]) };
        let writes: Vec<Write> =
            (0..50).map(|number: u8| number.wrapping_mul(37)).flat_map(|n| [settle(n), close(n)]).collect();
        let (mut pushed, mut extended) = (Commit::new(), Commit::new());
        for write in &writes {
            pushed.push(write.clone());
        }
        extended.extend(writes[..30].iter().cloned());
        extended.extend(writes[30..].iter().cloned());
        let shown = |commit: &Commit| -> Vec<[u8; 32]> {
            let id = |write: &Write| match write {
                Write::SettleMail { id, .. } => [id.as_bytes()[0]; 32],
                Write::CloseSession { digest } => *digest.as_bytes(),
                _ => [0; 32],
            };
            commit.writes().iter().map(id).collect()
        };
        assert_eq!(shown(&extended), shown(&pushed));
    }
}
